"""Where mail goes: to an SMTP server, or into a folder as .eml files."""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import aiosmtplib

from services.notify.mail.message import Mail

_PORTS = {"smtp": 25, "smtps": 465}
_QUIT_SECONDS = 1.0
# Servers like to repeat the recipient in what they answer; who it is stays out of logs and lists.
_LOCAL_PART = re.compile(r"""("[^"]*"|[^\s<>()\[\]",:;]+)@""")


class MailNotSent(Exception):
    """The mail did not get through now; later it may."""


class MailRefused(Exception):
    """The mail was refused for good."""


class Transport(Protocol):
    """A way for mail to leave."""

    async def send(self, mail: Mail) -> None:
        """Hand `mail` over.

        Raises:
            MailNotSent: it may get through later.
            MailRefused: it never will.
        """


@dataclass(frozen=True, slots=True)
class MailServer:
    """An SMTP server and how to sign in there."""

    host: str
    port: int
    is_tls: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def read_mail_url(url: str) -> MailServer | Path:
    """What a MAIL_URL names.

    Raises:
        ValueError: it names nothing; the text does not repeat it, for it may have a password in it.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("MAIL_URL is not a URL") from None
    if parts.query or parts.fragment:
        raise ValueError("MAIL_URL has a ? or # in it; in a password write %3F or %23")
    if parts.scheme == "file":
        if parts.netloc or not parts.path.startswith("/"):
            raise ValueError("MAIL_URL must name the folder in full: file:///var/mail")
        return Path(url2pathname(parts.path))
    if parts.scheme not in _PORTS or not host or parts.path not in {"", "/"}:
        raise ValueError("MAIL_URL must be smtp://host:port, smtps://host:port or file:///folder")
    if (parts.username is None) != (parts.password is None):
        raise ValueError("MAIL_URL has a user without a password or the reverse")
    return MailServer(
        host=host,
        port=port or _PORTS[parts.scheme],
        is_tls=parts.scheme == "smtps",
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )


def open_transport(url: str, timeout_seconds: float) -> Transport:
    """The way for mail to leave that a MAIL_URL names.

    Raises:
        ValueError: it names none.
    """
    found = read_mail_url(url)
    if isinstance(found, Path):
        return FolderTransport(found)
    return SmtpTransport(found, timeout_seconds)


class FolderTransport:
    """Writes each mail as `<id>.eml`; a repeat replaces the same file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, mail: Mail) -> None:
        """Write `mail`."""
        try:
            await asyncio.to_thread(self._write, mail)
        except OSError as error:
            raise MailNotSent(f"its file cannot be written: {error.strerror}") from error

    def _write(self, mail: Mail) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = self._folder / f".{mail.id}.part"
        part.write_bytes(mail.content)
        part.replace(self._folder / f"{mail.id}.eml")


class SmtpTransport:
    """Hands each mail to a server over a connection of its own.

    STARTTLS is used where the server offers it, and certificates are checked. Where there is a
    password the connection must be encrypted.
    """

    def __init__(self, server: MailServer, timeout_seconds: float) -> None:
        self._server = server
        self._timeout_seconds = timeout_seconds

    async def send(self, mail: Mail) -> None:
        """Hand `mail` over."""
        try:
            await self._send(mail)
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _as_refusal(error.recipients[0]) from error
        except aiosmtplib.SMTPDataError as error:
            raise _as_refusal(error) from error
        except aiosmtplib.SMTPResponseException as error:
            # It refuses us, not this mail: somebody may put that right.
            raise MailNotSent(_said(error)) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            reason = (
                "no answer in time" if isinstance(error, TimeoutError) else str(error).rstrip(": ")
            )
            raise MailNotSent(_without_people(reason)) from error

    async def _send(self, mail: Mail) -> None:
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            local_hostname=mail.sender.rpartition("@")[2],
            timeout=self._timeout_seconds,
            use_tls=server.is_tls,
            start_tls=False if server.is_tls else (True if server.user is not None else None),
        )
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await client.connect()
                await client.sendmail(
                    mail.sender,
                    [mail.recipient],
                    mail.content,
                    mail_options=["SMTPUTF8"] if mail.is_utf8 else [],
                )
            # The server has it; how the connection ends does not matter any more.
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=_QUIT_SECONDS)
        finally:
            client.close()


def _as_refusal(error: aiosmtplib.SMTPResponseException) -> MailNotSent | MailRefused:
    said = _said(error)
    return MailRefused(said) if error.code >= 500 else MailNotSent(said)


def _said(error: aiosmtplib.SMTPResponseException) -> str:
    return _without_people(f"the mail server answered {error.code} {error.message}")


def _without_people(text: str) -> str:
    """`text` on one line that any database keeps, without what stands before the @ of addresses."""
    kept = text.encode(errors="replace").decode().replace("\x00", "\ufffd")
    return _LOCAL_PART.sub("…@", " ".join(kept.split()))
