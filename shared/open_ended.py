"""Answers without an end of their own: how the server parts from whoever reads them.

The server waits for answers under way before it tells the application that it stops, and a reader
that takes nothing keeps its connection for as long as it likes. So the protocol hands both over.
"""

from typing import Any, cast

from shared.head_limit import LimitedHttp

ON_SHUTDOWN = "partner_directory.on_shutdown"
"""In a request's scope: what the answer wants to be called when the server begins to stop."""
BREAK_OFF = "partner_directory.break_off"
"""In a request's scope: closes the connection at once, whatever was not taken yet."""


class OpenEndedHttp(LimitedHttp):
    """HTTP/1.1 in which an answer can be told that the server stops, and can be broken off."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast(dict[str, Any], self.scope)[BREAK_OFF] = self.transport.abort

    def shutdown(self) -> None:
        super().shutdown()
        if self.cycle is not None and not self.cycle.response_complete:
            stop = cast(dict[str, Any], self.cycle.scope).get(ON_SHUTDOWN)
            if stop is not None:
                stop()
