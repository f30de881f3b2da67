"""The answer of the live stream: it goes on until its reader leaves or is parted from."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.notify.stream.live import SENT, LiveStream
from services.notify.stream.reader import Ending, Reader
from services.notify.stream.selection import Selection
from shared.log_follower import Position
from shared.open_ended import BREAK_OFF, ON_SHUTDOWN
from shared.request_context import FACTS, OPEN_ENDED


@dataclass(frozen=True, slots=True)
class Admission:
    """What a reader was let in for."""

    selection: Selection
    begin: Position
    reset: str | None
    """Why what it has does not lead to what comes, if so."""
    caller: str
    until: float | None
    """When its token expires (Unix time)."""


class StreamAnswer(Response):
    """Server-Sent Events, https://html.spec.whatwg.org/multipage/server-sent-events.html."""

    media_type = "text/event-stream"

    def __init__(self, live: LiveStream, admission: Admission) -> None:
        # Not the response's own: that one has a body, and a length.
        self.status_code = 200
        self.background = None
        self.init_headers(
            {
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
                # The connection ends with the stream, so that it can be broken off.
                "Connection": "close",
                "X-Log-Id": admission.begin.log_id,
                "X-Sequence": str(admission.begin.sequence),
            }
        )
        self._live = live
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        admission = self._admission
        reader = self._live.join(admission.selection, admission.begin, admission.caller)
        if admission.reset is not None:
            reader.reset(admission.begin, admission.reset)
        reader.break_off = scope.get(BREAK_OFF)
        scope[ON_SHUTDOWN] = lambda: reader.end(Ending.shutdown)
        loop = asyncio.get_running_loop()
        watcher = asyncio.create_task(_watch(receive, reader))
        expiry = None
        if admission.until is not None:
            left = max(0.0, admission.until - time.time())
            expiry = loop.call_later(left, reader.end, Ending.token_expired)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            sent = 0
            while piece := await reader.next_piece():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                SENT.inc(reader.events - sent)
                sent = reader.events
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            reader.end(Ending.left)
            self._live.leave(reader)
            if expiry is not None:
                expiry.cancel()
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher
            state: dict[str, Any] = scope.setdefault("state", {})
            state[OPEN_ENDED] = True
            state[FACTS] = {"events": reader.events, "ended": reader.ending}


async def _watch(receive: Receive, reader: Reader) -> None:
    """Notice that the reader has left, which sending nothing never tells."""
    while (await receive())["type"] != "http.disconnect":
        pass
    reader.end(Ending.left)
