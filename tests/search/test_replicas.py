"""Several searches, each with an index of its own, on one directory and one search database."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from services.search.index import IndexHome
from services.search.settings import Settings
from tests.conftest import database_url  # noqa: F401 - on both kinds of database
from tests.network import pause
from tests.search.served_search import ServedSearch, search_settings, serve_search
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until

COUNT = 20
EVERY_FACET = "kind,level,sector,country,area,topic,status,year"
QUESTIONS: list[dict[str, Any]] = [
    {"q": "", "sort": "name", "facets": EVERY_FACET},
    {"q": "", "sort": "modified"},
    {"q": "council", "facets": EVERY_FACET},
    {"q": "concil"},
    {"q": "-council", "facets": "level"},
    {"q": "leicester council", "highlight": "offsets"},
    {"level": "local", "facets": EVERY_FACET},
    {"near": "52,0,500", "sort": "distance"},
]


@pytest.fixture(scope="module")
async def three(
    directory: ServedDirectory,
    directory_url: str,
    search_database_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[list[ServedSearch]]:
    """Three of them, which have what the directory has."""
    await asyncio.gather(*(create(directory, number) for number in range(COUNT)))
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(3):
            settings = replica_settings(
                directory, directory_url, search_database_url, tmp_path_factory.mktemp("replica")
            )
            found.append(await stack.enter_async_context(serve_search(settings, directory)))
        await all_caught_up(found)
        yield found


def replica_settings(
    directory: ServedDirectory, directory_url: str, search_database_url: str, folder: Path
) -> Settings:
    """Settings of a replica whose index lies below `folder`."""
    return search_settings(
        directory_url, directory.redis_url, folder, SEARCH_DATABASE_URL=search_database_url
    )


async def create(directory: ServedDirectory, number: int, name: str = "Council") -> dict[str, Any]:
    """A partner with something in every facet."""
    return await directory.create(
        f"{name} of Leicester {number}",
        level=["local", "national"][number % 2],
        country=["GB", "FR"][number % 2],
        areas=[{"name": "Kent"}],
        location={"lat": 51.0 + number / 50, "lon": 0.5},
        established=1990 + number % 3,
        description={"en": f"Does what number {number} does."},
    )


async def all_caught_up(replicas: list[ServedSearch]) -> None:
    """Wait until each has everything that was written so far."""
    await asyncio.gather(*(replica.caught_up() for replica in replicas))
    head = max([(await replica.index())["position"] for replica in replicas])

    async def have_all() -> bool:
        return all([(await replica.index())["position"] >= head for replica in replicas])

    await wait_until(have_all, "all replicas stand where the first one stands")


async def answers_of(replica: ServedSearch) -> list[Any]:
    """All that it answers that does not depend on how its index came about."""
    found: list[Any] = []
    for question in QUESTIONS:
        answer = await replica.ask(**question, limit=200)
        items = [{**item, "score": 0} for item in answer["items"]]
        # Scores tell of what was deleted and not yet merged away, so their order may differ.
        in_order = items if "sort" in question else sorted(items, key=repr)
        found.append({**answer, "items": in_order})
    suggested = await replica.client.get("/suggest", params={"q": "coun", "limit": 50})
    found.append(sorted(suggested.json()["items"], key=repr))
    index = await replica.index()
    found.append([index[name] for name in ("documents", "kinds", "position", "log_id", "lag")])
    return found


async def answer_alike(replicas: list[ServedSearch]) -> None:
    """Wait until all give the same answers; typing errors are learned a moment later."""

    async def are_alike() -> bool:
        first, *others = [await answers_of(replica) for replica in replicas]
        return all(other == first for other in others)

    await wait_until(are_alike, "all replicas give the same answers")


async def test_all_catch_up_while_writes_go_on(
    three: list[ServedSearch], directory: ServedDirectory
) -> None:
    """Each answer holds together by itself, and in the end all are the same."""
    records = [await create(directory, number, "Office") for number in range(5)]
    writing = asyncio.create_task(_write(directory, records))
    while not writing.done():
        for replica in three:
            answer = await replica.ask(q="leicester", facets="kind", limit=200)
            ids = [item["id"] for item in answer["items"]]
            assert len(ids) == len(set(ids)) == answer["total"]
            assert sum(value["count"] for value in answer["facets"]["kind"]) == answer["total"]
            assert answer["total"] >= COUNT
        # Answers from memory come without a pause, in which nothing is written.
        await pause(0.01)
    await writing
    await all_caught_up(three)
    await answer_alike(three)


async def _write(directory: ServedDirectory, records: list[dict[str, Any]]) -> None:
    for number in range(30):
        record = records[number % len(records)]
        answer = await directory.patch(record, {"description": {"en": f"Change {number}"}})
        assert answer.status_code == 200, answer.text
        records[number % len(records)] = answer.json()
        await create(directory, 100 + number, "Board")


async def test_one_that_was_away_catches_up(
    three: list[ServedSearch],
    directory: ServedDirectory,
    directory_url: str,
    search_database_url: str,
    tmp_path: Path,
) -> None:
    """With the index that it had, and it serves that meanwhile."""
    settings = replica_settings(directory, directory_url, search_database_url, tmp_path)
    async with serve_search(settings, directory) as fourth:
        await fourth.caught_up()
        folder = (await fourth.index())["folder"]
    await asyncio.gather(*(create(directory, 200 + number, "Late") for number in range(10)))
    async with serve_search(settings, directory) as fourth:
        assert (await fourth.ask(q="council"))["total"] >= COUNT
        await all_caught_up([*three, fourth])
        assert (await fourth.index())["folder"] == folder
        await answer_alike([*three, fourth])


async def test_one_whose_index_is_deleted_builds_it_again(
    three: list[ServedSearch], directory: ServedDirectory
) -> None:
    """The others answer as before, from the folders that they have."""
    first, *others = three
    folders = [(await replica.index())["folder"] for replica in three]
    total = (await first.ask(q="council"))["total"]
    shutil.rmtree(first.settings.index_dir)
    await create(directory, 300, "Afterwards")

    async def is_back() -> bool:
        for other in others:
            assert (await other.ask(q="council"))["total"] >= total
        live = IndexHome(first.settings.index_dir).live()
        return live is not None and (await first.index())["folder"] == live.name

    await wait_until(is_back, "the index is there again")
    await all_caught_up(three)
    await answer_alike(three)
    assert (await first.index())["folder"] != folders[0]
    assert [(await other.index())["folder"] for other in others] == folders[1:]


async def test_a_rebuild_is_of_the_replica_that_was_asked(
    three: list[ServedSearch], directory: ServedDirectory
) -> None:
    """The others are not disturbed."""
    first, *others = three
    folders = [(await replica.index())["folder"] for replica in three]
    answer = await first.client.post("/index/rebuild", headers=await directory.signed_in())
    assert (answer.status_code, answer.json()) == (202, {"folder": folders[0]})

    async def is_done() -> bool:
        for other in others:
            assert not (await other.index())["rebuild_requested"]
        index = await first.index()
        return index["folder"] != folders[0] and not index["rebuild_requested"]

    await wait_until(is_done, "the first replica has another index")
    assert [(await other.index())["folder"] for other in others] == folders[1:]
    await all_caught_up(three)
    await answer_alike(three)
