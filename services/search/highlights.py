"""Where a text has the words of a question, shown as HTML with `<mark>` and nothing else."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from html import escape

import orjson

from shared.folding import fold

_SHOWN = ("names", "acronyms", "former_names", "place", "description")
_MOST_VALUES = 5
_WINDOW = 240
# As in shared/folding.py; a test holds the two together.
_ASCII_WORD = re.compile(r"[a-z0-9][a-z0-9']*")
_NEEDS_ESCAPE = re.compile("[&<>\"']")

Span = tuple[int, int]
"""Where a word begins and ends."""


class Wanted:
    """The words of a question, and the beginning that its last word may be."""

    def __init__(self, words: Iterable[str], prefix: str | None) -> None:
        self._words = frozenset(words)
        self._prefix = prefix

    def spans_in(self, text: str) -> list[Span]:
        """Where `text` has wanted words."""
        if not text.isascii():
            return [(begin, end) for word, begin, end in _words_of_any(text) if self._has(word)]
        lower = text.lower()
        # Most names of a hit have none of the words; this tells it without splitting them.
        if "'" not in lower and not any(word in lower for word in self._words):
            return []
        return [
            found.span()
            for found in _ASCII_WORD.finditer(lower)
            if self._has(found.group().replace("'", ""))
        ]

    def _has(self, word: str) -> bool:
        return word in self._words or (self._prefix is not None and word.startswith(self._prefix))


def highlights_of(texts: bytes, wanted: Wanted) -> dict[str, list[str]]:
    """The values of `texts` (JSON, by field) that have wanted words, with these marked."""
    shown: dict[str, list[str]] = {}
    by_field: dict[str, list[str]] = orjson.loads(texts)
    for field in _SHOWN:
        for value in by_field.get(field, ()):
            html = mark(value, wanted)
            if html is None:
                continue
            if len(shown.setdefault(field, [])) == _MOST_VALUES:
                break
            shown[field].append(html)
    return shown


def mark(text: str, wanted: Wanted) -> str | None:
    """`text` as HTML with its wanted words marked, cut around the first; None without any."""
    spans = wanted.spans_in(text)
    if not spans:
        return None
    first, last = _window(text, spans[0][0])
    parts = ["…"] if first else []
    at = first
    for begin, end in spans:
        # A character that folds to two words, as ¼ does, is marked once.
        if begin < at or end > last:
            continue
        parts += (_escape(text[at:begin]), "<mark>", _escape(text[begin:end]), "</mark>")
        at = end
    parts += (_escape(text[at:last]), "…" if last < len(text) else "")
    return "".join(parts)


def _escape(text: str) -> str:
    return escape(text) if _NEEDS_ESCAPE.search(text) else text


def _window(text: str, hit: int) -> tuple[int, int]:
    if len(text) <= _WINDOW:
        return 0, len(text)
    first = max(0, hit - _WINDOW // 4)
    if first:
        first = text.find(" ", first, hit) + 1 or hit
    last = min(len(text), first + _WINDOW)
    if last < len(text):
        last = max(text.rfind(" ", hit, last), hit) if " " in text[hit:last] else last
    return first, last


@lru_cache(maxsize=4096)
def _words_of_any(text: str) -> list[tuple[str, int, int]]:
    """The words of `text` as `shared.folding.words_of` has them, and where each stands."""
    spans: list[tuple[str, int, int]] = []
    word, begin, end = "", 0, 0
    for start, stop in _clusters(text):
        # One character may fold to several, of which one may part two words, as in ¼.
        for character in fold(text[start:stop]):
            if character.isalnum() or _is_mark(character):
                begin = begin if word else start
                word, end = word + character, stop
            elif word and character != "'":
                spans.append((word, begin, end))
                word = ""
    if word:
        spans.append((word, begin, end))
    return spans


def _clusters(text: str) -> list[tuple[int, int]]:
    """Each character of `text` together with the marks that follow on it."""
    starts = [
        at for at, character in enumerate(text) if at == 0 or not unicodedata.combining(character)
    ]
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")
