"""Topics as SKOS, read by rdflib."""

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from rdflib import RDF, SKOS, Graph, Literal, URIRef
from rdflib.compare import isomorphic

from services.directory.formats.skos import (
    PREFIXES,
    as_turtle,
    turtle_head,
    write_concept,
    write_schemes,
)
from shared.records import JsonObject
from tests.directory.any_partner import languages, long_texts, texts

BASE = "https://directory.example"
_IDS = st.uuids().map(str)
TOPICS = st.fixed_dictionaries(
    {
        "id": _IDS,
        "created_at": st.just("2026-01-31T09:30:00Z"),
        "modified_at": st.just("2026-02-28T23:59:59.123456Z"),
        "notation": st.sampled_from(["fraud", "cyber-crime"]),
        "scheme": st.sampled_from(["theme", "crime_type"]),
        "pref_label": st.dictionaries(languages, texts(), min_size=1, max_size=2),
        "alt_labels": st.lists(
            st.fixed_dictionaries({"value": texts(), "lang": st.none() | languages}), max_size=2
        ),
        "definition": st.dictionaries(languages, long_texts(), max_size=2),
        "broader": st.lists(_IDS, max_size=2),
        "related": st.lists(_IDS, max_size=2),
        "status": st.sampled_from(["active", "deprecated"]),
        "replaced_by": st.none() | _IDS,
        "priorities": st.lists(long_texts(), max_size=2),
        "source": st.none() | texts(),
    }
)


@settings(max_examples=80, deadline=None)
@given(topics=st.lists(TOPICS, max_size=3))
def test_turtle_and_json_ld_say_the_same_of_any_topics(topics: list[JsonObject]) -> None:
    """All of it, whatever signs are in the texts."""
    nodes = [*write_schemes(BASE), *(write_concept(topic, BASE) for topic in topics)]
    turtle = Graph().parse(data=turtle_head() + "".join(map(as_turtle, nodes)), format="turtle")
    document = orjson.dumps({"@context": PREFIXES, "@graph": nodes})
    assert isomorphic(turtle, Graph().parse(data=document, format="json-ld"))
    for topic in topics:
        concept = URIRef(f"{BASE}/topics/{topic['id']}")
        assert (concept, RDF.type, SKOS.Concept) in turtle
        for language, label in topic["pref_label"].items():
            assert (concept, SKOS.prefLabel, Literal(label, lang=language)) in turtle
        for broader in topic["broader"]:
            assert (concept, SKOS.broader, URIRef(f"{BASE}/topics/{broader}")) in turtle
        above = (concept, SKOS.topConceptOf, URIRef(f"{BASE}/topics?scheme={topic['scheme']}"))
        assert (above in turtle) == (not topic["broader"])
