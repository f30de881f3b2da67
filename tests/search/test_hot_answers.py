"""An answer from memory is what would be found: for its question, its reader, and now."""

from typing import Any

from tests.search.served_search import ServedSearch

RECALLED = "search_answers_recalled_total "


async def recalled(search: ServedSearch) -> float:
    """How many searches were answered from memory so far."""
    lines = (await search.client.get("/metrics")).text.splitlines()
    return float(next(line for line in lines if line.startswith(RECALLED)).split()[1])


async def test_what_is_asked_again_is_not_searched_again(search: ServedSearch) -> None:
    """The second answer is the first one, and costs no search."""
    await search.directory.create("Remembered Institute")
    await search.caught_up()
    first = await search.ask(q="remembered", limit=3)
    before = await recalled(search)
    assert await search.ask(q="remembered", limit=3) == first
    assert await recalled(search) == before + 1


async def test_a_change_is_answered_at_once(search: ServedSearch) -> None:
    """Whatever was kept is forgotten with the commit of a change."""
    made = await search.directory.create("Changing Institute")
    await search.caught_up()
    for name in ("Changing Institute of Law", "Changing Institute of Ethics"):
        await search.ask(q="changing")
        names = [{"value": name, "kinds": ["display"]}]
        made = (await search.directory.patch(made, {"names": names})).json()
        await search.caught_up()
        assert await search.titles("changing") == [name]


async def test_nobody_gets_what_was_kept_for_another(search: ServedSearch) -> None:
    """The same address is another question for each audience, whoever asked first."""
    await search.directory.create("Keepsake Board", visibility="member")
    await search.caught_up()
    member = await search.directory.account("member")
    for _ in range(2):
        assert (await search.ask(member, q="keepsake"))["total"] == 1
        assert (await search.ask(q="keepsake"))["total"] == 0
    answer = await search.client.get("/search", params={"q": "keepsake", "explain": True})
    assert answer.status_code == 401


async def test_a_synonym_holds_for_what_was_kept(search: ServedSearch) -> None:
    """A new synonym changes answers at once, though the index is as it was."""
    await search.directory.create("Constabulary of Somewhere")
    await search.caught_up()
    assert await search.titles("fuzz") == []
    synonym: dict[str, Any] = {"terms": ["fuzz", "constabulary"]}
    headers = await search.directory.signed_in()
    answer = await search.client.post("/synonyms", json=synonym, headers=headers)
    assert answer.status_code == 201, answer.text
    assert await search.titles("fuzz") == ["Constabulary of Somewhere"]
