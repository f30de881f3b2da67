"""Partners and topics in the formats of others, over HTTP."""

import csv
import io
import json
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
import vobject
from rdflib import RDF, SKOS, Graph, Namespace

from services.directory.formats.ror import FORMAT, read_ror
from services.directory.models import SourceValuesRow
from services.directory.representations import OFFERED, REPRESENTATIONS, negotiated
from tests.directory.test_hsds import SCHEMA as HSDS
from tests.directory.test_ror import SAMPLE
from tests.directory.test_ror import SCHEMA as ROR
from tests.served_directory import URL, ServedDirectory, a_partner

SCHEMA_ORG = Namespace("https://schema.org/")
NAMES = [f"Exported {number}" for number in range(3)]


@pytest.fixture(scope="module")
async def exported(directory: ServedDirectory) -> list[dict[str, Any]]:
    """Three partners of one country, and one of another."""
    made = [await directory.create(name, country="LI", sectors=["academia"]) for name in NAMES]
    await directory.create("Not exported", country="MC")
    return made


async def _get(directory: ServedDirectory, path: str, **headers: str) -> httpx.Response:
    return await directory.client.get(path, headers=headers)


def _names_in(extension: str, text: str) -> list[str]:
    match extension:
        case "csv":
            return [row["name"] for row in csv.DictReader(io.StringIO(text, newline=""))]
        case "vcf":
            return [card.fn.value for card in vobject.readComponents(text)]
        case "jsonld":
            graph = Graph().parse(data=text, format="json-ld")
            organizations = graph.subjects(RDF.type, SCHEMA_ORG.Organization)
            return [str(graph.value(one, SCHEMA_ORG.name)) for one in organizations]
        case "hsds.json":
            return [one["name"] for one in _list_of(text)]
        case "ndjson":
            return [json.loads(line)["names"][0]["value"] for line in text.splitlines()]
        case _:
            lines = [json.loads(line) for line in text.splitlines() if line.strip() not in "[]"]
            return [one["names"][0]["value"] for one in lines]


def _list_of(text: str) -> list[Any]:
    found = json.loads(text)
    return found if isinstance(found, list) else [found]


@pytest.mark.parametrize("extension", REPRESENTATIONS)
async def test_a_filtered_set_is_exported(
    directory: ServedDirectory, exported: list[dict[str, Any]], extension: str
) -> None:
    """With the filters of the list, the place in the log, and the type of the format."""
    answer = await _get(directory, f"/partners/export.{extension}?country=LI&sector=academia")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == REPRESENTATIONS[extension].media_type
    assert int(answer.headers["X-Sequence"]) >= 0
    assert answer.headers["X-Log-Id"]
    expected = [] if extension.startswith("ror") else NAMES
    assert sorted(_names_in(extension, answer.text)) == expected
    nothing = await _get(directory, f"/partners/export.{extension}?country=AQ")
    assert _names_in(extension, nothing.text) == []
    unknown = await _get(directory, f"/partners/export.{extension}?limit=5")
    assert unknown.status_code == 400


@pytest.mark.parametrize("extension", [one for one in REPRESENTATIONS if "ror" not in one])
async def test_one_partner_is_read_in_each_format(
    directory: ServedDirectory, exported: list[dict[str, Any]], extension: str
) -> None:
    """By its extension and by `Accept`; with its tag it is not read again."""
    path = f"/partners/{exported[0]['id']}"
    form = REPRESENTATIONS[extension]
    media_type = form.media_type.partition(";")[0]
    by_extension = await _get(directory, f"{path}.{extension}")
    by_accept = await _get(directory, path, Accept=f"text/html, {media_type};q=0.5")
    plain = await _get(directory, path)
    assert by_extension.status_code == by_accept.status_code == 200, by_extension.text
    assert by_extension.content == by_accept.content
    assert _names_in(extension, by_accept.text) == NAMES[:1]
    for answer in (by_extension, by_accept):
        assert answer.headers["Content-Type"] == form.media_type
        assert answer.headers["Vary"] == "Authorization, Accept"
        tag = answer.headers["ETag"]
        assert tag != plain.headers["ETag"]
        again = await _get(directory, path, Accept=media_type, **{"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
    stale = await _get(directory, f"{path}.{extension}", **{"If-None-Match": plain.headers["ETag"]})
    assert stale.status_code == 200


async def test_the_formats_tags_are_all_different(
    directory: ServedDirectory, exported: list[dict[str, Any]]
) -> None:
    """So no cache gives one format for another."""
    path = f"/partners/{exported[0]['id']}"
    forms = [one for one in REPRESENTATIONS if "ror" not in one]
    tags = {(await _get(directory, f"{path}.{one}")).headers["ETag"] for one in forms}
    assert len(tags) == len(forms)


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "text/html, */*;q=0.1", "application/*", "nonsense", ""]
)
async def test_json_is_what_most_readers_get(
    directory: ServedDirectory, exported: list[dict[str, Any]], accept: str
) -> None:
    """Whoever takes it as well as others, or says nothing that can be read."""
    answer = await _get(directory, f"/partners/{exported[0]['id']}", Accept=accept)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["id"] == exported[0]["id"]


async def test_what_is_not_there_is_said(
    directory: ServedDirectory, exported: list[dict[str, Any]]
) -> None:
    """406 and 404 name what there is."""
    path = f"/partners/{exported[0]['id']}"
    answer = await _get(directory, path, Accept="image/png, text/csv;q=0")
    assert answer.status_code == 406
    assert answer.json()["media_types"] == list(OFFERED)
    for extension in ("ror.json", "ror.jsonl"):
        ror = await _get(directory, f"{path}.{extension}")
        assert (ror.status_code, ror.json()["type"]) == (
            406,
            "urn:partner-directory:problem:not-acceptable",
        )
    other = await _get(directory, f"{path}.xls")
    assert other.status_code == 404
    assert "csv" in other.json()["detail"]
    assert (await _get(directory, "/partners/no-uuid.csv")).status_code == 422
    missing = "01a21395-774c-7518-b552-8b52f605e633"
    assert (await _get(directory, f"/partners/{missing}.csv")).status_code == 404
    wrong = await _get(directory, f"{path}?fields=id", Accept="text/csv")
    assert wrong.status_code == 422


async def test_a_withdrawn_partner_leads_to_its_successor_in_the_same_format(
    directory: ServedDirectory, exported: list[dict[str, Any]]
) -> None:
    """As in JSON."""
    record = await directory.create("Withdrawn from formats")
    headers = {**await directory.signed_in(), "If-Match": '"1"'}
    successor = exported[0]["id"]
    path = f"/partners/{record['id']}"
    await directory.client.delete(f"{path}?successor={successor}", headers=headers)
    answer = await _get(directory, f"{path}.vcf")
    assert (answer.status_code, answer.headers["Location"]) == (
        308,
        f"/partners/{successor}.vcf",
    )
    found = await _get(directory, f"/partners/export.csv?ids={record['id']}&status=withdrawn")
    assert _names_in("csv", found.text) == ["Withdrawn from formats"]


async def test_ror_records_go_out_as_they_came(directory: ServedDirectory) -> None:
    """What only ROR says comes from beside the record, related partners from the directory."""
    child = next(record for record in SAMPLE if len(record["relationships"]) > 1)
    tie, *others = child["relationships"]
    parent = json.loads(json.dumps(SAMPLE[0])) | {"id": tie["id"], "relationships": []}
    parent["external_ids"] = []
    for name in parent["names"]:
        if "ror_display" in name["types"]:
            name["value"] = "The related one"
    ids: dict[str, str] = {}
    for record in (parent, child):
        incoming = read_ror(record)
        values = incoming.values
        if record is child:
            related = {"kind": tie["type"], "partner_id": ids[tie["id"]]}
            values = {**values, "relationships": [related]}
        made = await directory.client.post(
            "/partners", json=values, headers=await directory.signed_in()
        )
        assert made.status_code == 201, made.text
        ids[record["id"]] = made.json()["id"]
        async with directory.app.state.database.transaction() as session:
            partner_id, said = UUID(made.json()["id"]), incoming.source_values or {}
            session.add(SourceValuesRow(partner_id=partner_id, format=FORMAT, content=said))
    one = await _get(directory, f"/partners/{ids[child['id']]}.ror.json")
    assert one.json() == child
    path = f"/partners/export.ror.json?ids={','.join(ids.values())}"
    many = {record["id"]: record for record in (await _get(directory, path)).json()}
    assert many == {parent["id"]: parent, child["id"]: child}
    assert all(ROR.is_valid(record) for record in many.values())
    headers = await directory.signed_in()
    now = await directory.read(ids[parent["id"]], headers)
    renamed = [{"value": "Renamed here", "kinds": ["display"]}]
    assert (await directory.patch(now, {"names": renamed})).status_code == 200
    after = (await _get(directory, f"/partners/{ids[child['id']]}.ror.json")).json()
    assert after["relationships"] == [{**tie, "label": "Renamed here"}, *others]
    hidden = await directory.patch(
        await directory.read(ids[parent["id"]], headers), {"visibility": "secretariat"}
    )
    assert hidden.status_code == 200
    public = (await _get(directory, f"/partners/{ids[child['id']]}.ror.json")).json()
    assert public["relationships"] == others


async def test_hsds_is_valid_as_it_is_served(
    directory: ServedDirectory, exported: list[dict[str, Any]]
) -> None:
    """Alone and in the array."""
    organizations = (await _get(directory, "/partners/export.hsds.json?country=LI")).json()
    assert len(organizations) == 3
    assert all(HSDS.is_valid(one) for one in organizations)


async def test_an_export_of_several_batches_is_whole(directory: ServedDirectory) -> None:
    """Each partner once, whatever the batches; arrays keep their commas."""
    names = [f"Many {number}" for number in range(520)]
    headers = await directory.signed_in()
    for name in names:
        body = a_partner(name, country="AX")
        await directory.client.post("/partners", json=body, headers=headers)
    for extension in ("csv", "hsds.json", "jsonld"):
        answer = await _get(directory, f"/partners/export.{extension}?country=AX")
        found = _names_in(extension, answer.text)
        assert sorted(found) == sorted(names)


@pytest.fixture(scope="module")
async def topic(directory: ServedDirectory) -> dict[str, Any]:
    """A topic."""
    body = {"notation": "skos-topic", "scheme": "theme", "pref_label": {"en": 'A "topic"'}}
    made = await directory.client.post("/topics", json=body, headers=await directory.signed_in())
    found: dict[str, Any] = made.json()
    return found


async def test_topics_are_read_as_skos(directory: ServedDirectory, topic: dict[str, Any]) -> None:
    """All of them and one alone, in Turtle and in JSON-LD, by extension and by `Accept`."""
    path = f"/topics/{topic['id']}"
    for extension, media_type, form in (
        ("ttl", "text/turtle", "turtle"),
        ("jsonld", "application/ld+json", "json-ld"),
    ):
        every = await _get(directory, f"/topics/export.{extension}")
        assert every.headers["X-Sequence"]
        by_extension = await _get(directory, f"{path}.{extension}")
        by_accept = await _get(directory, path, Accept=media_type)
        assert by_extension.content == by_accept.content
        for answer in (every, by_extension):
            assert answer.headers["Content-Type"].startswith(media_type)
            graph = Graph().parse(data=answer.text, format=form)
            (concept,) = graph.subjects(SKOS.notation)
            assert str(concept) == f"{URL}{path}"
        tag = {"If-None-Match": by_accept.headers["ETag"]}
        assert (await _get(directory, path, Accept=media_type, **tag)).status_code == 304
        assert by_accept.headers["ETag"] != (await _get(directory, path)).headers["ETag"]
    assert (await _get(directory, path, Accept="image/png")).status_code == 406
    assert (await _get(directory, f"{path}.csv")).status_code == 404


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("a/b, c/d", "a/b"),
        ("a/b;q=0.2, c/d", "c/d"),
        ("c/*", "c/d"),
        ("*/*;q=0.1, c/d;q=0.2", "c/d"),
        ("*/*, a/b;q=0", "c/d"),
        ("a/b;q=x, c/d;level=1;q=0.3", "c/d"),
    ],
)
def test_the_best_of_what_is_accepted_is_chosen(accept: str, expected: str) -> None:
    """The quality of the most specific range counts, then our order (RFC 9110, 12.5.1)."""
    assert negotiated(accept, ("a/b", "c/d")) == expected


async def test_exports_are_for_search_what_they_were(
    directory: ServedDirectory, exported: list[dict[str, Any]]
) -> None:
    """One rendered record a line, whole."""
    answer = await _get(directory, "/partners/export.ndjson?country=LI")
    lines = [orjson.loads(line) for line in answer.content.splitlines()]
    assert lines == [await directory.read(record["id"]) for record in exported]
