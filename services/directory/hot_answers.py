"""Finished answers kept in memory, and forgotten as soon as what they show has changed.

Invariant: an answer is kept only if nothing of it was forgotten since its reading began; otherwise
a read that began before a commit could put back what the commit has made old. The process that
wrote forgets right after its commit, before it replies; the others learn of it from the log, and
keep nothing for longer than a second in which they could not read the log.
"""

import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_, select

from services.directory.models import event_log_table, outbox_table
from services.directory.outbox import TOUCHED
from shared.databases import Database

_TRUST_SECONDS = 1.0
_PAGES = "pages"


@dataclass(frozen=True, slots=True)
class HotAnswer:
    """A finished answer."""

    body: bytes
    headers: dict[str, str]


class HotAnswers:
    """The answers of one process."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._answers: OrderedDict[object, tuple[UUID | str, HotAnswer]] = OrderedDict()
        self._keys_of: dict[UUID | str, set[object]] = {}
        self._forgotten: OrderedDict[UUID | str, int] = OrderedDict()
        self._clock = 0
        self._oldest_known = 0
        self._trusted_until = 0.0

    @property
    def clock(self) -> int:
        """Counts what was forgotten; note it before reading the database, give it to `keep`."""
        return self._clock

    def find(self, key: object) -> HotAnswer | None:
        """The answer kept for `key`, if it can be relied on."""
        if time.monotonic() > self._trusted_until:
            return None
        found = self._answers.get(key)
        return found[1] if found is not None else None

    def keep(self, key: object, about: UUID | None, answer: HotAnswer, clock: int) -> None:
        """Keep `answer`, which shows the record `about`, or a page of many where that is None."""
        subject = about or _PAGES
        if clock < self._oldest_known or self._forgotten.get(subject, 0) > clock:
            return
        self._answers[key] = (subject, answer)
        self._keys_of.setdefault(subject, set()).add(key)
        if len(self._answers) > self._limit:
            oldest, (its_subject, _) = self._answers.popitem(last=False)
            self._keys_of[its_subject].discard(oldest)

    def forget(self, record_ids: Iterable[UUID]) -> None:
        """Forget what shows one of these records, and every page."""
        self._clock += 1
        subjects: set[UUID | str] = {*record_ids, _PAGES}
        for subject in subjects:
            self._forgotten[subject] = self._clock
            self._forgotten.move_to_end(subject)
            for key in self._keys_of.pop(subject, ()):
                del self._answers[key]
        while len(self._forgotten) > self._limit:
            _, self._oldest_known = self._forgotten.popitem(last=False)

    def after_commit(self, info: dict[object, object]) -> None:
        """Forget what a transaction has touched (see Database.committed)."""
        touched = info.get(TOUCHED)
        if isinstance(touched, set) and touched:
            self.forget(touched)

    def trust(self) -> None:
        """Answers may be given from memory for the next second: the log was just read."""
        self._trusted_until = time.monotonic() + _TRUST_SECONDS


class LogWatch:
    """Reads in the log what other processes have written, and forgets the answers it made old."""

    def __init__(self, database: Database, answers: HotAnswers) -> None:
        self._database = database
        self._answers = answers
        self._seen: int | None = None

    async def step(self) -> int:
        """Forget what changed since the last step; how many events there were."""
        async with self._database.reading() as session:
            if self._seen is None:
                self._seen = (await session.execute(select(event_log_table.c.head))).scalar_one()
            rows = (
                await session.execute(
                    select(outbox_table.c.sequence, outbox_table.c.subject)
                    # Also what is not numbered yet: answers must not depend on the relay's health.
                    .where(
                        or_(outbox_table.c.sequence > self._seen, outbox_table.c.sequence.is_(None))
                    )
                    .order_by(outbox_table.c.sequence)
                    .limit(1_000)
                )
            ).all()
        if rows:
            self._answers.forget(UUID(row.subject) for row in rows)
            numbered = [row.sequence for row in rows if row.sequence is not None]
            self._seen = max(numbered, default=self._seen)
        self._answers.trust()
        return len(rows)
