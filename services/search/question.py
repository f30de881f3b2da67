"""What is asked: the words, filters and order of one search, checked."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, cast

from services.search.schema import FACET_FIELDS, SORT_FIELDS
from services.search.text import PREFIX_LETTERS, exact_form, exact_words
from shared.problems import FieldError, InvalidValues
from shared.vocabulary import Level, Sector, Visibility

MOST_CHARACTERS = 500
MOST_WORDS = 32
_MOST_CHOICES = 50
_COUNTRY = re.compile(r"[A-Z]{2}")

KINDS = ("partner", "topic")
STATUSES = ("active", "inactive", "deprecated")
SORTS = ("relevance", *SORT_FIELDS)
Sort = Literal["relevance", "name", "modified"]


@dataclass(frozen=True, slots=True)
class Question:
    """One search, as the index is asked it."""

    words: tuple[str, ...]
    exact: str
    prefix: str | None
    """What the last word may only be the beginning of."""
    nothing_to_find: bool
    """Whether something was asked that has neither letters nor digits."""
    filters: dict[str, tuple[str, ...]]
    audience: str
    sort: Sort
    facets: tuple[str, ...]
    limit: int
    cursor: str | None
    warnings: list[str] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """Equal for the pages of one search, so a cursor is refused by another one."""
        asked = (
            self.words,
            self.exact,
            self.prefix,
            sorted(self.filters.items()),
            self.audience,
            self.sort,
        )
        return hashlib.blake2s(repr(asked).encode(), digest_size=6).hexdigest()


def make_question(
    *,
    q: str,
    filters: dict[str, str | None],
    facets: str | None,
    sort: str | None,
    limit: int,
    cursor: str | None,
    audience: Visibility,
) -> Question:
    """The question of a request.

    Raises:
        InvalidValues: a filter, facet or sort is not one that there is; it names those there are.
    """
    wrong: list[FieldError] = []
    chosen = {
        name: values
        for name, text in filters.items()
        if text is not None and (values := _choices(name, text, _CHECKS[name], wrong))
    }
    wanted_facets = _choices("facets", facets, _one_of(FACET_FIELDS), wrong) if facets else ()
    if sort is not None and sort not in SORTS:
        wrong.append(FieldError(pointer="/query/sort", detail=f"must be one of {', '.join(SORTS)}"))
    if wrong:
        first = f"{wrong[0].pointer.removeprefix('/query/')} {wrong[0].detail}"
        raise InvalidValues(f"The search cannot be made: {first}.", errors=wrong)
    every = exact_words(q)
    words = tuple(every[:MOST_WORDS])
    warnings = []
    if len(every) > MOST_WORDS:
        warnings.append(f"Only the first {MOST_WORDS} words of q were searched.")
    nothing_to_find = bool(q.strip()) and not words
    if nothing_to_find:
        warnings.append("q has no letters or digits, so nothing was found.")
    return Question(
        words=words,
        exact=exact_form(q),
        prefix=_prefix(q, words),
        nothing_to_find=nothing_to_find,
        filters=chosen,
        audience=audience_value(audience),
        sort=cast(Sort, _sort(sort, words)),
        facets=wanted_facets,
        limit=limit,
        cursor=cursor,
        warnings=warnings,
    )


def audience_value(audience: Visibility) -> str:
    """Which documents `audience` reads: no event carries more than members may see."""
    return "public" if audience is Visibility.public else "member"


def _sort(sort: str | None, words: tuple[str, ...]) -> str:
    # Without words there is nothing to be relevant to: the names give an order that makes sense.
    return "name" if not words and sort in {None, "relevance"} else sort or "relevance"


def _prefix(q: str, words: tuple[str, ...]) -> str | None:
    """The last word, unless a space or a mark after it says that it is complete."""
    if not words or not q[-1:].isalnum() or not len(words[-1]) >= PREFIX_LETTERS[0]:
        return None
    return words[-1]


Check = Callable[[str], tuple[str, str | None]]
"""Gives the value as it is filtered by, and what is wrong with it."""


def _choices(name: str, text: str, check: Check, wrong: list[FieldError]) -> tuple[str, ...]:
    values = [value.strip() for value in text.split(",") if value.strip()]
    if len(values) > _MOST_CHOICES:
        wrong.append(
            FieldError(pointer=f"/query/{name}", detail=f"has over {_MOST_CHOICES} values")
        )
    checked = [check(value) for value in values]
    wrong += [
        FieldError(pointer=f"/query/{name}", detail=complaint)
        for _, complaint in checked
        if complaint is not None
    ]
    return tuple(dict.fromkeys(value for value, _ in checked))


def _one_of(allowed: tuple[str, ...]) -> Check:
    def check(value: str) -> tuple[str, str | None]:
        found = value.lower()
        return found, None if found in allowed else f"must be of {', '.join(allowed)}"

    return check


def _country(value: str) -> tuple[str, str | None]:
    code = value.upper()
    right = _COUNTRY.fullmatch(code) is not None
    return code, None if right else "must be ISO 3166-1 alpha-2 codes such as GB"


def _topic(value: str) -> tuple[str, str | None]:
    return value, None


_CHECKS: dict[str, Check] = {
    "kind": _one_of(KINDS),
    "level": _one_of(tuple(Level)),
    "sector": _one_of(tuple(Sector)),
    "country": _country,
    "topic": _topic,
    "status": _one_of(STATUSES),
}
