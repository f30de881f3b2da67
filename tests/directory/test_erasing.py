"""A person's details can be erased: the present, the past, the log and all that was kept forget."""

import zlib
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from services.directory.models import metadata
from shared.broker import connect_broker
from shared.databases import Database
from shared.log_follower import STREAM
from tests.databases_for_tests import times_in_files
from tests.served_directory import ServedDirectory, a_partner
from tests.waiting import wait_until

NAME, EMAIL, PHONE = "Ottoline Fairweather", "ottoline@tithe.example", "+441632960111"
HOME = "12 Cellar Row, Tithebarn"
PERSON = {
    "kind": "person",
    "purposes": ["research"],
    "name": NAME,
    "channels": [
        {"kind": "email", "value": EMAIL},
        {"kind": "phone", "value": PHONE},
        {"kind": "post", "value": HOME},
    ],
    "visibility": "member",
}
DESK = {
    "kind": "role",
    "purposes": ["single_point_of_contact"],
    "name": "Research desk",
    "channels": [{"kind": "email", "value": "desk@tithe.example"}],
}


async def _erase(
    directory: ServedDirectory, partner_id: str, point_id: str, headers: Any = None, **more: Any
) -> Any:
    return await directory.client.post(
        f"/partners/{partner_id}/contact-points/{point_id}/erasure",
        headers=headers or await directory.signed_in(),
        **more,
    )


async def _erased(directory: ServedDirectory, partner_id: str, point_id: str) -> Any:
    answer = await _erase(directory, partner_id, point_id)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _unpacked(value: Any) -> bytes:
    if isinstance(value, bytes):
        try:
            return zlib.decompress(value)
        except zlib.error:
            return value
    return orjson.dumps(value, default=str)


async def _kept_of_the_person(directory: ServedDirectory) -> list[str]:
    """Where in the directory's database and on its stream something of the person stands."""
    wanted = [value.encode().lower() for value in (NAME, EMAIL, PHONE, HOME)]
    found = []
    database: Database = directory.app.state.database
    async with database.reading() as session:
        for table in metadata.sorted_tables:
            for row in (await session.execute(select(table))).mappings():
                content = b" ".join(map(_unpacked, row.values())).lower()
                found += [f"{table.name}: {one.decode()}" for one in wanted if one in content]
    redis = connect_broker(directory.redis_url)
    try:
        entries: Any = await redis.xrange(STREAM)
    finally:
        await redis.aclose()
    for _, fields in entries:
        content = b" ".join(fields.values()).lower()
        found += [f"stream: {one.decode()}" for one in wanted if one in content]
    return found


async def _is_forgotten(directory: ServedDirectory) -> None:
    async def is_forgotten() -> bool:
        return not await _kept_of_the_person(directory)

    try:
        await wait_until(is_forgotten, "nothing is kept of the person", seconds=10)
    except AssertionError:
        assert await _kept_of_the_person(directory) == []
        raise


async def _ok(answer: Any, *expected: int) -> Any:
    assert answer.status_code in (expected or (200, 201)), answer.text
    return answer.json()


async def test_all_that_was_kept_forgets_the_person(directory: ServedDirectory) -> None:
    """Versions, events, proposals, comments, disputes, reasons, merges, imports, kept answers."""
    headers = await directory.signed_in()
    client = directory.client
    keyed = {**headers, "Idempotency-Key": "make-tithe"}
    made = await _ok(
        await client.post(
            "/partners", json=a_partner("Tithe House", contact_points=[PERSON, DESK]), headers=keyed
        )
    )
    point = made["contact_points"][0]
    for title in ("Analyst", "Head of analysis"):
        change = {"contact_points": [{**point, "title": title}, *made["contact_points"][1:]]}
        path, tag = f"/partners/{made['id']}", f'"{made["version"]}"'
        made = await _ok(
            await client.patch(
                path,
                params={"reason": f"{NAME} has said so"},
                json=change,
                headers={**headers, "If-Match": tag},
            )
        )
    # The same person, under an id of its own, with another record that is merged into the first.
    twin = await directory.create("Tithe Barn", contact_points=[{**PERSON, "title": "Head"}])
    await _ok(
        await client.post(
            "/partners/merge",
            json={"from": twin["id"], "into": made["id"], "reason": f"Both are {EMAIL}."},
            headers=headers,
        )
    )
    proposed = [
        {
            "kind": "update",
            "partner_id": made["id"],
            "reason": f"Ask {NAME}.",
            "contact": EMAIL,
            "patch": {"contact_points": [{**point, "title": "Chief"}]},
        },
        {
            "kind": "create",
            "reason": "New.",
            "partner": a_partner("Tithe Court", contact_points=[PERSON]),
        },
    ]
    for body in proposed:
        proposal = await _ok(await client.post("/proposals", json=body, headers=headers))
        await _ok(
            await client.post(
                f"/proposals/{proposal['id']}/comments",
                json={"text": f"I rang {PHONE}."},
                headers=headers,
            )
        )
    await _ok(
        await client.post(
            f"/partners/{made['id']}/disputes",
            json={"reason": f"{NAME.upper()} has left.", "contact": EMAIL},
            headers=headers,
        )
    )
    # Refused, with a sentence that repeats the name.
    twice = {"value": NAME, "kinds": ["alias"]}
    names = [*a_partner("Tithe Mill")["names"], twice, twice]
    rows = [{**a_partner(""), "names": names}, a_partner("Tithe Lane")]
    taken = await client.post(
        "/imports",
        params={"format": "ndjson"},
        content=b"\n".join(map(orjson.dumps, rows)),
        headers=headers,
    )
    assert taken.status_code == 202

    async def is_done() -> bool:
        answer = await client.get(taken.headers["Location"], headers=headers)
        return bool(answer.json()["state"] == "done")

    await wait_until(is_done, "the import is done")
    kept = {place.split(":")[0] for place in await _kept_of_the_person(directory)}
    assert kept >= {
        "partner",
        "partner_version",
        "partner_merge",
        "outbox",
        "proposal",
        "proposal_comment",
        "dispute",
        "kept_answer",
        "import_page",
        "stream",
    }
    answer = await _erased(directory, made["id"], point["id"])
    assert set(answer["partner_ids"]) == {made["id"], twin["id"]}
    assert len(answer["contact_point_ids"]) == 2
    assert answer["mentions"] == []
    counts = answer["forgotten"]
    assert {what for what, count in counts.items() if count} == counts.keys() - {"source_values"}
    await _is_forgotten(directory)


async def test_what_is_left_is_whole(directory: ServedDirectory) -> None:
    """Other contact points stay, versions can be read and restored, a merge can be undone.

    An address that a desk has too stays with the desk.
    """
    headers = await directory.signed_in()
    shared = {**DESK, "channels": PERSON["channels"][:1]}
    made = await directory.create("Tithe House", contact_points=[PERSON, DESK, shared])
    twin = await directory.create("Tithe Barn", contact_points=[{**PERSON, "title": "Head"}])
    merged = await directory.client.post(
        "/partners/merge", json={"from": twin["id"], "into": made["id"]}, headers=headers
    )
    answer = await _erased(directory, made["id"], made["contact_points"][0]["id"])
    assert answer["mentions"] == [{"partner_id": made["id"], "field": "contact_points"}]
    record = await directory.read(made["id"], headers)
    assert record["contact_points"] == made["contact_points"][1:]
    first = await directory.client.get(
        f"/partners/{made['id']}", params={"at": "1"}, headers=headers
    )
    assert first.json()["contact_points"] == made["contact_points"][1:]
    undo = merged.headers["Link"].partition(">")[0].strip("<")
    undone = await _ok(await directory.client.post(f"{undo}/undo", headers=headers))
    assert (undone["id"], undone["contact_points"]) == (twin["id"], [])
    record = await directory.read(made["id"], headers)
    restored = await directory.client.post(
        f"/partners/{made['id']}/restore",
        json={"version": 1},
        headers={**headers, "If-Match": f'"{record["version"]}"'},
    )
    assert (await _ok(restored))["contact_points"] == made["contact_points"][1:]


async def test_the_erasure_is_told_to_who_could_see_it(directory: ServedDirectory) -> None:
    """Also where the contact point had left the record before; with its id, for members alone.

    The history says who erased it and why, and has nothing of the person.
    """
    made = await directory.create("Tithe House", contact_points=[PERSON, DESK])
    point_id = made["contact_points"][0]["id"]
    made = (await directory.patch(made, {"contact_points": made["contact_points"][1:]})).json()
    headers = await directory.signed_in()
    begin = (await directory.event_of(made["id"]))["sequence"]
    answer = await _erase(
        directory, made["id"], point_id, params={"reason": "The person asked for it"}
    )
    await _ok(answer)
    after = await directory.create("Afterwards")

    async def told(headers: dict[str, str] | None) -> list[Any]:
        found: list[Any] = []

        async def has_come() -> bool:
            page = await directory.client.get("/changes", params={"after": begin}, headers=headers)
            found[:] = page.json()["items"]
            return any(event["subject"] == after["id"] for event in found)

        await wait_until(has_come, "what came afterwards is on the log")
        return [event for event in found if event["type"] == "partner.contact_erased"]

    (erased,) = await told(await directory.account("member"))
    assert erased["subject"] == made["id"]
    assert erased["data"]["contact_point_ids"] == [point_id]
    assert erased["data"]["changed"] == ["contact_points"]
    assert "audiences" not in erased["data"]
    assert await told(None) == []
    history = (
        await _ok(await directory.client.get(f"/partners/{made['id']}/history", headers=headers))
    )["items"]
    assert history[0]["event"] == "partner.contact_erased"
    assert history[0]["reason"] == "The person asked for it"
    assert history[0]["differences"] == []
    assert NAME not in str(history)


async def test_what_was_never_there_cannot_be_erased(directory: ServedDirectory) -> None:
    """404, once more after it was erased; a partner has nothing of what another one has."""
    made = await directory.create("Tithe House", contact_points=[PERSON])
    other = await directory.create("Mill House", contact_points=[DESK])
    point_id = made["contact_points"][0]["id"]
    assert (await _erase(directory, other["id"], point_id)).status_code == 404
    await _erased(directory, made["id"], point_id)
    again = await _erase(directory, made["id"], point_id)
    assert again.status_code == 404
    assert again.json()["type"].endswith("not-found")


async def test_an_import_under_way_would_bring_the_person_back(
    directory: ServedDirectory,
) -> None:
    """409 with the import's address, and nothing is erased, as long as its file is worked on."""
    headers = await directory.signed_in()
    made = await directory.create("Tithe House", contact_points=[PERSON])
    point_id = made["contact_points"][0]["id"]
    rows = [a_partner(f"Tithe Lane {number}") for number in range(3_000)]
    rows.append(a_partner("Tithe Mill", contact_points=[PERSON]))
    taken = await directory.client.post(
        "/imports",
        params={"format": "ndjson"},
        content=b"\n".join(map(orjson.dumps, rows)),
        headers=headers,
    )
    refused = await _erase(directory, made["id"], point_id)
    assert refused.status_code == 409, refused.text
    assert taken.headers["Location"] in refused.json()["detail"]
    assert (await directory.read(made["id"], headers))["contact_points"] == made["contact_points"]
    called_off = await directory.client.delete(taken.headers["Location"], headers=headers)
    assert called_off.status_code == 204
    await _erased(directory, made["id"], point_id)


async def test_no_file_keeps_what_was_overwritten(directory: ServedDirectory) -> None:
    """On SQLite, neither the database's file nor its log of writes has the person's address.

    What PostgreSQL has overwritten is its own affair: until VACUUM it is in the table's file.
    """
    database: Database = directory.app.state.database
    if not database.is_sqlite:
        pytest.skip("what PostgreSQL has overwritten is in its files until VACUUM")
    email = "only.here@tithe.example"
    person = {**PERSON, "channels": [{"kind": "email", "value": email}]}
    made = await directory.create("Tithe House", contact_points=[person])
    for year in (1901, 1902):
        made = (await directory.patch(made, {"established": year})).json()
    assert times_in_files(database, email) > 0
    await _erased(directory, made["id"], made["contact_points"][0]["id"])

    async def is_gone() -> bool:
        return times_in_files(database, email) == 0

    await wait_until(is_gone, "no file has the address")
