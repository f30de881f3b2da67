"""The topics as the index has them: which are narrower than which, and what they are called."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from tantivy import Occur, Query, Searcher

from services.search.schema import build_schema
from shared.records import JsonObject

_STRAND = "strand"


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """All topics at one moment. Every topic is public, so it is the same for every audience."""

    state: str
    labels: Mapping[str, str]
    """Preferred label by notation."""
    strands: frozenset[str]
    _notation_of: Mapping[str, str]
    """By id and by notation."""
    _narrower: Mapping[str, frozenset[str]]
    """Every topic's own notation and those of all narrower ones, at any depth."""

    def notations_of(self, value: str) -> frozenset[str]:
        """The notations that a topic's id or notation stands for: its own and all narrower ones."""
        notation = self._notation_of.get(value, value)
        return self._narrower.get(notation, frozenset([notation]))

    @property
    def broader(self) -> Iterable[tuple[str, frozenset[str]]]:
        """Topics that have narrower ones, each with the notations it stands for."""
        return ((name, found) for name, found in self._narrower.items() if len(found) > 1)


NO_TOPICS = Taxonomy("", {}, frozenset(), {}, {})


class TaxonomyReader:
    """Reads the topics of the index again only when one of them has changed."""

    def __init__(self) -> None:
        self._last = NO_TOPICS

    def read(self, searcher: Searcher) -> Taxonomy:
        """The topics that `searcher` sees."""
        topics = Query.term_query(build_schema(), "kind", "topic")
        # A change counts a version up, a new topic the number: so equal sums are equal topics.
        versions = searcher.aggregate(topics, {"versions": {"stats": {"field": "version"}}})
        state = repr(versions)
        if state != self._last.state:
            self._last = _read(searcher, topics, state)
        return self._last


def _read(searcher: Searcher, topics: Query, state: str) -> Taxonomy:
    hits = searcher.search(topics, limit=searcher.num_docs + 1, count=False).hits
    documents: list[Any] = [searcher.doc(address) for _, address in hits]
    records: list[JsonObject] = [orjson.loads(found.get_first("record")) for found in documents]
    notation_of = {record["id"]: record["notation"] for record in records}
    children: dict[str, set[str]] = {}
    for record in records:
        for broader in record["broader"]:
            children.setdefault(notation_of.get(broader, broader), set()).add(record["notation"])
    return Taxonomy(
        state=state,
        labels={
            record["notation"]: record["pref_label"].get("en")
            or next(iter(record["pref_label"].values()))
            for record in records
        },
        strands=frozenset(record["notation"] for record in records if record["scheme"] == _STRAND),
        _notation_of=notation_of | {notation: notation for notation in notation_of.values()},
        _narrower={record["notation"]: _below(record["notation"], children) for record in records},
    )


def _below(notation: str, children: Mapping[str, set[str]]) -> frozenset[str]:
    found, waiting = {notation}, [notation]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            # A topic may be below another one by two ways.
            if child not in found:
                found.add(child)
                waiting.append(child)
    return frozenset(found)


def topic_query(notations: Iterable[str]) -> Query:
    """Records that are about one of these topics."""
    return Query.term_set_query(build_schema(), "topic", sorted(notations))


def any_topic(values: Iterable[str], taxonomy: Taxonomy) -> Query:
    """Records that are about one of these topics, by id or notation, or about a narrower one."""
    given = list(values)
    notations = {notation for value in given for notation in taxonomy.notations_of(value)}
    by_id = Query.term_set_query(build_schema(), "topic_id", given)
    return Query.boolean_query([(Occur.Should, topic_query(notations)), (Occur.Should, by_id)])
