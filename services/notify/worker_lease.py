"""The right of one worker to do what only one of them may do at a time."""

import time

from services.notify.models import leases
from shared.databases import Database
from shared.leases import hold_lease, release_lease


class WorkerLease:
    """A lease that a worker's loop takes when it has something to do, and keeps while it goes on.

    It is asked of the database three times before it would end, not at every step.
    """

    def __init__(self, database: Database, name: str, holder: str, seconds: float) -> None:
        self._database = database
        self._name = name
        self._holder = holder
        self._seconds = seconds
        self._ours_until = 0.0

    async def is_ours(self) -> bool:
        """Whether this worker may go on; it takes the lease if nobody has it."""
        if time.monotonic() < self._ours_until:
            return True
        async with self._database.transaction() as session:
            ours = await hold_lease(session, leases, self._name, self._holder, self._seconds)
        self._ours_until = time.monotonic() + self._seconds / 3 if ours else 0.0
        return ours

    def doubt(self) -> None:
        """Ask the database at the next step: somebody else seems to have the lease."""
        self._ours_until = 0.0

    async def leave(self) -> None:
        """Give the lease up, so that another worker need not wait until it ends."""
        if self._ours_until:
            async with self._database.transaction() as session:
                await release_lease(session, leases, self._name, self._holder)
