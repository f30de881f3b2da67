"""The taxonomy, as far as filters need it: which topics are narrower than which."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import httpx
import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.notify.models import TOPICS
from shared.databases import Database, insert_into
from shared.records import JsonObject
from shared.service_client import DirectoryClient

_PAGE = 200
_log = structlog.get_logger()

Filters = Mapping[str, Sequence[str]]


class TopicTree:
    """Topics with the broader ones of each."""

    def __init__(self, topics: Iterable[tuple[UUID, str, Sequence[str]]] = ()) -> None:
        self._narrower: dict[str, list[str]] = {}
        self._id_of: dict[str, str] = {}
        for topic_id, notation, broader in topics:
            self._id_of[notation] = str(topic_id)
            for above in broader:
                self._narrower.setdefault(above, []).append(str(topic_id))

    def with_narrower(self, filters: Filters) -> Filters:
        """`filters` with every topic that is narrower than those asked for, at any depth."""
        asked = filters.get("topic")
        if not asked:
            return filters
        found = dict.fromkeys(asked)
        waiting = [self._id_of.get(topic, topic) for topic in asked]
        while waiting:
            topic = waiting.pop()
            found[topic] = None
            waiting += [below for below in self._narrower.get(topic, ()) if below not in found]
        return {**filters, "topic": list(found)}


async def read_tree(session: AsyncSession) -> TopicTree:
    """The taxonomy as far as it is known here."""
    rows = await session.execute(select(TOPICS.c.id, TOPICS.c.notation, TOPICS.c.broader))
    return TopicTree((row.id, row.notation, row.broader) for row in rows)


async def keep_topics(session: AsyncSession, records: Sequence[JsonObject]) -> None:
    """Keep what `records`, topics as the log has them, say of their place in the taxonomy."""
    if not records:
        return
    rows = {
        record["id"]: {
            "id": UUID(record["id"]),
            "notation": record["notation"],
            "broader": record["broader"],
        }
        for record in records
    }
    new = insert_into(session, TOPICS)
    await session.execute(
        new.on_conflict_do_update(
            index_elements=["id"],
            set_={"notation": new.excluded.notation, "broader": new.excluded.broader},
        ),
        list(rows.values()),
    )


async def fetch_topics(directory: DirectoryClient) -> list[JsonObject]:
    """The whole taxonomy as the directory has it.

    Raises:
        httpx.HTTPError: the directory does not answer.
    """
    records: list[JsonObject] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await directory.get("/topics", limit=_PAGE, **cursor)).json()
        records += page["items"]
        if page["next"] is None:
            return records
        cursor = {"cursor": page["next"]}


async def learn_topics(database: Database, directory: DirectoryClient) -> None:
    """Take over the whole taxonomy from the directory, for what was there before the log was read.

    Where the directory is away it is left for the next time: what is known goes on counting.
    """
    try:
        records = await fetch_topics(directory)
    except httpx.HTTPError as error:
        _log.warning("topics.not_learned", error=repr(error))
        return
    async with database.transaction() as session:
        await keep_topics(session, records)
