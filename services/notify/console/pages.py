"""The console's pages: templates that escape everything, and the headers that all answers carry."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.notify.console.durations import age, in_words

HOME = "/console"
STYLE = Path(__file__).parent / "style.css"
# No script, image, font or frame of anybody, ours included: what a receiver answers is shown here.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _exact_moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(" ", "milliseconds").replace("+00:00", " UTC")


def _day_time(unix_seconds: float) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%H:%M UTC")


_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_templates.filters |= {
    "moment": _moment,
    "exact_moment": _exact_moment,
    "day_time": _day_time,
    "in_words": in_words,
    "age": age,
}


def page(template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """The page that `template` makes of `values`; `visitor` is who is signed in, if anybody."""
    text = _templates.get_template(template).render({"visitor": None, **values})
    return HTMLResponse(text, status_code=status)
