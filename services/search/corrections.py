"""What a question may have meant, when little or nothing was found for it as it stands."""

from collections.abc import Sequence

from services.search.expansion import Expansion
from services.search.finding import Finding
from services.search.wording import Words, with_other_words

FEW = 2
_MOST_READINGS = 3


def did_you_mean(
    finding: Finding, expansion: Expansion, total: int, *, is_name: bool
) -> str | None:
    """The question with its typing errors mended, if that finds more; None where it is good.

    It is offered only if the caller finds something by it, with the same filters. `is_name`: the
    question is the whole name of what was found, so it was meant as it stands.
    """
    question = finding.question
    if question.cursor is not None or not question.wording.words:
        return None
    readings: Sequence[Words] = expansion.readings
    if not readings:
        if total > FEW or is_name:
            return None
        readings = _rare_words_replaced(finding)
    meant: Words | None = None
    for reading in readings:
        found, names_somebody = finding.found_by(reading)
        if not found or (not expansion.is_mended and found <= total):
            continue
        # The likeliest, unless a less likely one is somebody's whole name.
        if names_somebody or meant is None:
            meant = reading
        if names_somebody:
            break
    if meant is None:
        return None
    return with_other_words(question.q, _in_place_of(question.wording.words, meant))


def _rare_words_replaced(finding: Finding) -> list[Words]:
    """The question with a word that hardly anybody has replaced by its much commoner neighbour."""
    wording, audience = finding.question.wording, finding.question.audience
    vocabulary = finding.view.vocabulary
    found = []
    for at, word in enumerate(wording.words):
        if word in wording.capitals:
            continue
        commoner = vocabulary.commoner_neighbour(word, audience)
        if commoner is not None:
            found.append((*wording.words[:at], commoner, *wording.words[at + 1 :]))
    return found[:_MOST_READINGS]


def _in_place_of(words: Words, reading: Words) -> list[str]:
    """What of `reading` stands in the place of each of `words`."""
    found, at = [], 0
    for word in words:
        # Only what was written as one word is read as two.
        count = 2 if "".join(reading[at : at + 2]) == word != reading[at] else 1
        found.append(" ".join(reading[at : at + count]))
        at += count
    return found
