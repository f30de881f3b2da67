"""Where a text has the words of a question: as HTML with `<mark>` only, or as places."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from typing import Any

import orjson

from services.search.expansion import Expansion
from services.search.name_words import FUNCTION_WORDS, listed_forms_of, one_form
from services.search.placed_words import (
    PlacedWord,
    fold_in_place,
    placed_words,
    placed_words_in,
    places_of,
    words_in,
)
from services.search.question import Question
from services.search.stems import stem
from services.search.wording import Wording, Words

_SHOWN = ("names", "acronyms", "former_names", "place", "description")
_MOST_VALUES = 5
_WINDOW = 240
_NEEDS_ESCAPE = re.compile("[&<>\"']")

Span = tuple[int, int]
"""Where a word begins and ends, in characters (Unicode code points)."""


class Wanted:
    """The words of a question, the beginning that its last word may be, and words side by side."""

    def __init__(
        self,
        words: Iterable[str],
        prefix: str | None,
        languages: Sequence[str] = (),
        runs: Iterable[Words] = (),
    ) -> None:
        listed = set(words)
        self._runs = {run: " ".join([one_form(word) for word in run]) for run in runs}
        self._prefix = prefix
        self._languages = tuple(languages)
        self._forms = {one_form(word) for word in listed}
        self._stems = {stem(word, language) for word in listed for language in languages}
        # What a text is asked first, all at once: most have nothing that is wanted.
        self._listed = _listed(self._forms)
        self._run_begins = _listed({one_form(run[0]) for run in self._runs})
        # The same words come up in many descriptions.
        self._seen: dict[str, bool] = {}

    def spans_in(self, text: str) -> list[Span]:
        """Where `text` has wanted words."""
        folded = fold_in_place(text)
        if folded is None:
            return self._spans_among(placed_words(text))
        words = words_in(folded)
        found = self._listed.intersection(words)
        if self._prefix is not None and self._prefix in folded:
            found.update([word for word in words if word.startswith(self._prefix)])
        has_unlisted = "iz" in folded
        if has_unlisted:
            found.update([word for word in words if "iz" in word and self._has(word)])
        if self._runs and (has_unlisted or not self._run_begins.isdisjoint(words)):
            return self._spans_among(placed_words_in(folded))
        return places_of(found, folded) if found else []

    def stemmed_spans_in(self, text: str) -> list[Span]:
        """Where `text`, a description, has wanted words or words of the same stem."""
        return self._spans_among(placed_words(text), stemmed=True)

    def _spans_among(self, words: Sequence[PlacedWord], *, stemmed: bool = False) -> list[Span]:
        spans = []
        for word, begin, end in words:
            if self._has_stem(word) if stemmed else self._has(word):
                spans.append((begin, end))
        if self._runs:
            spans = sorted({*spans, *self._spans_of_runs(words, stemmed=stemmed)})
        return _apart(spans)

    def _has(self, word: str) -> bool:
        return one_form(word) in self._forms or (
            self._prefix is not None and word.startswith(self._prefix)
        )

    def _spans_of_runs(self, words: Sequence[PlacedWord], *, stemmed: bool) -> Iterator[Span]:
        """The words of each run, wherever they stand side by side."""
        forms = "" if stemmed else " ".join([one_form(word) for word, _, _ in words])
        for run, in_one_form in self._runs.items():
            # Hardly any name has one.
            if not stemmed and in_one_form not in forms:
                continue
            for first in range(len(words) - len(run) + 1):
                if not self._is_same(words[first][0], run[0], stemmed=stemmed):
                    continue
                found = words[first : first + len(run)]
                if all(
                    self._is_same(word, wanted, stemmed=stemmed)
                    for (word, _, _), wanted in zip(found, run, strict=True)
                ):
                    yield from ((begin, end) for _, begin, end in found)

    def _is_same(self, word: str, wanted: str, *, stemmed: bool) -> bool:
        return one_form(word) == one_form(wanted) or (
            stemmed
            and any(stem(word, language) == stem(wanted, language) for language in self._languages)
        )

    def _has_stem(self, word: str) -> bool:
        found = self._seen.get(word)
        if found is None:
            found = self._seen[word] = self._has(word) or any(
                stem(word, language) in self._stems for language in self._languages
            )
        return found


def _listed(forms: Iterable[str]) -> set[str]:
    return {word for form in forms for word in listed_forms_of(form)}


def wanted_of(wording: Wording, expansion: Expansion, languages: Sequence[str]) -> Wanted:
    """What is to be marked: all that was looked for, typing errors mended and synonyms too."""
    words: set[str] = set()
    runs = [*wording.phrases]
    for unit in expansion.units:
        words.update(unit.words)
        for other in unit.others:
            if other.adjacent:
                runs.append(other.words)
            else:
                words.update(other.words)
    words -= FUNCTION_WORDS - set(wording.words)
    return Wanted(words, wording.prefix, languages, runs)


def shown_in(texts: bytes, wanted: Wanted, question: Question) -> dict[str, Any]:
    """What a hit shows of its words: `highlights`, or `highlight_offsets` where those are asked."""
    match question.highlighting:
        case "none":
            return {"highlights": {}}
        case "offsets":
            found = _in_each(texts, lambda text, spans: {"value": text, "spans": spans}, wanted)
            return {"highlights": {}, "highlight_offsets": found}
        case "html":
            return {"highlights": _in_each(texts, mark_spans, wanted)}


def _in_each(
    texts: bytes, show: Callable[[str, list[Span]], Any], wanted: Wanted
) -> dict[str, list[Any]]:
    """The values of `texts` (JSON, by field) that have wanted words, each as `show` has it."""
    shown: dict[str, list[Any]] = {}
    by_field: dict[str, list[str]] = orjson.loads(texts)
    for field in _SHOWN:
        for value in by_field.get(field, ()):
            spans = (
                wanted.stemmed_spans_in(value) if field == "description" else wanted.spans_in(value)
            )
            if not spans:
                continue
            if len(shown.setdefault(field, [])) == _MOST_VALUES:
                break
            shown[field].append(show(value, spans))
    return shown


def mark_spans(text: str, spans: Sequence[Span]) -> str:
    """`text` as HTML with `spans` marked; a long one is cut around where most of them are."""
    if len(text) <= _WINDOW and not _NEEDS_ESCAPE.search(text):
        # Nearly all names.
        marked, at = "", 0
        for begin, end in spans:
            marked += f"{text[at:begin]}<mark>{text[begin:end]}</mark>"
            at = end
        return marked + text[at:]
    first, last = _window(text, spans)
    parts = ["…"] if first else []
    at = first
    for begin, end in spans:
        if begin < at or end > last:
            continue
        parts += (_escape(text[at:begin]), "<mark>", _escape(text[begin:end]), "</mark>")
        at = end
    parts += (_escape(text[at:last]), "…" if last < len(text) else "")
    return "".join(parts)


def _escape(text: str) -> str:
    return escape(text) if _NEEDS_ESCAPE.search(text) else text


def _window(text: str, spans: Sequence[Span]) -> Span:
    if len(text) <= _WINDOW:
        return 0, len(text)
    lead = _WINDOW // 4
    hit = max(
        (begin for begin, _ in spans),
        key=lambda begin: sum(
            begin <= other and end <= begin - lead + _WINDOW for other, end in spans
        ),
    )
    first = max(0, hit - lead)
    if first:
        first = text.find(" ", first, hit) + 1 or hit
    last = min(len(text), first + _WINDOW)
    if last < len(text):
        last = max(text.rfind(" ", hit, last), hit) if " " in text[hit:last] else last
    return first, last


def _apart(spans: Sequence[Span]) -> list[Span]:
    """The same as one span where they overlap: ¼ folds to two words, and ½a shares its ½."""
    if len(spans) < 2:
        return list(spans)
    found: list[Span] = []
    for begin, end in spans:
        if found and begin < found[-1][1]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return found
