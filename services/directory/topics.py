"""Topics: the taxonomy, with its order of broader and narrower."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.directory.models import TopicRow, topic_table
from services.directory.outbox import append_topic_event, stand_in_line
from services.directory.rendering import moment
from services.directory.topic_write import TopicWrite
from shared.preconditions import check_version
from shared.problems import InvalidValues, NotFound, Problem
from shared.records import JsonObject
from shared.tokens import Caller


class NotationTaken(Problem):
    """Another topic has this notation."""

    status, title, kind = 409, "Another topic has this notation", "notation-taken"


class CircularTopics(Problem):
    """A topic would be broader than itself."""

    status, title, kind = 409, "The topics would run in a circle", "circular-topics"


async def _check_references(session: AsyncSession, topic_id: UUID, write: TopicWrite) -> None:
    referred = {*write.broader, *write.related}
    if write.replaced_by is not None:
        referred.add(write.replaced_by)
    if topic_id in referred:
        raise InvalidValues("A topic cannot refer to itself.")
    if not referred:
        return
    rows = await session.execute(select(topic_table.c.id).where(topic_table.c.id.in_(referred)))
    if missing := referred - set(rows.scalars()):
        raise InvalidValues(f"There is no topic {', '.join(sorted(map(str, missing)))}.")
    await _check_no_circle(session, topic_id, write.broader)


async def _check_no_circle(session: AsyncSession, topic_id: UUID, broader: list[UUID]) -> None:
    # The taxonomy is small (hundreds of topics), so its whole order is read at once.
    above = {
        UUID(str(row.id)): [UUID(one) for one in row.content["broader"]]
        for row in await session.execute(select(topic_table.c.id, topic_table.c.content))
    }
    above[topic_id] = list(broader)
    waiting, seen = list(broader), set[UUID]()
    while waiting:
        one = waiting.pop()
        if one == topic_id:
            raise CircularTopics(
                "With this, the topic would be broader than itself over some steps. Look at the "
                "`broader` of the topics you name, and remove the wrong one first."
            )
        if one not in seen:
            seen.add(one)
            waiting += above.get(one, [])


def _render(row: TopicRow) -> JsonObject:
    record: JsonObject = {
        "id": str(row.id),
        "version": row.version,
        "created_at": moment(row.created_at),
        "modified_at": moment(row.modified_at),
        **row.content,
    }
    row.rendered = orjson.dumps(record)
    return record


async def create_topic(session: AsyncSession, write: TopicWrite, caller: Caller) -> TopicRow:
    """Add a topic.

    Raises:
        NotationTaken: another topic has its notation.
        InvalidValues: a topic it refers to is not there.
    """
    await stand_in_line(session)
    taken = await session.execute(
        select(topic_table.c.id).where(topic_table.c.notation == write.notation)
    )
    if (other := taken.scalar()) is not None:
        raise NotationTaken(
            f"{write.notation} is the notation of topic {other}. Change that topic, or choose "
            "another notation.",
            topic_id=str(other),
        )
    now = datetime.now(UTC)
    row = TopicRow(
        id=uuid7(),
        version=1,
        created_at=now,
        modified_at=now,
        notation=write.notation,
        scheme=str(write.scheme),
        status=str(write.status),
        content=write.model_dump(mode="json"),
        rendered=b"",
    )
    await _check_references(session, row.id, write)
    after = _render(row)
    session.add(row)
    append_topic_event(session, "topic.created", None, after, caller)
    return row


async def change_topic(
    session: AsyncSession,
    topic_id: UUID,
    expected: int,
    make: Callable[[TopicWrite], TopicWrite],
    caller: Caller,
) -> TopicRow:
    """Make of a topic what `make` makes of what is written of it.

    Raises:
        NotFound, StaleVersion, CircularTopics: as their names say.
        InvalidValues: the notation would change, or a topic it refers to is not there.
    """
    await stand_in_line(session)
    row = await session.get(TopicRow, topic_id)
    if row is None:
        raise NotFound(f"There is no topic {topic_id}.")
    check_version(row.version, expected)
    write = make(TopicWrite.model_validate(row.content))
    if write.notation != row.notation:
        raise InvalidValues(
            f"The notation {row.notation} is used by others and never changes. Deprecate this "
            "topic and create another one instead."
        )
    content = write.model_dump(mode="json")
    if content == row.content:
        return row
    await _check_references(session, topic_id, write)
    before = orjson.loads(row.rendered)
    deprecated = write.status == "deprecated" and row.status != "deprecated"
    row.content, row.scheme, row.status = content, str(write.scheme), str(write.status)
    row.version += 1
    row.modified_at = datetime.now(UTC)
    after = _render(row)
    event_type = "topic.deprecated" if deprecated else "topic.updated"
    append_topic_event(session, event_type, before, after, caller)
    return row
