"""Partners with topics in common, at the same level and at others, with the reasons."""

from typing import Any
from uuid import UUID

import pytest

from tests.search.chance_partners import add_topics
from tests.search.served_search import ServedSearch

Records = dict[str, Any]


@pytest.fixture(scope="module")
async def records(search: ServedSearch) -> Records:
    """A partner and those around it, by their names; the topics by their notations."""
    directory = search.directory
    ids = await add_topics(directory)

    def about(**roles: str) -> list[dict[str, str]]:
        return [
            {"topic_id": ids[notation.replace("_", "-")], "role": role}
            for notation, role in roles.items()
        ]

    asked = {"sectors": ["academia", "network"], "country": "GB", "areas": [{"code": "GB-ENG"}]}
    made: Records = {"law": ids["law"]}

    async def create(name: str, **more: Any) -> None:
        made[name] = await directory.create(name, **more)

    await create("Asked", topics=about(fraud="leads", law="funds"), **asked)
    for number in range(6):
        await create(f"Common {number}", topics=about(fraud="works_on"))
    await create("Common neighbour", topics=about(fraud="interested"), **asked)
    await create("Rare", topics=about(law="works_on"))
    await create(
        "Related",
        topics=about(fraud="works_on"),
        relationships=[{"kind": "parent", "partner_id": made["Asked"]["id"]}],
    )
    await create("Both", topics=about(law="leads", fraud="holds_data"))
    await create("Ceased", status="inactive", topics=about(law="leads"))
    await create("Neighbour without topics", **asked)
    await create("Narrower", topics=about(vat_fraud="leads"))
    await create("Local", level="local", topics=about(fraud="leads"))
    await create("World", level="international", topics=about(law="interested"))
    await create("Members", visibility="member", topics=about(law="leads"))
    await create("Secret", visibility="secretariat", topics=about(law="leads"))
    await search.caught_up()
    return made


async def similar(
    search: ServedSearch, record_id: str, headers: dict[str, str] | None = None, **more: Any
) -> dict[str, list[Any]]:
    """The answer of GET /similar."""
    answer = await search.client.get(f"/similar/{record_id}", params=more, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, list[Any]] = answer.json()
    return found


def titles(items: list[Any]) -> list[str]:
    """Their titles, in their order."""
    return [item["title"] for item in items]


async def test_who_shares_topics_is_found_at_its_own_level_and_at_others(
    search: ServedSearch, records: Records
) -> None:
    """Not itself, not who has ceased, and nobody without a topic in common."""
    found = await similar(search, records["Asked"]["id"])
    same = titles(found["same_level"])
    assert set(same) == {
        "Both", "Rare", "Related", "Common neighbour", *(f"Common {number}" for number in range(6))
    }  # fmt: skip
    assert titles(found["other_levels"]) == ["World", "Local"]
    assert {item["record"]["level"] for item in found["other_levels"]} == {"international", "local"}
    for item in found["same_level"]:
        assert item["record"] == await search.directory.read(item["id"])


async def test_a_rare_topic_says_more_than_a_common_one(
    search: ServedSearch, records: Records
) -> None:
    """Both topics say more; sector, area, country and a relationship add to a topic."""
    found = (await similar(search, records["Asked"]["id"]))["same_level"]
    same = titles(found)
    assert same.index("Both") < same.index("Rare") < same.index("Common 0")
    assert same.index("Common neighbour") < same.index("Related") < same.index("Common 0")
    scores = [item["score"] for item in found]
    assert scores == sorted(scores, reverse=True)


async def test_the_reasons_are_what_they_have_in_common(
    search: ServedSearch, records: Records
) -> None:
    """Of a topic with what each does there, first the one that was asked about."""
    found = await similar(search, records["Asked"]["id"])
    reasons = {
        item["title"]: [(one["kind"], one["value"], one["label"]) for one in item["reasons"]]
        for items in found.values()
        for item in items
    }
    fraud, law = ("topic", "fraud", "Fraud"), ("topic", "law", "Law")
    assert reasons["Both"] == [fraud, law]
    assert reasons["Rare"] == [law]
    assert reasons["Common neighbour"] == [
        fraud,
        ("sector", "academia", "academia"),
        ("sector", "network", "network"),
        ("area", "GB-ENG", "England"),
        ("country", "GB", "United Kingdom"),
    ]
    assert reasons["Related"] == [fraud, ("relationship", "child", "child")]
    roles = {
        item["title"]: [one["roles"] for one in item["reasons"]] for item in found["same_level"]
    }
    assert roles["Both"] == [["leads", "holds_data"], ["funds", "leads"]]
    turned = await similar(search, records["Both"]["id"])
    (asked,) = [item for item in turned["same_level"] if item["title"] == "Asked"]
    assert [one["roles"] for one in asked["reasons"]] == [
        ["leads", "funds"],
        ["holds_data", "leads"],
    ]


async def test_there_is_a_limit_for_each_list(search: ServedSearch, records: Records) -> None:
    """Ten unless said."""
    found = await similar(search, records["Asked"]["id"], limit=1)
    assert titles(found["same_level"]) == ["Common neighbour"]
    assert titles(found["other_levels"]) == ["World"]
    for wrong in ("0", "51", "x"):
        answer = await search.client.get(
            f"/similar/{records['Asked']['id']}", params={"limit": wrong}
        )
        assert answer.status_code == 422


async def test_without_topics_nobody_is_similar(search: ServedSearch, records: Records) -> None:
    """Though there is who shares everything else."""
    found = await similar(search, records["Neighbour without topics"]["id"])
    assert found == {"same_level": [], "other_levels": []}


async def test_one_may_ask_about_a_body_that_has_ceased(
    search: ServedSearch, records: Records
) -> None:
    """Who works on what it did is found."""
    found = await similar(search, records["Ceased"]["id"])
    assert set(titles(found["same_level"])) == {"Asked", "Both", "Rare"}


async def test_a_hidden_partner_is_no_partner(search: ServedSearch, records: Records) -> None:
    """Neither are a topic, nobody's id and a withdrawn record; for members one more is there."""
    member = await search.directory.account("member")
    withdrawn = await search.directory.create("Withdrawn")
    await search.directory.client.delete(
        f"/partners/{withdrawn['id']}",
        headers={**await search.directory.signed_in(), "If-Match": '"1"'},
    )
    await search.caught_up()
    for name, public, members in (
        ("Members", 404, 200),
        ("Secret", 404, 404),
    ):
        path = f"/similar/{records[name]['id']}"
        assert (await search.client.get(path)).status_code == public
        assert (await search.client.get(path, headers=member)).status_code == members
    for nobody in (records["law"], UUID(int=1), withdrawn["id"]):
        answer = await search.client.get(f"/similar/{nobody}", headers=member)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await search.client.get("/similar/me")).status_code == 422
    seen = await similar(search, records["Asked"]["id"], member, limit=50)
    assert "Members" in titles(seen["same_level"])
    assert "Secret" not in titles(seen["same_level"])
