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

from sqlalchemy import bindparam, func, select

from services.directory.models import outbox_table
from services.directory.outbox import TOUCHED
from shared.databases import Database

_TRUST_SECONDS = 1.0
_PAGES = "pages"
_USUAL_RECORD_BYTES = 4_096
_LOOK_AT = 1_000


@dataclass(frozen=True, slots=True)
class HotAnswer:
    """A finished answer."""

    body: bytes
    headers: dict[str, str]

    @property
    def weight(self) -> int:
        """How many records of usual size it takes the place of in memory."""
        return 1 + len(self.body) // _USUAL_RECORD_BYTES


class HotAnswers:
    """The answers of one process."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._weight = 0
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
        if key in self._answers:
            self._drop(key)
        self._answers[key] = (subject, answer)
        self._weight += answer.weight
        self._keys_of.setdefault(subject, set()).add(key)
        while self._weight > self._limit:
            self._drop(next(iter(self._answers)))

    def _drop(self, key: object) -> None:
        subject, answer = self._answers.pop(key)
        self._weight -= answer.weight
        keys = self._keys_of[subject]
        keys.discard(key)
        if not keys:
            del self._keys_of[subject]

    def forget(self, record_ids: Iterable[UUID]) -> None:
        """Forget what shows one of these records, and every page."""
        self._clock += 1
        subjects: set[UUID | str] = {*record_ids, _PAGES}
        for subject in subjects:
            self._forgotten[subject] = self._clock
            self._forgotten.move_to_end(subject)
            for key in list(self._keys_of.get(subject, ())):
                self._drop(key)
        while len(self._forgotten) > self._limit:
            _, self._oldest_known = self._forgotten.popitem(last=False)

    def after_commit(self, info: dict[object, object]) -> None:
        """Forget what a transaction has touched (see Database.committed)."""
        touched = info.get(TOUCHED)
        if isinstance(touched, set) and touched:
            self.forget(touched)

    def begin(self) -> None:
        """Forget everything, and keep nothing of what is being read: the log is known from now."""
        self._clock += 1
        self._oldest_known = self._clock
        for key in list(self._answers):
            self._drop(key)

    def trust(self) -> None:
        """Answers may be given from memory for the next second: the log was just read."""
        self._trusted_until = time.monotonic() + _TRUST_SECONDS


# Built once: it is asked twenty times a second.
_NEWER = (
    select(outbox_table.c.id, outbox_table.c.subject)
    .where(outbox_table.c.id > bindparam("seen"))
    .order_by(outbox_table.c.id)
    .limit(_LOOK_AT)
)


class LogWatch:
    """Reads in the log what other processes have written, and forgets the answers it made old."""

    def __init__(self, database: Database, answers: HotAnswers) -> None:
        self._database = database
        self._answers = answers
        self._seen: int | None = None

    async def step(self) -> int:
        """Forget what changed since the last step; how many events there were.

        It goes by the outbox's own ids, not by sequences: writers stand in line, so the ids are in
        the order of the commits, and answers do not depend on the relay's health.
        """
        async with self._database.reading() as session:
            if self._seen is None:
                newest = await session.execute(select(func.max(outbox_table.c.id)))
                self._seen = newest.scalar() or 0
                self._answers.begin()
            rows = (await session.execute(_NEWER, {"seen": self._seen})).all()
        if rows:
            self._answers.forget(UUID(row.subject) for row in rows)
            self._seen = rows[-1].id
        if len(rows) < _LOOK_AT:
            self._answers.trust()
        return len(rows)
