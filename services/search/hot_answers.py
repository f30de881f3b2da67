"""Answers that were given a moment ago, kept as long as nothing has changed that they depend on."""

from collections import OrderedDict
from dataclasses import dataclass

from prometheus_client import Counter

from services.search.expansion import Synonyms
from services.search.view import View

RECALLED = Counter("search_answers_recalled_total", "Searches answered from memory.")
_MOST_BYTES = 16 * 1024 * 1024
_LARGEST = 1024 * 1024
# What Python takes for an entry besides.
_EACH = 500

Key = tuple[bytes, str]
"""The query of the address as it was sent, and the audience."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A rendered answer, how many hits there are, and the cursor of the next page."""

    body: bytes
    total: int
    next: str | None
    has_text: bool
    """Whether it was asked for words, and not only for filters."""


class HotAnswers:
    """The answers to what is asked again and again, as it is while people type.

    An answer depends on the question, the audience, one state of the index with its vocabulary, and
    the synonyms. With the next state of either, all are forgotten: what is answered is never older
    than what would be found.
    """

    def __init__(self) -> None:
        self._view: View | None = None
        self._synonyms: Synonyms | None = None
        self._answers: OrderedDict[Key, Answer] = OrderedDict()
        self._bytes = 0

    def recall(self, key: Key, view: View, synonyms: Synonyms) -> Answer | None:
        """The answer to `key`, if it was given on this very state."""
        if view is not self._view or synonyms is not self._synonyms:
            self._view, self._synonyms, self._bytes = view, synonyms, 0
            self._answers.clear()
            return None
        found = self._answers.get(key)
        if found is not None:
            self._answers.move_to_end(key)
            RECALLED.inc()
        return found

    def keep(self, key: Key, view: View, synonyms: Synonyms, answer: Answer) -> None:
        """Keep an answer that was made on this state; the longest unasked make room for it."""
        if view is not self._view or synonyms is not self._synonyms:
            return
        size = _size_of(key, answer)
        if size > _LARGEST or key in self._answers:
            return
        self._answers[key] = answer
        self._bytes += size
        while self._bytes > _MOST_BYTES:
            self._bytes -= _size_of(*self._answers.popitem(last=False))


def _size_of(key: Key, answer: Answer) -> int:
    """Memory that it takes to keep: a long question may have a short answer."""
    return len(key[0]) + len(answer.body) + _EACH
