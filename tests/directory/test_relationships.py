"""Relationships: stored once, read from both ends, with the other's name looked up."""

from tests.served_directory import ServedDirectory


def _ties(record: dict[str, list[dict[str, str]]]) -> list[tuple[str, str]]:
    return [(tie["kind"], tie["name"]) for tie in record["relationships"]]


async def test_both_partners_show_a_relationship(directory: ServedDirectory) -> None:
    """Written on one side, it is read as its inverse on the other, whose version goes up."""
    agency = await directory.create("National Crime Agency")
    ended = await directory.create(
        "Serious Organised Crime Agency",
        relationships=[{"kind": "successor", "partner_id": agency["id"]}],
    )
    assert _ties(ended) == [("successor", "National Crime Agency")]
    seen = await directory.read(agency["id"])
    assert _ties(seen) == [("predecessor", "Serious Organised Crime Agency")]
    assert seen["version"] == 2


async def test_a_new_name_shows_wherever_the_partner_is_named(directory: ServedDirectory) -> None:
    """The name is looked up, never copied; who shows it gets a new version and an event."""
    parent = await directory.create("Old ministry")
    child = await directory.create(
        "Office", relationships=[{"kind": "parent", "partner_id": parent["id"]}]
    )
    parent = await directory.read(parent["id"], await directory.signed_in())
    renamed = [{"value": "New ministry", "kinds": ["display"]}]
    assert (await directory.patch(parent, {"names": renamed})).status_code == 200
    seen = await directory.read(child["id"])
    assert _ties(seen) == [("parent", "New ministry")]
    assert seen["version"] == child["version"] + 1


async def test_parents_do_not_run_in_a_circle(directory: ServedDirectory) -> None:
    """A partner cannot come to be above itself, over however many steps; nothing is written."""
    top = await directory.create("Top")
    middle = await directory.create(
        "Middle", relationships=[{"kind": "parent", "partner_id": top["id"]}]
    )
    low = await directory.create(
        "Low", relationships=[{"kind": "parent", "partner_id": middle["id"]}]
    )
    top = await directory.read(top["id"], await directory.signed_in())
    ties = [*top["relationships"], {"kind": "parent", "partner_id": low["id"]}]
    answer = await directory.patch(top, {"relationships": ties})
    assert answer.status_code == 409
    assert _ties(await directory.read(low["id"])) == [("parent", "Middle")]


async def test_a_relationship_leads_to_another_partner(directory: ServedDirectory) -> None:
    """Not to the partner itself, and not to one that does not exist."""
    record = await directory.create("Alone")
    for other in (record["id"], "01890000-0000-7000-8000-000000000000"):
        answer = await directory.patch(
            record, {"relationships": [{"kind": "related", "partner_id": other}]}
        )
        assert answer.status_code == 422


async def test_a_relationship_is_removed_from_either_side(directory: ServedDirectory) -> None:
    """Left out on the side that did not write it, it is gone on both."""
    one = await directory.create("One")
    other = await directory.create(
        "Other", relationships=[{"kind": "related", "partner_id": one["id"]}]
    )
    one = await directory.read(one["id"], await directory.signed_in())
    assert (await directory.patch(one, {"relationships": []})).status_code == 200
    assert _ties(await directory.read(other["id"])) == []


async def test_a_hidden_partner_is_not_named_by_its_relationships(
    directory: ServedDirectory,
) -> None:
    """A relationship is shown to those who may see the partner at its other end."""
    hidden = await directory.create("Hidden unit", visibility="member")
    shown = await directory.create(
        "Shown body", relationships=[{"kind": "parent", "partner_id": hidden["id"]}]
    )
    assert _ties(await directory.read(shown["id"])) == []
    assert _ties(await directory.read(shown["id"], await directory.account("member"))) != []
