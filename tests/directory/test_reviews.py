"""When a record is to be checked again, and who is told."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from services.directory.assurance import render_due
from tests.served_directory import ServedDirectory, directory_settings, serve_directory


async def _assure(directory: ServedDirectory, record: Any) -> Any:
    answer = await directory.client.post(
        f"/partners/{record['id']}/assurance",
        json={"method": "letter"},
        headers={**await directory.signed_in(), "If-Match": f'"{record["version"]}"'},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _let_time_pass(directory: ServedDirectory, days_left: int) -> None:
    """What is assured is to be reviewed in so many days; then the loop looks."""
    database = directory.app.state.database
    then = datetime.now(UTC) + timedelta(days=days_left)
    async with database.transaction() as session:
        await session.execute(
            text(
                "UPDATE partner SET changes_at = '2020-01-01 00:00:00', "
                f"next_review_at = '{then:%Y-%m-%d %H:%M:%S}' WHERE assured_at IS NOT NULL"
            )
        )
    async with database.transaction() as session:
        await render_due(session)


async def _events(directory: ServedDirectory, headers: Any = None) -> list[Any]:
    later = await directory.create("Later than the review")
    await directory.event_of(later["id"])
    items: list[Any] = (await directory.changes(headers=headers))["items"]
    return items


async def test_editors_are_reminded_when_a_review_is_due_and_overdue(
    directory: ServedDirectory,
) -> None:
    """Once each, by an event of the partner, and of each editor for our own services alone."""
    record = await directory.create("To be reviewed")
    editor_id, _ = await directory.account_with_id(
        "editor", partner_id=record["id"], email="editor@example.org"
    )
    closed_id, _ = await directory.account_with_id("editor", partner_id=record["id"])
    await directory.change_account(closed_id, disabled=True)
    await directory.account("member")
    await _assure(directory, record)
    for days_left in (20, 10, -1, -2):
        await _let_time_pass(directory, days_left)
    told = [
        (event["type"], event["data"]["record"]["assurance"]["status"])
        for event in await _events(directory)
        if event["subject"] == record["id"]
    ]
    assert told == [
        ("partner.created", "unverified"),
        ("partner.assured", "assured"),
        ("partner.review_due", "due"),
        ("partner.updated", "due"),
        ("partner.review_due", "overdue"),
        ("partner.updated", "overdue"),
    ]
    reminders = [
        event
        for event in await _events(directory, await directory.service())
        if event["type"] == "account.reminded"
    ]
    assert [(event["subject"], event["data"]["status"]) for event in reminders] == [
        (editor_id, "due"),
        (editor_id, "overdue"),
    ]
    data = reminders[0]["data"]
    assert (data["partner_id"], data["partner_name"]) == (record["id"], "To be reviewed")
    assert data["account"]["email"] == "editor@example.org"
    for headers in (None, await directory.signed_in()):
        assert not [
            event
            for event in await _events(directory, headers)
            if event["type"] == "account.reminded"
        ]


async def test_editing_never_resets_a_review(directory: ServedDirectory) -> None:
    """The date and the one who checked stay, whatever is edited."""
    assured = await _assure(directory, await directory.create("Edited after"))
    edited = (await directory.patch(assured, {"established": 1901})).json()
    assert edited["assurance"] == assured["assurance"]


async def test_how_long_a_check_holds_depends_on_what_the_partner_is(
    broker_url: str, tmp_path: Path
) -> None:
    """By level and by sector; the shortest that fits counts, all others have REVIEW_DAYS."""
    async with serve_directory(
        f"sqlite:///{tmp_path}/directory.db",
        f"{broker_url}/3",
        tmp_path,
        REVIEW_DAYS="400",
        REVIEW_DAYS_BY_KIND="international=200, law_enforcement=100,industry=300",
    ) as directory:
        for level, sectors, days in (
            ("national", [], 400),
            ("international", [], 200),
            ("international", ["industry"], 200),
            ("international", ["industry", "law_enforcement"], 100),
            ("local", ["industry"], 300),
        ):
            made = await directory.create(f"{level} {sectors}", level=level, sectors=sectors)
            record = await _assure(directory, made)
            assured_at, next_review_at = (
                datetime.fromisoformat(record["assurance"][name])
                for name in ("assured_at", "next_review_at")
            )
            assert (next_review_at - assured_at).days == days


@pytest.mark.parametrize(
    "periods", ["national", "national=", "national=x", "national=0", "planet=3", "national=99999"]
)
def test_periods_that_mean_nothing_are_refused_at_the_start(tmp_path: Path, periods: str) -> None:
    """With the part that is wrong, and what it should look like."""
    with pytest.raises(ValueError, match=r"REVIEW_DAYS_BY_KIND.*international=180"):
        directory_settings("sqlite:///d.db", "redis://r", tmp_path, REVIEW_DAYS_BY_KIND=periods)
