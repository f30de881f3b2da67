"""Nobody finds, counts or sees in any way what they may not see: each audience x each way out."""

from typing import Any

import pytest

from tests.search.served_search import ServedSearch

SECRET_WORD = "zanzibarium"
CONTACT = "Quillfeather"
READERS = ["public", "member", "editor", "service", "secretariat"]
# A question, how much of it the public finds, and how much members find.
WAYS_OUT: list[tuple[dict[str, str], int, int]] = [
    ({"q": SECRET_WORD}, 0, 1),
    ({"q": SECRET_WORD[:6]}, 0, 1),
    ({"q": f"{SECRET_WORD} council"}, 2, 1),
    ({"q": f"National {SECRET_WORD} Council"}, 2, 1),
    ({"q": CONTACT}, 0, 0),
    ({"country": "TZ"}, 0, 1),
    ({"sort": "modified"}, 2, 3),
    ({"level": "local"}, 0, 1),
    ({"q": "council", "facets": "level,country,sector,topic,kind,status"}, 2, 3),
]


@pytest.fixture(scope="module")
async def known(search: ServedSearch) -> dict[str, Any]:
    """A public record, one for members, one for the secretariat, and people at the public one."""
    directory = search.directory
    more = {"level": "local", "country": "TZ", "sectors": ["military"]}
    public = await directory.create(
        "Public Council",
        contact_points=[
            {
                "kind": "person",
                "name": CONTACT,
                "purposes": ["research"],
                "channels": [{"kind": "email", "value": "q@example.org"}],
            }
        ],
    )
    member = await directory.create(f"National {SECRET_WORD} Council", visibility="member", **more)
    hidden = await directory.create(
        f"Hidden {SECRET_WORD} Council", visibility="secretariat", **more
    )
    await directory.create(
        "Friend of the council",
        relationships=[{"kind": "related", "partner_id": member["id"]}],
    )
    await search.caught_up()
    return {"public": public, "member": member, "hidden": hidden}


async def headers_of(search: ServedSearch, reader: str, partner_id: str) -> dict[str, str] | None:
    """The header by which `reader` signs in."""
    match reader:
        case "public":
            return None
        case "secretariat":
            return await search.directory.signed_in()
        case "service":
            return await search.directory.service()
        case "editor":
            return await search.directory.account(reader, partner_id)
        case _:
            return await search.directory.account(reader)


@pytest.mark.parametrize(("way", "public_total", "member_total"), WAYS_OUT)
@pytest.mark.parametrize("reader", READERS)
async def test_what_an_audience_may_not_see_shows_nowhere(
    search: ServedSearch,
    known: dict[str, Any],
    reader: str,
    way: dict[str, str],
    public_total: int,
    member_total: int,
) -> None:
    """Not as a hit, not in a count, not in a highlight, not within another record."""
    headers = await headers_of(search, reader, known["public"]["id"])
    answer = await search.client.get("/search", params=way, headers=headers)
    body = answer.json()
    text = answer.text.lower()
    assert (
        body["total"]
        == len(body["items"])
        == (public_total if reader == "public" else member_total)
    )
    assert known["hidden"]["id"] not in text
    assert "hidden" not in text
    if reader == "public":
        assert SECRET_WORD not in text
        assert known["member"]["id"] not in text
        assert CONTACT.lower() not in text
        assert '"tz"' not in text
        assert '"military"' not in text


@pytest.mark.parametrize("reader", READERS)
async def test_counts_are_of_what_one_finds(
    search: ServedSearch, known: dict[str, Any], reader: str
) -> None:
    """Total, facets and the index's own number of documents agree with the hits."""
    headers = await headers_of(search, reader, known["public"]["id"])
    body = await search.ask(headers, facets="level,country,sector,kind", limit=200)
    records = [item["record"] for item in body["items"]]
    assert body["total"] == len(records) == (await search.index(headers))["documents"]
    for facet in ("level", "country"):
        expected: dict[str, int] = {}
        for record in records:
            if record[facet] is not None:
                expected[record[facet]] = expected.get(record[facet], 0) + 1
        counted = {value["value"]: value["count"] for value in body["facets"][facet]}
        assert counted == expected


async def test_a_record_is_answered_as_the_directory_answers_it(
    search: ServedSearch, known: dict[str, Any]
) -> None:
    """The public misses the person; members see the person; nobody sees more."""
    record_id = known["public"]["id"]
    for headers in (None, await search.directory.account("member")):
        body = await search.ask(headers, q="Public Council")
        assert body["items"][0]["record"] == await search.directory.read(record_id, headers)


async def test_a_record_that_goes_out_of_sight_is_gone(search: ServedSearch) -> None:
    """Made member-only it leaves the public, made secretariat-only or withdrawn it leaves all."""
    member = await search.directory.account("member")
    made = await search.directory.create("Vanishing Bureau")
    for visibility, public, members in (("member", 0, 1), ("secretariat", 0, 0), ("public", 1, 1)):
        answer = await search.directory.patch(made, {"visibility": visibility})
        made = answer.json()
        await search.caught_up()
        assert (await search.ask(q="vanishing"))["total"] == public
        assert (await search.ask(member, q="vanishing"))["total"] == members
    await search.directory.client.delete(
        f"/partners/{made['id']}",
        headers={**await search.directory.signed_in(), "If-Match": f'"{made["version"]}"'},
    )
    await search.caught_up()
    assert (await search.ask(member, q="vanishing"))["total"] == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/search/dead-events"),
        ("POST", "/search/dead-events/any/replay"),
        ("POST", "/index/rebuild"),
    ],
)
async def test_only_the_secretariat_gets_behind_the_counter(
    search: ServedSearch, known: dict[str, Any], method: str, path: str
) -> None:
    """Dead events hold whole records, and a rebuild costs something."""
    assert (await search.client.request(method, path)).status_code == 401
    for reader in ("member", "editor", "service"):
        headers = await headers_of(search, reader, known["public"]["id"])
        assert (await search.client.request(method, path, headers=headers)).status_code == 403
