"""The list of synonyms in search's database: its rules and its changes."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, false, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.search.models import SynonymRow, metadata
from services.search.synonym_write import SynonymWrite
from services.search.synonyms import SynonymTable
from shared.folding import folded_name, words_of
from shared.paging import decode_id_cursor
from shared.preconditions import check_version
from shared.problems import NotFound, Problem

MOST_SYNONYMS = 5_000
# Each of them is one more way to ask: together they bound what a search may cost.
MOST_OTHERS = 50
_SYNONYMS = metadata.tables["synonym"].c
_REVISION = metadata.tables["synonym_revision"]


class NoSuchSynonym(NotFound):
    """No synonym has this id."""

    title, kind = "No such synonym", "synonym-not-found"


class SynonymTaken(Problem):
    """Another synonym says the same."""

    status, title, kind = 409, "Another synonym says the same", "synonym-taken"


class TooManySynonyms(Problem):
    """The list has as many synonyms as it may have."""

    status, title, kind = 409, "There are as many synonyms as there may be", "too-many-synonyms"


class TooManyOthers(Problem):
    """As many terms stand for a term as may."""

    status, title, kind = 409, "Too many terms would stand for one", "too-many-terms"


async def create_synonym(session: AsyncSession, write: SynonymWrite) -> SynonymRow:
    """Add a synonym.

    Raises:
        TooManySynonyms, SynonymTaken, TooManyOthers: as their names say.
    """
    await _stand_in_line(session)
    count = await session.scalar(select(func.count()).select_from(SynonymRow))
    if (count or 0) >= MOST_SYNONYMS:
        raise TooManySynonyms(
            f"There may be {MOST_SYNONYMS} synonyms. Delete those that nobody needs, or put terms "
            "that stand for each other into one."
        )
    await _check_against_others(session, write, apart_from=None)
    now = datetime.now(UTC)
    row = SynonymRow(
        id=str(uuid7()),
        version=1,
        terms=write.terms,
        folded=_folded(write),
        fingerprint=_fingerprint(write),
        direction=write.direction,
        note=write.note,
        created_at=now,
        modified_at=now,
    )
    session.add(row)
    return row


async def replace_synonym(
    session: AsyncSession, synonym_id: UUID, expected: int, write: SynonymWrite
) -> SynonymRow:
    """Make `write` of the synonym; where nothing differs, nothing happens.

    Raises:
        NoSuchSynonym, StaleVersion, SynonymTaken, TooManyOthers: as their names say.
    """
    await _stand_in_line(session)
    row = await find_synonym(session, synonym_id)
    check_version(row.version, expected)
    if (row.terms, row.direction, row.note) == (write.terms, write.direction, write.note):
        return row
    await _check_against_others(session, write, apart_from=row.id)
    row.terms, row.direction, row.note = write.terms, write.direction, write.note
    row.folded, row.fingerprint = _folded(write), _fingerprint(write)
    row.version += 1
    row.modified_at = datetime.now(UTC)
    return row


async def delete_synonym(session: AsyncSession, synonym_id: UUID, expected: int) -> None:
    """Delete the synonym.

    Raises:
        NoSuchSynonym, StaleVersion: as their names say.
    """
    await _stand_in_line(session)
    row = await find_synonym(session, synonym_id)
    check_version(row.version, expected)
    await session.delete(row)


async def find_synonym(session: AsyncSession, synonym_id: UUID) -> SynonymRow:
    """The synonym.

    Raises:
        NoSuchSynonym: there is none of this id.
    """
    row = await session.get(SynonymRow, str(synonym_id))
    if row is None:
        raise NoSuchSynonym(f"There is no synonym {synonym_id}; GET /synonyms lists them.")
    return row


async def list_synonyms(
    session: AsyncSession, *, term: str | None, limit: int, cursor: str | None
) -> Sequence[SynonymRow]:
    """Synonyms, those that hold `term` if it is given: the oldest first, one beyond a page.

    Raises:
        BadCursor: the cursor is not of this list.
    """
    query = select(SynonymRow).order_by(_SYNONYMS.id).limit(limit + 1)
    if term is not None:
        folded = folded_name(term)
        # Nothing of it is a letter or digit. It must not find all because of that.
        query = query.where(_holds(folded) if folded else false())
    if cursor is not None:
        query = query.where(_SYNONYMS.id > str(decode_id_cursor(cursor)))
    return (await session.execute(query)).scalars().all()


async def read_revision(session: AsyncSession) -> int:
    """How often the list was changed. Cheap: it is asked for all the time."""
    revision: int = (await session.execute(select(_REVISION.c.revision))).scalar_one()
    return revision


async def read_all(session: AsyncSession) -> list[tuple[list[str], str]]:
    """Terms and direction of every synonym, the oldest first."""
    query = select(_SYNONYMS.terms, _SYNONYMS.direction).order_by(_SYNONYMS.id)
    return [(row.terms, row.direction) for row in await session.execute(query)]


async def _stand_in_line(session: AsyncSession) -> None:
    """Wait until no other transaction changes the list, and give it its next revision.

    The rules look at several rows, so two writers at once could each see nothing wrong.
    """
    await session.execute(update(_REVISION).values(revision=_REVISION.c.revision + 1))


async def _check_against_others(
    session: AsyncSession, write: SynonymWrite, apart_from: str | None
) -> None:
    query = (
        select(_SYNONYMS.id, _SYNONYMS.fingerprint, _SYNONYMS.terms, _SYNONYMS.direction)
        .where(or_(*(_holds(folded_name(term)) for term in write.terms)))
        .order_by(_SYNONYMS.id)
    )
    found = await session.execute(query)
    touching = [other for other in found if other.id != apart_from]
    for other in touching:
        if other.fingerprint == _fingerprint(write):
            raise SynonymTaken(
                f"Synonym {other.id} says the same. Change that one, or leave this one out.",
                synonym_id=other.id,
            )
    said = [(other.terms, other.direction) for other in touching]
    table = SynonymTable.from_rows([*said, (write.terms, write.direction)])
    for term in write.terms:
        count = len(table.others_of(tuple(words_of(term))))
        if count > MOST_OTHERS:
            raise TooManyOthers(
                f"{count} terms would stand for {term!r}; {MOST_OTHERS} may. GET /synonyms?term=… "
                "shows what it is in already; leave out what finds too much."
            )


def _holds(folded: str) -> ColumnElement[bool]:
    return _SYNONYMS.folded.contains(f"\n{folded}\n", autoescape=True)


def _folded(write: SynonymWrite) -> str:
    return "\n" + "".join(f"{folded_name(term)}\n" for term in write.terms)


def _fingerprint(write: SynonymWrite) -> str:
    """Equal for synonyms that say the same, in whatever order and spelling."""
    folded = [folded_name(term) for term in write.terms]
    ordered = sorted(folded) if write.direction == "both" else [folded[0], *sorted(folded[1:])]
    return hashlib.sha256("\n".join([write.direction, *ordered]).encode()).hexdigest()
