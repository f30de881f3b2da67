"""A database that is away for a while: told of once, and waited for."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from shared.loops import FAILURES

_log = structlog.get_logger()


class Outage:
    """Whether what a loop works on is away. Searches go on without it."""

    def __init__(self, loop: str) -> None:
        """`loop` is the loop's name in the log and the metrics."""
        self._loop = loop
        self._lasts = False

    @contextmanager
    def waited_out(self) -> Iterator[None]:
        """Let the block fail: the first of several failures is logged, and so is their end."""
        try:
            yield
        # Whatever it is: errors of asyncpg's connecting come as they are, not as SQLAlchemy's.
        except Exception as error:
            FAILURES.labels(self._loop).inc()
            if not self._lasts:
                _log.warning("database.away", loop=self._loop, error=repr(error))
            self._lasts = True
        else:
            if self._lasts:
                _log.info("database.back", loop=self._loop)
            self._lasts = False
