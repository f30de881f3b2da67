"""A batch of rows held against what the directory has: which partner each is, and what changes.

The rules are those of single writes, and so are the functions that hold them. What the rules need
of the database is asked in a few queries for all rows; then no row asks any more. A row sees what
the rows before it have changed, in the same batch as well.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from services.directory.external_ids import ExternalIdPair, ExternalIdTaken, find_holders
from services.directory.formats.incoming import Incoming
from services.directory.imports.drafts import Draft, load_drafts
from services.directory.imports.identity import contradicts, keep_point_ids, points_of_new
from services.directory.imports.parts import in_parts
from services.directory.imports.reading import ReadRow, Refusal
from services.directory.imports.ties import RowTies, ties_of_row
from services.directory.models import topic_table
from services.directory.partner_change import PartnerWithdrawn, content_of, own_columns
from services.directory.partner_write import PartnerWrite
from shared.problems import FieldError, InvalidValues, NotFound, Problem
from shared.records import JsonObject
from shared.vocabulary import PartnerStatus

_ID_VERSION = 7
_OUR_FAULT = Refusal("internal-error", "This is our fault, and it is logged. Tell us of the row.")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What came of a row."""

    number: int
    outcome: str
    """`created`, `updated`, `unchanged` or `refused`."""
    partner_id: UUID | None = None
    refusal: Refusal | None = None
    ties: RowTies | None = None


@dataclass(slots=True)
class Batch:
    """What the rows of a batch need to know, and what they have changed."""

    source_format: str
    now: datetime
    partners: dict[UUID, Draft] = field(default_factory=dict)
    holders: dict[ExternalIdPair, UUID] = field(default_factory=dict)
    notations: dict[str, str] = field(default_factory=dict)

    def take(self, row: ReadRow) -> RowOutcome:
        """Make of one row what is to be made of it."""
        if row.incoming is None:
            return RowOutcome(row.number, "refused", refusal=row.refusal)
        try:
            draft = self._identify(row, row.incoming)
            if draft is None:
                return self._create(row, row.incoming)
            return self._change(row, row.incoming, draft)
        except _Refused as refused:
            return RowOutcome(row.number, "refused", refusal=refused.refusal)
        except Problem as problem:
            return RowOutcome(row.number, "refused", refusal=Refusal.by(problem))
        except Exception as error:
            # One row that we cannot cope with must not take the others with it.
            _log.error("import.row_failed", row=row.number, exc_info=error)
            return RowOutcome(row.number, "refused", refusal=_OUR_FAULT)

    def _identify(self, row: ReadRow, incoming: Incoming) -> Draft | None:
        """The partner that the row is about; None for a new one."""
        hits = {self.holders[pair]: pair for pair in row.external_ids if pair in self.holders}
        own = None if incoming.partner_id is None else _own_id(incoming.partner_id)
        if own is not None and own in self.partners:
            draft = self.partners[own]
            if draft.status == PartnerStatus.withdrawn.value:
                instead = f" Use its successor {draft.successor_id}." if draft.successor_id else ""
                raise PartnerWithdrawn(f"Partner {own} was withdrawn.{instead}")
            hits.setdefault(own, ("id", str(own)))
        if len(hits) > 1:
            named = ", ".join(
                f"{scheme} {value} belongs to partner {partner_id}"
                for partner_id, (scheme, value) in sorted(hits.items())
            )
            raise _Refused(
                Refusal(
                    ExternalIdTaken.kind,
                    f"The row names several partners: {named}. Correct the identifiers, or change "
                    "the partners first.",
                    partner_ids=tuple(sorted(hits)),
                )
            )
        for partner_id, pair in hits.items():
            draft = self.partners[partner_id]
            if partner_id != own and contradicts(draft.content["external_ids"], row.external_ids):
                raise _Refused(
                    Refusal(
                        ExternalIdTaken.kind,
                        f"{pair[0]} {pair[1]} belongs to partner {partner_id}, which has another "
                        "ROR id than the row. Correct the identifier here or there.",
                        partner_ids=(partner_id,),
                    )
                )
            return draft
        return None

    def _create(self, row: ReadRow, incoming: Incoming) -> RowOutcome:
        partner_id = uuid7()
        if incoming.partner_id is not None:
            partner_id = _own_id(incoming.partner_id)
            if partner_id.version != _ID_VERSION:
                raise NotFound(f"There is no partner {partner_id}. Leave `id` out to add one.")
        if row.write is None:
            return RowOutcome(row.number, "refused", refusal=row.refusal)
        self._check_topics(row.write)
        draft = Draft(partner_id, 0, self.now, self.now)
        content = content_of(row.write, points_of_new(row.write))
        ties = ties_of_row(incoming, row.write, partner_id, row.number)
        self.partners[partner_id] = draft
        self._write(draft, row.write, content)
        self._keep_source(draft, incoming.source_values)
        return RowOutcome(row.number, "created", partner_id, ties=ties)

    def _change(self, row: ReadRow, incoming: Incoming, draft: Draft) -> RowOutcome:
        current = draft.values()
        write, changed = row.write, False
        if write is None or not _says_the_same(row, incoming, current):
            is_own = incoming.partner_id == str(draft.id)
            write = _merged(incoming, current)
            self._check_topics(write)
            keep_point_ids(write, draft.content["contact_points"], drop_unknown=not is_own)
            content = content_of(write, draft.content["contact_points"])
            ties = ties_of_row(incoming, write, draft.id, row.number)
            changed = self._write(draft, write, content)
        else:
            ties = ties_of_row(incoming, write, draft.id, row.number)
        changed |= self._keep_source(draft, incoming.source_values)
        outcome = "updated" if changed else "unchanged"
        return RowOutcome(row.number, outcome, draft.id, ties=ties)

    def _check_topics(self, write: PartnerWrite) -> None:
        missing = [
            FieldError(pointer=f"/topics/{place}/topic_id", detail="there is no such topic")
            for place, topic in enumerate(write.topics)
            if str(topic.topic_id) not in self.notations
        ]
        if missing:
            raise InvalidValues(
                f"{len(missing)} topic(s) are not there; see GET /topics.", errors=missing
            )

    def _write(self, draft: Draft, write: PartnerWrite, content: JsonObject) -> bool:
        """Make `write` what the partner is; whether that changes anything."""
        was = draft.values()
        claims_before = was.get("external_ids", [])
        claims = content["external_ids"]
        filters = ("sectors", "topics")
        draft.content = content
        own_columns(draft, write)
        if draft.values() == was:
            return False
        draft.changed = draft.own_changed = True
        draft.modified_at = self.now
        draft.filters_changed |= any(was.get(name) != content[name] for name in filters)
        if claims != claims_before:
            draft.claims_changed = True
            for one in claims_before:
                if self.holders.get(pair := (one["scheme"], one["value"])) == draft.id:
                    del self.holders[pair]
            self.holders |= {(one["scheme"], one["value"]): draft.id for one in claims}
        return True

    def _keep_source(self, draft: Draft, values: JsonObject | None) -> bool:
        """Keep what only the format has a place for; whether that is new."""
        if values is None or draft.source_values.get(self.source_format) == values:
            return False
        draft.source_values[self.source_format] = values
        draft.sources_changed.add(self.source_format)
        # It is shown where the partner is read in that format, so the version covers it.
        draft.changed = True
        return True


class _Refused(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


def _own_id(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError as error:
        wrong = [FieldError(pointer="/id", detail="must be a UUID")]
        raise InvalidValues(
            "`id` must be the id of a partner, or be left out.", errors=wrong
        ) from error


def _says_the_same(row: ReadRow, incoming: Incoming, current: JsonObject) -> bool:
    """Whether the partner has all that a row that is good by itself says; most rows of a file that
    comes again do."""
    if incoming.values.get("contact_points"):
        return False
    said = replace(incoming, values=row.values()).over(current)
    return all(current[name] == value for name, value in said.items() if name != "relationships")


def _merged(incoming: Incoming, current: JsonObject) -> PartnerWrite:
    """The row's values in the place of the partner's own, held to all rules."""
    try:
        return PartnerWrite.model_validate({**current, **incoming.over(current)})
    except ValidationError as error:
        raise _Refused(Refusal.of_values(error)) from error


async def load_batch(
    session: AsyncSession, source_format: str, rows: Sequence[ReadRow], now: datetime
) -> Batch:
    """What `rows` need of the database."""
    batch = Batch(source_format, now)
    batch.holders = await find_holders(session, (pair for row in rows for pair in row.external_ids))
    wanted = {*batch.holders.values(), *named_ids(rows)}
    batch.partners = await load_drafts(session, wanted, source_format)
    batch.notations = await _notations(session, rows, batch.partners.values())
    return batch


def named_ids(rows: Iterable[ReadRow]) -> Iterable[UUID]:
    """The ids of partners that the rows themselves name."""
    for row in rows:
        if row.incoming is not None and row.incoming.partner_id is not None:
            try:
                yield UUID(row.incoming.partner_id)
            except ValueError:
                continue


async def _notations(
    session: AsyncSession, rows: Iterable[ReadRow], drafts: Iterable[Draft]
) -> dict[str, str]:
    wanted: set[UUID] = {
        topic.topic_id for row in rows if row.write is not None for topic in row.write.topics
    }
    known: dict[str, str] = {}
    for draft in drafts:
        topics: list[dict[str, Any]] = (draft.before or {}).get("topics", [])
        known |= {topic["topic_id"]: topic["notation"] for topic in topics}
    for row in rows:
        given = row.incoming.values.get("topics") if row.incoming and not row.write else None
        for topic in given if isinstance(given, list) else ():
            try:
                wanted.add(UUID(topic["topic_id"]))
            except (ValueError, TypeError, KeyError, AttributeError):
                continue
    for part in in_parts(wanted):
        found = await session.execute(
            select(topic_table.c.id, topic_table.c.notation).where(topic_table.c.id.in_(part))
        )
        known |= {str(topic_id): notation for topic_id, notation in found}
    return known
