"""Events of accounts: search stands behind them and has nothing of them."""

from tests.search.served_search import ServedSearch
from tests.waiting import wait_until


async def test_search_passes_over_the_events_of_accounts(search: ServedSearch) -> None:
    """Its position goes on to the log's end, nothing is set aside, and nothing of them is found."""
    headers = await search.directory.signed_in()
    made = await search.directory.client.post(
        "/accounts",
        json={"name": "Heliotrope", "role": "member", "email": "desk@heliotrope.example"},
        headers=headers,
    )
    account = f"/accounts/{made.json()['id']}"
    await search.directory.client.patch(
        account, json={"name": "Heliotrope 2"}, headers={**headers, "If-Match": '"1"'}
    )
    await search.directory.client.delete(account, headers=headers)
    event = await search.directory.event_of(made.json()["id"], await search.directory.service())
    head = event["sequence"]

    async def stands_behind_it() -> bool:
        return bool((await search.index())["position"] >= head)

    await wait_until(stands_behind_it, "search stands behind the events of the account")
    assert (await search.ask(headers, q="heliotrope"))["total"] == 0
    dead = await search.client.get("/search/dead-events", headers=headers)
    assert dead.json()["items"] == []
