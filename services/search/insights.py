"""Counting what is searched for: in memory, a batch at a time into the database, without traces."""

import asyncio
import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

from services.search.outage import Outage
from services.search.search_counts import UNKEPT, UNNAMED, Tally, add_counts, purge_counts
from shared.databases import Database
from shared.folding import fold, folded_name

INSIGHT_LOOP = "search.insights"
INSIGHT_SECONDS = 2.0
"""How long a search is counted in memory only; a killed process forgets so much."""

_MOST_WAITING = 5_000
_BATCH = 500
_MOST_CHARACTERS = 100
_LAST_STEP_SECONDS = 3.0
# An e-mail address, or six digits with nothing but spaces and marks between: a telephone number.
_PERSONAL = re.compile(r"@|\d(?:[\W_]*\d){5}")


class SearchCounter:
    """How often which question was searched, on which day, and how often in vain."""

    def __init__(self, database: Database, days: int) -> None:
        """`days`: of how many days counts are kept, today included."""
        self._database = database
        self._days = days
        self._waiting: dict[tuple[date, str], Tally] = {}
        self._purged_on: date | None = None
        self._outage = Outage(INSIGHT_LOOP)

    def count(self, q: str, total: int) -> None:
        """Count one search for `q`, as it was typed, that found `total` records. Never fails.

        The words are kept folded, and only where they do not look like a person's data; for that
        `q` has to be whole, since folding takes the `@` away.
        """
        self._add(today(), self._question_of(q), Tally(1, 0 if total else 1))

    async def step(self) -> int:
        """Carry a batch into the database and let go of what is too old; 0 when all is done.

        What cannot be carried waits, as much as there is room for.
        """
        done = 0
        with self._outage.waited_out():
            done += await self._carry()
            done += await self._purge()
        return done

    async def finish(self) -> None:
        """Carry over what still waits, if the database takes it within some seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_STEP_SECONDS):
                while self._waiting and await self.step():
                    pass

    def _question_of(self, q: str) -> str:
        plain = fold(q)
        if _PERSONAL.search(plain):
            UNKEPT.labels("personal").inc()
            return UNNAMED
        return folded_name(plain)[:_MOST_CHARACTERS].rstrip()

    def _add(self, day: date, question: str, tally: Tally) -> None:
        if (day, question) not in self._waiting and len(self._waiting) >= _MOST_WAITING:
            UNKEPT.labels("too_many").inc(tally.searches)
            question = UNNAMED
        self._waiting.setdefault((day, question), Tally()).add(tally)

    def _take(self) -> tuple[date, dict[str, Tally]]:
        """A batch of what waits, out of one day."""
        days = [day for day, _ in self._waiting]
        day = min(days, default=today())
        questions = [question for of, question in self._waiting if of == day][:_BATCH]
        return day, {question: self._waiting.pop((day, question)) for question in questions}

    async def _carry(self) -> int:
        day, batch = self._take()
        if not batch:
            return 0
        # Not what comes while this one is carried: the loop would never pause.
        left = len(self._waiting)
        try:
            async with self._database.transaction() as session:
                await add_counts(session, day, batch)
        except BaseException:
            for question, tally in batch.items():
                self._add(day, question, tally)
            raise
        return left

    async def _purge(self) -> int:
        """Once a day there is something to let go of, and after a start."""
        now = today()
        if self._purged_on == now:
            return 0
        async with self._database.transaction() as session:
            gone = await purge_counts(session, first_day(self._days))
        if not gone:
            self._purged_on = now
        return gone


def today() -> date:
    """The day it is, in UTC."""
    return datetime.now(UTC).date()


def first_day(days: int) -> date:
    """The first of the last `days` days, today included."""
    return today() - timedelta(days=days - 1)
