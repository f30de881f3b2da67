"""Damage to the live index while it is read: found, told of, and left to the worker to replace."""

import asyncio
import time
from pathlib import Path

import structlog
from prometheus_client import Counter

from services.search.index import IndexHome, damage_in
from services.search.reading import IndexReader

DAMAGED = Counter("search_index_damaged_total", "Times the live index was found damaged.")
_FIRST_REST_SECONDS, _LONGEST_REST_SECONDS = 15.0, 300.0
"""Between two reports, doubled each time: what is damaged again, another index does not help."""
_FORGOTTEN_SECONDS = 3_600.0
_SCRUB_SECONDS = 600.0
_MOST_WHOLE = 3
_log = structlog.get_logger()


class DamageWatch:
    """Looks into reads that fail, and now and then at what nobody has complained of.

    The index is mapped into memory, so bytes that change on the disk change under the searches. It
    depends on the bytes whether those fail or find something else; so every file is read every ten
    minutes against its checksum, and as soon as a read has failed.
    """

    def __init__(
        self, reading: IndexReader, home: IndexHome, scrub_seconds: float = _SCRUB_SECONDS
    ) -> None:
        self._reading = reading
        self._home = home
        self._scrub_seconds = scrub_seconds
        self._scrub_at = time.monotonic() + scrub_seconds
        self._rest_until, self._rest_seconds = float("-inf"), _FIRST_REST_SECONDS
        self._looked_at = reading.failures
        self._whole, self._whole_at = 0, float("-inf")

    async def step(self) -> int:
        """Look at the live index, if there is a reason to.

        Returns:
            1 if it was damaged, and that was reported to the worker.
        """
        folder, failures, now = self._home.live(), self._reading.failures, time.monotonic()
        has_failed = failures != self._looked_at
        if folder is None or now < self._rest_until or not (has_failed or now >= self._scrub_at):
            return 0
        self._looked_at, self._scrub_at = failures, now + self._scrub_seconds
        found = await asyncio.to_thread(damage_in, folder)
        if found is None and has_failed:
            found = self._look_past(folder)
        if found is None or self._home.live() != folder:
            return 0
        self._home.report_damage(folder)
        self._rest()
        self._reading.damage = found
        DAMAGED.inc()
        _log.error("index.damaged", folder=folder.name, error=found)
        return 1

    def _rest(self) -> None:
        now = time.monotonic()
        if now > self._rest_until + _FORGOTTEN_SECONDS:
            self._rest_seconds = _FIRST_REST_SECONDS
        self._rest_until = now + self._rest_seconds
        self._rest_seconds = min(2 * self._rest_seconds, _LONGEST_REST_SECONDS)

    def _look_past(self, folder: Path) -> str | None:
        """Open the files again, which are whole; what is wrong with them if that does not help."""
        now = time.monotonic()
        self._whole = self._whole + 1 if now < self._whole_at + _LONGEST_REST_SECONDS else 1
        self._whole_at = now
        if self._whole < _MOST_WHOLE:
            self._reading.open_anew()
            _log.warning("index.opened_anew", folder=folder.name)
            return None
        self._whole = 0
        return "it cannot be read, although its files are whole"
