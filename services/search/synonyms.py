"""Which words stand for which others when a question is asked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.folding import words_of

Words = tuple[str, ...]
"""A term as it is looked for: its folded words."""

Direction = Literal["both", "one_way"]
"""`both`: each of the terms stands for each other. `one_way`: the others stand for the first."""


@dataclass(frozen=True, slots=True)
class SynonymTable:
    """The synonyms of one moment, made for looking them up. It never changes.

    Only what a synonym says itself holds: of "a, b" and "b, c" does not follow that c stands for a.
    """

    longest: int
    """Most words that `others_of` knows an answer for; 0 when there are no synonyms."""
    _others: dict[Words, tuple[Words, ...]]

    @classmethod
    def empty(cls) -> "SynonymTable":
        """The table of no synonyms."""
        return cls(0, {})

    @classmethod
    def from_rows(cls, rows: Iterable[tuple[Sequence[str], str]]) -> "SynonymTable":
        """The table of synonyms, each given by its terms, as typed, and its direction."""
        # Inner dicts as ordered sets: two synonyms may say the same of a term.
        found: dict[Words, dict[Words, None]] = {}
        for terms, direction in rows:
            folded = [words for term in terms if (words := tuple(words_of(term)))]
            asked_for = folded if direction == "both" else folded[:1]
            for words in asked_for:
                found.setdefault(words, {}).update(
                    (other, None) for other in folded if other != words
                )
        others = {words: tuple(standing) for words, standing in found.items() if standing}
        return cls(max(map(len, others), default=0), others)

    def others_of(self, words: Words) -> tuple[Words, ...]:
        """What stands for exactly these folded words, without themselves; mostly nothing does."""
        return self._others.get(words, ())
