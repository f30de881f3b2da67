"""What each word of a question may stand for besides itself: typing errors mended, synonyms."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Literal, Protocol

from services.search.name_words import one_form
from services.search.ranking import (
    FIRST_LETTER_SHARE,
    MOST_READINGS,
    SYNONYM_SHARE,
    TYPO_SHARE,
)
from services.search.vocabulary import Candidate, Vocabulary
from services.search.wording import Wording, Words, carrying

How = Literal["typing error", "written apart", "written together", "synonym"]
_MOST_COMBINATIONS = 2_000
_CANDIDATES_OF_A_READING = 4


class Synonyms(Protocol):
    """What stands for what; see services/search/synonyms.py."""

    @property
    def longest(self) -> int:
        """Most words of which something is known."""

    def others_of(self, words: Words) -> tuple[Words, ...]:
        """What else may be written for exactly these words."""


@dataclass(frozen=True, slots=True)
class Other:
    """Words that may be found in the place of those that were asked for."""

    words: Words
    share: float
    """What it counts, as a share of what was asked for."""
    how: How
    adjacent: bool = False
    """Whether the words must stand side by side."""
    beside: int = 0
    """How many records are known to have it beside what was asked for, as name and acronym."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Words of a question that are found together, or one of the others in their place."""

    words: Words
    prefix: str | None = None
    others: tuple[Other, ...] = ()


@dataclass(frozen=True, slots=True)
class Expansion:
    """A question's words, each with all that it may stand for."""

    units: tuple[Unit, ...]
    readings: tuple[Words, ...]
    """The question's words with their typing errors mended, the likeliest first; none without."""

    @property
    def is_mended(self) -> bool:
        """Whether a typing error was looked past."""
        return bool(self.readings)


AbbreviationsOf = Callable[[Words], Sequence[tuple[Words, int]]]
"""What the directory's own records write in the place of an acronym or of a name that has one, and
how many of them do."""


def expand(
    wording: Wording,
    vocabulary: Vocabulary,
    audience: str,
    synonyms: Synonyms,
    abbreviations_of: AbbreviationsOf,
    *,
    mend_every: bool,
) -> Expansion:
    """The units of `wording` for `audience`.

    Words that the audience can find are taken at their word unless `mend_every`: nothing was found
    with them, so they may be typing errors that happen to be words.
    """
    carried = carrying(wording.words)
    units: list[Unit] = []
    choices: dict[str, Choices] = {}
    for word in carried:
        is_last = word == wording.prefix
        others: tuple[Other, ...] = ()
        if word not in wording.capitals and (
            mend_every or not _is_known(word, is_last, vocabulary, audience)
        ):
            others, choices[word] = _mend(word, vocabulary, audience)
        units.append(Unit((word,), word if is_last else None, others))
    units = _joined(units, vocabulary, audience)
    units = _with_synonyms(units, wording.words, synonyms, abbreviations_of)
    return Expansion(tuple(units), _readings(wording.words, choices))


def _is_known(word: str, may_be_beginning: bool, vocabulary: Vocabulary, audience: str) -> bool:
    """Whether somebody has the word; as "univ" and "universität", also by another form of it."""
    return (
        vocabulary.has(word, audience)
        or one_form(word) in vocabulary.of(audience).forms
        or (may_be_beginning and vocabulary.has_beginning(word, audience))
    )


Choices = tuple[tuple[str, float], ...]
"""What may be read in the place of a word, each with what it costs."""


def _mend(word: str, vocabulary: Vocabulary, audience: str) -> tuple[tuple[Other, ...], Choices]:
    """The others of a word that may be a typing error, and how it may be read."""
    candidates = vocabulary.candidates(word, audience)
    others = [Other((found.word,), _typo_share(found), "typing error") for found in candidates]
    choices = [(found.word, found.cost) for found in candidates[:_CANDIDATES_OF_A_READING]]
    as_it_stands = vocabulary.cost_of(word, audience)
    if as_it_stands is not None:
        choices.append((word, as_it_stands))
    elif not candidates:
        parts = vocabulary.parts(word, audience)
        if parts is not None:
            others.append(Other(parts, TYPO_SHARE[1], "written apart"))
            choices.append((" ".join(parts), 1.0))
    return tuple(others), tuple(choices)


def _typo_share(found: Candidate) -> float:
    share = TYPO_SHARE[found.errors]
    return share * FIRST_LETTER_SHARE if found.first_is_wrong else share


def _joined(units: list[Unit], vocabulary: Vocabulary, audience: str) -> list[Unit]:
    """Neighbours that are also written as one word, as 'cyber crime' is."""
    found: list[Unit] = []
    for unit in units:
        if found and len(found[-1].words) == 1:
            together = found[-1].words[0] + unit.words[0]
            if together in vocabulary.of(audience).words:
                other = Other((together,), TYPO_SHARE[1], "written together")
                words = (*found[-1].words, *unit.words)
                found[-1] = Unit(words, unit.prefix, (other,))
                continue
        found.append(unit)
    return found


def _with_synonyms(
    units: list[Unit], asked: Words, synonyms: Synonyms, abbreviations_of: AbbreviationsOf
) -> list[Unit]:
    """Units whose words stand for others; the longest run of words that does is taken whole."""
    whole = abbreviations_of(asked) if len(units) > 1 else ()
    if not synonyms.longest and not whole:
        return [_with_others(unit, abbreviations_of(unit.words)) for unit in units]
    places = _places_of(units, asked)
    longest = len(units) if whole else synonyms.longest
    found: list[Unit] = []
    at = 0
    while at < len(units):
        for count in range(min(len(units) - at, longest), 0, -1):
            run = units[at : at + count]
            words = tuple(word for unit in run for word in unit.words)
            written = _as_written(asked, places, at, at + count)
            meant: dict[Words, int] = {}
            for one in dict.fromkeys([words, *written]):
                meant = dict.fromkeys(synonyms.others_of(one), 0) | meant
                # Of names only the whole question: a name within it is found as such.
                if count in {1, len(units)}:
                    meant |= abbreviations_of(one)
            if meant:
                kept = tuple(other for unit in run for other in unit.others) if count == 1 else ()
                found.append(_with_others(Unit(words, run[-1].prefix, kept), [*meant.items()]))
                break
        else:
            count = 1
            found.append(units[at])
        at += count
    return found


def _with_others(unit: Unit, meant: Sequence[tuple[Words, int]]) -> Unit:
    if not meant:
        return unit
    others = (Other(words, SYNONYM_SHARE, "synonym", True, beside) for words, beside in meant)
    return Unit(unit.words, unit.prefix, (*unit.others, *others))


def _places_of(units: Sequence[Unit], asked: Words) -> list[tuple[int, int]]:
    """Where in `asked` the words of each unit begin and end."""
    places, end = [], 0
    for unit in units:
        begin = asked.index(unit.words[0], end)
        end = begin
        for word in unit.words:
            end = asked.index(word, end) + 1
        places.append((begin, end))
    return places


def _as_written(
    asked: Words, places: Sequence[tuple[int, int]], first: int, last: int
) -> tuple[Words, Words]:
    """The units from `first` to before `last` with the function words between and around them."""
    before = places[first - 1][1] if first else 0
    after = places[last][0] if last < len(places) else len(asked)
    return asked[places[first][0] : places[last - 1][1]], asked[before:after]


def readings_of(words: Words, vocabulary: Vocabulary, audience: str) -> tuple[Words, ...]:
    """What `words` may mean with those mended that nobody has, the likeliest first; else none."""
    unknown = [word for word in words if not _is_known(word, False, vocabulary, audience)]
    return _readings(words, {word: _mend(word, vocabulary, audience)[1] for word in unknown})


def _readings(words: Words, choices: Mapping[str, Choices]) -> tuple[Words, ...]:
    """The likeliest readings of the question; a word without choices is read as it stands."""
    if not any(choices.values()):
        return ()
    read = [choices.get(word) or ((word, 0.0),) for word in words]
    every = islice(product(*read), _MOST_COMBINATIONS)
    likeliest = sorted(every, key=lambda reading: sum(cost for _, cost in reading))
    spelled = (tuple(" ".join(word for word, _ in reading).split()) for reading in likeliest)
    return tuple(reading for reading in islice(spelled, MOST_READINGS) if reading != words)
