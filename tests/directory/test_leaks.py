"""Values that not everybody may see, looked for in every way out: answers, log, stream, output."""

from typing import Any

import orjson
import pytest

from services.directory.representations import REPRESENTATIONS
from shared.broker import connect_broker
from shared.events import EVENT_TYPES
from shared.log_follower import STREAM
from tests.served_directory import ServedDirectory

REACHED = {"purposes": ["single_point_of_contact"]}
CONSENT = {"given_at": "2026-01-31", "reference": "m4rk-consent-file"}


def _desk(marker: str, visibility: str) -> dict[str, Any]:
    channel = {"kind": "post", "value": f"{marker} street"}
    return {**REACHED, "kind": "role", "channels": [channel], "visibility": visibility}


def _person(marker: str, visibility: str, consent: Any = None) -> dict[str, Any]:
    point = _desk(marker, visibility)
    return {**point, "kind": "person", "name": f"{marker} name", "consent": consent}


def _in_ror(number: int) -> dict[str, Any]:
    """What a partner needs to be written as a record of ROR."""
    return {
        "external_ids": [{"scheme": "ror", "value": f"https://ror.org/00000000{number}"}],
        "location": {"place": "London", "geonames_id": 2643743},
    }


# What is put into a record, by the marker in it, and the least audience that may read the marker.
LEAST = {
    "m4rk-open-desk": "public",
    "m4rk-consenting-person": "public",
    "m4rk-consent-file": "secretariat",
    "m4rk-person": "member",
    "m4rk-consent-of-member-person": "member",
    "m4rk-member-desk": "member",
    "m4rk-secret-desk": "secretariat",
    "m4rk-secret-person": "secretariat",
    "m4rk-public-other": "public",
    "m4rk-member-other": "member",
    "m4rk-secret-other": "secretariat",
    "m4rk-member-only": "member",
    "m4rk-secret-only": "secretariat",
}
POINTS = [
    _desk("m4rk-open-desk", "public"),
    _person("m4rk-consenting-person", "public", CONSENT),
    _person("m4rk-person", "public"),
    _person("m4rk-consent-of-member-person", "member", CONSENT),
    _desk("m4rk-member-desk", "member"),
    _desk("m4rk-secret-desk", "secretariat"),
    _person("m4rk-secret-person", "secretariat", CONSENT),
]
SEEN_BY = {"public": {"public"}, "member": {"public", "member"}, "secretariat": {*LEAST.values()}}


def _markers(audience: str) -> set[str]:
    return {marker for marker, least in LEAST.items() if least in SEEN_BY[audience]}


def _found(text: str) -> set[str]:
    return {marker for marker in LEAST if marker in text}


@pytest.fixture(scope="module")
async def marked(directory: ServedDirectory) -> dict[str, Any]:
    """A record with a marker in each kind of value, related to others; edited and assured."""
    ties = []
    for number, (marker, visibility) in enumerate(
        (
            ("m4rk-public-other", "public"),
            ("m4rk-member-other", "member"),
            ("m4rk-secret-other", "secretariat"),
        )
    ):
        other = await directory.create(marker, visibility=visibility, **_in_ror(number))
        ties.append({"kind": "related", "partner_id": other["id"]})
    for marker, visibility in (("m4rk-member-only", "member"), ("m4rk-secret-only", "secretariat")):
        hidden = await directory.create(marker, visibility=visibility)
        await directory.patch(hidden, {"description": {"en": f"{marker} described"}})
    record = await directory.create(
        "Marked", contact_points=POINTS, relationships=ties, **_in_ror(9)
    )
    secretariat = await directory.signed_in()
    await directory.client.post(
        f"/partners/{record['id']}/assurance",
        json={"method": "telephone"},
        headers={**secretariat, "If-Match": '"1"'},
    )
    record = await directory.read(record["id"], secretariat)
    assert (await directory.patch(record, {"established": 1999})).status_code == 200
    await directory.event_of((await directory.create("After the marked"))["id"])
    return await directory.read(record["id"], secretariat)


async def _headers(directory: ServedDirectory, audience: str) -> dict[str, str]:
    if audience == "public":
        return {}
    if audience == "secretariat":
        return await directory.signed_in()
    return await directory.account("member")


@pytest.mark.parametrize("audience", ["public", "member", "secretariat"])
async def test_an_audience_reads_the_values_meant_for_it(
    directory: ServedDirectory, marked: dict[str, Any], audience: str
) -> None:
    """Read alone, listed and exported; not one value more, and none less."""
    headers = await _headers(directory, audience)
    about_itself = {marker for marker in LEAST if not marker.endswith("-only")}
    one = await directory.client.get(f"/partners/{marked['id']}", headers=headers)
    assert _found(one.text) == _markers(audience) & about_itself
    for path in ("/partners?limit=200", "/partners?sort=-created_at", "/partners/export.ndjson"):
        for _again in range(2):
            answer = await directory.client.get(path, headers=headers)
            assert _found(answer.text) == _markers(audience), path


@pytest.mark.parametrize("audience", ["public", "member", "secretariat"])
async def test_no_variant_says_more_than_the_record(
    directory: ServedDirectory, marked: dict[str, Any], audience: str
) -> None:
    """With chosen fields, or with related records in it; alone, and in a list."""
    headers = await _headers(directory, audience)
    for asked in (
        "fields=contact_points,relationships,assurance",
        "expand=relationships.partner,successor",
        "fields=relationships&expand=relationships.partner",
    ):
        for path in (f"/partners/{marked['id']}", "/partners"):
            for _again in range(2):
                answer = await directory.client.get(f"{path}?{asked}", headers=headers)
                assert answer.status_code == 200
                found = _found(answer.text)
                assert found <= _markers(audience), (path, asked)
                assert "m4rk-public-other" in found


@pytest.mark.parametrize("audience", ["public", "member"])
async def test_what_was_is_not_shown_to_others(
    directory: ServedDirectory, marked: dict[str, Any], audience: str
) -> None:
    """Neither history nor a version, nor what is disputed, proposed, merged or alike."""
    headers = await _headers(directory, audience)
    one = f"/partners/{marked['id']}"
    for path in (
        f"{one}/history",
        f"{one}?at=1",
        f"{one}?at=9999-01-01",
        f"{one}/disputes",
        f"/proposals?partner={marked['id']}",
        "/partners/merges",
        "/partners/duplicates?min_score=0",
    ):
        answer = await directory.client.get(path, headers=headers)
        assert answer.status_code in {401, 403} or answer.json()["items"] == [], path
        assert _found(answer.text) == set(), path


@pytest.mark.parametrize("extension", REPRESENTATIONS)
@pytest.mark.parametrize("audience", ["public", "member", "secretariat"])
async def test_no_format_says_more_than_the_record(
    directory: ServedDirectory, marked: dict[str, Any], audience: str, extension: str
) -> None:
    """One alone, by its extension and by `Accept`, and all of them; CSV says as much, too."""
    headers = await _headers(directory, audience)
    path = f"/partners/{marked['id']}"
    accept = REPRESENTATIONS[extension].media_type
    for asked, more in (
        (f"{path}.{extension}", {}),
        (path, {"Accept": accept}),
        (f"/partners/export.{extension}", {}),
    ):
        answer = await directory.client.get(asked, headers={**headers, **more})
        assert answer.status_code == 200
        # A vCard parts its lines anywhere.
        found = _found(answer.text.replace("\r\n ", ""))
        assert found <= _markers(audience), asked
        assert "m4rk-public-other" in found or extension in {"hsds.json", "vcf"}
        if extension == "csv" and path not in asked:
            assert found == _markers(audience)


@pytest.mark.parametrize("audience", ["public", "member", "secretariat"])
async def test_the_log_tells_an_audience_what_it_may_see(
    directory: ServedDirectory, marked: dict[str, Any], audience: str
) -> None:
    """Nothing above member level is on it, for the secretariat neither."""
    headers = await _headers(directory, audience)
    answer = await directory.client.get("/changes?limit=1000", headers=headers)
    assert _found(answer.text) == _markers("public" if audience == "public" else "member")
    assert "audiences" not in answer.text


async def test_the_log_and_the_stream_carry_nothing_of_the_secretariat(
    directory: ServedDirectory, marked: dict[str, Any]
) -> None:
    """Our own services and whoever can read Redis get member level at most."""
    log = await directory.client.get("/changes?limit=1000", headers=await directory.service())
    assert _found(log.text) == _markers("member")
    redis = connect_broker(directory.redis_url)
    try:
        entries: Any = await redis.xrange(STREAM)
    finally:
        await redis.aclose()
    assert len(entries) == len(log.json()["items"])
    text = b"".join(value for _, fields in entries for value in fields.values()).decode()
    assert _found(text) == _markers("member")
    assured = marked["assurance"]["assured_by"]
    told = [event for event in log.json()["items"] if event["type"] in EVENT_TYPES]
    records = [event["data"]["record"] for event in told]
    assert assured not in orjson.dumps([one for one in records if one is not None]).decode()


async def test_only_the_secretariat_reads_who_assured(
    directory: ServedDirectory, marked: dict[str, Any]
) -> None:
    """That it was assured, when and how is told to all."""
    assert marked["assurance"]["assured_by"] is not None
    for audience in ("public", "member"):
        seen = await directory.read(marked["id"], await _headers(directory, audience))
        assert seen["assurance"] == {**marked["assurance"], "assured_by": None}


async def test_the_public_is_not_told_who_did_it(
    directory: ServedDirectory, marked: dict[str, Any]
) -> None:
    """Members are."""
    public = (await directory.changes())["items"]
    assert {event["data"]["actor"] for event in public if "partner" in event["type"]} == {None}
    member = (await directory.changes(headers=await directory.account("member")))["items"]
    assert all(event["data"]["actor"]["role"] == "secretariat" for event in member)


async def test_a_flag_tells_of_no_value_that_its_reader_may_not_see(
    directory: ServedDirectory,
) -> None:
    """A partner whose only single point of contact is for members wants one to the public."""
    record = await directory.create("Flagged", contact_points=[_desk("desk", "member")])
    assert (await directory.read(record["id"]))["flags"] == ["no_single_point_of_contact"]
    member = await directory.account("member")
    assert (await directory.read(record["id"], member))["flags"] == []


async def test_a_contact_point_counts_within_its_days(directory: ServedDirectory) -> None:
    """The last day of the calendar is a day like others."""
    for days, flags in (
        ({"valid_from": "0001-01-01", "valid_to": "9999-12-31"}, []),
        ({"valid_to": "2011-12-31"}, ["no_single_point_of_contact", "contact_expired"]),
        ({"valid_from": "9999-12-31"}, ["no_single_point_of_contact"]),
    ):
        point = {**_desk("desk", "public"), **days}
        record = await directory.create("With days", contact_points=[point])
        assert record["flags"] == flags
