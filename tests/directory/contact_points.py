"""Contact points as tests make them, and let them grow old."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.directory.assurance import render_due
from services.directory.models import PartnerRow
from tests.served_directory import ServedDirectory


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


async def let_days_pass(directory: ServedDirectory, partner_id: str, days: float) -> None:
    """What was found out of the partner's contact points was so many days ago; the loop looks."""
    database = directory.app.state.database
    async with database.transaction() as session:
        row = await session.get_one(PartnerRow, UUID(partner_id))
        points = []
        for point in row.content["contact_points"]:
            verification = dict(point["verification"])
            if verification["at"] is not None:
                at = datetime.fromisoformat(verification["at"]) - timedelta(days=days)
                verification["at"] = at.isoformat().replace("+00:00", "Z")
            points.append({**point, "verification": verification})
        row.content = {**row.content, "contact_points": points}
        if row.changes_at is not None:
            row.changes_at -= timedelta(days=days)
    rendered = 1
    while rendered:
        async with database.transaction() as session:
            rendered = await render_due(session)


async def last_event(directory: ServedDirectory, partner_id: str) -> Any:
    """The newest event of the partner, when all that was written so far is on the log."""
    await directory.event_of((await directory.create("Later than all"))["id"])
    return await directory.event_of(partner_id)
