"""Flags and work lists: what a record wants, found by it, as each audience reads it."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.directory.assurance import render_due
from services.directory.contact_points.expiry import shown_point
from services.directory.models import PartnerRow
from services.directory.periods import Periods
from services.directory.rendering import next_change
from shared.audience import flags_of
from shared.databases import Database
from shared.vocabulary import AssuranceStatus, Flag, VerificationStatus
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until

TODAY = datetime.now(UTC).date()
LONG_AGO = "2011-12-31"
# Reviews of records are due 30 days before their day (REVIEW_NOTICE_DAYS).
SOON, LATER = str(TODAY + timedelta(days=2)), str(TODAY + timedelta(days=300))
PERIODS = Periods(*(timedelta(days=days) for days in (30, 365, 14)))
DAYS = st.none() | st.dates(date(2026, 1, 1), date(2027, 12, 31)).map(str)
VERIFICATIONS = st.fixed_dictionaries(
    {
        "status": st.sampled_from([status.value for status in VerificationStatus]),
        "at": st.datetimes(
            datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)
        ).map(datetime.isoformat),
    }
)


def _desk(visibility: str = "public", **more: Any) -> dict[str, Any]:
    return {
        "kind": "role",
        "purposes": ["single_point_of_contact"],
        "channels": [{"kind": "post", "value": "a street"}],
        "visibility": visibility,
        **more,
    }


async def _assure(directory: ServedDirectory, record: dict[str, Any], day: str) -> None:
    answer = await directory.client.post(
        f"/partners/{record['id']}/assurance",
        json={"method": "telephone", "next_review_at": day},
        headers={**await directory.signed_in(), "If-Match": f'"{record["version"]}"'},
    )
    assert answer.status_code == 200, answer.text


async def _listed(
    directory: ServedDirectory, headers: dict[str, str] | None = None, **asked: Any
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await directory.client.get(
            "/partners", params={"limit": 3, **asked, **cursor}, headers=headers
        )
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next"] is None:
            return found
        cursor = {"cursor": answer.json()["next"]}


async def _sql(directory: ServedDirectory, statement: str) -> None:
    database: Database = directory.app.state.database
    async with database.transaction() as session:
        await (await session.connection()).exec_driver_sql(statement)


async def _render_due(directory: ServedDirectory) -> None:
    database: Database = directory.app.state.database
    rendered = 1
    while rendered:
        async with database.transaction() as session:
            rendered = await render_due(session)


@pytest.fixture(scope="module")
async def everybody(directory: ServedDirectory) -> dict[str, dict[str, str]]:
    """Partners that want something, each to somebody, and the headers of each audience."""
    for name, points in {
        "Reached": [_desk()],
        "Reached by members": [_desk("member")],
        "Reached by the secretariat": [_desk("secretariat")],
        "Not reached": [],
        "Once reached": [_desk(valid_to=LONG_AGO)],
        "Another way": [_desk(), _desk("member", valid_to=LONG_AGO)],
        "A third way": [_desk(), _desk("secretariat", valid_to=LONG_AGO)],
    }.items():
        await directory.create(name, contact_points=points)
        await directory.create(f"{name} (member)", contact_points=points, visibility="member")
    await directory.create("Ceased", contact_points=[_desk(valid_to=LONG_AGO)], status="inactive")
    for number in range(3):
        await _assure(directory, await directory.create(f"Due {number}"), SOON)
        await _assure(directory, await directory.create(f"Good {number}"), LATER)
        await _assure(directory, await directory.create(f"Late {number}"), LATER)
        disputed = await directory.create(f"Doubtful {number}")
        answer = await directory.client.post(
            f"/partners/{disputed['id']}/disputes",
            json={"reason": "It has moved."},
            headers=await directory.signed_in(),
        )
        assert answer.status_code == 201, answer.text
        # Another day for each, and all of them have passed.
        await _sql(
            directory,
            f"UPDATE partner SET next_review_at = '2020-01-1{number} 10:00:00.000000', "
            f"changes_at = '2020-01-01 00:00:00' WHERE display_name = 'Late {number}'",
        )
    await _render_due(directory)
    return {
        "public": {},
        "member": await directory.account("member"),
        "secretariat": await directory.signed_in(),
    }


@pytest.mark.parametrize("audience", ["public", "member", "secretariat"])
@pytest.mark.parametrize("flag", [flag.value for flag in Flag])
async def test_a_flag_finds_the_records_that_show_it(
    directory: ServedDirectory,
    everybody: dict[str, dict[str, str]],
    flag: str,
    audience: str,
) -> None:
    """To each audience: by a flag that it does not read it could learn of a hidden value."""
    headers = everybody[audience]
    records = await _listed(directory, headers)
    showing = [record["id"] for record in records if flag in record["flags"]]
    assert [record["id"] for record in await _listed(directory, headers, flag=flag)] == showing
    assert 0 < len(showing) < len(records)


async def test_what_a_record_wants_follows_its_changes(directory: ServedDirectory) -> None:
    """A flag comes and goes with the values that it is judged from, for those who see them."""
    record = await directory.create("Changing")
    name: dict[str, Any] = {"name": "changing"}
    secretariat = await directory.signed_in()
    steps: list[tuple[dict[str, Any], set[str], set[str]]] = [
        ({"contact_points": [_desk()]}, set(), set()),
        ({"contact_points": [_desk(valid_to=LONG_AGO)]}, {"c", "n"}, {"c", "n"}),
        ({"contact_points": [_desk(), _desk("secretariat", valid_to=LONG_AGO)]}, set(), {"c"}),
        ({"visibility": "secretariat"}, set(), {"c"}),
        ({"visibility": "public", "contact_points": []}, {"n"}, {"n"}),
    ]
    for patch, public, whole in steps:
        answer = await directory.patch(record, patch)
        record = answer.json()
        for flag in ("contact_expired", "no_single_point_of_contact"):
            found = await _listed(directory, flag=flag, **name)
            assert bool(found) == (flag[0] in public), (patch, flag)
            found = await _listed(directory, secretariat, flag=flag, **name)
            assert bool(found) == (flag[0] in whole), (patch, flag)
    answer = await directory.client.delete(
        f"/partners/{record['id']}",
        headers={**secretariat, "If-Match": f'"{record["version"]}"'},
    )
    assert answer.status_code == 204
    asked = {**name, "status": "withdrawn", "flag": "no_single_point_of_contact"}
    assert await _listed(directory, secretariat, **asked) == []


@pytest.mark.parametrize("status", [status.value for status in AssuranceStatus])
async def test_a_work_list_has_the_records_of_one_assurance(
    directory: ServedDirectory, everybody: dict[str, dict[str, str]], status: str
) -> None:
    """In the order of their review dates, page by page, and turned round the other way."""
    records = await _listed(directory, everybody["secretariat"])
    of_status = [record for record in records if record["assurance"]["status"] == status]
    assert len(of_status) >= 3

    def place(record: dict[str, Any]) -> tuple[bool, str, str]:
        day = record["assurance"]["next_review_at"]
        return day is None, day or "", record["id"]

    expected = [record["id"] for record in sorted(of_status, key=place)]
    for sort, order in (("next_review_at", expected), ("-next_review_at", expected[::-1])):
        found = await _listed(directory, everybody["secretariat"], assurance=status, sort=sort)
        assert [record["id"] for record in found] == order


async def test_partners_without_a_review_date_come_last(
    directory: ServedDirectory, everybody: dict[str, dict[str, str]]
) -> None:
    """All are listed, each once; turned round they come first."""
    everyone = {record["id"] for record in await _listed(directory)}
    found = await _listed(directory, sort="next_review_at")
    days = [record["assurance"]["next_review_at"] for record in found]
    assert {record["id"] for record in found} == everyone
    assert len(found) == len(everyone)
    assert days == sorted(days, key=lambda day: (day is None, day or ""))
    assert None in days
    turned = await _listed(directory, sort="-next_review_at")
    assert [record["id"] for record in turned] == [record["id"] for record in found][::-1]


async def test_a_flag_that_comes_with_the_day_is_told(directory: ServedDirectory) -> None:
    """A contact point's last day passes: the record is rendered anew, and followers are told."""
    yesterday = str(TODAY - timedelta(days=1))
    record = await directory.create(
        "Ends yesterday", contact_points=[_desk(), _desk(valid_to=yesterday)]
    )
    midnight = f"{TODAY} 00:00:00"
    # As if the record had been rendered while its contact point was still in use.
    await _sql(
        directory,
        f"UPDATE partner SET changes_at = '{midnight}' WHERE display_name = 'Ends yesterday'",
    )
    await _render_due(directory)
    seen = await directory.read(record["id"])
    assert (seen["version"], seen["flags"]) == (2, ["contact_expired"])
    changed: list[list[str]] = []

    async def is_told() -> bool:
        events = (await directory.changes())["items"]
        updates = [event for event in events if event["subject"] == record["id"]][1:]
        changed[:] = [event["data"]["changed"] for event in updates]
        return bool(changed)

    await wait_until(is_told, "the flag is told of")
    assert changed == [["flags"]]


@given(
    st.lists(st.tuples(DAYS, DAYS, VERIFICATIONS), max_size=4),
    st.dates(date(2026, 1, 1), date(2027, 12, 1)),
)
def test_flags_change_on_no_other_day_than_was_foreseen(
    spans: list[tuple[str | None, str | None, dict[str, Any]]], day: date
) -> None:
    """Until the moment that is noted for rendering a record anew, its flags stay as they are."""
    points = [
        {
            "purposes": ["single_point_of_contact"],
            "valid_from": first,
            "valid_to": last,
            "verification": verification,
        }
        for first, last, verification in spans
    ]

    def flags_at(moment: datetime) -> list[str]:
        shown = [shown_point(point, moment, PERIODS) for point in points]
        assurance = {"status": "unverified"}
        record = {"status": "active", "contact_points": shown, "assurance": assurance}
        return flags_of(record, moment.date())

    values: dict[str, Any] = {"id": UUID(int=1), "content": {"contact_points": points}}
    row = PartnerRow(**values)
    now = datetime.combine(day, time(12), UTC)
    change = next_change(row, now, PERIODS) or datetime(2028, 6, 1, tzinfo=UTC)
    flags, moment = flags_at(now), now
    while moment < change:
        assert flags_at(moment) == flags
        moment += timedelta(hours=6)
