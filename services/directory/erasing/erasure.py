"""Erasing a person's contact points wherever the directory has kept them, in one transaction."""

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime
from uuid import UUID

import orjson
from pydantic import BaseModel, Field
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.contact_points.asking import forget_confirmations_of
from services.directory.erasing.copies import (
    forget_in_answers,
    forget_in_events,
    forget_in_merges,
    forget_in_proposals,
    forget_in_remarks,
    forget_in_source_values,
    forget_in_versions,
    kept_records,
)
from services.directory.erasing.imported import forget_in_imports
from services.directory.erasing.person import Person, person_of
from services.directory.history import keep_version
from services.directory.models import ErasureRow, PartnerRow, merge_table
from services.directory.outbox import append_erasure_event, stand_in_line
from services.directory.partner_access import find_seen
from services.directory.rendering import render
from shared.erasing import CONTACT_ERASED, without_contact_points
from shared.problems import NotFound
from shared.records import JsonObject
from shared.tokens import Caller


class ForgottenCounts(BaseModel):
    """How many of the kept had something of the person in them."""

    versions: int = Field(description="Earlier versions of records.")
    events: int = Field(description="Events on the log.")
    proposals: int = Field(description="Proposals, and what was said about them.")
    remarks: int = Field(description="Reasons, disputes and other remarks about the partners.")
    merges: int = Field(description="What is kept to undo merges.")
    source_values: int = Field(description="What other formats said of the partners.")
    reports: int = Field(description="Pages of the reports of imports.")
    answers: int = Field(description="Answers kept for requests that are sent again.")


class Mention(BaseModel):
    """A value that has the person's name, address or number in it, and was left as it is."""

    partner_id: UUID = Field(description="The partner.")
    field: str = Field(description="The field of its record.", examples=["description"])


class Erasure(BaseModel):
    """What was erased."""

    contact_point_ids: list[UUID] = Field(
        description="The contact points of the person: the one that was named, and others of the "
        "same name or e-mail address, of the partner or of those it was merged with."
    )
    partner_ids: list[UUID] = Field(description="The partners that have, or had, one of them.")
    forgotten: ForgottenCounts = Field(description="Where else they were, and are no more.")
    mentions: list[Mention] = Field(
        description="Where the person still stands in current records; change that by hand, and "
        "know that earlier versions have it too."
    )


async def erase_contact_point(
    session: AsyncSession,
    partner_id: UUID,
    contact_point_id: UUID,
    caller: Caller,
    reason: str | None = None,
) -> Erasure:
    """Forget a contact point, and others of the same person, in the present and in the past.

    The contact point may have left the record long ago. What cannot be taken back is what others
    have been told; they are told that it was erased.

    Raises:
        NotFound: the partner is not there, or never had the contact point.
        ImportHasPerson: an import that is under way would bring the person back.
    """
    await stand_in_line(session)
    await find_seen(session, partner_id, caller)
    partner_ids = await _merged_with(session, partner_id)
    holders: dict[UUID, set[str]] = {}
    known: dict[str, list[JsonObject]] = defaultdict(list)
    for one in partner_ids:
        holders[one] = set()
        async for record in kept_records(session, one):
            for point in record["contact_points"]:
                holders[one].add(point["id"])
                if point not in known[point["id"]]:
                    known[point["id"]].append(point)
    person = person_of(str(contact_point_id), known)
    if person is None:
        raise NotFound(
            f"Partner {partner_id} has, and had, no contact point {contact_point_id}; see "
            f"GET /partners/{partner_id}/history."
        )
    reports = await forget_in_imports(session, person)
    had = [one for one in partner_ids if not holders[one].isdisjoint(person.ids)]
    for one in had:
        await _erase_in_record(session, one, person, caller, reason)
    versions = sum([await forget_in_versions(session, one, person) for one in had])
    events = sum([await forget_in_events(session, one, person) for one in had])
    point_ids = sorted(map(UUID, person.ids))
    await forget_confirmations_of(session, point_ids)
    return Erasure(
        contact_point_ids=point_ids,
        partner_ids=had,
        forgotten=ForgottenCounts(
            versions=versions,
            events=events,
            proposals=await forget_in_proposals(session, partner_ids, person),
            remarks=await forget_in_remarks(session, partner_ids, person),
            merges=await forget_in_merges(session, partner_ids, person),
            source_values=await forget_in_source_values(session, partner_ids, person),
            reports=reports,
            answers=await forget_in_answers(session, person),
        ),
        mentions=[one for found in partner_ids for one in await _mentions(session, found, person)],
    )


async def _merged_with(session: AsyncSession, partner_id: UUID) -> list[UUID]:
    """The partner and all that were merged with it or with those, whichever way, undone or not."""
    found, new = set[UUID](), {partner_id}
    columns = merge_table.c
    while new:
        found |= new
        rows = await session.execute(
            select(columns.from_id, columns.into_id).where(
                or_(columns.from_id.in_(new), columns.into_id.in_(new))
            )
        )
        new = {one for pair in rows for one in pair} - found
    return sorted(found)


async def _erase_in_record(
    session: AsyncSession, partner_id: UUID, person: Person, caller: Caller, reason: str | None
) -> None:
    """Take the person out of the partner's record; a new version and an event say so."""
    row = await session.get_one(PartnerRow, partner_id)
    before = orjson.loads(row.secretariat)
    content = without_contact_points(row.content, person.ids)
    if content != row.content:
        row.content = content
        row.modified_at = datetime.now(UTC)
    row.version += 1
    await session.flush()
    after = await render(session, row)
    event = append_erasure_event(session, before, after, person.forms, caller)
    await keep_version(session, CONTACT_ERASED, before, after, caller, reason)
    await session.flush()
    session.add(ErasureRow(outbox_id=event.id, subject=str(partner_id)))


async def _mentions(session: AsyncSession, partner_id: UUID, person: Person) -> Collection[Mention]:
    row = await session.get_one(PartnerRow, partner_id)
    record: JsonObject = orjson.loads(row.secretariat)
    return [
        Mention(partner_id=partner_id, field=field)
        for field, value in record.items()
        if person.forgotten_in(value) != value
    ]
