"""Folding of text, the same for writing and for asking: case, accents, ligatures and forms."""

import re
import unicodedata

# The words of folded ASCII text, in one pass: most names are ASCII, and folding is most of the
# work of writing a record into the search index.
_ASCII_WORD = re.compile(r"[a-z0-9][a-z0-9']*")

_MARKS = re.compile("[\u0300-\u034e\u0350-\u036f\u0483-\u0487]+")
# Latin, Greek and Cyrillic text with their marks, which does not begin with a mark.
_EUROPEAN = re.compile(
    "[\x00-\u02ff\u0370-\u0482\u048a-\u052f\u1e00-\u1fff]"
    "[\x00-\u034e\u0350-\u0487\u048a-\u052f\u1e00-\u1fff]*"
)

# Letters that Unicode does not decompose although people type them without their marks.
_LETTERS = str.maketrans(
    {
        "ß": "ss", "ẞ": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ø": "o", "Ø": "o",
        "đ": "d", "Đ": "d", "ð": "d", "Ð": "d", "þ": "th", "Þ": "th", "ł": "l", "Ł": "l",
        "ı": "i", "İ": "i", "ħ": "h", "Ħ": "h", "ŋ": "n", "Ŋ": "n", "ŧ": "t", "Ŧ": "t",
        "’": "'", "‘": "'", "ʼ": "'", "–": "-", "—": "-", "‐": "-", "‑": "-",
    }
)  # fmt: skip


def fold(text: str) -> str:
    """`text` in lower case, without accents, ligatures or marks of form (NFKD, then folded).

    Marks are taken off Latin, Greek and Cyrillic letters only: in other scripts they carry meaning.
    """
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    if _EUROPEAN.fullmatch(decomposed):
        # All marks are on letters of these scripts: taken off at once, which is most of all texts.
        return unicodedata.normalize("NFC", _MARKS.sub("", decomposed).casefold())
    kept = []
    previous_is_european = False
    for character in decomposed:
        if unicodedata.combining(character):
            if not previous_is_european:
                kept.append(character)
            continue
        previous_is_european = ord(character) < 0x0530 or 0x1E00 <= ord(character) < 0x2000
        kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept).casefold())


def words_of(text: str) -> list[str]:
    """The words of `text`, folded; a word is a run of letters, digits and marks."""
    folded = fold(text)
    if folded.isascii():
        found: list[str] = _ASCII_WORD.findall(folded)
        return [word.replace("'", "") for word in found] if "'" in folded else found
    words: list[str] = []
    current: list[str] = []
    for character in folded:
        # An apostrophe joins: O'Brien is one word, and so is people's.
        if character == "'" and current:
            continue
        if character.isalnum() or unicodedata.category(character).startswith("M"):
            current.append(character)
        elif current:
            words.append("".join(current))
            current = []
    if current:
        words.append("".join(current))
    return words


def folded_name(name: str) -> str:
    """A name as one folded string, its words joined by single spaces: equal names are equal."""
    if name.isascii() and name.isalnum():
        return name.lower()
    return " ".join(words_of(name))
