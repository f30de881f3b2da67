"""The HTTP client that reaches endpoints, and nothing that is not meant to be reached.

Addresses are judged twice: all that a name resolves to, before any is dialled, and each one again
at the moment its socket is made. The second look also sees literal addresses, and cannot be
fooled by a name that resolves to something else in between.
"""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from services.notify.addresses import Network, why_text_refused
from services.notify.retries import Answer

# Servers commonly close idle connections after five seconds; a POST on a closed one would be lost.
_KEEP_ALIVE_SECONDS = 4.0
_RESOLVER_THREADS = 32


class AddressRefused(OSError):
    """The address may not be reached by webhooks."""


class SystemResolver(AbstractResolver):
    """Asks the system, in threads of its own: names that hang hold up nothing but names."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_RESOLVER_THREADS, thread_name_prefix="resolve")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host`."""

        def ask() -> list[Any]:
            return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)

        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        return [
            ResolveResult(
                hostname=host,
                host=f"{address[0]}%{address[3]}"
                if len(address) > 3 and address[3]
                else address[0],
                port=address[1],
                family=found_family,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found_family, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """Let go of the threads; one that still waits for a name is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class GuardedResolver(AbstractResolver):
    """Refuses a name as soon as any of its addresses may not be reached."""

    def __init__(self, inner: AbstractResolver, allowed: Sequence[Network]) -> None:
        self._inner = inner
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host`, all of them good."""
        results = await self._inner.resolve(host, port, family)
        for result in results:
            reason = why_text_refused(result["host"], self._allowed)
            if reason is not None:
                raise AddressRefused(f"{host} is at {result['host']}, which is refused: {reason}")
        return results

    async def close(self) -> None:
        """Close the resolver behind it."""
        await self._inner.close()


class Outbound:
    """Sends requests to endpoints. Make it inside a running event loop, and close it."""

    def __init__(
        self,
        *,
        allowed: Sequence[Network],
        timeout_seconds: float,
        connect_timeout_seconds: float,
        kept_answer_bytes: int,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._allowed = allowed
        self._kept_answer_bytes = kept_answer_bytes
        self._resolver = GuardedResolver(resolver or SystemResolver(), allowed)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=_KEEP_ALIVE_SECONDS,
                resolver=self._resolver,
                socket_factory=self._make_socket,
            ),
            timeout=aiohttp.ClientTimeout(total=timeout_seconds, connect=connect_timeout_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            skip_auto_headers=("Accept-Encoding",),
        )

    def _make_socket(self, address: Any) -> socket.socket:
        """A socket for the very address that is going to be dialled."""
        family, kind, protocol, _, where = address
        text = where[0] if len(where) < 4 or not where[3] else f"{where[0]}%{where[3]}"
        reason = why_text_refused(text, self._allowed)
        if reason is not None:
            raise AddressRefused(f"{text} is refused: {reason}")
        return socket.socket(family, kind, protocol)

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        """POST `body` to `url`; whatever goes wrong is an answer too."""
        try:
            async with self._session.post(
                url, data=body, headers=headers, allow_redirects=False
            ) as response:
                return Answer(
                    status_code=response.status,
                    retry_after=response.headers.get("Retry-After"),
                    body=await _beginning_of(response, self._kept_answer_bytes),
                )
        except TimeoutError as error:
            return Answer(error=f"no answer in time ({type(error).__name__})", timed_out=True)
        except aiohttp.ClientConnectorError as error:
            return Answer(error=f"cannot connect: {error.os_error}")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # ValueError: aiohttp's word for some URLs and answers that it cannot make sense of.
            return Answer(error=f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()
        await self._resolver.close()


async def _beginning_of(response: aiohttp.ClientResponse, most: int) -> str:
    """The answer's body as text, as far as it is kept; the rest of a longer one is not read."""
    if response.content.at_eof():
        return ""
    kept = bytearray()
    # The status is what counts: an endpoint that took the event and then fails is not asked again.
    with suppress(aiohttp.ClientError, OSError):
        async for chunk in response.content.iter_any():
            kept += chunk
            if len(kept) > most:
                # The connection has the rest of the body on it and cannot be used again.
                response.close()
                break
    # PostgreSQL's text has no place for NUL.
    return bytes(kept[:most]).decode(errors="replace").replace("\x00", "\ufffd")
