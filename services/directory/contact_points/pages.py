"""The pages behind the link of a confirmation: templates that escape everything, and no script."""

import base64
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

_FOLDER = Path(__file__).parent / "templates"
_STYLE = (_FOLDER / "style.css").read_text()
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
# The address is the secret: nothing else is loaded that could be told of it, and nobody keeps it.
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
    "Vary": "Accept",
}


def _day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%d %B %Y}".lstrip("0")


_templates = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_templates.filters["day"] = _day


def page(template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """The page that `template` makes of `values`."""
    text = _templates.get_template(template).render(style=_STYLE, **values)
    return HTMLResponse(text, status_code=status)
