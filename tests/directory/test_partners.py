"""Partners over HTTP: making, reading, changing, withdrawing."""

from tests.served_directory import ServedDirectory, a_partner


async def test_a_partner_needs_a_level_and_a_display_name(directory: ServedDirectory) -> None:
    """These two are enough; the answer is the record, its address and its ETag."""
    answer = await directory.client.post(
        "/partners", json=a_partner("Environment Agency"), headers=await directory.signed_in()
    )
    assert answer.status_code == 201
    record = answer.json()
    assert answer.headers["Location"] == f"/partners/{record['id']}"
    assert answer.headers["ETag"] == '"1"'
    assert record["names"][0]["value"] == "Environment Agency"
    assert await directory.read(record["id"], await directory.signed_in()) == record


async def test_what_the_reader_has_is_not_sent_again(directory: ServedDirectory) -> None:
    """If-None-Match with the current ETag is answered 304 without a body."""
    record = await directory.create("Europol")
    answer = await directory.client.get(
        f"/partners/{record['id']}", headers={"If-None-Match": '"1"'}
    )
    assert (answer.status_code, answer.content) == (304, b"")


async def test_head_is_answered_as_get_without_the_body(directory: ServedDirectory) -> None:
    """With the same status and headers, for whatever can be read."""
    record = await directory.create("Europol by its head")
    for path in (f"/partners/{record['id']}", "/partners?limit=1", "/topics", "/healthz"):
        read = await directory.client.get(path)
        head = await directory.client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("Content-Type", "Content-Length", "ETag", "Link", "Last-Modified"):
            assert head.headers.get(name) == read.headers.get(name)
    export = await directory.client.head("/partners/export.ndjson")
    assert (export.content, int(export.headers["X-Sequence"]) > 0) == (b"", True)
    assert "Content-Length" not in export.headers
    unknown = await directory.client.head("/partners/01890000-0000-7000-8000-000000000000")
    assert unknown.status_code == 404
    document = (await directory.client.get("/openapi.json")).json()
    assert all("head" not in operations for operations in document["paths"].values())


async def test_a_record_can_be_sent_back_as_it_was_read(directory: ServedDirectory) -> None:
    """Derived fields are passed over; nothing differs, so the version stays and no event comes."""
    record = await directory.create("Interpol", description={"en": "Police co-operation."})
    answer = await directory.client.put(
        f"/partners/{record['id']}",
        json=record,
        headers={**await directory.signed_in(), "If-Match": '"1"'},
    )
    assert answer.status_code == 200
    assert answer.json() == record
    # The log is in order, so once a later event is there, none of the record's own is missing.
    later = await directory.create("Later")
    await directory.event_of(later["id"])
    events = (await directory.changes())["items"]
    assert [event["type"] for event in events if event["subject"] == record["id"]] == [
        "partner.created"
    ]


async def test_nobody_writes_over_what_they_have_not_seen(directory: ServedDirectory) -> None:
    """Without If-Match a write is refused with 428, with a stale one with 412; nothing changes."""
    record = await directory.create("Crown Prosecution Service")
    headers = await directory.signed_in()
    blind = await directory.client.patch(
        f"/partners/{record['id']}", json={"established": 1986}, headers=headers
    )
    assert blind.status_code == 428
    assert (await directory.patch(record, {"established": 1986})).status_code == 200
    stale = await directory.patch(record, {"established": 1987})
    assert (stale.status_code, stale.headers["ETag"]) == (412, '"2"')
    assert (await directory.read(record["id"]))["established"] == 1986


async def test_a_merge_patch_removes_with_null_and_replaces_lists(
    directory: ServedDirectory,
) -> None:
    """RFC 7396: what is not named stays."""
    record = await directory.create(
        "Eurostat",
        country="LU",
        sectors=["international_body", "government"],
        description={"en": "Statistics.", "fr": "Statistiques."},
    )
    answer = await directory.patch(
        record, {"country": None, "sectors": ["government"], "description": {"fr": None}}
    )
    changed = answer.json()
    assert changed["country"] is None
    assert changed["sectors"] == ["government"]
    assert changed["description"] == {"en": "Statistics."}
    assert changed["names"] == record["names"]


async def test_a_patch_must_leave_a_valid_partner(directory: ServedDirectory) -> None:
    """A patch that takes the display name away is refused and changes nothing."""
    record = await directory.create("Serious Fraud Office")
    answer = await directory.patch(record, {"names": [{"value": "SFO", "kinds": ["acronym"]}]})
    assert answer.status_code == 422
    assert "display" in answer.json()["detail"]
    assert (await directory.read(record["id"]))["names"] == record["names"]


async def test_an_external_id_belongs_to_one_partner(directory: ServedDirectory) -> None:
    """A second claim is refused with 409 and names the partner that has it."""
    ids = [{"scheme": "ror", "value": "https://ror.org/04xfq0f34", "preferred": True}]
    first = await directory.create("First", external_ids=ids)
    answer = await directory.client.post(
        "/partners",
        json=a_partner("Second", external_ids=ids),
        headers=await directory.signed_in(),
    )
    assert (answer.status_code, answer.json()["partner_id"]) == (409, first["id"])
    found = await directory.client.get(
        "/partners", params={"external_id": "ror:https://ror.org/04xfq0f34"}
    )
    assert [item["id"] for item in found.json()["items"]] == [first["id"]]


async def test_a_withdrawn_partner_leads_to_its_successor(directory: ServedDirectory) -> None:
    """Its address answers 308, its identifiers are free, it is listed as a former id."""
    ids = [{"scheme": "wikidata", "value": "Q123"}]
    kept = await directory.create("Kept record")
    duplicate = await directory.create("Duplicate record", external_ids=ids)
    answer = await directory.client.delete(
        f"/partners/{duplicate['id']}",
        params={"successor": kept["id"]},
        headers={**await directory.signed_in(), "If-Match": '"1"'},
    )
    assert answer.status_code == 204
    moved = await directory.client.get(f"/partners/{duplicate['id']}")
    assert (moved.status_code, moved.headers["Location"]) == (308, f"/partners/{kept['id']}")
    assert (await directory.read(kept["id"]))["former_ids"] == [duplicate["id"]]
    assert (await directory.patch(kept | {"version": 2}, {"external_ids": ids})).status_code == 200
    listed = await directory.client.get("/partners", params={"name": "duplicate record"})
    assert listed.json()["items"] == []


async def test_a_withdrawn_partner_without_successor_stays_readable(
    directory: ServedDirectory,
) -> None:
    """It says that it is withdrawn, and cannot be changed any more."""
    record = await directory.create("A mistake")
    headers = {**await directory.signed_in(), "If-Match": '"1"'}
    await directory.client.delete(f"/partners/{record['id']}", headers=headers)
    withdrawn = await directory.read(record["id"])
    assert withdrawn["status"] == "withdrawn"
    assert (await directory.patch(withdrawn, {"established": 1})).status_code == 409


async def test_assuring_never_edits_and_editing_never_assures(directory: ServedDirectory) -> None:
    """An assurance leaves modified_at alone, an edit leaves the review date alone."""
    record = await directory.create("Assured body")
    headers = {**await directory.signed_in(), "If-Match": '"1"'}
    answer = await directory.client.post(
        f"/partners/{record['id']}/assurance", json={"method": "telephone"}, headers=headers
    )
    assured = answer.json()
    assert assured["assurance"]["status"] == "assured"
    assert assured["modified_at"] == record["modified_at"]
    edited = (await directory.patch(assured, {"established": 2001})).json()
    assert edited["assurance"] == assured["assurance"]
    assert edited["modified_at"] > record["modified_at"]


async def test_contact_points_keep_their_id_and_lose_their_check_when_they_change(
    directory: ServedDirectory,
) -> None:
    """An edit by id keeps the contact point; a made-up id is refused; phones become E.164."""
    desk = {
        "kind": "service_desk",
        "purposes": ["single_point_of_contact"],
        "channels": [{"kind": "phone", "value": "+44 20 7946 0000"}],
    }
    record = await directory.create("With a desk", contact_points=[desk])
    point = record["contact_points"][0]
    assert point["channels"][0]["value"] == "+442079460000"
    renamed = await directory.patch(record, {"contact_points": [{**point, "name": "The desk"}]})
    assert renamed.json()["contact_points"][0]["id"] == point["id"]
    strange = {**point, "id": record["id"]}
    refused = await directory.patch(renamed.json(), {"contact_points": [strange]})
    assert refused.status_code == 422


async def test_a_name_may_have_no_letters(directory: ServedDirectory) -> None:
    """It is kept, changed and found by its id, though there is nothing to compare it by."""
    record = await directory.create("!!!")
    changed = await directory.patch(
        record, {"names": [{"value": "???", "kinds": ["display"]}], "domains": ["example.org"]}
    )
    assert changed.status_code == 200
    again = await directory.patch(changed.json(), {"domains": []})
    assert again.status_code == 200


async def test_an_address_that_is_no_record_and_no_format_is_wrong_for_every_method(
    directory: ServedDirectory,
) -> None:
    """The id is what is wrong; that other methods were possible would be no help."""
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        for path in ("/partners/.csv", "/partners/a.b.c", "/partners/x.%20", "/topics/.x"):
            if method == "DELETE" and "topics" in path:
                continue
            answer = await directory.client.request(
                method,
                path,
                json=None if method in {"GET", "DELETE"} else {},
                headers={**await directory.signed_in(), "If-Match": '"1"'},
            )
            assert answer.status_code == 422, (method, path, answer.text)
