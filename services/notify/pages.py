"""Pages of notify's lists. Every id counts up with time, so the last id of a page is its end."""

from collections.abc import Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from shared.paging import DEFAULT_LIMIT, MAX_LIMIT, decode_id_cursor, encode_cursor, next_link


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
