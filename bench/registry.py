"""Search over all the records of the registry that there are, loaded by an import."""

import asyncio
import time
from collections.abc import Container, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
from uuid_utils.compat import uuid7

from bench.figures import Figure, percentile, ratio_at_most, stated, within_milliseconds
from bench.freshness import write_and_find
from bench.indexing import measure_indexing
from bench.keep_alive import KeepAlive
from bench.loading import import_file, refused_rows
from bench.measured_network import MeasuredNetwork
from bench.relevance import measure_relevance
from bench.ror_records import partner_of, queries_of, read_registry
from bench.search_questions import make_tasks
from bench.searches import measure_plain, measure_searches
from shared.records import JsonObject
from tests.waiting import wait_until

_FEW = 10_000
_LOAD_PER_SECOND = 100
_UNDER_LOAD_MILLISECONDS = 250.0
_GROWTH = 1.5
_LEARN_SECONDS = 120.0
_BEHIND_SECONDS = 60.0


async def measure_registry(
    folder: Path, records: int, queries: int, writes: int, say: Any
) -> list[Figure]:
    """Load `records`, measuring once on the way, and judge what search makes of them."""
    registry = [record for record in read_registry() if record["status"] != "withdrawn"][:records]
    if not registry:
        return [stated("search over the registry", "not measured", "its records are not here")]
    id_of = {record["id"]: str(uuid7()) for record in registry}
    rows = _rows_of(registry, id_of)
    few = min(_FEW, len(rows) // 2)
    asked = queries_of(rows[:few], queries)
    network = MeasuredNetwork(folder, settings={"TOKEN_SECONDS": "3600"})
    async with network:
        of_few, _ = await _load(network, rows[:few])
        at_few_count = len(of_few)
        at_few = await measure_plain(network, asked)
        say(f"registry: {at_few_count} records")
        # All of them, so that those that are there are related to those that come.
        taken, behind = await _load(network, rows)
        id_of = {ror_id: id for ror_id, id in id_of.items() if id in taken}
        say(f"registry: {len(id_of)} records")
        at_all = await measure_plain(network, asked)
        how = f"of {len(registry)}, the others break a rule of ours"
        figures = [stated("records of the registry", str(len(id_of)), how), _searchable(behind)]
        figures += measure_relevance(network.urls["search"], make_tasks(registry, id_of))
        say("registry: measuring the speed of searches")
        figures += await measure_searches(network, queries_of(rows, queries))
        figures.append(_growth(at_few, at_all, at_few_count, len(id_of)))
        say("registry: measuring under load")
        figures += await _measure_under_load(network, writes, asked)
        figures += await _measure_start(network, len(id_of))
        memory = network.memory()["search"]
        figures.append(stated("memory of search, all records", f"{memory:.0f} MB", "RSS"))
        exported = await _export(network)
    figures += await asyncio.to_thread(measure_indexing, exported)
    return figures


def _with_former_names(record: JsonObject, loaded: Container[str]) -> JsonObject:
    """The partner, with the names of those predecessors that have no record of their own."""
    body = partner_of(record)
    former = {
        relationship["label"]
        for relationship in record["relationships"]
        if relationship["type"] == "predecessor" and relationship["id"] not in loaded
    }
    known = {name["value"] for name in body["names"]}
    names = [{"value": value, "kinds": ["former"]} for value in sorted(former - known)]
    return {**body, "names": [*body["names"], *names]}


def _rows_of(registry: Sequence[JsonObject], id_of: Mapping[str, str]) -> list[JsonObject]:
    """The partners, with their ids, and related to those that they took over from."""
    return [
        {
            **_with_former_names(record, id_of),
            "id": id_of[record["id"]],
            "relationships": [
                {"kind": "predecessor", "partner_id": id_of[other["id"]]}
                for other in record["relationships"]
                if other["type"] == "predecessor" and other["id"] in id_of
            ],
        }
        for record in registry
    ]


async def _load(network: MeasuredNetwork, rows: Sequence[JsonObject]) -> tuple[set[str], float]:
    """Load `rows`: the ids of those that were taken, and how soon after all were searchable."""
    lines = b"\n".join(orjson.dumps(row) for row in rows)
    loaded = await import_file(network, lines, "ndjson")
    done_at = time.monotonic()
    refused = await refused_rows(network, loaded.done["id"])
    taken = {row["id"] for number, row in enumerate(rows, 1) if number not in refused}
    await _caught_up(network, len(taken))
    behind = time.monotonic() - done_at
    await network.wait_compared()
    return taken, behind


def _searchable(behind: float) -> Figure:
    return Figure(
        "all imported are searchable",
        f"{behind:.1f} s after",
        f"<= {_BEHIND_SECONDS:.0f} s",
        behind <= _BEHIND_SECONDS,
        "after the import has ended, with which search kept up",
    )


async def _caught_up(network: MeasuredNetwork, count: int) -> None:
    """Wait until all records are in the index, and typing errors are looked past."""
    await network.wait_indexed(count)
    url = f"{network.urls['search']}/search"

    async def has_learned() -> bool:
        answer = await network.client.get(url, params={"q": "univeristy", "limit": 1})
        return bool(answer.raise_for_status().json()["total"])

    await wait_until(has_learned, "search has learned its vocabulary", _LEARN_SECONDS)


def _growth(at_few: float, at_all: float, few: int, every: int) -> Figure:
    how = f"p50 {at_few * 1000:.2f} ms at {few:,} records, {at_all * 1000:.2f} ms at {every:,}"
    return ratio_at_most("GET /search p50, growth", at_all / at_few, _GROWTH, how)


@asynccontextmanager
async def _searching(network: MeasuredNetwork, queries: Sequence[str]) -> Any:
    """Searches at a steady rate while the block runs; how many were answered."""
    answered = [0]
    over = asyncio.Event()
    url = f"{network.urls['search']}/search"

    async def ask(session: aiohttp.ClientSession, query: str) -> None:
        async with session.get(f"{url}?q={quote(query)}") as answer:
            await answer.read()
            answered[0] += answer.status == 200

    async def keep_asking() -> None:
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
            due, number = time.monotonic(), 0
            while not over.is_set():
                group.create_task(ask(session, queries[number % len(queries)]))
                number += 1
                due += 1 / _LOAD_PER_SECOND
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    task = asyncio.create_task(keep_asking())
    try:
        yield answered
    finally:
        over.set()
        await task


async def _measure_under_load(
    network: MeasuredNetwork, writes: int, queries: Sequence[str]
) -> list[Figure]:
    headers = await network.signed_in()

    def write() -> list[float]:
        urls = network.urls
        with KeepAlive(urls["directory"], headers) as one, KeepAlive(urls["search"]) as other:
            written = [write_and_find(one, other) for _ in range(writes)]
        return [found.found_at - found.acknowledged_at for found in written]

    async with _searching(network, queries) as answered:
        started = time.monotonic()
        seconds = await asyncio.to_thread(write)
        rate = answered[0] / (time.monotonic() - started)
    how = f"{writes} writes, one after the other, while {rate:.0f} searches/s are answered"
    return [
        within_milliseconds(
            f"write -> searchable under load: p{percent}",
            percentile(seconds, percent),
            _UNDER_LOAD_MILLISECONDS,
            how,
        )
        for percent in (50, 95)
    ]


async def _measure_start(network: MeasuredNetwork, count: int) -> list[Figure]:
    await network.stop("search")
    started = time.monotonic()
    await network.restart("search")
    ready = time.monotonic() - started
    await _caught_up(network, count)
    learned = time.monotonic() - started
    how = f"with {count:,} records in the index; typing errors are mended after {learned:.1f} s"
    return [stated("search, from start to ready", f"{ready:.1f} s", how)]


async def _export(network: MeasuredNetwork) -> list[JsonObject]:
    headers = await network.service()
    url = f"{network.urls['directory']}/partners/export.ndjson"
    answer = await network.client.get(url, headers=headers, timeout=300)
    answer.raise_for_status()
    return [orjson.loads(line) for line in answer.content.split(b"\n") if line]
