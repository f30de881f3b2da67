"""Cursors: where the next page begins, opaque to the reader and refused when altered."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar
from uuid import UUID

import orjson
from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from shared.problems import MalformedRequest

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_MAX_CURSOR = 4_000


class BadCursor(MalformedRequest):
    """The cursor is not one that was handed out for this list."""

    title, kind = "The cursor cannot be read", "bad-cursor"


def encode_cursor(*position: Any) -> str:
    """A cursor for the place after `position`."""
    return base64.urlsafe_b64encode(orjson.dumps(position)).rstrip(b"=").decode()


def decode_cursor(cursor: str, *kinds: type) -> tuple[Any, ...]:
    """The position inside `cursor`, which must have one value of each of `kinds`.

    Raises:
        BadCursor: it has another shape, for example because it belongs to another list or sort.
    """
    try:
        if len(cursor) > _MAX_CURSOR:
            raise ValueError("too long")
        padded = cursor + "=" * (-len(cursor) % 4)
        position = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(position, list) or len(position) != len(kinds):
            raise ValueError("other shape")
        for value, kind in zip(position, kinds, strict=True):
            if not isinstance(value, kind) or isinstance(value, bool):
                raise ValueError("other type")
            if isinstance(value, str) and "\x00" in value:
                raise ValueError("no text")
    except (ValueError, binascii.Error) as error:
        raise BadCursor(
            "Use the `next` value of the page before exactly as it was given, with the same "
            "filters and sort; or leave `cursor` out to begin at the first page."
        ) from error
    return tuple(position)


def next_link(request: Request, cursor: str) -> str:
    """The `Link` header (RFC 8288) that leads from the page asked for by `request` to the next."""
    url = request.url.include_query_params(cursor=cursor)
    return f'<{url.path}?{url.query}>; rel="next"'


def decode_id_cursor(cursor: str) -> UUID:
    """The id inside a cursor that holds nothing else.

    Raises:
        BadCursor: it has another shape.
    """
    (last,) = decode_cursor(cursor, str)
    try:
        return UUID(last)
    except ValueError as error:
        raise BadCursor(
            "Use the `next` value of the page before exactly as it was given."
        ) from error


class _HasId(Protocol):
    id: UUID


_Row = TypeVar("_Row", bound=_HasId)


class PageParameters(BaseModel):
    """Which page."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Items a page.")
    cursor: str | None = Field(default=None, description="`next` of the page before.")

    @property
    def after(self) -> UUID | None:
        """Id of the last item of the page before.

        Raises:
            BadCursor: the cursor is not one of ours.
        """
        if self.cursor is None:
            return None
        return decode_id_cursor(self.cursor)


def page_of(rows: Sequence[_Row], asked: PageParameters) -> tuple[list[_Row], str | None]:
    """The page, and the cursor of the next one; `rows` has one more than asked if there is one."""
    page = list(rows[: asked.limit])
    return page, encode_cursor(str(page[-1].id)) if len(rows) > asked.limit else None


def link_next(request: Request, response: Response, cursor: str | None) -> None:
    """Name the next page, if there is one, in the `Link` header."""
    if cursor is not None:
        response.headers["Link"] = next_link(request, cursor)
