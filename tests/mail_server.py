"""A real SMTP server that keeps what it is sent and refuses by a script."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from warnings import catch_warnings, simplefilter

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.waiting import wait_until


class MailServer:
    """Answers `script` one by one to MAIL, RCPT and DATA; takes everything at its end."""

    def __init__(self, user: str = "", password: str = "") -> None:
        self.port = 0
        self.script: list[tuple[str, str]] = []
        """Commands (`RCPT`, `DATA`) with the answers that they get in the place of 250."""
        self.held_until: asyncio.Event | None = None
        self.received: list[tuple[Envelope, EmailMessage]] = []
        self.encrypted: list[bool] = []
        self._login = (user.encode(), password.encode())

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _way: str, who: Any) -> Any:
        """Whether somebody may send."""
        is_right = isinstance(who, LoginPassword) and (who.login, who.password) == self._login
        return AuthResult(success=is_right, handled=False)

    async def handle_RCPT(
        self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        """Take the recipient, or not."""
        if (answer := self._scripted("RCPT")) is not None:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Keep the mail."""
        if self.held_until is not None:
            await self.held_until.wait()
        if (answer := self._scripted("DATA")) is not None:
            return answer
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.received.append((envelope, message))
        transport = server.transport
        assert transport is not None
        self.encrypted.append(transport.get_extra_info("sslcontext") is not None)
        return "250 taken"

    def _scripted(self, command: str) -> str | None:
        if self.script and self.script[0][0] == command:
            return self.script.pop(0)[1]
        return None

    async def got(self, count: int) -> list[EmailMessage]:
        """The mails, once there are `count` of them."""

        async def arrived() -> bool:
            return len(self.received) >= count

        await wait_until(arrived, f"{count} mail(s) arrived")
        return [message for _, message in self.received]


@asynccontextmanager
async def serve_mail(
    server: MailServer | None = None,
    tls: ssl.SSLContext | None = None,
    *,
    implicit: bool = False,
    careless: bool = False,
) -> AsyncIterator[MailServer]:
    """A mail server while the block runs; with `tls` it offers STARTTLS and wants a password.

    A `careless` one takes passwords unencrypted.
    """
    served = server or MailServer()

    def protocol() -> SMTP:
        with catch_warnings():
            # It does not know that TLS has begun already, and so warns of passwords without.
            simplefilter("ignore", UserWarning)
            return SMTP(
                served,
                enable_SMTPUTF8=True,
                hostname="mail.test",
                tls_context=None if implicit else tls,
                auth_required=tls is not None,
                auth_require_tls=not implicit and not careless,
                authenticator=served.authenticate,
            )

    listening = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", served.port, ssl=tls if implicit else None
    )
    served.port = listening.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        listening.close()
        await listening.wait_closed()
