"""The words that an audience can find: which there are, which begin so, which may be meant."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log, log10
from typing import Final, NamedTuple

from rapidfuzz.distance import OSA

from services.search.deletions import LONGEST, Deletions

Counts = Mapping[str, int]
"""How many of an audience's records have a word."""

# Meilisearch and Typesense begin at 5 and 4 letters, and allow two errors from 9 and 7: the table
# in docs/decisions/typing-errors.md says what measured best here.
ONE_ERROR_FROM: Final = 4
TWO_ERRORS_FROM: Final = 8
_TWO_ERRORS_TO = 20
_MOST_CANDIDATES = 6
# An error in the first letter is rarer than one further on.
_FIRST_LETTER_COSTS = 0.5
# How many errors a word must be nearer to be taken for one that is ten times as frequent.
_FREQUENCY_COUNTS = 0.35
_SHORTEST_PART = 3
# A word of so few records may be an error where one letter away stands one of many more.
_RARE, _MUCH_COMMONER = 2, 20
_FEW_NEW = 1_000


class Candidate(NamedTuple):
    """A word that may be meant by another."""

    word: str
    errors: int
    cost: float
    """The lower the likelier: errors, less what its frequency speaks for it."""
    first_is_wrong: bool
    """Whether the error is in the first letter."""


@dataclass(frozen=True, slots=True)
class AudienceWords:
    """What one audience can find, as far as whole terms go."""

    words: Counts
    """Words as they are written, acronyms left out."""
    in_order: Sequence[str]
    """The same, sorted."""
    forms: Counts
    """The same in one form, and stems, as the index is asked for them."""
    documents: int
    acronyms: Counts
    """Whole folded acronyms."""
    abbreviated: Counts
    """Acronyms, and names beside which there is an acronym."""
    beside: Sequence[tuple[str, int]]
    """Each of them with what stands beside it, as schema.BESIDE has it, in their order."""
    around: Counts
    """Words of the places where bodies are and of the topics that they are about, in one form."""
    languages: tuple[str, ...]
    """Languages of descriptions."""

    def rarity(self, form: str) -> float:
        """How rare a form is among this audience's records, so that no score tells of others."""
        return rarity_of(self.forms.get(form, 0), self.documents)

    def pairs_of(self, beginning: str) -> list[tuple[str, int]]:
        """What is in `beside` that begins so."""
        found = []
        for at in range(bisect_left(self.beside, (beginning, 0)), len(self.beside)):
            if not self.beside[at][0].startswith(beginning):
                break
            found.append(self.beside[at])
        return found


NO_WORDS = AudienceWords({}, (), {}, 0, {}, {}, (), {}, ("en",))


class Vocabulary:
    """The words of an index, apart for each audience; it never changes, a new one takes its place.

    The variants of words are kept for all audiences together, and a candidate counts only where
    the audience that asks has it. What has come since the large part was built is in a small one.
    """

    def __init__(
        self,
        audiences: Mapping[str, AudienceWords],
        before: "Vocabulary | None" = None,
        learned_from: object = None,
    ) -> None:
        self.learned_from = learned_from
        """The searcher of the state of the index that has these words."""
        self._audiences = dict(audiences)
        every = set().union(*(found.words for found in audiences.values()))
        new = set() if before is None else every - before.known
        if before is not None and len(new) <= max(_FEW_NEW, len(before.known) // 10):
            self.known: set[str] = before.known
            self._listed: list[str] = before._listed
            self._large: Deletions = before._large
        else:
            self.known, new = every, set()
            self._listed = sorted(every)
            self._large = Deletions(self._listed)
        self._late = sorted(new)
        self._small = Deletions(self._late)
        # Among few words what is near is found in a third of the time.
        self._common = sorted(_common_words(audiences.values()))
        if before is not None and before._common == self._common:
            self._among_common: Deletions = before._among_common
        else:
            self._among_common = Deletions(self._common)

    @property
    def count(self) -> int:
        """How many words there are, for whichever audience."""
        return len(self._listed) + len(self._late)

    @property
    def size_bytes(self) -> int:
        """Memory of its variants."""
        parts = (self._large, self._small, self._among_common)
        return sum(part.size_bytes for part in parts)

    def of(self, audience: str) -> AudienceWords:
        """What `audience` can find."""
        return self._audiences.get(audience, NO_WORDS)

    def has(self, word: str, audience: str) -> bool:
        """Whether the audience can find `word`, as a word or as an acronym."""
        found = self.of(audience)
        return word in found.words or word in found.acronyms

    def has_beginning(self, beginning: str, audience: str) -> bool:
        """Whether a word that the audience can find begins so."""
        words = self.of(audience).in_order
        at = bisect_left(words, beginning)
        return at < len(words) and words[at].startswith(beginning)

    def candidates(self, word: str, audience: str) -> list[Candidate]:
        """Words that may be meant by `word`, the likeliest first; none where it is too short.

        The distance is OSA: two letters that have changed places are one error. Numbers, and words
        with digits in them, are never taken for others.
        """
        most = errors_allowed(word)
        if not most:
            return []
        counts = self.of(audience).words
        named = [self._listed[number] for number in self._large.near(word, most)]
        named += [self._late[number] for number in self._small.near(word, most)]
        found = []
        for other in named:
            count = counts.get(other, 0)
            if not count or other == word:
                continue
            errors = OSA.distance(word, other, score_cutoff=most)
            if errors > most:
                continue
            first_is_wrong = other[0] != word[0] and other[:2] != word[1::-1]
            cost = errors + (_FIRST_LETTER_COSTS if first_is_wrong else 0.0)
            found.append(Candidate(other, errors, cost + _cost_of(count), first_is_wrong))
        found.sort(key=lambda candidate: (candidate.cost, candidate.word))
        return found[:_MOST_CANDIDATES]

    def commoner_neighbour(self, word: str, audience: str) -> str | None:
        """The word that a rare one is a likely typing error of; None for most words."""
        counts = self.of(audience).words
        count = counts.get(word, 0)
        if not 0 < count <= _RARE or not errors_allowed(word):
            return None
        named = [self._common[number] for number in self._among_common.near(word, 1)]
        # Some of those named are two errors away, and the commonest may be one of them.
        neighbours = [
            other
            for other in named
            if counts.get(other, 0) >= _MUCH_COMMONER * count and OSA.distance(word, other) == 1
        ]
        return max(neighbours, key=counts.__getitem__, default=None)

    def cost_of(self, word: str, audience: str) -> float | None:
        """What it costs to take `word` as it stands; None where the audience has no such word."""
        count = self.of(audience).words.get(word, 0)
        return _cost_of(count) if count else None

    def parts(self, word: str, audience: str) -> tuple[str, str] | None:
        """Two words that were written as one, the commonest ones; None where there are none."""
        counts = self.of(audience).words
        best, chosen = 0, None
        if len(word) > 2 * LONGEST:
            return None
        for at in range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1):
            rarer = min(counts.get(word[:at], 0), counts.get(word[at:], 0))
            if rarer > best:
                best, chosen = rarer, (word[:at], word[at:])
        return chosen


def _common_words(audiences: Iterable[AudienceWords]) -> set[str]:
    """Words that stand in the records of an audience often enough to be meant by a rare one."""
    return {
        word
        for found in audiences
        for word, count in found.words.items()
        if count >= _MUCH_COMMONER
    }


EMPTY: Final = Vocabulary({})


def rarity_of(having: int, every: int) -> float:
    """The inverse document frequency, as BM25 has it, of what `having` of `every` record have."""
    return log(1 + (max(every - having, 0) + 0.5) / (having + 0.5))


def _cost_of(count: int) -> float:
    return -_FREQUENCY_COUNTS * log10(count + 1)


def errors_allowed(word: str) -> int:
    """How many typing errors are looked past in a word."""
    if not ONE_ERROR_FROM <= len(word) <= LONGEST or not word.isalpha():
        return 0
    return 2 if TWO_ERRORS_FROM <= len(word) <= _TWO_ERRORS_TO else 1
