"""Older parts of the log, read from the directory in pages that several readers share.

A page that is full never changes but by an erasure, so readers that come back together after an
outage cost the directory one request a page, not one each.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress

from services.notify.stream.events import LoggedEvent
from shared.service_client import DirectoryClient

_PAGE = 100
_MOST_PAGES = 20
_REQUESTS_AT_ONCE = 4


class LogChanged(Exception):
    """The directory's log is another one now, or ends before the place asked for."""


class LogPages:
    """The log as the directory has it."""

    def __init__(self, directory: DirectoryClient) -> None:
        self._directory = directory
        self._pages: OrderedDict[tuple[str, int], asyncio.Task[list[LoggedEvent]]] = OrderedDict()
        self._turn = asyncio.Semaphore(_REQUESTS_AT_ONCE)

    async def after(self, log_id: str, sequence: int) -> Sequence[LoggedEvent]:
        """Some events that follow on `sequence`; none only at the end of the log.

        Raises:
            LogChanged: there is no such log any more.
            httpx.HTTPError: the directory does not answer.
        """
        key = (log_id, sequence // _PAGE)
        page = self._pages.get(key)
        if page is None:
            page = self._pages[key] = asyncio.create_task(self._read(*key))
            page.add_done_callback(lambda done: self._keep(key, done))
        # Shielded, because others may wait for the same page when this reader leaves.
        return [event for event in await asyncio.shield(page) if event.sequence > sequence]

    def forget(self) -> None:
        """Keep no page: what is on the log was changed. Who waits for one still gets it."""
        self._pages.clear()

    async def close(self) -> None:
        """Forget all pages, those under way too."""
        pages = list(self._pages.values())
        for page in pages:
            page.cancel()
        for page in pages:
            with suppress(asyncio.CancelledError, Exception):
                await page

    def _keep(self, key: tuple[str, int], page: "asyncio.Task[list[LoggedEvent]]") -> None:
        full = not page.cancelled() and page.exception() is None and len(page.result()) == _PAGE
        if self._pages.get(key) is not page:
            return
        if not full:
            del self._pages[key]
            return
        self._pages.move_to_end(key)
        while len(self._pages) > _MOST_PAGES:
            self._pages.popitem(last=False)

    async def _read(self, log_id: str, number: int) -> list[LoggedEvent]:
        after = number * _PAGE
        async with self._turn:
            answer = await self._directory.get("/changes", after=after, limit=_PAGE)
        page = answer.json()
        if page["log_id"] != log_id or page["head"] < after:
            raise LogChanged(f"the log is {page['log_id']} up to {page['head']}")
        return [LoggedEvent(event) for event in page["items"]]
