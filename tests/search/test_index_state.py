"""What the index tells of itself, to each audience of what it may find only."""

from typing import Any

import pytest

from tests.search.served_search import ServedSearch
from tests.waiting import wait_until

COUNT = 4


@pytest.fixture(scope="module", autouse=True)
async def records(search: ServedSearch) -> None:
    """Public partners, one for members with a word of its own, and a topic."""
    for number in range(COUNT):
        await search.directory.create(f"Open council {number}")
    await search.directory.create("Quiet zyxomma", visibility="member")
    topic = {"notation": "cyber-crime", "scheme": "crime_type", "pref_label": {"en": "Cyber crime"}}
    answer = await search.directory.client.post(
        "/topics", json=topic, headers=await search.directory.signed_in()
    )
    assert answer.status_code == 201, answer.text
    await search.caught_up()


async def learned(search: ServedSearch) -> tuple[Any, Any]:
    """GET /index for the public and for members, once it has learned from its last commit."""
    member = await search.directory.account("member")
    found: list[Any] = []

    async def is_learned() -> bool:
        found[:] = [await search.index(), await search.index(member)]
        public, signed_in = found
        # A marker was gone with the last commit, and so are its words with the lesson from it.
        return bool(
            public["lag"] == 0
            and public["vocabulary"]["commit_at"] == public["last_commit_at"]
            and public["vocabulary"]["words"] + 2 == signed_in["vocabulary"]["words"]
        )

    await wait_until(is_learned, "the words of the last commit are learned")
    return found[0], found[1]


async def test_it_counts_what_the_caller_may_find(search: ServedSearch) -> None:
    """By kind, and the words: two words of a record for members count for members only."""
    public, member = await learned(search)
    assert public["kinds"] == {"partner": COUNT, "topic": 1}
    assert member["kinds"] == {"partner": COUNT + 1, "topic": 1}
    for index in (public, member):
        assert index["documents"] == sum(index["kinds"].values())
        assert index["size_bytes"] > 0
        assert index["lag"] == 0
    secretariat = await search.index(await search.directory.signed_in())
    assert secretariat["kinds"] == member["kinds"]


async def test_readiness_and_measurements_tell_position_lag_and_size(search: ServedSearch) -> None:
    """The same as GET /index tells, once no merge goes on."""

    async def tell_the_same() -> bool:
        index = await search.index()
        ready = (await search.client.get("/readyz")).json()["dependencies"]
        (detail,) = [one["detail"] for one in ready if one["name"] == "index"]
        lines = (await search.client.get("/metrics")).text.splitlines()
        values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        assert float(values["search_index_lag"]) == index["lag"] == 0
        told = f"position {index['position']}, lag 0, {index['size_bytes']:,} bytes"
        return bool(detail == told and float(values["search_index_bytes"]) == index["size_bytes"])

    await wait_until(tell_the_same, "all three tell the same")
