"""Chosen fields, embedded records, and pages that have not changed."""

import asyncio
from typing import Any

import httpx
import pytest

from services.directory.variants import MAX_EMBEDDED
from tests.served_directory import ServedDirectory

TOPIC = {"notation": "of-variants", "scheme": "theme", "pref_label": {"en": "Of variants"}}


def _desk(visibility: str) -> dict[str, Any]:
    return {
        "kind": "role",
        "purposes": ["press"],
        "name": f"{visibility} desk",
        "channels": [{"kind": "post", "value": "a street"}],
        "visibility": visibility,
    }


async def _get(
    directory: ServedDirectory, path: str, headers: Any = None, **asked: Any
) -> httpx.Response:
    answer = await directory.client.get(path, params=asked or None, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


@pytest.fixture(scope="module")
async def record(directory: ServedDirectory) -> dict[str, Any]:
    """A partner with a topic, contact points, and related partners that not all may see."""
    made = await directory.client.post("/topics", json=TOPIC, headers=await directory.signed_in())
    ties = []
    for visibility in ("public", "member", "secretariat"):
        other = await directory.create(
            f"Related {visibility}",
            visibility=visibility,
            contact_points=[_desk("public"), _desk("member"), _desk("secretariat")],
        )
        ties.append({"kind": "related", "partner_id": other["id"]})
    return await directory.create(
        "Varied",
        country="MT",
        established=1999,
        relationships=ties,
        contact_points=[_desk("public"), _desk("member"), _desk("secretariat")],
        topics=[{"topic_id": made.json()["id"], "role": "leads"}],
    )


async def test_chosen_fields_are_all_that_is_shown(
    directory: ServedDirectory, record: dict[str, Any]
) -> None:
    """Of one record and of each in a list; with a dot, parts of a field."""
    whole = await directory.read(record["id"])
    fields = "id, established,names.value,contact_points.channels,contact_points.name,location.lat"
    expected = {
        "id": whole["id"],
        "established": 1999,
        "names": [{"value": "Varied"}],
        "contact_points": [
            {"channels": point["channels"], "name": point["name"]}
            for point in whole["contact_points"]
        ],
        "location": None,
    }
    one = await _get(directory, f"/partners/{record['id']}", fields=fields)
    assert one.json() == expected
    page = await _get(directory, "/partners", country="MT", fields=fields)
    assert page.json() == {"items": [expected], "next": None}
    both = await _get(directory, f"/partners/{record['id']}", fields="names.value,names")
    assert both.json() == {"names": whole["names"]}


async def test_fields_of_topics_are_chosen_alike(
    directory: ServedDirectory, record: dict[str, Any]
) -> None:
    """Of one and of a list."""
    topic_id = record["topics"][0]["topic_id"]
    one = await _get(directory, f"/topics/{topic_id}", fields="notation,pref_label")
    assert one.json() == {"notation": "of-variants", "pref_label": {"en": "Of variants"}}
    again = await directory.client.get(
        f"/topics/{topic_id}?fields=notation,pref_label",
        headers={"If-None-Match": one.headers["ETag"]},
    )
    assert again.status_code == 304
    page = await _get(directory, "/topics", notation="of-variants", fields="notation")
    assert page.json()["items"] == [{"notation": "of-variants"}]


@pytest.mark.parametrize("role", ["public", "member", "secretariat", "editor"])
async def test_embedded_records_are_cut_to_their_reader(
    directory: ServedDirectory, record: dict[str, Any], role: str
) -> None:
    """They are what the reader gets at their own address; an editor is a member elsewhere."""
    headers: dict[str, str] = {}
    if role == "secretariat":
        headers = await directory.signed_in()
    elif role != "public":
        headers = await directory.account(role, record["id"] if role == "editor" else None)
    plain = await directory.read(record["id"], headers)
    asked = {"expand": "relationships.partner,topics"}
    one = await _get(directory, f"/partners/{record['id']}", headers, **asked)
    expected = dict(plain)
    expected["relationships"] = []
    for tie in plain["relationships"]:
        answer = await directory.client.get(f"/partners/{tie['partner_id']}", headers=headers)
        other = answer.json() if answer.status_code == 200 else None
        expected["relationships"].append({**tie, "partner": other})
    topic = await _get(directory, f"/topics/{plain['topics'][0]['topic_id']}")
    expected["topics"] = [{**plain["topics"][0], "topic": topic.json()}]
    assert one.json() == expected
    count = {"public": 1, "member": 2, "secretariat": 3, "editor": 2}[role]
    partners = [tie["partner"] for tie in expected["relationships"]]
    assert sum(partner is not None for partner in partners) == count
    if role != "editor":
        page = await _get(directory, "/partners", headers, country="MT", **asked)
        assert page.json()["items"] == [expected]


async def test_a_successor_is_embedded_for_those_who_see_it(directory: ServedDirectory) -> None:
    """Beside the record's own fields; null where there is none or it is not to be seen."""
    secretariat = await directory.signed_in()
    hidden = await directory.create("Hidden successor", visibility="secretariat")
    old = await directory.create("Was a duplicate", country="BT")
    await directory.client.delete(
        f"/partners/{old['id']}",
        params={"successor": hidden["id"]},
        headers={**secretariat, "If-Match": '"1"'},
    )
    asked = {"country": "BT", "status": "withdrawn", "expand": "successor"}
    for headers, names in (({}, None), (secretariat, hidden["names"])):
        page = await _get(directory, "/partners", headers, **asked, fields="id,successor")
        (item,) = page.json()["items"]
        assert item["id"] == old["id"]
        assert item["successor"] == (None if names is None else item["successor"])
        assert (item["successor"] or {}).get("names") == names


async def test_a_variant_has_a_tag_of_its_own(
    directory: ServedDirectory, record: dict[str, Any]
) -> None:
    """It changes with what is shown, embedded records included, and is no version to write by."""
    path = f"/partners/{record['id']}"
    whole = await _get(directory, path)
    few = await _get(directory, path, fields="id,names")
    wide = await _get(directory, path, expand="relationships.partner")
    tags = [answer.headers["ETag"] for answer in (whole, few, wide)]
    assert len(set(tags)) == 3
    for asked in ({"fields": "id,names"}, {"expand": "topics"}):
        tag = (await _get(directory, path, **asked)).headers["ETag"]
        for _ in range(2):
            headers = {"If-None-Match": tag}
            again = await directory.client.get(path, params=asked, headers=headers)
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["ETag"] == tag
    public = next(tie for tie in whole.json()["relationships"])
    other = await directory.read(public["partner_id"], await directory.signed_in())
    described = await directory.patch(other, {"description": {"en": "Now described"}})
    assert described.status_code == 200
    changed = await _get(directory, path, expand="relationships.partner")
    assert changed.headers["ETag"] != tags[2]
    assert "Now described" in changed.text
    assert (await _get(directory, path)).headers["ETag"] == tags[0]
    refused = await directory.client.patch(
        path, json={}, headers={**await directory.signed_in(), "If-Match": tags[1]}
    )
    assert refused.status_code == 400


async def test_a_page_that_has_not_changed_is_not_sent_again(directory: ServedDirectory) -> None:
    """Its tag changes with any record of it, and only then; each audience has its own."""
    made = await directory.create("On a page", country="FO")
    other = await directory.create("On another page", country="GL")
    for path in ("/partners?country=FO", "/topics?limit=1", "/partners?country=FO&fields=names"):
        tag = (await _get(directory, path)).headers["ETag"]
        for _ in range(2):
            again = await directory.client.get(path, headers={"If-None-Match": tag})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["ETag"] == tag
    tag = (await _get(directory, "/partners?country=FO")).headers["ETag"]
    await directory.patch(other, {"established": 1900})
    for changed in (False, True):
        answer = await directory.client.get(
            "/partners?country=FO", headers={"If-None-Match": f'W/{tag}, "x"'}
        )
        assert answer.status_code == (200 if changed else 304)
        await directory.patch(made, {"established": 1901})


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("fields", "colour"),
        ("fields", ""),
        ("fields", "id,"),
        ("fields", "names.colour"),
        ("fields", "level.x"),
        ("fields", "names.value.x"),
        ("fields", "successor"),
        ("fields", "relationships.partner"),
        ("fields", "x" * 1_001),
        ("expand", "parents"),
        ("expand", ""),
        ("expand", "x" * 1_001),
    ],
)
async def test_what_cannot_be_chosen_is_refused(
    directory: ServedDirectory, record: dict[str, Any], parameter: str, value: str
) -> None:
    """With what is possible; where a record is read alone and where it is listed."""
    for path in ("/partners", f"/partners/{record['id']}"):
        answer = await directory.client.get(path, params={parameter: value})
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"].startswith("/query/")


async def test_an_answer_embeds_a_limited_number_of_records(directory: ServedDirectory) -> None:
    """A page that names more than that is refused with what to do instead."""
    secretariat = await directory.signed_in()
    bodies = [
        {"notation": f"many-{number}", "scheme": "theme", "pref_label": {"en": "One of many"}}
        for number in range(MAX_EMBEDDED + 1)
    ]
    posted = [directory.client.post("/topics", json=one, headers=secretariat) for one in bodies]
    topic_ids = [answer.json()["id"] for answer in await asyncio.gather(*posted)]
    parts = [topic_ids[:170], topic_ids[170:340], topic_ids[340:]]
    made = [
        await directory.create(
            "On many topics",
            country="NR",
            topics=[{"topic_id": topic_id, "role": "leads"} for topic_id in part],
        )
        for part in parts
    ]
    wide = {"country": "NR", "expand": "topics"}
    answer = await directory.client.get("/partners", params=wide)
    assert answer.status_code == 422, answer.text
    assert str(MAX_EMBEDDED) in answer.json()["detail"]
    fewer = [{"topic_id": topic_id, "role": "leads"} for topic_id in parts[0][1:]]
    await directory.patch(made[0], {"topics": fewer})
    found = (await _get(directory, "/partners", **wide)).json()["items"]
    shown = [topic for item in found for topic in item["topics"]]
    assert len(shown) == MAX_EMBEDDED
    assert all(topic["topic"]["id"] == topic["topic_id"] for topic in shown)


async def test_the_past_is_shown_whole(directory: ServedDirectory, record: dict[str, Any]) -> None:
    """What was embedded then is not known, so neither may be asked for."""
    for asked in ({"fields": "id"}, {"expand": "topics"}):
        answer = await directory.client.get(
            f"/partners/{record['id']}",
            params={"at": "1", **asked},
            headers=await directory.signed_in(),
        )
        assert answer.status_code == 422
