"""How records become HTTP answers: finished bytes, entity tags, redirects, pages and exports."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from email.utils import format_datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Header, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.duplicates.describing import PossibleDuplicate
from services.directory.history import record_at
from services.directory.hot_answers import HotAnswer, HotAnswers
from services.directory.lists import (
    Page,
    PartnerParameters,
    TopicParameters,
    list_partners,
    list_topics,
)
from services.directory.models import PartnerRow, TopicRow, partner_table, topic_table
from services.directory.outbox import read_log
from services.directory.partner_access import no_such_partner
from services.directory.rendering import aware
from services.directory.variants import Variant, in_variant, read_variant
from shared.databases import Database
from shared.paging import next_link
from shared.preconditions import etag, not_modified
from shared.records import Topic
from shared.tokens import Caller
from shared.vocabulary import PartnerStatus, Visibility

_EXPORT_BATCH = 500
_JSON = "application/json"
LONGEST_TAG = 1_000
"""How long If-None-Match may be."""
IfNoneMatch = Annotated[
    str | None,
    Header(
        max_length=LONGEST_TAG, description="The ETag you have; while it is current, you get 304."
    ),
]
UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "What you have is current (If-None-Match)."},
}
HOW_TO_READ: dict[int | str, dict[str, Any]] = {
    **UNCHANGED,
    308: {"description": "Withdrawn; `Location` leads to the successor."},
}


def audience_for(caller: Caller, partner_id: UUID) -> Visibility:
    """An editor reads everything of its own partner, because it writes it as a whole."""
    return Visibility.secretariat if caller.edits(partner_id) else caller.audience


def headers_of(version: int, modified_at: Any) -> dict[str, str]:
    """What an answer with a record in it says of it."""
    return {
        "ETag": etag(version),
        "Last-Modified": format_datetime(aware(modified_at), usegmt=True),
        # What is shown depends on who asks; nobody between may keep it without asking back.
        "Vary": "Authorization, Accept",
        "Cache-Control": "no-cache",
    }


def written_answer(row: PartnerRow, caller: Caller, status: int = 200) -> Response:
    """The record as its writer reads it after the write."""
    return _written(row, getattr(row, audience_for(caller, row.id).value), status)


def created_answer(
    row: PartnerRow, caller: Caller, duplicates: Sequence[PossibleDuplicate]
) -> Response:
    """The new record, and beside its own values what it may be a duplicate of."""
    body: bytes = getattr(row, audience_for(caller, row.id).value)
    if duplicates:
        told = orjson.dumps([one.model_dump(mode="json") for one in duplicates])
        body = body[:-1] + b',"possible_duplicates":' + told + b"}"
    return _written(row, body, 201)


def _written(row: PartnerRow, body: bytes, status: int) -> Response:
    headers = headers_of(row.version, row.modified_at)
    if status == 201:
        headers["Location"] = f"/partners/{row.id}"
    return Response(body, status_code=status, media_type=_JSON, headers=headers)


async def past_answer(
    request: Request, caller: Caller, partner_id: UUID, at: str, if_none_match: str | None
) -> Response:
    """The partner as it was; a withdrawn one too, which leads nowhere then.

    Raises:
        NotFound, NotSignedIn, NotAllowed, InvalidValues: as for `record_at`.
    """
    database: Database = request.app.state.database
    async with database.reading() as session:
        past = await record_at(session, partner_id, caller, at)
    headers = headers_of(past.version, past.at)
    return _respond(HotAnswer(past.record, headers), if_none_match)


def topic_answer(
    row: TopicRow, status: int = 200, shown: bytes | None = None, tag: str | None = None
) -> Response:
    """The topic; `shown` and `tag` are what is shown of it and its tag, where it is not all."""
    headers = headers_of(row.version, row.modified_at)
    if status == 201:
        headers["Location"] = f"/topics/{row.id}"
    if tag is not None:
        headers["ETag"] = tag
    body = row.rendered if shown is None else shown
    return Response(body, status_code=status, media_type=_JSON, headers=headers)


def _respond(answer: HotAnswer, if_none_match: str | None) -> Response:
    tag = answer.headers.get("ETag")
    if tag is not None and not_modified(if_none_match, tag):
        return Response(status_code=304, headers=answer.headers)
    return Response(answer.body, media_type=_JSON, headers=answer.headers)


async def find_rendering(
    session: AsyncSession, partner_id: UUID, audience: Visibility
) -> Row[*tuple[Any, ...]]:
    """What is kept of the partner for `audience`, as `rendered`, and what its headers say.

    Raises:
        NotFound: there is none, or the audience may not see it.
    """
    columns = partner_table.c
    query = select(
        columns[audience.value].label("rendered"),
        columns.version,
        columns.modified_at,
        columns.status,
        columns.successor_id,
    )
    row = (await session.execute(query.where(columns.id == partner_id))).first()
    if row is None or row.rendered is None:
        raise no_such_partner(partner_id)
    return row


def moved_answer(row: Row[*tuple[Any, ...]], suffix: str = "") -> Response | None:
    """Of a withdrawn partner the way to its successor, if it has one."""
    if row.status != PartnerStatus.withdrawn.value or row.successor_id is None:
        return None
    address = f"/partners/{row.successor_id}{suffix}"
    return Response(status_code=308, headers={"Location": address})


async def partner_answer(
    request: Request,
    caller: Caller,
    partner_id: UUID,
    if_none_match: str | None,
    variant: Variant | None = None,
) -> Response:
    """The partner as the caller may see it and wants it, from memory where possible.

    Raises:
        NotFound: there is none, or the caller may not see it.
        InvalidValues: more records would be embedded than one answer may hold.
    """
    answers: HotAnswers = request.app.state.hot_answers
    audience = audience_for(caller, partner_id)
    key: object = (partner_id, audience)
    if variant is not None:
        key = (partner_id, audience, caller.audience, variant.asked)
    found = answers.find(key)
    if found is not None:
        return _respond(found, if_none_match)
    clock = answers.clock
    database: Database = request.app.state.database
    async with database.reading() as session:
        row = await find_rendering(session, partner_id, audience)
    if (moved := moved_answer(row)) is not None:
        return moved
    answer = HotAnswer(row.rendered, headers_of(row.version, row.modified_at))
    about: UUID | None = partner_id
    if variant is not None:
        async with database.reading() as session:
            (body,) = await in_variant(session, [row.rendered], variant, caller.audience)
        tag = _tag_of(body) if variant.expand else variant.etag(row.version)
        answer = HotAnswer(body, {**answer.headers, "ETag": tag})
        if variant.expand:
            # It shows other records as well, so like a page it is forgotten with any of them.
            del answer.headers["Last-Modified"]
            about = None
    answers.keep(key, about, answer, clock)
    return _respond(answer, if_none_match)


def _tag_of(body: bytes) -> str:
    """The entity tag of what has no version of its own."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def _page_answer(request: Request, page: Page) -> HotAnswer:
    following = orjson.dumps(page.next)
    body = b'{"items":[' + b",".join(page.items) + b'],"next":' + following + b"}"
    headers = {"ETag": _tag_of(body), "Vary": "Authorization", "Cache-Control": "no-cache"}
    if page.next is not None:
        headers["Link"] = next_link(request, page.next)
    return HotAnswer(body, headers)


def _page_key(request: Request, noun: str, audience: Visibility) -> object:
    return (noun, audience, request.scope["query_string"])


def kept_page(request: Request, noun: str, audience: Visibility) -> Response | None:
    """The page of `noun` that was asked for, if it is kept in memory.

    What is kept was asked for in the same words, so they need not be understood again.
    """
    if_none_match = request.headers.get("if-none-match")
    if if_none_match is not None and len(if_none_match) > LONGEST_TAG:
        return None
    answers: HotAnswers = request.app.state.hot_answers
    found = answers.find(_page_key(request, noun, audience))
    return None if found is None else _respond(found, if_none_match)


async def page_answer(
    request: Request, caller: Caller, asked: PartnerParameters, if_none_match: str | None
) -> Response:
    """A page of partners, which is kept in memory then (see `kept_page`)."""
    answers: HotAnswers = request.app.state.hot_answers
    clock = answers.clock
    variant = read_variant(asked.fields, asked.expand)
    database: Database = request.app.state.database
    async with database.reading() as session:
        page = await list_partners(session, asked, caller.audience)
        if variant is not None:
            items = await in_variant(session, page.items, variant, caller.audience)
            page = replace(page, items=items)
    answer = _page_answer(request, page)
    answers.keep(_page_key(request, "partners", caller.audience), None, answer, clock)
    return _respond(answer, if_none_match)


async def topic_page_answer(
    request: Request, asked: TopicParameters, if_none_match: str | None
) -> Response:
    """A page of topics, which is kept in memory then (see `kept_page`)."""
    answers: HotAnswers = request.app.state.hot_answers
    clock = answers.clock
    variant = read_variant(asked.fields, None, Topic)
    database: Database = request.app.state.database
    async with database.reading() as session:
        page = await list_topics(session, asked)
        if variant is not None:
            items = await in_variant(session, page.items, variant, Visibility.public)
            page = replace(page, items=items)
    answer = _page_answer(request, page)
    answers.keep(_page_key(request, "topics", Visibility.public), None, answer, clock)
    return _respond(answer, if_none_match)


async def _lines(database: Database) -> AsyncIterator[bytes]:
    """The topics, one a line, a batch at a time so that memory stays flat."""
    columns = topic_table.c
    query = select(columns.id, columns.rendered).order_by(columns.id).limit(_EXPORT_BATCH)
    last: UUID | None = None
    while True:
        page = query if last is None else query.where(columns.id > last)
        async with database.reading() as session:
            rows = (await session.execute(page)).all()
        if not rows:
            return
        yield b"".join(row.rendered + b"\n" for row in rows)
        last = rows[-1].id


async def topic_export_answer(request: Request) -> StreamingResponse:
    """All topics; the sequence is read before them, as for partners."""
    database: Database = request.app.state.database
    async with database.reading() as session:
        log = await read_log(session)
    return StreamingResponse(
        _lines(database),
        media_type="application/x-ndjson",
        headers={"X-Sequence": str(log.head), "X-Log-Id": str(log.log_id)},
    )
