"""Writing the partners of a batch: all that a single write writes, many rows at a time.

What is written for each partner stands in `WrittenPartners.add`, and nowhere else: its row, what it
is found by, its history, its event. It is worked out without the database, so that nobody waits
for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table, and_, bindparam, delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.duplicates.storing import due_row, key_rows, mark_due, must_be_compared
from services.directory.duplicates.traits import traits_of
from services.directory.flags import ALL_FLAGS, flag_rows
from services.directory.history import version_columns
from services.directory.imports.drafts import Draft
from services.directory.models import (
    duplicate_key_table,
    external_id_table,
    outbox_table,
    partner_flag_table,
    partner_table,
    partner_topic_table,
    partner_version_table,
    sector_table,
    source_values_table,
)
from services.directory.outbox import event_columns, partner_event_data, tell_of
from services.directory.periods import Periods
from services.directory.rendering import Surroundings, build_record, cuts_of, day_shown, next_change
from shared.many_rows import execute_rows, insert_rows
from shared.tokens import Caller
from shared.vocabulary import Visibility

Columns = dict[str, Any]
# How it is rendered is worked out here; all else that a row has, its draft has.
_RENDERED = ("public", "member", "secretariat", "changes_at", "assurance_status")
_PARTNER = [column.name for column in partner_table.c if column.name not in _RENDERED]
_UPDATE_PARTNER = update(partner_table).where(partner_table.c.id == bindparam("the_id"))
_VERSION = partner_version_table.c
_UPDATE_VERSION = update(partner_version_table).where(
    _VERSION.partner_id == bindparam("the_partner"), _VERSION.version == bindparam("the_version")
)


@dataclass(slots=True)
class WrittenPartners:
    """The rows to be written for the partners of a batch."""

    caller: Caller
    public_url: str
    periods: Periods
    reason: str
    with_keys: bool
    """Whether new partners are to be found by their keys at once; else in the background."""
    added: list[Columns] = field(default_factory=list)
    changed: list[Columns] = field(default_factory=list)
    shown_anew: list[Columns] = field(default_factory=list)
    claims: list[Columns] = field(default_factory=list)
    released: list[UUID] = field(default_factory=list)
    sectors: list[Columns] = field(default_factory=list)
    topics: list[Columns] = field(default_factory=list)
    unfiltered: list[UUID] = field(default_factory=list)
    flags: list[Columns] = field(default_factory=list)
    unflagged: list[UUID] = field(default_factory=list)
    sources: list[Columns] = field(default_factory=list)
    old_sources: list[Columns] = field(default_factory=list)
    versions: list[Columns] = field(default_factory=list)
    past: list[Columns] = field(default_factory=list)
    events: list[Columns] = field(default_factory=list)
    due: list[Columns] = field(default_factory=list)
    keys: list[Columns] = field(default_factory=list)
    subjects: list[UUID] = field(default_factory=list)

    def add(self, draft: Draft, notations: Mapping[str, str], now: datetime) -> None:
        """What is to be written for one partner, which gets a new version."""
        before = draft.before
        former_ids = [UUID(one) for one in before["former_ids"]] if before else []
        draft.version += 1
        around = Surroundings(notations, draft.relationships, former_ids)
        record = build_record(draft, around, now, self.periods)
        cuts = cuts_of(record, now.date())
        rendered: Columns = {
            **cuts.columns(),
            "assurance_status": record["assurance"]["status"],
            "changes_at": next_change(draft, now, self.periods),
        }
        self.flags += flag_rows(draft.id, cuts.flags())
        event_type = "partner.created" if before is None else "partner.updated"
        if before is None:
            self.added.append(_own_columns(draft) | rendered)
            if self.with_keys:
                traits = traits_of(draft.content, draft.country, draft.status)
                self.keys += key_rows(draft.id, traits)
        else:
            self.unflagged.append(draft.id)
            if draft.own_changed:
                own = _own_columns(draft)
                self.changed.append({"the_id": own.pop("id")} | own | rendered)
            else:
                self.shown_anew.append({"the_id": draft.id, "version": draft.version} | rendered)
            self.past.append(
                {
                    "the_partner": draft.id,
                    "the_version": before["version"],
                    "record": draft.secretariat,
                }
            )
        self._add_found_by(draft)
        self.versions.append(
            version_columns(draft.id, draft.version, event_type, self.caller, self.reason)
        )
        shown_on = day_shown(draft.changes_at, now)
        shown = {Visibility.public: cuts.public, Visibility.member: cuts.member}
        data = partner_event_data(before, record, self.caller, shown_on, shown)
        self.events.append(event_columns(event_type, draft.id, data, self.public_url))
        self.subjects.append(draft.id)
        if before is None or (draft.own_changed and must_be_compared(before, record)):
            self.due.append(due_row(draft.id, draft.version))

    def _add_found_by(self, draft: Draft) -> None:
        if draft.claims_changed:
            if not draft.is_new:
                self.released.append(draft.id)
            self.claims += (
                {"scheme": one["scheme"], "value": one["value"], "partner_id": draft.id}
                for one in draft.content["external_ids"]
            )
        if draft.filters_changed:
            if not draft.is_new:
                self.unfiltered.append(draft.id)
            self.sectors += (
                {"partner_id": draft.id, "sector": sector} for sector in draft.content["sectors"]
            )
            topic_ids = {one["topic_id"] for one in draft.content["topics"]}
            self.topics += (
                {"partner_id": draft.id, "topic_id": UUID(one)} for one in sorted(topic_ids)
            )
        for source_format in draft.sources_changed:
            content = draft.source_values[source_format]
            if not draft.is_new:
                self.old_sources.append({"the_partner": draft.id, "the_format": source_format})
            self.sources.append(
                {"partner_id": draft.id, "format": source_format, "content": content}
            )


def _own_columns(draft: Draft) -> Columns:
    return {name: getattr(draft, name) for name in _PARTNER}


async def write_partners(session: AsyncSession, written: WrittenPartners) -> None:
    """Write it, in the transaction of `session`, and leave word of it."""
    # What is given up goes first: another partner of the same batch may claim it.
    await _delete(session, external_id_table, written.released)
    for table in (sector_table, partner_topic_table):
        await _delete(session, table, written.unfiltered)
    if written.unflagged:
        columns = partner_flag_table.c
        # The key begins with the flag.
        flagged = columns.flag.in_(ALL_FLAGS) & columns.partner_id.in_(written.unflagged)
        await session.execute(delete(partner_flag_table).where(flagged))
    if written.old_sources:
        columns = source_values_table.c
        await session.execute(
            delete(source_values_table).where(
                and_(
                    columns.partner_id == bindparam("the_partner"),
                    columns.format == bindparam("the_format"),
                )
            ),
            written.old_sources,
        )
    await execute_rows(session, _UPDATE_PARTNER, written.changed)
    await execute_rows(session, _UPDATE_PARTNER, written.shown_anew)
    await execute_rows(session, _UPDATE_VERSION, written.past)
    for table, rows in (
        (partner_table, written.added),
        (external_id_table, written.claims),
        (sector_table, written.sectors),
        (partner_topic_table, written.topics),
        (partner_flag_table, written.flags),
        (source_values_table, written.sources),
        (partner_version_table, written.versions),
        (outbox_table, written.events),
        (duplicate_key_table, written.keys),
    ):
        await insert_rows(session, table, rows)
    if written.due:
        await mark_due(session, written.due)
    tell_of(session, written.subjects)


async def _delete(session: AsyncSession, table: Table, partner_ids: Iterable[UUID]) -> None:
    wanted = list(partner_ids)
    if wanted:
        await session.execute(delete(table).where(table.c.partner_id.in_(wanted)))
