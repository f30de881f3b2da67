"""Backing off: an endpoint for which it is too much is sent less, and then nothing for a while.

Each worker learns it by itself, from the answers it gets. Too much are a 429, a 503, and no answer
in time; each halves what the endpoint is sent at a time, each success allows one more again. When
even one at a time is too much, it is left alone, so that its backlog does not spend attempts on it.
"""

import time
from collections.abc import Mapping
from uuid import UUID

import prometheus_client

SLOWED = prometheus_client.Gauge(
    "webhook_endpoints_slowed", "Endpoints that are sent less because it was too much for them."
)


class BackingOff:
    """What one worker knows of the endpoints for which it was too much."""

    def __init__(self, most: int, rest_seconds: float) -> None:
        """`most`: requests to one endpoint at a time; `rest_seconds`: how long it is left alone."""
        self._most = most
        self._rest_seconds = rest_seconds
        self._shares: dict[UUID, int] = {}
        self._resting_until: dict[UUID, float] = {}

    def note_overload(self, webhook_id: UUID) -> None:
        """It was too much."""
        share = self._shares.get(webhook_id, self._most)
        if share == 1:
            self._resting_until[webhook_id] = time.monotonic() + self._rest_seconds
        self._shares[webhook_id] = max(1, share // 2)
        SLOWED.set(len(self._shares))

    def note_success(self, webhook_id: UUID) -> None:
        """It was not too much."""
        # Nearly always there is none, and it is asked of every success.
        share = self._shares.get(webhook_id) if self._shares else None
        if share is None:
            return
        self._resting_until.pop(webhook_id, None)
        self._shares[webhook_id] = share + 1
        if share + 1 >= self._most:
            del self._shares[webhook_id]
        SLOWED.set(len(self._shares))

    def rests(self, webhook_id: UUID) -> bool:
        """Whether the endpoint is left alone now."""
        if not self._resting_until:
            return False
        return self._resting_until.get(webhook_id, 0.0) > time.monotonic()

    def shares(self) -> Mapping[UUID, int]:
        """How many requests at a time those endpoints may have that are sent less."""
        return {
            webhook_id: 0 if self.rests(webhook_id) else share
            for webhook_id, share in self._shares.items()
        }
