"""Somebody who listens to the live stream and comes back whenever the connection is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.serving import stop_task
from tests.network import Network, pause
from tests.notify.stream_reading import StreamReader, connect


class Listener:
    """Has listened since the first event."""

    def __init__(self, network: Network) -> None:
        self._url = network.urls["notify"]
        self._before: list[int] = []
        self._last_event_id = "0"
        self._stream = StreamReader()
        self.connections = 0

    @property
    def told(self) -> list[int]:
        """Sequences of all that it was told, in order; a `reset` would have no place in it."""
        messages = self._stream.messages
        return self._before + [int(one.id) for one in messages if one.event != "reset"]

    async def listen(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                headers = {"Last-Event-ID": self._last_event_id}
                reader, writer = await connect(self._url, headers)
            except OSError:
                await pause(0.05)
                continue
            try:
                await self._stream.read(reader)
            finally:
                writer.close()
            self.connections += bool(self._stream.last_event_id)
            self._before = self.told
            self._last_event_id = self._stream.last_event_id or self._last_event_id
            self._stream = StreamReader()


@asynccontextmanager
async def listening(network: Network) -> AsyncIterator[Listener]:
    """Somebody who listens while the block runs."""
    listener = Listener(network)
    task = asyncio.create_task(listener.listen())
    try:
        yield listener
    finally:
        await stop_task(task)
