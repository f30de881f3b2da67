"""What a person typed, read as words, "phrases" and -exclusions. Nothing in it can be malformed."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from services.search.name_words import FUNCTION_WORDS
from services.search.text import MOST_EXACT, PREFIX_LETTERS, exact_form
from shared.folding import words_of

MOST_CHARACTERS = 500
MOST_WORDS = 32
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»″", '"'))
# A minus excludes only where a word begins: 'e-mail' and 'Meyer-University' are words.
_PIECE = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"|(?P<rest>[^\s"]+))')
_SHORTEST_CAPITALS, _LONGEST_CAPITALS = 2, 6

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wording:
    """A question's text, read."""

    words: Words
    """Folded words that may stand anywhere, function words included."""
    phrases: tuple[Words, ...]
    excluded: tuple[Words, ...]
    """Words, or phrases of several words, that a hit must not have."""
    prefix: str | None
    """What the last word may only be the beginning of."""
    unfinished: bool
    """Whether the last word may go on, however short it is."""
    whole: str
    """What is asked for, without exclusions, as a whole folded name."""
    capitals: frozenset[str]
    """Words written as acronyms are, which are not taken for typing errors of others."""
    nothing_to_find: bool
    """Whether something was asked that has neither letters nor digits."""
    warnings: tuple[str, ...]

    @property
    def has_text(self) -> bool:
        """Whether there are words or phrases to be found."""
        return bool(self.words or self.phrases)


def read_wording(q: str) -> Wording:
    """What `q` asks for; whatever it is, it is searched, and `warnings` says what was not used."""
    return _read_plain(q) or _read_any(q)


def _read_plain(q: str) -> Wording | None:
    """What `q` asks for where it has words only, as nearly all have, in a third of the time."""
    if not q.isascii() or '"' in q or "-" in q:
        return None
    words = tuple(words_of(q))
    if not 0 < len(words) <= MOST_WORDS:
        return None
    capitals = [] if q.islower() else [part for part in q.split() if _is_in_capitals(part)]
    unfinished = q[-1].isalnum()
    return Wording(
        words=words,
        phrases=(),
        excluded=(),
        prefix=words[-1] if unfinished and len(words[-1]) >= PREFIX_LETTERS[0] else None,
        unfinished=unfinished,
        whole=" ".join(words)[:MOST_EXACT],
        capitals=frozenset(read[0] for part in capitals if len(read := words_of(part)) == 1),
        nothing_to_find=False,
        warnings=(),
    )


def _read_any(q: str) -> Wording:
    text, is_closed = _closed(q)
    warnings = []
    if not is_closed:
        warnings.append("A quotation mark is not closed; what follows it was searched as words.")
    words: list[str] = []
    phrases: list[Words] = []
    excluded: list[Words] = []
    wanted: list[str] = []
    capitals: set[str] = set()
    room, left_out = MOST_WORDS, False
    last_is_word = False
    for piece in _PIECE.finditer(text):
        quoted = piece["phrase"] is not None
        content = piece["phrase"] if quoted else piece["rest"]
        every = words_of(content)
        found = tuple(every[:room])
        left_out = left_out or len(found) < len(every)
        room -= len(found)
        if not found:
            continue
        last_is_word = not quoted and piece["minus"] is None
        if piece["minus"] is not None:
            excluded.append(found)
            continue
        wanted.append(content)
        if quoted:
            phrases.append(found)
            continue
        words += found
        if len(found) == 1 and _is_in_capitals(content):
            capitals.add(found[0])
    if left_out:
        warnings.append(f"Only the first {MOST_WORDS} words of q were searched.")
    if q.strip() and not (words or phrases or excluded):
        warnings.append("q has no letters or digits, so nothing was found.")
    unfinished = last_is_word and not left_out and _is_of_a_word(text[-1])
    return Wording(
        words=tuple(words),
        phrases=tuple(phrases),
        excluded=tuple(excluded),
        prefix=words[-1] if unfinished and len(words[-1]) >= PREFIX_LETTERS[0] else None,
        unfinished=unfinished,
        whole=exact_form(" ".join(wanted)),
        capitals=frozenset(capitals),
        nothing_to_find=bool(q.strip()) and not (words or phrases or excluded),
        warnings=tuple(warnings),
    )


def with_other_words(q: str, replaced: Sequence[str]) -> str:
    """`q` with other words in the place of those that may stand anywhere, and all else as it is.

    `replaced` has what stands in the place of each of its words, or the word itself.
    """
    left = list(replaced)
    pieces = []
    for piece in _PIECE.finditer(_closed(q)[0]):
        if piece["rest"] is None or piece["minus"] is not None:
            pieces.append(piece.group())
            continue
        words = words_of(piece["rest"])
        instead, left = left[: len(words)], left[len(words) :]
        # A minus that does not exclude here might do so where it comes to stand.
        stays = instead == words and not piece["rest"].startswith("-")
        pieces.append(piece["rest"] if stays else " ".join(instead))
    return " ".join(piece for piece in pieces if piece)


def _closed(q: str) -> tuple[str, bool]:
    """`q` with plain quotation marks, each of which has its other end; whether they all had."""
    text = q.translate(_QUOTES)
    if text.count('"') % 2 == 0:
        return text, True
    # The last mark has no other end.
    at = text.rindex('"')
    return f"{text[:at]} {text[at + 1 :]}", False


def carrying(words: Words) -> Words:
    """Those of `words` that a record must have; all of them where they are function words only."""
    return tuple(word for word in words if word not in FUNCTION_WORDS) or words


def _is_of_a_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _is_in_capitals(content: str) -> bool:
    return content.isupper() and _SHORTEST_CAPITALS <= len(content) <= _LONGEST_CAPITALS
