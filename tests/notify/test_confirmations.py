"""Contact points are mailed a link, and addresses that do not work are told of to the directory."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update

from services.directory.models import confirmation_table
from services.notify.fan_out import fan_out
from services.notify.mail.bounces import BounceReports
from services.notify.mail.outbox import put_in_outbox
from services.notify.migrate import FOLDER
from services.notify.models import MAIL, MailState
from shared.databases import Database
from shared.erasing import with_contact_points_forgotten
from shared.events import parse_log_event
from shared.leases import database_time
from shared.migrating import migrate
from shared.service_client import DirectoryClient
from tests.directory.contact_points import a_desk, ask, point_of, requests_of
from tests.mail_server import MailServer
from tests.network import free_port
from tests.notify.outbox import ended, listed
from tests.notify.served_notify import ServedNotify, over_the_wire
from tests.notify.stream_reading import read_stream
from tests.receiver import Receiver
from tests.served_directory import SERVICE_SECRET, URL, ServedDirectory
from tests.waiting import wait_until

_LINK = re.compile(r"http://directory\.test/confirmations/\S+")


@pytest.fixture(scope="module", autouse=True)
async def begun(mailing: ServedNotify) -> None:
    """The fan-out has begun: what was asked before that is mailed to nobody."""
    await mailing.register("http://127.0.0.1:59999/hook", event_types=["topic.created"])


async def _becomes(directory: ServedDirectory, record: dict[str, Any], status: str) -> None:
    async def is_so() -> bool:
        shown = await directory.read(record["id"])
        return bool(point_of(shown)["verification"]["status"] == status)

    await wait_until(is_so, f"the contact point is {status}")


async def _mail_of(mailing: ServedNotify, record: dict[str, Any]) -> dict[str, Any]:
    """The newest mail to the record's contact point, when it was sent or given up."""
    found: list[dict[str, Any]] = []

    async def is_there() -> bool:
        point_id = point_of(record)["id"]
        found[:] = [one for one in await listed(mailing) if one["contact_point_id"] == point_id]
        return bool(found)

    await wait_until(is_there, "the contact point is mailed")
    return await ended(mailing, found[0])


async def test_a_contact_point_is_mailed_and_answers(
    mailing: ServedNotify, mail_server: MailServer, receiver: Receiver
) -> None:
    """From the request to what endpoints are told of the answer; opening the link is none."""
    directory = mailing.directory
    mail_server.received.clear()
    await mailing.register(receiver.url, event_types=["*"])
    desk = a_desk("desk@example.org", name="Front desk")
    record = await directory.create("Kent Police", contact_points=[desk])
    assert (await ask(directory, record)).status_code == 202
    [message] = await mail_server.got(1)
    assert message["To"] == "desk@example.org"
    assert message["Subject"] == "Does this address reach Kent Police?"
    text = message.get_content()
    assert "(Front desk: single point of contact)" in text
    [link] = _LINK.findall(text)
    page = await directory.client.get(link, headers={"Accept": "text/html"})
    assert page.text.count("<button") == 2
    await _becomes(directory, record, "pending")
    assert (await directory.client.post(link, data={"answer": "reached"})).status_code == 200
    await _becomes(directory, record, "verified")
    await receiver.got(3)
    told = [
        (one.event["type"], point_of(one.event["data"]["record"])["verification"]["status"])
        for one in receiver.requests
    ]
    assert told == [
        ("partner.created", "unverified"),
        ("partner.updated", "pending"),
        ("partner.updated", "verified"),
    ]
    assert all("confirmations" not in str(one.event) for one in receiver.requests)
    assert (await mailing.get("/notify/dead-events"))["items"] == []


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ([("RCPT", "550 5.1.1 nobody of this name")], "bounced"),
        ([("DATA", "554 5.7.1 not wanted")], "bounced"),
        ([("RCPT", "450 4.2.1 busy"), ("RCPT", "550 5.1.1 nobody of this name")], "bounced"),
        ([("RCPT", "450 4.2.1 busy")] * 3, "pending"),
    ],
)
async def test_an_address_that_is_refused_for_good_bounces(
    mailing: ServedNotify, mail_server: MailServer, script: list[tuple[str, str]], status: str
) -> None:
    """5xx says so of the address; a server that was busy all the time says nothing of it."""
    directory = mailing.directory
    email = f"refused-{abs(hash(str(script)))}@example.org"
    record = await directory.create("Refused", contact_points=[a_desk(email)])
    mail_server.script = list(script)
    await ask(directory, record)
    found = await _mail_of(mailing, record)
    assert (found["state"], mail_server.script) == ("dead", [])
    if status == "pending":
        # Refusals are told of in their order: once a later one was, this one would have been.
        later = await directory.create("Later", contact_points=[a_desk(f"later-{email}")])
        mail_server.script = [("RCPT", "550 5.1.1 nobody of this name")]
        await ask(directory, later)
        await _becomes(directory, later, "bounced")
    await _becomes(directory, record, status)
    shown = await directory.read(record["id"])
    assert shown["flags"] == (["contact_expired"] if status == "bounced" else [])
    assert point_of(shown)["verification"]["method"] == "email"


async def test_the_outbox_shows_neither_link_nor_address(
    mailing: ServedNotify, mail_server: MailServer
) -> None:
    """The secretariat sees which contact point was mailed, and what came of it."""
    directory = mailing.directory
    record = await directory.create("Shown", contact_points=[a_desk("not-shown@example.org")])
    mail_server.script = []
    await ask(directory, record)
    found = await _mail_of(mailing, record)
    assert (found["state"], found["account_id"]) == ("sent", None)
    text = str(await mailing.get("/notify/mail?limit=200"))
    assert "not-shown" not in text
    assert "confirmations/" not in text


async def test_the_longest_names_are_mailed(mailing: ServedNotify, mail_server: MailServer) -> None:
    """With a subject that is cut; the whole name stands in the text."""
    directory, name = mailing.directory, "ü" * 300
    mail_server.script = []
    mail_server.received.clear()
    desk = a_desk("longest@example.org", name="d" * 300)
    record = await directory.create(name, contact_points=[desk])
    await ask(directory, record)
    assert (await _mail_of(mailing, record))["state"] == "sent"
    [message] = await mail_server.got(1)
    assert len(message["Subject"]) == 200
    assert name in message.get_content()


async def test_no_stream_tells_whom_to_mail(mailing: ServedNotify) -> None:
    """Not even the secretariat's, which is told of the contact point that is pending."""
    directory = mailing.directory
    headers = await directory.signed_in()
    async with over_the_wire(mailing) as url, read_stream(f"{url}/stream", headers) as reader:
        record = await directory.create("Streamed", contact_points=[a_desk("s@example.org")])
        await ask(directory, record)
        await directory.create("The last one")
        told = await reader.has(3)
    assert [one.event for one in told] == ["partner.created", "partner.updated", "partner.created"]
    assert all("confirmation" not in one.data for one in told)


async def test_a_bounce_is_a_row_until_the_directory_has_taken_it(
    new_database: Callable[[], str], directory: ServedDirectory
) -> None:
    """Told when it is back, harmlessly also twice; what it does not know is settled."""
    record = await directory.create("Away", contact_points=[a_desk("away@example.org")])
    await ask(directory, record)
    [request] = await requests_of(directory, record["id"])
    database = Database(new_database())
    await migrate(database, FOLDER)
    async with database.transaction() as session:
        now = await database_time(session)
        for confirmation_id in (request["data"]["confirmation_id"], record["id"]):
            row = put_in_outbox(session, None, "away@example.org", "Subject", "Text", now)
            row.state, row.refused_at = MailState.dead.value, now
            row.confirmation_id = UUID(confirmation_id)

    async def untold() -> int:
        async with database.reading() as session:
            rows = await session.execute(select(MAIL).where(MAIL.c.bounce_reported_at.is_(None)))
            return len(rows.all())

    async with (
        httpx.AsyncClient() as away,
        httpx.AsyncClient(transport=httpx.ASGITransport(app=directory.app)) as way,
    ):
        credentials = ("services", SERVICE_SECRET)
        nobody = DirectoryClient(f"http://127.0.0.1:{free_port()}", *credentials, away)
        with pytest.raises(httpx.ConnectError):
            await BounceReports(database, nobody).step()
        assert await untold() == 2
        reports = BounceReports(database, DirectoryClient(URL, *credentials, way))
        assert [await reports.step(), await untold(), await reports.step()] == [2, 0, 0]
        shown = await directory.read(record["id"])
        assert point_of(shown)["verification"]["status"] == "bounced"
        async with database.transaction() as session:
            await session.execute(update(MAIL).values(bounce_reported_at=None))
        assert [await reports.step(), await untold()] == [2, 0]
        assert await directory.read(record["id"]) == shown
    await database.dispose()


async def test_an_erased_contact_point_was_never_mailed(
    mailing: ServedNotify, mail_server: MailServer
) -> None:
    """Its mail is gone from the outbox, its address from the log, and its link leads nowhere."""
    directory = mailing.directory
    mail_server.script = []
    mail_server.received.clear()
    person = a_desk("erased@example.org", kind="person", name="To be erased", visibility="member")
    record = await directory.create("Forgetting", contact_points=[person])
    await ask(directory, record)
    [message] = await mail_server.got(1)
    await _mail_of(mailing, record)
    [link] = _LINK.findall(message.get_content())
    erased = await directory.client.post(
        f"/partners/{record['id']}/contact-points/{point_of(record)['id']}/erasure",
        headers=await directory.signed_in(),
    )
    assert erased.status_code == 200, erased.text

    async def is_gone() -> bool:
        mails = await listed(mailing)
        return all(one["contact_point_id"] != point_of(record)["id"] for one in mails)

    await wait_until(is_gone, "the mail is gone")
    [request] = await requests_of(directory, record["id"])
    forgotten = [request["data"][name] for name in ("contact_point_name", "recipient", "link")]
    assert forgotten == [None, None, None]
    parse_log_event(request)
    log = await directory.client.get("/changes?limit=1000", headers=await directory.service())
    assert "erased@example.org" not in log.text
    assert link not in log.text
    assert (await directory.client.post(link, data={"answer": "reached"})).status_code == 410
    told = {"confirmation_id": request["data"]["confirmation_id"]}
    bounce = await directory.client.post(
        "/contact-points/bounces", json=told, headers=await directory.service()
    )
    assert bounce.status_code == 404
    async with directory.app.state.database.reading() as session:
        kept = await session.scalars(select(confirmation_table.c.id))
        assert UUID(request["data"]["confirmation_id"]) not in kept.all()


async def test_a_request_that_was_erased_meanwhile_is_not_mailed(
    mailing: ServedNotify, mail_server: MailServer
) -> None:
    """Whoever reads the log late finds it without an address, and goes on."""
    record = await mailing.directory.create("Late", contact_points=[a_desk("late@example.org")])
    mail_server.script = []
    await ask(mailing.directory, record)
    await _mail_of(mailing, record)
    [event] = await requests_of(mailing.directory, record["id"])
    before = await listed(mailing)
    left = with_contact_points_forgotten(event, [point_of(record)["id"]])
    async with mailing.app.state.database.transaction() as session:
        assert await fan_out(session, [left], 0, await database_time(session)) == 0
    assert await listed(mailing) == before
