"""Lists of deliveries: chosen by state, type, record and time, in either order, page by page."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.notify.served_notify import ServedNotify
from tests.receiver import Receiver, Reply, serve_receiver
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until

Items = list[dict[str, Any]]


async def chosen(notify: ServedNotify, path: str, headers: dict[str, str] | None = None) -> Items:
    """What is on the one page at `path`."""
    page = await notify.get(path, headers)
    assert page["next"] is None
    items: Items = page["items"]
    return items


@pytest.fixture(scope="module")
async def webhook(notify: ServedNotify) -> AsyncIterator[dict[str, Any]]:
    """A webhook with one delivery given up, three delivered and one that waits."""
    async with serve_receiver() as receiver:
        made = await notify.register(receiver.url, event_types=["*"])
        receiver.script = [Reply(500)] * 10
        await notify.directory.create("Given up")
        await notify.settled(made, "dead")
        first = await notify.directory.create("Delivered")
        await notify.settled(made, "delivered", 1)
        await notify.directory.patch(first, {"established": 1990})
        await notify.settled(made, "delivered", 2)
        test = await notify.client.post(
            f"/webhooks/{made['id']}/test", headers=await notify.directory.signed_in()
        )
        assert test.status_code == 202
        await notify.settled(made, "delivered", 3)
        await notify.client.patch(
            f"/webhooks/{made['id']}",
            json={"state": "paused"},
            headers=await notify.directory.signed_in(),
        )
        await notify.directory.create("Waits")
        await notify.settled(made, "pending")
        yield made


async def test_states_choose(notify: ServedNotify, webhook: dict[str, Any]) -> None:
    """One, or several with commas; the newest come first."""
    path = f"/webhooks/{webhook['id']}/deliveries"
    everything = await chosen(notify, path)
    assert [item["state"] for item in everything] == ["pending", *["delivered"] * 3, "dead"]
    for asked in ("dead", "dead,pending", "delivered", "pending,delivered", "failed"):
        wanted = [item for item in everything if item["state"] in asked.split(",")]
        assert await chosen(notify, f"{path}?state={asked}") == wanted
    oldest = await chosen(notify, f"{path}?order=oldest")
    assert oldest == list(reversed(everything))


async def test_types_choose(notify: ServedNotify, webhook: dict[str, Any]) -> None:
    """A type, or all of a noun."""
    path = f"/webhooks/{webhook['id']}/deliveries"
    [test] = await chosen(notify, f"{path}?event_type=webhook.test")
    assert test["event_type"] == "webhook.test"
    of_partners = await chosen(notify, f"{path}?event_type=partner.*")
    assert len(of_partners) == 4
    assert len(await chosen(notify, f"{path}?event_type=partner.created&state=delivered")) == 1
    assert len(await chosen(notify, f"{path}?event_type=*")) == 5
    assert await chosen(notify, f"{path}?event_type=topic.*") == []


async def test_records_choose(notify: ServedNotify, webhook: dict[str, Any]) -> None:
    """Everything about one record, and nothing else."""
    path = f"/webhooks/{webhook['id']}/deliveries"
    newest = (await chosen(notify, f"{path}?state=delivered&event_type=partner.*"))[0]
    about = await chosen(notify, f"{path}?subject={newest['subject']}")
    assert [item["event_type"] for item in about] == ["partner.updated", "partner.created"]
    everywhere = await chosen(notify, f"/deliveries?subject={newest['subject']}")
    assert {item["id"] for item in about} <= {item["id"] for item in everywhere}
    assert await chosen(notify, f"{path}?subject=nothing") == []


async def test_times_choose(notify: ServedNotify, webhook: dict[str, Any]) -> None:
    """From `since` on, and before `until`: a delivery of that very moment is in the first only."""
    path = f"/webhooks/{webhook['id']}/deliveries"
    everything = await chosen(notify, path)
    for place, item in enumerate(everything):
        at = quote(item["created_at"])
        assert await chosen(notify, f"{path}?since={at}") == everything[: place + 1]
        assert await chosen(notify, f"{path}?until={at}") == everything[place + 1 :]
        [alone] = await chosen(
            notify, f"{path}?since={at}&until={quote(a_little_later(item['created_at']))}"
        )
        assert alone == item


def a_little_later(moment: str) -> str:
    """A microsecond after `moment`, in another time zone."""
    later = datetime.fromisoformat(moment) + timedelta(microseconds=1)
    return later.astimezone(datetime.fromisoformat("2026-01-01T00:00:00+05:30").tzinfo).isoformat()


@pytest.mark.parametrize("order", ["newest", "oldest"])
async def test_all_of_ones_webhooks_in_pages(
    notify: ServedNotify, receiver: Receiver, order: str
) -> None:
    """Each delivery once, of one's own webhooks only; the secretariat sees everybody's."""
    owner, other = [await notify.directory.account("member") for _ in range(2)]
    for account in (owner, owner, other):
        await notify.register(receiver.url, account)
    for number in range(3):
        await notify.directory.create(f"For all {number}")
    await receiver.got(9)

    async def all_there() -> bool:
        return len(await chosen(notify, "/deliveries?state=delivered", owner)) == 6

    await wait_until(all_there, "six are delivered")
    seen: Items = []
    path = f"/deliveries?limit=2&state=delivered&order={order}"
    while path:
        answer = await notify.client.get(path, headers=owner)
        seen += answer.json()["items"]
        path = answer.links["next"]["url"] if "next" in answer.links else ""
    assert len({item["id"] for item in seen}) == len(seen) == 6
    times = [item["created_at"] for item in seen]
    assert times == sorted(times, reverse=order == "newest")
    of_others = await chosen(notify, "/deliveries", other)
    assert not {item["id"] for item in seen} & {item["id"] for item in of_others}
    page = await notify.get("/deliveries?limit=200")
    shown = {item["webhook_id"] for item in page["items"]}
    assert {item["webhook_id"] for item in (*seen, *of_others)} <= shown


async def test_dead_deliveries_of_all_webhooks_are_listed(
    notify: ServedNotify, webhook: dict[str, Any]
) -> None:
    """In one place, for whoever watches over all of them."""
    dead = await chosen(notify, "/deliveries?state=dead")
    assert webhook["id"] in {item["webhook_id"] for item in dead}
    assert {item["state"] for item in dead} == {"dead"}


@pytest.mark.parametrize(
    ("query", "status", "pointer"),
    [
        ("state=lost", 422, "/query/state"),
        ("state=dead,lost", 422, "/query/state"),
        ("event_type=partner", 422, "/query/event_type"),
        ("event_type=partner.exploded", 422, "/query/event_type"),
        ("since=yesterday", 422, "/query/since"),
        ("since=2026-11-25", 422, "/query/since"),
        ("since=2026-11-25T10:00:00", 422, "/query/since"),
        ("until=2026-11-25T10:00:00+01:00", 422, "/query/until"),
        ("until=1700000000", 422, "/query/until"),
        ("since=0001-01-01T00:00:00%2B14:00", 422, "/query/since"),
        ("subject=%00", 422, "/query/subject"),
        ("order=random", 422, "/query/order"),
        ("state=dead&state=failed", 400, "/query/state"),
        ("colour=red", 400, "/query/colour"),
        ("cursor=nonsense", 400, None),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    directory: ServedDirectory, notify: ServedNotify, query: str, status: int, pointer: str | None
) -> None:
    """With a pointer to what is wrong with it, whatever there is to list."""
    await notify.register("https://partner.example.org/hooks")
    answer = await notify.client.get(f"/deliveries?{query}", headers=await directory.signed_in())
    assert answer.status_code == status, answer.text
    if pointer is not None:
        assert answer.json()["errors"][0]["pointer"] == pointer


async def test_nobody_lists_nothing(notify: ServedNotify) -> None:
    """The list needs an account."""
    assert (await notify.client.get("/deliveries")).status_code == 401
