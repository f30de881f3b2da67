"""Partners as JSON-LD, read by rdflib."""

import orjson
import rdflib
from hypothesis import given, settings
from rdflib import RDF, Graph, Literal, URIRef

from services.directory.formats.json_ld import CONTEXT, write_json_ld
from services.directory.partner_write import PartnerWrite
from shared.records import JsonObject
from tests.directory.any_partner import partners, record_of

BASE = "https://directory.example"
SCHEMA = rdflib.Namespace("https://schema.org/")
ORG = rdflib.Namespace("http://www.w3.org/ns/org#")
DCTERMS = rdflib.DCTERMS


def _graph(record: JsonObject) -> Graph:
    document = {"@context": CONTEXT, **write_json_ld(record, BASE)}
    return Graph().parse(data=orjson.dumps(document), format="json-ld")


@settings(max_examples=40, deadline=None)
@given(values=partners())
def test_any_partner_is_read_whole(values: JsonObject) -> None:
    """Every name, identifier, link and contact point; every address is one of RFC 3986."""
    record = record_of(values)
    graph = _graph(record)
    partner = URIRef(f"{BASE}/partners/{record['id']}")
    assert {SCHEMA.Organization, ORG.Organization} == {*graph.objects(partner, RDF.type)}
    for name in record["names"]:
        word = SCHEMA.name if "display" in name["kinds"] else SCHEMA.alternateName
        assert (partner, word, Literal(name["value"], lang=name["lang"])) in graph
    said = {
        (str(graph.value(one, SCHEMA.propertyID)), str(graph.value(one, SCHEMA.value)))
        for one in graph.objects(partner, SCHEMA.identifier)
    }
    assert said == {(one["scheme"], one["value"]) for one in record["external_ids"]}
    points = {str(point) for point in graph.objects(partner, SCHEMA.contactPoint)}
    assert points == {f"urn:uuid:{point['id']}" for point in record["contact_points"]}
    for term in graph.all_nodes():
        if isinstance(term, URIRef):
            assert str(term).isascii()
            assert not set(str(term)) & set(' <>"{}|\\^`')


def test_relationships_are_told_in_both_vocabularies() -> None:
    """Who funds is told from its end, of which alone schema.org has a word."""
    other = "01a21395-774c-7518-b552-8b52f605e633"
    values = PartnerWrite.model_validate(
        {
            "level": "local",
            "names": [{"value": "One", "kinds": ["display"]}],
            "relationships": [
                {"kind": kind, "partner_id": other}
                for kind in ("parent", "successor", "funds", "member_of")
            ],
        }
    ).model_dump(mode="json")
    record = record_of(values)
    graph = _graph(record)
    partner, parent = URIRef(f"{BASE}/partners/{record['id']}"), URIRef(f"{BASE}/partners/{other}")
    expected = [
        (partner, SCHEMA.parentOrganization, parent),
        (partner, ORG.subOrganizationOf, parent),
        (partner, DCTERMS.isReplacedBy, parent),
        (parent, SCHEMA.funder, partner),
        (partner, ORG.memberOf, parent),
    ]
    assert all(triple in graph for triple in expected)
