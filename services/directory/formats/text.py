"""Text of a file as `PartnerWrite` will keep it, so that what is unchanged is seen to be so."""

import re
from urllib.parse import quote

from shared.texts import in_one_form

_ALLOWED = "%/:?@!$&'()*+,;=~-._"
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def plain_text(text: str) -> str:
    """`text` in one form, without space around it."""
    # Most of it is ASCII, which has only one form.
    stripped = text.strip()
    return stripped if stripped.isascii() and "\r" not in stripped else in_one_form(text).strip()


def as_uri(url: str) -> str:
    """`url` in the characters of RFC 3986, which other formats insist on."""
    page, number_sign, fragment = _LONE_PERCENT.sub("%25", url).partition("#")
    return quote(page, safe=_ALLOWED) + number_sign + quote(fragment, safe=_ALLOWED)
