"""Likely duplicates: found in the background, listed to the secretariat, and dismissed."""

import itertools
from typing import Any
from uuid import uuid4

from tests.imported import import_records
from tests.served_directory import ServedDirectory, a_partner
from tests.waiting import wait_until

CANTERBURY = {"lat": 51.28, "lon": 1.08, "place": "Canterbury", "geonames_id": 2653877}


async def listed(directory: ServedDirectory, **asked: Any) -> dict[str, Any]:
    """A page of the list as the secretariat reads it."""
    answer = await directory.client.get(
        "/partners/duplicates", params=asked, headers=await directory.signed_in()
    )
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def pairs_with(directory: ServedDirectory, partner_id: str, **asked: Any) -> list[Any]:
    """All pairs with a partner, in whichever place."""
    items: list[Any] = (await listed(directory, partner=partner_id, limit=200, **asked))["items"]
    assert all(partner_id in {item["a"]["id"], item["b"]["id"]} for item in items)
    return items


async def is_paired(directory: ServedDirectory, one: str, other: str, **asked: Any) -> bool:
    """Whether two partners are listed as a pair."""
    return any(
        {item["a"]["id"], item["b"]["id"]} == {one, other}
        for item in await pairs_with(directory, one, **asked)
    )


async def wait_paired(directory: ServedDirectory, one: str, other: str, **asked: Any) -> None:
    """Return when two partners are listed as a pair."""
    await wait_until(
        lambda: is_paired(directory, one, other, **asked), f"{one} and {other} are listed"
    )


async def wait_parted(directory: ServedDirectory, one: str, other: str, **asked: Any) -> None:
    """Return when two partners are listed as a pair no more."""

    async def are_parted() -> bool:
        return not await is_paired(directory, one, other, **asked)

    await wait_until(are_parted, f"{one} and {other} are not listed")


async def a_pair(directory: ServedDirectory, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two partners of one body, listed."""
    values = {"country": "GB", "location": CANTERBURY, "established": 1965}
    one = await directory.create(name, **values, domains=["kent.example"])
    other = await directory.create(f"The {name}", **values, domains=["www.kent.example"])
    await wait_paired(directory, one["id"], other["id"])
    return one, other


async def dismiss(directory: ServedDirectory, one: str, other: str) -> dict[str, Any]:
    """Say that two partners are two."""
    answer = await directory.client.post(
        "/partners/duplicates/dismissals",
        json={"a": one, "b": other, "reason": "Two campuses"},
        headers=await directory.signed_in(),
    )
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_two_records_of_one_body_are_listed_with_what_tells_them_apart(
    directory: ServedDirectory,
) -> None:
    """Score, reasons in codes and in words, and both sides; the older record is `a`."""
    one, other = await a_pair(directory, "Quillwood Forensic Institute")
    (item,) = await pairs_with(directory, one["id"])
    assert 0.9 < item["score"] <= 1
    assert (item["a"]["id"], item["b"]["id"]) == (one["id"], other["id"])
    assert item["a"] == {
        "id": one["id"],
        "name": "Quillwood Forensic Institute",
        "country": "GB",
        "place": "Canterbury",
        "status": "active",
        "established": 1965,
        "domains": ["kent.example"],
        "external_ids": [],
    }
    codes = {reason["code"]: reason["speaks"] for reason in item["reasons"]}
    assert codes == dict.fromkeys(("same_name", "same_host", "same_place", "same_year"), "for")
    assert all(reason["text"].endswith(".") for reason in item["reasons"])
    assert item["dismissal"] is None


async def test_a_record_that_changes_is_compared_anew(directory: ServedDirectory) -> None:
    """Renamed, it is off the list; named as before, it is on it again."""
    one, other = await a_pair(directory, "Zephyrine Traffic Observatory")
    renamed = a_partner("Ministry of Ostriches", country="GB")["names"]
    elsewhere: dict[str, Any] = {"domains": [], "location": None}
    changed = await directory.patch(other, {"names": renamed, **elsewhere})
    assert changed.status_code == 200
    await wait_parted(directory, one["id"], other["id"], min_score=0)
    assert (await directory.patch(changed.json(), {"names": other["names"]})).status_code == 200
    await wait_paired(directory, one["id"], other["id"])


async def test_a_withdrawn_partner_is_in_no_pair_until_it_is_back(
    directory: ServedDirectory,
) -> None:
    """It is off the list with the very answer that withdraws it."""
    one, other = await a_pair(directory, "Marrowby Custody Council")
    headers = await directory.signed_in()
    gone = await directory.client.delete(
        f"/partners/{other['id']}", headers={**headers, "If-Match": '"1"'}
    )
    assert gone.status_code == 204
    assert await pairs_with(directory, one["id"], min_score=0) == []
    back = await directory.client.post(
        f"/partners/{other['id']}/restore",
        json={"version": 1},
        headers={**headers, "If-Match": '"2"'},
    )
    assert back.status_code == 200, back.text
    await wait_paired(directory, one["id"], other["id"])


async def test_merging_a_pair_ends_it(directory: ServedDirectory) -> None:
    """The record that is left has no pair with the one that went into it."""
    one, other = await a_pair(directory, "Brackenmoor Fraud Clinic")
    merged = await directory.client.post(
        "/partners/merge",
        json={"from": other["id"], "into": one["id"], "reason": "The same clinic"},
        headers=await directory.signed_in(),
    )
    assert merged.status_code == 200, merged.text
    assert await pairs_with(directory, one["id"], min_score=0) == []


async def test_partners_from_a_file_are_compared_too(directory: ServedDirectory) -> None:
    """With each other, and with those that were there before."""
    one = await directory.create("Quernstone Pathology Museum", country="GB")
    records = [
        a_partner("Quernstone Pathology Museum", country="GB"),
        a_partner("The Museum of Pathology, Quernstone", country="GB"),
    ]
    imported = await import_records(directory, records)
    assert imported.counts == (2, 0, 0, 0), imported.lines
    for first, second in itertools.combinations((one["id"], *imported.ids()), 2):
        await wait_paired(directory, first, second)


async def test_partners_that_are_related_are_known_to_be_two(directory: ServedDirectory) -> None:
    """Unless as predecessor and successor: what became of a body may be written down twice."""
    one, other = await a_pair(directory, "Thistlecombe Probation Board")

    async def relate(kind: str) -> None:
        record = await directory.read(one["id"], await directory.signed_in())
        ties = [{"kind": kind, "partner_id": other["id"]}]
        assert (await directory.patch(record, {"relationships": ties})).status_code == 200

    await relate("parent")
    assert not await is_paired(directory, one["id"], other["id"])
    await relate("successor")
    assert await is_paired(directory, one["id"], other["id"])


async def test_a_dismissed_pair_is_off_the_list_until_that_is_taken_back(
    directory: ServedDirectory,
) -> None:
    """`dismissed=true` lists it, with who, when and why."""
    one, other = await a_pair(directory, "Oxbarrow Detention Inspectorate")
    dismissal = await dismiss(directory, other["id"], one["id"])
    assert dismissal["reason"] == "Two campuses"
    assert not await is_paired(directory, one["id"], other["id"])
    (item,) = await pairs_with(directory, one["id"], dismissed=True)
    assert item["dismissal"] == dismissal
    again = await dismiss(directory, one["id"], other["id"])
    path = "/partners/duplicates/dismissals"
    headers = await directory.signed_in()
    assert (
        await directory.client.delete(f"{path}/{dismissal['id']}", headers=headers)
    ).status_code == 404
    assert (
        await directory.client.delete(f"{path}/{again['id']}", headers=headers)
    ).status_code == 204
    assert await is_paired(directory, one["id"], other["id"])
    assert await pairs_with(directory, one["id"], dismissed=True) == []


async def test_a_dismissal_holds_while_both_are_called_what_they_were(
    directory: ServedDirectory,
) -> None:
    """Another year or spelling changes nothing; another name lists the pair again."""
    one, other = await a_pair(directory, "Vellacott Border Agency")
    await dismiss(directory, one["id"], other["id"])
    shouted = [{**other["names"][0], "value": other["names"][0]["value"].upper()}]
    changed = await directory.patch(other, {"names": shouted, "established": 1966})
    assert changed.status_code == 200

    async def is_compared() -> bool:
        (item,) = await pairs_with(directory, one["id"], dismissed=True)
        return "other_year" in {reason["code"] for reason in item["reasons"]}

    await wait_until(is_compared, "the pair is compared anew")
    assert not await is_paired(directory, one["id"], other["id"])
    names = [*shouted, {"value": "Vellacott Coast Guard", "kinds": ["alias"]}]
    assert (await directory.patch(changed.json(), {"names": names})).status_code == 200
    await wait_paired(directory, one["id"], other["id"])


async def test_only_a_listed_pair_can_be_dismissed(directory: ServedDirectory) -> None:
    """Partners that are no pair, not there, or one and the same are refused."""
    one = await directory.create("Lonely Lighthouse Inspectorate")
    other = await directory.create("Gravel Pit Commission")
    headers = await directory.signed_in()
    for a, b in ((one["id"], other["id"]), (one["id"], str(uuid4())), (one["id"], one["id"])):
        answer = await directory.client.post(
            "/partners/duplicates/dismissals",
            json={"a": a, "b": b, "reason": "They are two"},
            headers=headers,
        )
        assert answer.status_code == 404
        assert "/partners/duplicates" in answer.json()["detail"]
    for body in ({"a": one["id"], "b": other["id"]}, {"a": 1, "b": 2, "reason": "no"}):
        answer = await directory.client.post(
            "/partners/duplicates/dismissals", json=body, headers=headers
        )
        assert answer.status_code == 422


async def test_pages_hold_every_pair_once_by_score(directory: ServedDirectory) -> None:
    """The likeliest first; `min_score` cuts the list, and the cursor goes on where it ended."""
    for number in range(3):
        await a_pair(directory, f"Pemberwick{number} Ranger Service")
    whole = (await listed(directory, min_score=0, limit=200))["items"]
    scores = [item["score"] for item in whole]
    assert scores == sorted(scores, reverse=True)
    paged: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = await listed(directory, min_score=0, limit=2, **cursor)
        paged += page["items"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert paged == whole
    least = scores[len(scores) // 2]
    some = (await listed(directory, min_score=least, limit=200))["items"]
    assert some == [item for item in whole if item["score"] >= least]


async def test_bad_questions_are_refused(directory: ServedDirectory) -> None:
    """With what to do, and never with a 500."""
    headers = await directory.signed_in()
    for query, status in (
        ("min_score=2", 422),
        ("min_score=nan", 422),
        ("partner=no", 422),
        ("cursor=no", 400),
        ("cursor=WzEsMl0", 400),
        ("cursor=WzAuNSwieCIsInkiXQ", 400),
        ("score=1", 400),
    ):
        answer = await directory.client.get(f"/partners/duplicates?{query}", headers=headers)
        assert answer.status_code == status, query
        assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_new_partner_comes_with_those_it_may_be_a_duplicate_of(
    directory: ServedDirectory,
) -> None:
    """At once, in the answer alone: the record itself has no such field, and takes it back."""
    one = await directory.create("Hollowmere Wildlife Crime Unit", country="GB")
    headers = await directory.signed_in()
    body = a_partner("Hollowmere Wildlife Crime Unit", country="GB")
    answer = await directory.client.post("/partners", json=body, headers=headers)
    assert answer.status_code == 201
    made = answer.json()
    (likely,) = made["possible_duplicates"]
    assert (likely["id"], likely["name"]) == (one["id"], "Hollowmere Wildlife Crime Unit")
    assert likely["score"] >= 0.5
    assert "same_name" in {reason["code"] for reason in likely["reasons"]}
    record = await directory.read(made["id"], headers)
    assert record == {key: made[key] for key in made if key != "possible_duplicates"}
    sent_back = await directory.client.put(
        f"/partners/{made['id']}", json=made, headers={**headers, "If-Match": '"1"'}
    )
    assert (sent_back.status_code, sent_back.json()) == (200, record)


async def test_a_new_partner_that_is_like_none_comes_alone(directory: ServedDirectory) -> None:
    """There is no empty list to look at; nor is there one where nobody wants to be warned."""
    for question in ("", "?warn=false"):
        answer = await directory.client.post(
            f"/partners{question}",
            json=a_partner("Xanthorrhoea Bibliometrics Pavilion"),
            headers=await directory.signed_in(),
        )
        assert answer.status_code == 201
        assert "possible_duplicates" not in answer.json()
