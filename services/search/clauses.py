"""The parts that all queries are made of: terms, filters, and whose documents are looked at."""

from collections.abc import Mapping, Sequence

from tantivy import FieldType, Occur, Query

from services.search.filters import Range
from services.search.question import audience_value
from services.search.schema import build_schema
from shared.vocabulary import Visibility

Clause = tuple[Occur, Query]


def filter_clauses(
    chosen: Mapping[str, Sequence[str]], ranges: Mapping[str, Range], without: str | None = None
) -> list[Clause]:
    """The clauses of filters, those of the facet `without` left out. Filters score nothing."""
    found: list[Clause] = []
    for name, values in chosen.items():
        if name != without:
            found.append((Occur.Must, silent(_any_of(name, values))))
    for name, wanted in ranges.items():
        query = Query.range_query(
            build_schema(), name, FieldType.Integer, wanted.lowest, wanted.highest
        )
        found.append((Occur.Must, silent(query)))
    return found


def audience_query(audience: Visibility) -> Query:
    """Everything that `audience` may find; the secretariat finds what members find."""
    return term("audience", audience_value(audience))


def _any_of(name: str, values: Sequence[str]) -> Query:
    field = "area_key" if name == "area" else name
    typed: list[str] | list[int] = (
        [int(value) for value in values] if name == "year" else list(values)
    )
    if len(typed) == 1:
        return Query.term_query(build_schema(), field, typed[0])
    return Query.term_set_query(build_schema(), field, typed)


def term(field: str, value: str) -> Query:
    """Documents that have `value` in `field`."""
    return Query.term_query(build_schema(), field, value)


def silent(query: Query) -> Query:
    """A filter chooses, it does not score."""
    return Query.const_score_query(query, 0.0)


def all_of(queries: Sequence[Query]) -> Query:
    """Documents that all of the queries find."""
    if len(queries) == 1:
        return queries[0]
    return Query.boolean_query([(Occur.Must, query) for query in queries])
