"""What a notify process holds while it runs, as its routes need it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from services.notify.settings import Settings
from shared.sealing import Seal
from shared.service_client import DirectoryClient
from shared.tokens import Caller, SignedIn


@dataclass(frozen=True, slots=True)
class Parts:
    """What a notify process holds."""

    settings: Settings
    seal: Seal
    directory: DirectoryClient
    ensure_begun: Callable[[], Awaitable[None]]
    know_account: Callable[[Caller], Awaitable[None]]


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


PartsOf = Annotated[Parts, Depends(_parts)]


async def _ensure_begun(parts: PartsOf, _: SignedIn) -> None:
    await parts.ensure_begun()


# Its own transaction must be over before the route's begins: SQLite has one writer.
Begun = Annotated[None, Depends(_ensure_begun)]


async def _know_account(parts: PartsOf, caller: SignedIn, _: Begun) -> None:
    # In this order: what happens to the account after it was asked for is then on the log.
    await parts.know_account(caller)


Known = Annotated[None, Depends(_know_account)]
