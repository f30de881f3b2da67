"""Partners that have topics in common with one: who could work with whom, and why."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import orjson
from tantivy import Occur, Query, Searcher

from services.search.boundary import IndexFailed, tantivy_calls, total_of
from services.search.clauses import Clause, silent, term
from services.search.countries import label_of_area, label_of_country
from services.search.models import SimilarAnswer
from services.search.pages import find_page
from services.search.question import Question, make_question
from services.search.ranking import IN_RELATIONSHIP, SAME_AREA, SAME_COUNTRY, SAME_SECTOR
from services.search.reading import IndexReader
from services.search.schema import build_schema
from services.search.searching import SearchFailed
from services.search.taxonomy import Taxonomy
from services.search.view import View
from services.search.vocabulary import rarity_of
from shared.folding import folded_name
from shared.problems import NotFound
from shared.records import JsonObject
from shared.vocabulary import Visibility


async def find_similar(
    reading: IndexReader, partner_id: str, audience: Visibility, limit: int
) -> SimilarAnswer:
    """Partners similar to `partner_id` that `audience` may see, `limit` at its level and at others.

    Raises:
        NotFound: the audience finds no such partner.
        IndexNotReady: there is no index yet.
        SearchFailed: it could not be read.
    """
    # A question without words is put in the order of names; here topics are what is relevant.
    question = replace(make_question(q="", audience=audience, limit=limit), sort="relevance")
    view = reading.view()
    try:
        found = await asyncio.to_thread(_find, view, partner_id, question)
    except IndexFailed as error:
        raise SearchFailed(
            "The search index could not be read; this is logged. Try again in a moment."
        ) from error
    return SimilarAnswer.model_validate(found)


def _find(view: View, partner_id: str, question: Question) -> JsonObject:
    searcher = view.searcher
    with tantivy_calls():
        partner = _read_partner(searcher, partner_id, question.audience)
        taxonomy = view.taxonomy()
        at_its_level = term("level", partner["level"])
        levels: dict[str, Clause] = {
            "same_level": (Occur.Must, silent(at_its_level)),
            "other_levels": (Occur.MustNot, at_its_level),
        }
        return {
            name: _similar_at(searcher, partner, level, question, taxonomy)
            for name, level in levels.items()
        }


def _read_partner(searcher: Searcher, partner_id: str, audience: str) -> JsonObject:
    clauses = [
        (Occur.Must, term("id", partner_id)),
        (Occur.Must, term("kind", "partner")),
        (Occur.Must, term("audience", audience)),
    ]
    hits = searcher.search(Query.boolean_query(clauses), limit=1).hits
    if not hits:
        raise NotFound("Search knows no partner with this id, or it is not for you to see.")
    stored: Any = searcher.doc(hits[0][1])
    record: JsonObject = orjson.loads(stored.get_first("record"))
    return record


def _similar_at(
    searcher: Searcher, partner: JsonObject, level: Clause, question: Question, taxonomy: Taxonomy
) -> list[JsonObject]:
    notations = list(dict.fromkeys(topic["notation"] for topic in partner["topics"]))
    if not notations:
        return []
    seen = [
        (Occur.Must, silent(term("audience", question.audience))),
        (Occur.Must, silent(term("kind", "partner"))),
        (Occur.Must, silent(term("status", "active"))),
    ]
    # A topic in common is a must; how much each of them says is told by how rare it is.
    every = total_of(searcher.search(Query.boolean_query(seen), limit=1))
    topics = Query.boolean_query(
        [(Occur.Should, _topic(searcher, name, seen, every)) for name in notations]
    )
    clauses = [
        *seen,
        (Occur.MustNot, term("id", partner["id"])),
        level,
        (Occur.Must, topics),
        *_besides(partner),
    ]
    page = find_page(searcher, Query.boolean_query(clauses), question, 0)
    found = []
    for hit in page.hits:
        stored: Any = searcher.doc(hit.address)
        record = orjson.loads(stored.get_first("record"))
        head = orjson.loads(stored.get_first("head") + b"}")
        found.append(
            {
                "id": record["id"],
                "title": head["title"],
                "score": round(hit.score, 4),
                "reasons": reasons_of(partner, record, taxonomy),
                "record": record,
            }
        )
    return found


def _topic(searcher: Searcher, notation: str, seen: list[Clause], every: int) -> Query:
    """A topic, worth what its rarity says among the `every` partners that the caller may see."""
    having_it = Query.boolean_query([*seen, (Occur.Must, term("topic", notation))])
    rarity = rarity_of(total_of(searcher.search(having_it, limit=1)), every)
    return Query.const_score_query(term("topic", notation), rarity)


def _besides(partner: JsonObject) -> Iterable[Clause]:
    """What adds to a topic in common, each once: several areas in common are no further reason."""
    country = [partner["country"]] if partner["country"] else []
    related = [str(relationship["partner_id"]) for relationship in partner["relationships"]]
    worth = (
        ("sector", partner["sectors"], SAME_SECTOR),
        ("area_key", [folded_name(key) for key in _areas(partner)], SAME_AREA),
        ("country", country, SAME_COUNTRY),
        ("id", related, IN_RELATIONSHIP),
    )
    return [
        (
            Occur.Should,
            Query.const_score_query(Query.term_set_query(build_schema(), field, values), score),
        )
        for field, values, score in worth
        if values
    ]


def _areas(partner: JsonObject) -> list[str]:
    return [key for area in partner["areas"] for key in (area["code"], area["name"]) if key]


def reasons_of(one: JsonObject, other: JsonObject, taxonomy: Taxonomy) -> list[JsonObject]:
    """What two partners have in common, topics first."""
    found = [
        {
            "kind": "topic",
            "value": notation,
            "label": taxonomy.labels.get(notation, notation),
            "roles": [role, _role_in(other, notation)],
        }
        for notation, role in {topic["notation"]: topic["role"] for topic in one["topics"]}.items()
        if _role_in(other, notation) is not None
    ]
    found += [
        _reason("sector", sector, sector.replace("_", " "))
        for sector in one["sectors"]
        if sector in other["sectors"]
    ]
    others = _areas(other)
    found += [_reason("area", area, label_of_area(area)) for area in _areas(one) if area in others]
    if one["country"] and one["country"] == other["country"]:
        found.append(_reason("country", one["country"], label_of_country(one["country"])))
    found += [
        _reason("relationship", relationship["kind"], relationship["kind"].replace("_", " "))
        for relationship in one["relationships"]
        if str(relationship["partner_id"]) == other["id"]
    ]
    return found


def _reason(kind: str, value: str, label: str) -> JsonObject:
    return {"kind": kind, "value": value, "label": label}


def _role_in(partner: JsonObject, notation: str) -> str | None:
    for topic in partner["topics"]:
        if topic["notation"] == notation:
            return str(topic["role"])
    return None
