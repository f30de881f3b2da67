"""What is asked: the words, filters and order of one search, checked."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from services.search.filters import FACETS, Complaints, Filters, one_of, read_choices, read_filters
from services.search.schema import SORT_FIELDS
from services.search.wording import Wording, read_wording
from shared.problems import InvalidValues
from shared.vocabulary import Visibility

SORTS = ("relevance", *SORT_FIELDS, "distance")
HIGHLIGHTS = ("html", "offsets", "none")
Sort = Literal["relevance", "name", "newest", "modified", "distance"]
Highlighting = Literal["html", "offsets", "none"]


@dataclass(frozen=True, slots=True)
class Question:
    """One search, as the index is asked it."""

    q: str
    wording: Wording
    filters: Filters
    audience: str
    sort: Sort
    facets: tuple[str, ...]
    limit: int
    cursor: str | None
    highlighting: Highlighting = "html"
    explained: bool = False

    @property
    def fingerprint(self) -> str:
        """Equal for the pages of one search, so a cursor is refused by another one."""
        wording = self.wording
        asked = (
            wording.words,
            wording.phrases,
            wording.excluded,
            wording.prefix,
            wording.whole,
            sorted(self.filters.chosen.items()),
            sorted((name, repr(found)) for name, found in self.filters.ranges.items()),
            self.filters.near,
            self.audience,
            self.sort,
        )
        return hashlib.blake2s(repr(asked).encode(), digest_size=6).hexdigest()


def make_question(
    *,
    q: str,
    audience: Visibility,
    filters: Mapping[str, str | None] | None = None,
    facets: str | None = None,
    sort: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
    highlighting: str | None = None,
    explained: bool = False,
) -> Question:
    """The question of a request; `filters` are its parameters by their names.

    Raises:
        InvalidValues: a filter, facet or sort is not one that there is; it names those there are.
    """
    complaints = Complaints()
    narrowed = read_filters(filters, complaints) if filters else Filters()
    counted = read_choices("facets", facets, one_of(FACETS), complaints) if facets else ()
    if sort is not None and sort not in SORTS:
        complaints.add("sort", f"must be one of {', '.join(SORTS)}")
    if sort == "distance" and (filters or {}).get("near") is None:
        complaints.add("sort", "distance goes with near=lat,lon,km")
    if highlighting is not None and highlighting not in HIGHLIGHTS:
        complaints.add("highlight", f"must be one of {', '.join(HIGHLIGHTS)}")
    refuse(complaints)
    wording = read_wording(q)
    return Question(
        q=q,
        wording=wording,
        filters=narrowed,
        audience=audience_value(audience),
        sort=cast(Sort, _sort(sort, wording)),
        facets=counted,
        limit=limit,
        cursor=cursor,
        highlighting=cast(Highlighting, highlighting or "html"),
        explained=explained,
    )


def refuse(complaints: Complaints) -> None:
    """Refuse the request if there is something to complain about.

    Raises:
        InvalidValues: there is; the first of it is in the sentence, all of it in `errors`.
    """
    if complaints.errors:
        first = complaints.errors[0]
        name = first.pointer.removeprefix("/query/")
        raise InvalidValues(
            f"The search cannot be made: {name} {first.detail}.", errors=complaints.errors
        )


def audience_value(audience: Visibility) -> str:
    """Which documents `audience` reads: no event carries more than members may see."""
    return "public" if audience is Visibility.public else "member"


def _sort(sort: str | None, wording: Wording) -> str:
    # Without words there is nothing to be relevant to: the names give an order that makes sense.
    if not wording.has_text and sort in {None, "relevance"}:
        return "name"
    return sort or "relevance"
