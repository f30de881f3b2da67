"""What a question may have meant, when little or nothing was found for it as it stands."""

from typing import TYPE_CHECKING

from services.search.expansion import Expansion
from services.search.wording import Words
from shared.folding import words_of

if TYPE_CHECKING:
    from services.search.searching import Search

FEW = 2


def did_you_mean(
    search: "Search", expansion: Expansion, total: int, *, is_name: bool
) -> str | None:
    """The question with its typing errors mended, if that finds more; None where it is good.

    It is offered only if the caller finds something by it, with the same filters. `is_name`: the
    question is the whole name of what was found, so it was meant as it stands.
    """
    question = search.question
    if question.cursor is not None or not question.wording.words:
        return None
    readings = expansion.readings
    if not readings and (total > FEW or is_name):
        return None
    if not readings:
        readings = search.mended().readings
    for reading in readings:
        found = search.total_of_words(reading)
        if found and (expansion.is_mended or found > total):
            return _rewritten(question.q, question.wording.words, reading)
    return None


def _rewritten(q: str, words: Words, reading: Words) -> str:
    """`q` with the words of `reading` in the place of those that differ, where that is possible."""
    if len(words) != len(reading):
        return " ".join(reading)
    instead = {old: new for old, new in zip(words, reading, strict=True) if old != new}
    pieces = []
    for piece in q.split():
        folded = words_of(piece)
        pieces.append(instead[folded[0]] if len(folded) == 1 and folded[0] in instead else piece)
    rewritten = " ".join(pieces)
    return rewritten if tuple(words_of(rewritten)) == reading else " ".join(reading)
