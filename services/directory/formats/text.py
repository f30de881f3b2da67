"""Text of a file as `PartnerWrite` will keep it, so that what is unchanged is seen to be so."""

from shared.texts import in_one_form


def plain_text(text: str) -> str:
    """`text` in one form, without space around it."""
    # Most of it is ASCII, which has only one form.
    stripped = text.strip()
    return stripped if stripped.isascii() and "\r" not in stripped else in_one_form(text).strip()
