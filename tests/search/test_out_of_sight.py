"""What goes out of sight, or was never in sight, is offered to nobody: not even as another word."""

from typing import Any

from tests.search.lessons import learned
from tests.search.served_search import ServedSearch
from tests.search.test_audience import READERS, headers_of
from tests.search.test_searching import named
from tests.served_directory import ServedDirectory

Json = dict[str, Any]


async def test_an_acronym_of_a_hidden_partner_stands_for_nothing(search: ServedSearch) -> None:
    """Though public records have its name or its acronym among their words, or the same acronym."""
    directory = search.directory
    fans = await directory.create("Fans of the Gilded Kazoo Band")
    archive = await directory.create("GKBX Archive")
    namesake = await directory.create(
        "Great Kite Box", names=[named("Great Kite Box", "display"), named("GKBX", "acronym")]
    )
    anyway = {archive["id"], namesake["id"]}
    readers = {reader: await headers_of(search, reader, fans["id"]) for reader in READERS}
    for audience in ("member", "secretariat"):
        name = "Gilded Kazoo Band"
        names = [named(name, "display"), named("GKBX", "acronym")]
        hidden = await directory.create(name, names=names, visibility=audience)
        await search.caught_up()
        await learned(search)
        for reader, headers in readers.items():
            sees = audience == "member" and reader != "public"
            own = {hidden["id"]} if sees else set()
            by_acronym = set(await search.ids(headers, q="gkbx"))
            by_name = set(await search.ids(headers, q="gilded kazoo band"))
            assert by_acronym == own | anyway | ({fans["id"]} if sees else set()), reader
            assert by_name == own | {fans["id"]} | (anyway if sees else set()), reader
        await withdraw(directory, hidden)


async def withdraw(directory: ServedDirectory, record: Json) -> None:
    """Withdraw a partner."""
    answer = await directory.client.delete(
        f"/partners/{record['id']}",
        headers={**await directory.signed_in(), "If-Match": f'"{record["version"]}"'},
    )
    assert answer.status_code == 204


async def test_what_goes_out_of_sight_is_offered_no_more(search: ServedSearch) -> None:
    """At once: not in suggestions, facets or `did_you_mean`; nor when that has been learned."""
    member = await search.directory.account("member")
    name = "Marshmallowia Society"
    made = await search.directory.create(
        name, names=[named(name, "display"), named("MMSX", "acronym")], areas=[{"name": "Mallow"}]
    )

    async def offered(headers: dict[str, str] | None) -> set[str]:
        found = set()
        for path, parameters in (
            ("/search", {"q": "marshmallowai"}),
            ("/search", {"q": "marshmallowai ministry"}),
            ("/search", {"q": "mmsx"}),
            ("/search", {"q": "otters", "facets": "area"}),
            ("/search/facets/area", {"contains": "mall"}),
            ("/suggest", {"q": "marsh"}),
            ("/suggest", {"q": "marshmallowai"}),
            ("/suggest", {"q": "mms"}),
        ):
            answer = await search.client.get(path, params=parameters, headers=headers)
            if "allow" in answer.text.replace("marshmallowai", "").lower():
                found.add(f"{path} {parameters}")
        return found

    await search.caught_up()
    await learned(search)
    everything = await offered(None)
    assert len(everything) == 7
    assert await offered(member) == everything
    answer = await search.directory.patch(made, {"visibility": "member"})
    made = answer.json()
    await search.caught_up()
    assert (await offered(None), await offered(member)) == (set(), everything)
    await learned(search)
    assert (await offered(None), await offered(member)) == (set(), everything)
    await withdraw(search.directory, made)
    await search.caught_up()
    assert await offered(member) == set()
    await learned(search)
    assert await offered(member) == set()
