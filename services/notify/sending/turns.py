"""Turns: of what is in hand for one endpoint, so many are under way and the others wait in line."""

import time
from collections import deque

from services.notify.sending.leasing import LeasedDelivery

_LONGEST_SILENCE_SECONDS = 1.0


class Turns:
    """The line of one endpoint. Moments are those of the monotonic clock, in seconds."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[LeasedDelivery, float]] = deque()
        """What has no turn yet, each with the moment when it was leased."""
        self.in_hand = 0
        """How many deliveries: those that wait, and those under way."""
        self.under_way = 0
        """How many requests there are at the moment."""
        self.answered_at = 0.0
        """When the endpoint answered last."""

    def is_held_up(self) -> bool:
        """Whether the endpoint has answered nothing at all while the first of the line waited.

        Else what is in hand of an endpoint that was quick and hangs now would stand in line until
        the requests before it time out, and take up the room of others.
        """
        if not self.waiting:
            return False
        _, waits_since = self.waiting[0]
        silent_since = max(self.answered_at, waits_since)
        return time.monotonic() - silent_since > _LONGEST_SILENCE_SECONDS

    def clear(self) -> list[LeasedDelivery]:
        """Let go of all that waits; what it was."""
        left = [delivery for delivery, _ in self.waiting]
        self.waiting.clear()
        return left
