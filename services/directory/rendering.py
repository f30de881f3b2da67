"""From a partner's row to what each audience reads; done when something of it changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from uuid import UUID

import orjson
from sqlalchemy import bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.contact_points.expiry import shown_point, verification_ends
from services.directory.flags import FlagsOfAudiences, flags_shown, keep_flags, read_flags
from services.directory.models import (
    PartnerRow,
    RelationshipRow,
    partner_table,
    relationship_table,
    topic_table,
)
from services.directory.periods import Periods, periods_of
from shared.audience import cut_partner
from shared.folding import folded_name
from shared.records import JsonObject
from shared.vocabulary import INVERSE_RELATIONSHIP, AssuranceStatus, RelationshipKind, Visibility

SHOWN_ON = "shown_on"
"""In a session's `info`: the day as of which each record, by its id, was shown until rendered."""
_LAST_DAY = date.max.isoformat()


def moment(value: datetime | None) -> str | None:
    """`value` in RFC 3339, in UTC. SQLite gives times back without their zone."""
    if value is None:
        return None
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


def aware(value: datetime) -> datetime:
    """`value` with its time zone, which SQLite does not keep."""
    return value if value.tzinfo else value.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Tie:
    """A relationship as one of its partners sees it."""

    kind: RelationshipKind
    other: UUID


# Built once, as is what else is asked with each rendering: building takes longer than asking.
_TIES = select(RelationshipRow).where(
    or_(
        relationship_table.c.subject_id == bindparam("partner_id"),
        relationship_table.c.object_id == bindparam("partner_id"),
    )
)


async def ties_of(session: AsyncSession, partner_id: UUID) -> list[Tie]:
    """Both the relationships stored with the partner as subject and those seen from behind."""
    rows = (await session.execute(_TIES, {"partner_id": partner_id})).scalars()
    ties = []
    for row in rows:
        kind = RelationshipKind(row.kind)
        if row.subject_id == partner_id:
            ties.append(Tie(kind, row.object_id))
        else:
            ties.append(Tie(INVERSE_RELATIONSHIP[kind], row.subject_id))
    return ties


class PartnerValues(Protocol):
    """What is kept of a partner beside its renderings, wherever it is at the moment."""

    id: UUID
    version: int
    created_at: datetime
    modified_at: datetime
    level: str
    status: str
    country: str | None
    visibility: str
    content: JsonObject
    assured_at: datetime | None
    assured_by: UUID | None
    assurance_method: str | None
    next_review_at: datetime | None
    disputed_at: datetime | None
    successor_id: UUID | None


class FoundByName(PartnerValues, Protocol):
    """The same, with what it is found and sorted by."""

    established: int | None
    display_name: str
    sort_name: str
    folded_names: str


def assurance_status(row: PartnerValues, now: datetime, notice: timedelta) -> AssuranceStatus:
    """How fresh the last check is at `now`; a review is due `notice` before its date."""
    if row.disputed_at is not None:
        return AssuranceStatus.disputed
    if row.assured_at is None or row.next_review_at is None:
        return AssuranceStatus.unverified
    next_review_at = aware(row.next_review_at)
    if now >= next_review_at:
        return AssuranceStatus.overdue
    if now >= next_review_at - notice:
        return AssuranceStatus.due
    return AssuranceStatus.assured


def next_change(row: PartnerValues, now: datetime, periods: Periods) -> datetime | None:
    """When the record will next read otherwise by the passing of time alone, if ever."""
    moments: list[datetime] = []
    if row.next_review_at is not None:
        next_review_at = aware(row.next_review_at)
        moments += [next_review_at - periods.notice, next_review_at]
    for point in row.content["contact_points"]:
        if (ends := verification_ends(point["verification"], periods)) is not None:
            moments.append(ends)
        for day, shift in ((point["valid_from"], 0), (point["valid_to"], 1)):
            # After the last day of the calendar comes nothing more.
            if day is not None and not (shift and day == _LAST_DAY):
                first = date.fromisoformat(day) + timedelta(days=shift)
                moments.append(datetime.combine(first, time(), UTC))
    return min((when for when in moments if when > now), default=None)


async def _notations(session: AsyncSession, topic_ids: Iterable[UUID]) -> dict[str, str]:
    wanted = list(topic_ids)
    if not wanted:
        return {}
    rows = await session.execute(
        select(topic_table.c.id, topic_table.c.notation).where(topic_table.c.id.in_(wanted))
    )
    return {str(topic_id): notation for topic_id, notation in rows}


@dataclass(frozen=True, slots=True)
class Shown:
    """What another partner's record shows of a partner."""

    display_name: str
    visibility: str


async def _relationships(session: AsyncSession, partner_id: UUID) -> list[JsonObject]:
    ties = await ties_of(session, partner_id)
    if not ties:
        return []
    others = {
        row.id: Shown(row.display_name, row.visibility)
        for row in await session.execute(
            select(
                partner_table.c.id, partner_table.c.display_name, partner_table.c.visibility
            ).where(partner_table.c.id.in_([tie.other for tie in ties]))
        )
    }
    return shown_ties(ties, others)


def shown_ties(ties: Iterable[Tie], others: Mapping[UUID, Shown]) -> list[JsonObject]:
    """The relationships as a record shows them, in their order."""
    found = [
        {
            "kind": tie.kind.value,
            "partner_id": str(tie.other),
            "name": others[tie.other].display_name,
            "visibility": others[tie.other].visibility,
        }
        for tie in ties
    ]
    return in_shown_order(found)


def in_shown_order(relationships: Iterable[JsonObject]) -> list[JsonObject]:
    """`relationships` as a record lists them."""
    return sorted(relationships, key=lambda one: (one["kind"], one["name"], one["partner_id"]))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a partner's record shows of other rows than its own."""

    notations: Mapping[str, str]
    relationships: Sequence[JsonObject]
    former_ids: Sequence[UUID]


_FORMER = (
    select(partner_table.c.id)
    .where(partner_table.c.successor_id == bindparam("partner_id"))
    .order_by(partner_table.c.id)
)


async def surroundings_of(session: AsyncSession, row: PartnerRow) -> Surroundings:
    """What the partner's record shows of other rows as they are now."""
    topics = row.content["topics"]
    former_ids = (await session.execute(_FORMER, {"partner_id": row.id})).scalars()
    return Surroundings(
        await _notations(session, (UUID(one["topic_id"]) for one in topics)),
        await _relationships(session, row.id),
        list(former_ids),
    )


def build_record(
    row: PartnerValues, around: Surroundings, now: datetime, periods: Periods
) -> JsonObject:
    """The partner's record with everything in it, as the secretariat reads it."""
    content = row.content
    record: JsonObject = {
        "id": str(row.id),
        "version": row.version,
        "created_at": moment(row.created_at),
        "modified_at": moment(row.modified_at),
        "level": row.level,
        "sectors": content["sectors"],
        "names": content["names"],
        "description": content["description"],
        "country": row.country,
        "areas": content["areas"],
        "location": content["location"],
        "domains": content["domains"],
        "links": content["links"],
        "established": content["established"],
        "status": row.status,
        "external_ids": content["external_ids"],
        "topics": [
            {**topic, "notation": around.notations[topic["topic_id"]]}
            for topic in content["topics"]
        ],
        "relationships": around.relationships,
        "contact_points": [shown_point(one, now, periods) for one in content["contact_points"]],
        "assurance": {
            "status": assurance_status(row, now, periods.notice).value,
            "assured_at": moment(row.assured_at),
            "assured_by": str(row.assured_by) if row.assured_by else None,
            "method": row.assurance_method,
            "next_review_at": moment(row.next_review_at),
        },
        "visibility": row.visibility,
        "successor_id": str(row.successor_id) if row.successor_id else None,
        "former_ids": [str(former_id) for former_id in around.former_ids],
        "flags": [],
    }
    whole = cut_partner(record, Visibility.secretariat, now.date())
    return record if whole is None else whole


@dataclass(frozen=True, slots=True)
class Cuts:
    """A record for each audience; None where the audience may not see it."""

    public: JsonObject | None
    member: JsonObject | None
    secretariat: JsonObject

    def columns(self) -> dict[str, bytes | None]:
        """The finished JSON for each audience."""
        return {
            "public": None if self.public is None else orjson.dumps(self.public),
            "member": None if self.member is None else orjson.dumps(self.member),
            "secretariat": orjson.dumps(self.secretariat),
        }

    def flags(self) -> FlagsOfAudiences:
        """Each flag that the record has, with the audiences that read it."""
        return flags_shown(
            {"public": self.public, "member": self.member, "secretariat": self.secretariat}
        )


def cuts_of(record: JsonObject, today: date) -> Cuts:
    """The whole `record`, cut down to each audience."""
    return Cuts(
        cut_partner(record, Visibility.public, today),
        cut_partner(record, Visibility.member, today),
        record,
    )


def day_shown(changes_at: datetime | None, now: datetime) -> date:
    """The day as of which a row with this `changes_at` was rendered last, as far as flags go.

    A record whose flags change by time alone is rendered anew only some seconds later.
    """
    if changes_at is None:
        return now.date()
    return min(now, aware(changes_at) - timedelta(microseconds=1)).date()


async def render(
    session: AsyncSession, row: PartnerRow, around: Surroundings | None = None
) -> JsonObject:
    """Write into `row`, which must have been flushed, what each audience reads of it.

    `around`: its surroundings, where they were asked for already.

    Returns the whole record. What the record is found by and time or others decide (its flags, how
    fresh its last check is) is brought in line with it.
    """
    now = datetime.now(UTC)
    session.info.setdefault(SHOWN_ON, {})[str(row.id)] = day_shown(row.changes_at, now)
    flags_before = await read_flags(session, row.id) if row.secretariat else {}
    periods = periods_of(session)
    around = around or await surroundings_of(session, row)
    record = build_record(row, around, now, periods)
    cuts = cuts_of(record, now.date())
    for audience, finished in cuts.columns().items():
        setattr(row, audience, finished)
    row.assurance_status = record["assurance"]["status"]
    row.changes_at = next_change(row, now, periods)
    await keep_flags(session, row.id, flags_before, cuts.flags())
    return record


def name_columns(row: FoundByName) -> None:
    """Bring the columns that names are found and sorted by in line with the row's content."""
    names = row.content["names"]
    row.display_name = next(name["value"] for name in names if "display" in name["kinds"])
    row.sort_name = folded_name(row.display_name)[:400]
    row.folded_names = "\n" + "\n".join(folded_name(name["value"]) for name in names) + "\n"
