"""The mail outbox: what is written there is sent, and nothing else waits for it."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from services.notify.mail.message import Unmailable, read_sender, write_mail
from tests.mail_server import MailServer
from tests.notify.outbox import OWNER, ended, listed, mail
from tests.notify.served_notify import ServedNotify, notify_settings
from tests.receiver import Receiver

SENDER = read_sender("Our network <notify@example.org>")
NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)


async def test_a_mail_arrives(mailing: ServedNotify, mail_server: MailServer) -> None:
    """With the headers by which it can be recognised, and as it was written."""
    mail_server.received.clear()
    text = "Zürich\n\nhttps://example.org/" + "x" * 2_000 + "\n.\n"
    one = await mail(mailing, text=text)
    sent = await ended(mailing, one)
    assert (sent["state"], sent["attempts"], sent["last_error"]) == ("sent", 1, None)
    [(envelope, message)] = mail_server.received
    assert (envelope.mail_from, envelope.rcpt_tos) == ("notify@example.org", [OWNER])
    assert message["From"] == "Our network <notify@example.org>"
    assert message["To"] == OWNER
    assert message["Subject"] == one["subject"]
    assert message["Message-ID"] == f"<{one['id']}@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    created = datetime.fromisoformat(one["created_at"]).replace(microsecond=0)
    assert message["Date"].datetime == created
    assert message.get_content_type() == "text/plain"
    assert message.get_content().splitlines() == text.splitlines()


@pytest.mark.parametrize(
    ("script", "state", "attempts"),
    [
        ([("RCPT", "451 4.7.1 <owner@example.org> try later")], "sent", 2),
        ([("DATA", "452 4.3.1 full")] * 2, "sent", 3),
        ([("RCPT", "450 4.2.1 <owner@example.org> busy")] * 3, "dead", 3),
        ([("RCPT", "550 5.1.1 <owner@example.org>: nobody of this name")], "dead", 1),
        ([("DATA", "554 5.7.1 'owner'@example.org does not want it")], "dead", 1),
    ],
)
async def test_what_the_server_answers_decides(
    mailing: ServedNotify,
    mail_server: MailServer,
    script: list[tuple[str, str]],
    state: str,
    attempts: int,
) -> None:
    """4xx: later, a few times; 5xx: never. Whom it was for is in no error."""
    mail_server.script = list(script)
    found = await ended(mailing, await mail(mailing))
    assert mail_server.script == []
    assert (found["state"], found["attempts"]) == (state, attempts)
    assert (found["last_error"] is None) == (state == "sent")
    if state == "dead":
        assert script[0][1][:3] in found["last_error"]
        assert "owner" not in found["last_error"]


@pytest.mark.parametrize(
    "recipient",
    [
        "owner@example.org\r\nBcc: other@example.org",
        "owner@example.org, other@example.org",
        "owner@example.org> SIZE=1\r\nRCPT TO:<other@example.org",
        "not an address",
    ],
)
async def test_an_address_cannot_bring_more_than_itself(
    mailing: ServedNotify, mail_server: MailServer, recipient: str
) -> None:
    """Given up before any server is asked; the next mail goes on."""
    mail_server.received.clear()
    found = await ended(mailing, await mail(mailing, recipient))
    assert (found["state"], found["attempts"]) == ("dead", 1)
    assert found["last_error"] == "the address of its recipient cannot be used"
    assert (await ended(mailing, await mail(mailing)))["state"] == "sent"
    assert [envelope.rcpt_tos for envelope, _ in mail_server.received] == [[OWNER]]


def test_no_value_becomes_a_header() -> None:
    """A line break in the subject is refused rather than sent."""
    with pytest.raises(ValueError, match="linefeed"):
        write_mail(uuid4(), SENDER, OWNER, "Hello\r\nBcc: other@example.org", "", NOW)
    with pytest.raises(Unmailable):
        write_mail(uuid4(), SENDER, f"{OWNER}\n", "Hello", "", NOW)


def test_a_repeat_is_the_same_to_the_byte() -> None:
    """So whoever gets it twice can tell; long values stay on one line."""
    mail_id, subject = uuid4(), "A subject " * 19
    first, again = (write_mail(mail_id, SENDER, OWNER, subject, "Grüße\n", NOW) for _ in range(2))
    assert first == again
    assert f"Subject: {subject}\r\n".encode() in first.content
    assert first.content.isascii()


async def test_addresses_outside_ascii(mailing: ServedNotify, mail_server: MailServer) -> None:
    """Domains go as punycode; names need a server that takes them, as this one does."""
    mail_server.received.clear()
    for recipient in ("info@straße-exämple.org", "jürgen@exämple.org"):
        assert (await ended(mailing, await mail(mailing, recipient)))["state"] == "sent"
    assert [envelope.rcpt_tos for envelope, _ in mail_server.received] == [
        ["info@xn--strae-exmple-o9a8e.org"],
        ["jürgen@xn--exmple-cua.org"],
    ]
    content = mail_server.received[1][0].content
    assert isinstance(content, bytes)
    assert "To: jürgen@xn--exmple-cua.org\r\n".encode() in content


async def test_a_server_that_hangs_holds_up_nothing_else(
    mailing: ServedNotify, mail_server: MailServer, receiver: Receiver
) -> None:
    """Webhooks are sent meanwhile; the mail arrives when the server goes on."""
    mail_server.held_until = asyncio.Event()
    one = await mail(mailing)
    await mailing.register(receiver.url)
    await mailing.directory.create("Meanwhile")
    await receiver.got(1)
    [waiting] = [m for m in await listed(mailing, "pending") if m["id"] == one["id"]]
    assert waiting["attempts"] == 1
    mail_server.held_until.set()
    assert (await ended(mailing, one))["state"] == "sent"
    mail_server.held_until = None


async def test_the_outbox_is_for_the_secretariat(mailing: ServedNotify) -> None:
    """And tells even it neither whom a mail was for nor what it said."""
    one = await ended(mailing, await mail(mailing))
    assert {"recipient", "body"}.isdisjoint(one)
    assert OWNER not in str(one)
    await mailing.get("/notify/mail", await mailing.directory.account("member"), status=403)
    assert (await mailing.client.get("/notify/mail")).status_code == 401
    page = await mailing.get("/notify/mail?limit=1")
    assert len(page["items"]) == 1
    assert UUID(page["items"][0]["id"]) >= UUID(one["id"])


@pytest.mark.parametrize(
    "url",
    [
        "smtp://notify:geheim@",
        "smtp://notify@mail.example.org",
        "smtp://notify:geheim@mail.example.org:port",
        "smtp://notify:geheim?@mail.example.org",
        "smtp://notify:geheim@mail.example.org/inbox",
        "http://notify:geheim@mail.example.org",
        "file://var/mail",
        "var/mail",
    ],
)
def test_a_mail_url_that_names_nothing_is_refused_at_start(url: str) -> None:
    """With a sentence that does not repeat a password."""
    with pytest.raises(ValidationError) as caught:
        notify_settings("sqlite://", "redis://127.0.0.1", MAIL_URL=url)
    assert "MAIL_URL" in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_mail_goes_below_var_dir_unless_told_otherwise(tmp_path: Path) -> None:
    """So `make run` needs no mail server."""
    settings = notify_settings("sqlite://", "redis://127.0.0.1", VAR_DIR=str(tmp_path))
    assert settings.mail_destination == (tmp_path / "mail").as_uri()
