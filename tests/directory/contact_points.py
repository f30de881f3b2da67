"""Contact points as tests make them, and let them grow old."""

from datetime import datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import select

from services.directory.assurance import render_due
from services.directory.models import ConfirmationRow, PartnerRow
from services.directory.rendering import moment
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until


def a_desk(email: str | None = "desk@example.org", **more: Any) -> dict[str, Any]:
    """A single point of contact with a telephone, and with an e-mail address unless it is None."""
    mail = [] if email is None else [{"kind": "email", "value": email}]
    return {
        "kind": "service_desk",
        "purposes": ["single_point_of_contact"],
        "channels": [{"kind": "phone", "value": "+442079460000"}, *mail],
        **more,
    }


def point_of(record: dict[str, Any], number: int = 0) -> dict[str, Any]:
    """One of the contact points that `record` shows."""
    point: dict[str, Any] = record["contact_points"][number]
    return point


async def try_point(
    directory: ServedDirectory,
    record: dict[str, Any],
    status: str = "verified",
    headers: dict[str, str] | None = None,
    number: int = 0,
) -> dict[str, Any]:
    """The record after somebody has rung its contact point."""
    path = f"/partners/{record['id']}/contact-points/{point_of(record, number)['id']}/verification"
    answer = await directory.client.post(
        path,
        json={"status": status, "method": "telephone"},
        headers={
            **(headers or await directory.signed_in()),
            "If-Match": f'"{record["version"]}"',
        },
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def let_days_pass(directory: ServedDirectory, days: float) -> None:
    """What was found out of contact points and asked of them was so long ago; the loop looks."""
    database, passed = directory.app.state.database, timedelta(days=days)
    async with database.transaction() as session:
        for request in (await session.execute(select(ConfirmationRow))).scalars():
            request.at -= passed
            request.expires_at -= passed
        for row in (await session.execute(select(PartnerRow))).scalars():
            points = [_aged(point, passed) for point in row.content["contact_points"]]
            row.content = {**row.content, "contact_points": points}
            if row.changes_at is not None:
                row.changes_at -= passed
    rendered = 1
    while rendered:
        async with database.transaction() as session:
            rendered = await render_due(session)


def _aged(point: dict[str, Any], passed: timedelta) -> dict[str, Any]:
    verification = point["verification"]
    if verification["at"] is None:
        return point
    at = moment(datetime.fromisoformat(verification["at"]) - passed)
    return {**point, "verification": {**verification, "at": at}}


async def let_an_hour_pass(directory: ServedDirectory) -> None:
    """The same for an hour."""
    await let_days_pass(directory, 1 / 24)


async def last_event(directory: ServedDirectory, partner_id: str) -> Any:
    """The newest event of the partner, when all that was written so far is on the log."""
    await directory.event_of((await directory.create("Later than all"))["id"])
    return await directory.event_of(partner_id)


async def ask(
    directory: ServedDirectory,
    record: dict[str, Any],
    body: Any = None,
    headers: dict[str, str] | None = None,
    number: int = 0,
) -> httpx.Response:
    """The answer to a request that a contact point of `record` is to be asked."""
    path = f"/partners/{record['id']}/contact-points/{point_of(record, number)['id']}/confirmation"
    return await directory.client.post(
        path, json=body, headers=headers or await directory.signed_in()
    )


async def requests_of(directory: ServedDirectory, partner_id: str) -> list[dict[str, Any]]:
    """What our own services were told of contact points of the partner that are to be mailed."""
    await directory.event_of((await directory.create("Later than all"))["id"])
    events = (await directory.changes(headers=await directory.service()))["items"]
    return [
        event
        for event in events
        if (event["type"], event["subject"]) == ("contact_point.confirmation_requested", partner_id)
    ]


async def asked(directory: ServedDirectory, record: dict[str, Any], number: int = 0) -> str:
    """The link by which a contact point of `record`, which is asked now, confirms itself."""
    answer = await ask(directory, record, number=number)
    assert answer.status_code == 202, answer.text
    requests = await requests_of(directory, record["id"])
    return str(requests[-1]["data"]["link"])


async def link_mailed(directory: ServedDirectory, partner_id: str) -> str:
    """The link that a contact point of the partner is mailed, as soon as it is on the log."""
    links: list[str] = []

    async def is_there() -> bool:
        events = (await directory.changes(headers=await directory.service()))["items"]
        mine = [event["data"] for event in events if event["subject"] == partner_id]
        links[:] = [data["link"] for data in mine if "link" in data]
        return bool(links)

    await wait_until(is_there, "a contact point is to be mailed")
    return links[-1]
