"""Text as people write it: one form of it, no control characters, and how long it may be."""

import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, StringConstraints


def in_one_form(text: Any) -> Any:
    """`text` in NFC with line feeds; before its length is measured, because NFC may lengthen it."""
    if not isinstance(text, str):
        return text
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n"))


def without_controls(text: str) -> str:
    """`text`, which may have line feeds and tabs.

    Raises:
        ValueError: it holds another control character, or one that is not assigned.
    """
    # Most text is quickly seen to have nothing but letters, digits, marks, signs and spaces.
    if text.isprintable():
        return text
    for character in text:
        category = unicodedata.category(character)
        if category in {"Cc", "Cs", "Cn", "Co"} and character not in "\n\t":
            raise ValueError(f"holds U+{ord(character):04X}, which is not text")
    return text


def one_line(text: str) -> str:
    """`text`.

    Raises:
        ValueError: it has several lines, a tab, or what `without_controls` refuses.
    """
    if text.isprintable():
        return text
    if any(character in "\n\t\u2028\u2029" for character in text):
        raise ValueError("must be a single line")
    return without_controls(text)


ShortText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    BeforeValidator(in_one_form),
    AfterValidator(one_line),
]
NameText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=300),
    BeforeValidator(in_one_form),
    AfterValidator(one_line),
]
LongText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000),
    BeforeValidator(in_one_form),
    AfterValidator(without_controls),
]
