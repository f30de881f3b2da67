"""Whatever is killed or emptied, whenever: counted event by event, nothing is lost.

`CHAOS_SEED` repeats a run; `CHAOS_WRITES` makes it longer, as `LONG` does.
"""

import asyncio
import os
import random
import secrets
from collections import Counter, defaultdict
from typing import Any

import httpx

from shared.events import EVENT_TYPES
from tests.flows.listening import Listener, listening
from tests.network import SERVICES, Network, pause
from tests.receiver import Receiver, serve_receiver
from tests.waiting import wait_until

WRITES = int(os.environ.get("CHAOS_WRITES", "10000" if os.environ.get("LONG") else "800"))
WRITERS = 8
KILLS_OF_EACH = 3
SETTLE_SECONDS = 240.0


class Writer:
    """Writes its own partners, one change after the other, whatever happens to the directory."""

    def __init__(self, network: Network, number: int, chance: random.Random) -> None:
        self._network = network
        self._number = number
        self._chance = chance
        self._partners: dict[str, int] = {}
        self._headers: dict[str, str] = {}
        self.acknowledged: set[tuple[str, int]] = set()
        self.written = 0

    async def write(self, count: int, blows_are_over: asyncio.Event) -> None:
        """Make `count` changes that were answered, and more until the blows are over."""
        while self.written < count or not blows_are_over.is_set():
            await pause(self._chance.uniform(0.0, 0.1))
            try:
                await self._write_once()
            except httpx.HTTPError:
                # The directory is away, perhaps after it has committed: find out where we stand.
                self._headers = {}
                await self._network.wait_ready("directory")
                await self._read_again()

    async def _write_once(self) -> None:
        if not self._headers:
            self._headers = await self._network.signed_in()
        url = f"{self._network.urls['directory']}/partners"
        if len(self._partners) < 5 or self._chance.random() < 0.1:
            name = f"Writer {self._number} partner {len(self._partners)} {secrets.token_hex(3)}"
            body = {"level": "local", "names": [{"value": name, "kinds": ["display"]}]}
            answer = await self._network.client.post(url, json=body, headers=self._headers)
        else:
            partner_id = self._chance.choice(sorted(self._partners))
            answer = await self._network.client.patch(
                f"{url}/{partner_id}",
                json={"description": {"en": f"Change {secrets.token_hex(4)}"}},
                headers={**self._headers, "If-Match": f'"{self._partners[partner_id]}"'},
            )
        if answer.status_code == 401:
            self._headers = {}
            return
        answer.raise_for_status()
        record = answer.json()
        self._partners[record["id"]] = record["version"]
        self.acknowledged.add((record["id"], record["version"]))
        self.written += 1

    async def _read_again(self) -> None:
        for partner_id in self._partners:
            try:
                answer = await self._network.client.get(
                    f"{self._network.urls['directory']}/partners/{partner_id}"
                )
                self._partners[partner_id] = answer.json()["version"]
            except httpx.HTTPError:
                return


async def _strike(network: Network, chance: random.Random) -> None:
    """Kill each service a few times at random moments, and empty the broker once in between."""
    blows = [*SERVICES] * KILLS_OF_EACH + ["flush"]
    chance.shuffle(blows)
    for blow in blows:
        await pause(chance.uniform(0.2, 1.2))
        if blow == "flush":
            await network.flush_broker()
            continue
        network.kill(blow)
        await pause(chance.uniform(0.0, 0.5))
        await network.restart(blow)


async def _empty_broker_with_backlog(network: Network, writers: list[Writer]) -> None:
    """Empty the broker while both consumers are away and have not read what is on the stream."""
    network.kill("search")
    network.kill("notify")
    already = sum(writer.written for writer in writers)

    async def has_backlog() -> bool:
        return sum(writer.written for writer in writers) >= already + 30

    await wait_until(has_backlog, "a backlog has come up")
    await network.flush_broker()
    await network.restart("search")
    await network.restart("notify")


async def _everything(network: Network, query: dict[str, str]) -> dict[str, Any]:
    """All that search has to say to `query`, page by page, as a member."""
    headers = await network.service()
    items: list[Any] = []
    parameters = {**query, "facets": "level,country,sector,kind", "limit": "200"}
    while True:
        answer = await network.client.get(
            f"{network.urls['search']}/search", params=parameters, headers=headers
        )
        answer.raise_for_status()
        page = answer.json()
        items += [(item["id"], item["record"]) for item in page["items"]]
        if page["next"] is None:
            return {"items": sorted(items), "facets": page["facets"], "total": page["total"]}
        parameters["cursor"] = page["next"]


async def _search_position(network: Network) -> int:
    answer = await network.client.get(
        f"{network.urls['search']}/index", headers=await network.signed_in()
    )
    answer.raise_for_status()
    return int(answer.json()["position"])


async def _check_log(network: Network, writers: list[Writer]) -> list[dict[str, Any]]:
    events = await network.whole_log()
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    # The directory's own accounts are on it too, and told to nobody.
    events = [event for event in events if event["type"] in EVENT_TYPES]
    stated = Counter((event["subject"], event["data"]["record"]["version"]) for event in events)
    assert set(stated.values()) == {1}, "a change is on the log more than once"
    acknowledged = set().union(*(writer.acknowledged for writer in writers))
    assert acknowledged <= set(stated), "a change that was acknowledged is not on the log"
    return events


async def _check_index(network: Network, events: list[dict[str, Any]]) -> None:
    async def has_caught_up() -> bool:
        return await _search_position(network) == int(events[-1]["sequence"])

    await wait_until(has_caught_up, "search has caught up", SETTLE_SECONDS)
    newest = {event["subject"]: event["data"]["record"]["version"] for event in events}
    found = await _everything(network, {"q": ""})
    assert {item_id: record["version"] for item_id, record in found["items"]} == newest
    queries = [{"q": ""}, {"q": "writer 3"}, {"q": "change"}, {"q": "", "level": "local"}]
    before = [await _everything(network, query) for query in queries]
    folder = (
        await network.client.get(
            f"{network.urls['search']}/index", headers=await network.signed_in()
        )
    ).json()["folder"]
    answer = await network.client.post(
        f"{network.urls['search']}/index/rebuild", headers=await network.signed_in()
    )
    assert answer.status_code == 202, answer.text

    async def is_rebuilt() -> bool:
        state = await network.client.get(
            f"{network.urls['search']}/index", headers=await network.signed_in()
        )
        return bool(state.json()["folder"] != folder)

    await wait_until(is_rebuilt, "the index is rebuilt")
    assert [await _everything(network, query) for query in queries] == before


async def _check_deliveries(
    network: Network, receiver: Receiver, webhook_id: str, events: list[dict[str, Any]]
) -> None:
    expected = {event["id"] for event in events}

    async def has_all() -> bool:
        return expected <= receiver.event_ids

    await wait_until(has_all, "every event was delivered", SETTLE_SECONDS)
    received: dict[str, list[int]] = defaultdict(list)
    for one in receiver.requests:
        event = one.event
        received[event["subject"]].append(event["sequence"])
    for subject, sequences in received.items():
        assert sequences == sorted(sequences), f"events of {subject} came out of order"
    # Applied once: fan-out made one delivery of each event, however often it was attempted.
    owed: list[str] = []
    parameters = {"limit": "200"}
    headers = await network.signed_in()
    while True:
        answer = await network.client.get(
            f"{network.urls['notify']}/webhooks/{webhook_id}/deliveries",
            params=parameters,
            headers=headers,
        )
        answer.raise_for_status()
        page = answer.json()
        owed += [delivery["event_id"] for delivery in page["items"]]
        if page["next"] is None:
            break
        parameters["cursor"] = page["next"]
    assert Counter(owed) == Counter(expected)


async def _check_stream(listener: Listener, events: list[dict[str, Any]]) -> None:
    async def has_all() -> bool:
        return len(listener.told) >= len(events)

    await wait_until(has_all, "every event was streamed", SETTLE_SECONDS)
    assert listener.told == [event["sequence"] for event in events]
    # One that was lost before it had told anything is not counted: on a busy machine most of them.
    assert listener.connections, "its connection was never lost"


async def test_nothing_is_lost_whatever_is_killed(network: Network) -> None:
    """Hundreds of writes; every process killed at random moments; the broker emptied twice.

    Every acknowledged change is on the log once, the index equals a rebuilt one, every event is
    delivered, once owed, and in order for each partner, and who listens is told each of them once.
    """
    seed = int(os.environ.get("CHAOS_SEED", str(secrets.randbelow(1_000_000))))
    print(f"CHAOS_SEED={seed}")
    chance = random.Random(seed)
    async with serve_receiver() as receiver, listening(network) as listener:
        answer = await network.client.post(
            f"{network.urls['notify']}/webhooks",
            json={"url": receiver.url, "event_types": ["*"]},
            headers=await network.signed_in(),
        )
        assert answer.status_code == 201, answer.text
        webhook_id = answer.json()["id"]
        writers = [
            Writer(network, number, random.Random(seed + number)) for number in range(WRITERS)
        ]
        async with asyncio.TaskGroup() as group:
            blows_are_over = asyncio.Event()
            for writer in writers:
                group.create_task(writer.write(WRITES // WRITERS, blows_are_over))
            await _strike(network, chance)
            await _empty_broker_with_backlog(network, writers)
            blows_are_over.set()
        events = await _check_log(network, writers)
        await _check_index(network, events)
        await _check_deliveries(network, receiver, webhook_id, events)
        await _check_stream(listener, events)
