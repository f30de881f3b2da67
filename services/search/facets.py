"""Counting the values of facets as people expect it who choose several of them."""

from collections.abc import Callable, Sequence
from typing import Any

from tantivy import Occur, Query, Searcher

from services.search.boundary import tantivy_calls, total_of
from services.search.clauses import silent
from services.search.countries import label_of_area, label_of_country
from services.search.taxonomy import Taxonomy, topic_query
from shared.folding import words_of
from shared.records import JsonObject

MOST_VALUES = 1_000
EVERY_VALUE = 60_000
"""As many as tantivy counts in one facet: it refuses to hold over 65,000."""

MakeQuery = Callable[[str | None], Query]
"""The query of a search without the filter of one facet; with all of them for None."""


def count_facets(
    searcher: Searcher,
    names: Sequence[str],
    filtered: Sequence[str],
    make_query: MakeQuery,
    taxonomy: Taxonomy,
    most: int = MOST_VALUES,
) -> dict[str, list[JsonObject]]:
    """How many hits each value of each facet has, the `most` most frequent ones first.

    A facet that is filtered by is counted as if it were not, the other filters being kept: its
    numbers are what one would get by choosing another value. Those that are not filtered by are
    counted together, in one walk through the hits.
    """
    together = [name for name in names if name not in filtered]
    found: dict[str, list[JsonObject]] = {}
    if together:
        found |= _count(searcher, make_query(None), together, taxonomy, most)
    for name in names:
        if name in filtered:
            found |= _count(searcher, make_query(name), [name], taxonomy, most)
    return {name: found[name] for name in names}


def _count(
    searcher: Searcher, query: Query, names: Sequence[str], taxonomy: Taxonomy, most: int
) -> dict[str, list[JsonObject]]:
    fields = dict.fromkeys("topic" if name == "strand" else name for name in names)
    wanted = {field: {"terms": {"field": field, "size": most}} for field in fields}
    with tantivy_calls():
        counted: dict[str, Any] = searcher.aggregate(query, wanted)
    values = {
        field: {str(bucket["key"]): int(bucket["doc_count"]) for bucket in found["buckets"]}
        for field, found in counted.items()
    }
    if "year" in values:
        values["year"] = {str(int(float(year))): count for year, count in values["year"].items()}
    if "topic" in values:
        values["topic"] = _with_narrower(searcher, query, values["topic"], taxonomy)
    if "strand" in names:
        values["strand"] = {
            notation: count
            for notation, count in values["topic"].items()
            if notation in taxonomy.strands
        }
    return {name: _in_order(values[name]) for name in names}


def _with_narrower(
    searcher: Searcher, query: Query, counts: dict[str, int], taxonomy: Taxonomy
) -> dict[str, int]:
    """The same with broader topics, each of which stands for its narrower ones too."""
    found = dict(counts)
    for notation, below in taxonomy.broader:
        if below.isdisjoint(counts):
            continue
        clauses = [(Occur.Must, query), (Occur.Must, silent(topic_query(below)))]
        with tantivy_calls():
            found[notation] = total_of(searcher.search(Query.boolean_query(clauses), limit=1))
    return found


def _in_order(counts: dict[str, int]) -> list[JsonObject]:
    values = [{"value": value, "count": count} for value, count in counts.items()]
    return sorted(values, key=lambda value: (-int(str(value["count"])), str(value["value"])))


def label_of(facet: str, value: str, taxonomy: Taxonomy) -> str:
    """What a value is called: the country of a code, the label of a topic; else the value."""
    match facet:
        case "country":
            return label_of_country(value)
        case "area":
            return label_of_area(value)
        case "topic" | "strand":
            return taxonomy.labels.get(value, value)
        case _:
            return value.replace("_", " ")


def matches(contains: Sequence[str], value: str, label: str) -> bool:
    """Whether a word of a value or of its label begins with each of the folded words."""
    words = [*words_of(value), *words_of(label)]
    return all(any(word.startswith(wanted) for word in words) for wanted in contains)
