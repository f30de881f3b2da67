"""The words of a text as the index has them, and where in the text each of them stands."""

import re
import unicodedata
from collections.abc import Iterable

from shared.folding import fold

PlacedWord = tuple[str, int, int]
"""A folded word, and where it begins and ends, in characters (Unicode code points)."""

# As in shared/folding.py; an apostrophe within a word is still in it.
_WORD = re.compile(r"[^\W_]+(?:'+[^\W_]+)*")
# The same where there are no others, in half the time.
_ASCII_WORD = re.compile("[a-z0-9]+")
_UNSURE = "\0"
_LAST_KEPT = 0xFFFF


class _FoldedAlone(dict[int, str]):
    """What a character folds to, for `str.translate`; `_UNSURE` where that is not one character.

    What is one for one keeps its place, so that all of a text can be folded at once.
    """

    def __missing__(self, code: int) -> str:
        folded = fold(chr(code))
        # A mark belongs to the character before it, even one that folds to a letter.
        alone = len(folded) == 1 and not (_is_mark(folded) or unicodedata.combining(chr(code)))
        found = folded if alone else _UNSURE
        if code <= _LAST_KEPT:
            self[code] = found
        return found


_FOLDED_ALONE = _FoldedAlone()


def fold_in_place(text: str) -> str | None:
    """`text` folded character by character, each in its place; None where that cannot be."""
    if text.isascii():
        return text.lower()
    folded = text.translate(_FOLDED_ALONE)
    return None if _UNSURE in folded else folded


def words_in(folded: str) -> list[str]:
    """The words of a text that `fold_in_place` folded."""
    if "'" in folded:
        return [word.replace("'", "") for word in _WORD.findall(folded)]
    found: list[str] = _pattern_for(folded).findall(folded)
    return found


def placed_words_in(folded: str) -> list[PlacedWord]:
    """The same, and where each stands."""
    if "'" in folded:
        return [(found[0].replace("'", ""), *found.span()) for found in _WORD.finditer(folded)]
    return [(found[0], *found.span()) for found in _pattern_for(folded).finditer(folded)]


def places_of(words: Iterable[str], folded: str) -> list[tuple[int, int]]:
    """Where `words`, each of which stands in a folded text, begin and end, in their order.

    To find a few takes a fifth of the time of looking at all.
    """
    if "'" in folded:
        wanted = set(words)
        return [(begin, end) for word, begin, end in placed_words_in(folded) if word in wanted]
    places = []
    for word in words:
        begin = folded.find(word)
        while begin >= 0:
            end = begin + len(word)
            # As _WORD parts words; it may also stand within another one.
            if not (folded[begin - 1 : begin].isalnum() or folded[end : end + 1].isalnum()):
                places.append((begin, end))
            begin = folded.find(word, end)
    return sorted(places)


def placed_words(text: str) -> list[PlacedWord]:
    """The words of `text` as `shared.folding.words_of` has them, and where each stands."""
    folded = fold_in_place(text)
    return _one_by_one(text) if folded is None else placed_words_in(folded)


def _pattern_for(folded: str) -> re.Pattern[str]:
    return _ASCII_WORD if folded.isascii() else _WORD


def _one_by_one(text: str) -> list[PlacedWord]:
    placed: list[PlacedWord] = []
    word, begin, end = "", 0, 0
    for start, stop in _clusters(text):
        # One character may fold to several, of which one may part two words, as in ¼.
        for character in fold(text[start:stop]):
            if character.isalnum() or _is_mark(character):
                begin = begin if word else start
                word, end = word + character, stop
            elif word and character != "'":
                placed.append((word, begin, end))
                word = ""
    if word:
        placed.append((word, begin, end))
    return placed


def _clusters(text: str) -> list[tuple[int, int]]:
    """Where each character of `text` begins and ends, together with the marks that follow on it."""
    starts = [
        at for at, character in enumerate(text) if at == 0 or not unicodedata.combining(character)
    ]
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")
