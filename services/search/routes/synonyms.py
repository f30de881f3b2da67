"""Synonyms over HTTP. Everybody may read them; the secretariat writes them."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncSession

from services.search.models import SynonymRow
from services.search.synonym_list import (
    NoSuchSynonym,
    SynonymTaken,
    TooManyOthers,
    TooManySynonyms,
    create_synonym,
    delete_synonym,
    find_synonym,
    list_synonyms,
    replace_synonym,
)
from services.search.synonym_write import SynonymPage, SynonymRead, SynonymWrite
from shared.databases import Database, Reading
from shared.paging import DEFAULT_LIMIT, MAX_LIMIT, BadCursor, encode_cursor, next_link
from shared.preconditions import (
    ExpectedVersion,
    PreconditionRequired,
    StaleVersion,
    etag,
    not_modified,
)
from shared.problems import NotAllowed, NotSignedIn, UnknownParameter, answers
from shared.serving import strict_router
from shared.tokens import CallerOf, OfSecretariat

router = strict_router("synonyms")


async def _writing(request: Request) -> AsyncIterator[AsyncSession]:
    """A transaction; before the answer leaves, this process asks with what it has changed."""
    database: Database = request.app.state.database
    async with database.transaction() as session:
        yield session
    await request.app.state.synonyms.refresh()


_Writing = Annotated[AsyncSession, Depends(_writing, scope="function")]


class SynonymParameters(BaseModel):
    """Which synonyms."""

    model_config = ConfigDict(extra="forbid")

    term: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00]*$")] | None = Field(
        default=None,
        description="Only synonyms that hold this term, whatever its case and accents.",
    )
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Items a page.")
    cursor: str | None = Field(default=None, description="`next` of the page before.")


def _answer(row: SynonymRow, status: int = 200) -> Response:
    headers = {"ETag": etag(row.version), "Cache-Control": "no-cache"}
    if status == 201:
        headers["Location"] = f"/synonyms/{row.id}"
    body = SynonymRead.model_validate(row).model_dump_json()
    return Response(body, status_code=status, media_type="application/json", headers=headers)


@router.get(
    "/synonyms",
    summary="List synonyms",
    responses=answers(NotSignedIn, BadCursor, UnknownParameter),
)
async def list_some_synonyms(
    request: Request,
    response: Response,
    session: Reading,
    _: CallerOf,
    asked: Annotated[SynonymParameters, Query()],
) -> SynonymPage:
    """The oldest first. Everybody may read them, so nothing secret may be written into one."""
    rows = await list_synonyms(session, term=asked.term, limit=asked.limit, cursor=asked.cursor)
    page = [SynonymRead.model_validate(row) for row in rows[: asked.limit]]
    following = encode_cursor(str(page[-1].id)) if len(rows) > asked.limit else None
    if following is not None:
        response.headers["Link"] = next_link(request, following)
    return SynonymPage(items=page, next=following)


@router.post(
    "/synonyms",
    status_code=201,
    summary="Add a synonym",
    response_model=SynonymRead,
    responses=answers(NotSignedIn, NotAllowed, SynonymTaken, TooManySynonyms, TooManyOthers),
)
async def create_a_synonym(write: SynonymWrite, _: OfSecretariat, session: _Writing) -> Response:
    """Searches are asked with it at once here, and within about a second on other replicas.

    Write nothing into it, the note included, that not everybody may know.
    """
    return _answer(await create_synonym(session, write), status=201)


@router.get(
    "/synonyms/{synonym_id}",
    summary="Show a synonym",
    response_model=SynonymRead,
    responses={
        304: {"description": "What you have is current (If-None-Match)."},
        **answers(NotSignedIn, NoSuchSynonym),
    },
)
async def read_a_synonym(
    synonym_id: UUID,
    session: Reading,
    _: CallerOf,
    if_none_match: Annotated[str | None, Header(max_length=1_000)] = None,
) -> Response:
    """Everybody may read it, so nothing secret may be written into it."""
    row = await find_synonym(session, synonym_id)
    if not_modified(if_none_match, etag(row.version)):
        return Response(status_code=304, headers={"ETag": etag(row.version)})
    return _answer(row)


@router.put(
    "/synonyms/{synonym_id}",
    summary="Replace a synonym",
    response_model=SynonymRead,
    responses=answers(
        NotSignedIn,
        NotAllowed,
        NoSuchSynonym,
        SynonymTaken,
        TooManyOthers,
        PreconditionRequired,
        StaleVersion,
    ),
)
async def replace_a_synonym(
    synonym_id: UUID,
    write: SynonymWrite,
    _: OfSecretariat,
    expected: ExpectedVersion,
    session: _Writing,
) -> Response:
    """It may be sent back as it was read. Nothing happens if nothing differs."""
    return _answer(await replace_synonym(session, synonym_id, expected, write))


@router.delete(
    "/synonyms/{synonym_id}",
    status_code=204,
    summary="Delete a synonym",
    responses=answers(NotSignedIn, NotAllowed, NoSuchSynonym, PreconditionRequired, StaleVersion),
)
async def delete_a_synonym(
    synonym_id: UUID, _: OfSecretariat, expected: ExpectedVersion, session: _Writing
) -> None:
    """From then on its terms stand for each other no more."""
    await delete_synonym(session, synonym_id, expected)
