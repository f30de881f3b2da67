"""An index that is damaged while it is read is replaced by itself, and nothing is lost by it.

Over real HTTP, to real processes: the index is mapped into their memory, so bytes that change on
the disk change under the searches.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.search.boundary import IndexFailed
from services.search.damage import DamageWatch
from services.search.index import IndexHome
from services.search.reading import IndexReader
from services.search.worker import SearchWorker
from shared.broker import connect_broker
from shared.databases import Database
from tests.network import Network
from tests.search.scripted_directory import ScriptedDirectory, a_record, client_of
from tests.served_directory import a_partner
from tests.waiting import wait_until

COUNT = 30
RECORD_ID = "00000000-0000-0000-0000-000000000001"


@pytest.fixture(scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    """All services, with some partners in search."""
    async with Network(tmp_path_factory.mktemp("damage")) as running:
        for number in range(COUNT):
            await create(running, f"Partner number {number}")
        await wait_until(lambda: finds(running, "partner number", COUNT), "all are found")
        yield running


async def create(network: Network, name: str) -> None:
    """Make a partner."""
    made = await network.client.post(
        f"{network.urls['directory']}/partners",
        json=a_partner(name, description={"en": f"All that {name} does. " * 20}),
        headers=await network.signed_in(),
    )
    assert made.status_code == 201, made.text


async def finds(network: Network, q: str, total: int) -> bool:
    """Whether `total` records are found for `q`, each of them rendered."""
    answer = await network.client.get(
        f"{network.urls['search']}/search", params={"q": q, "limit": 200, "facets": "level"}
    )
    assert answer.status_code in {200, 503}, answer.text
    if answer.status_code == 503:
        assert answer.json()["type"].endswith("index-unreadable")
        return False
    return len({item["id"] for item in answer.json()["items"]}) == total


def live_of(network: Network) -> Path:
    """The folder of the live index."""
    found = IndexHome(Path(network.environment["VAR_DIR"]) / "search" / "index").live()
    assert found is not None
    return found


def overwrite(folder: Path, suffix: str) -> None:
    """Put other bytes in the place of all that files with `suffix` have, in place."""
    for file in folder.glob(f"*{suffix}"):
        size = file.stat().st_size
        with file.open("r+b") as opened:
            opened.write(b"\xff" * size)


@pytest.mark.parametrize("suffix", [".store", ".term", ".idx", ""], ids=str)
async def test_a_damaged_index_is_replaced_within_seconds(network: Network, suffix: str) -> None:
    """Searches fail meanwhile as a problem, and nobody has to write anything for it."""
    network.kill("search")
    await network.restart("search")
    assert await finds(network, "partner number", COUNT)
    before = live_of(network)
    overwrite(before, suffix)

    async def is_replaced() -> bool:
        # What was asked before may come from memory; so is asked what was not.
        for path in ("suggest?q=par", "index", "search?q=does&facets=country&sort=newest"):
            await network.client.get(f"{network.urls['search']}/{path}")
        return await finds(network, "number partner", COUNT) and live_of(network) != before

    await wait_until(is_replaced, "another index is live, and has everything")
    log = (network.folder / "search.log").read_text()
    told = [line for line in log.splitlines() if '"event":"index.damaged"' in line]
    assert before.name in told[-1]
    assert "request.crashed" not in log


async def test_what_is_written_meanwhile_is_found(network: Network) -> None:
    """Before the damage, in between and after it."""
    network.kill("search")
    await network.restart("search")
    before = live_of(network)
    writing = [asyncio.create_task(create(network, f"Meanwhile {at}")) for at in range(10)]
    await asyncio.wait(writing, return_when=asyncio.FIRST_COMPLETED)
    overwrite(before, ".store")
    await asyncio.gather(*writing)
    await wait_until(lambda: finds(network, "meanwhile", 10), "nothing was lost")
    await wait_until(lambda: finds(network, "partner number", COUNT), "all are found again")
    assert live_of(network) != before


async def test_a_file_that_is_cut_short_is_mended_by_the_next_start(network: Network) -> None:
    """To read behind its end ends the process (SIGBUS), and whoever supervises it starts it."""
    network.kill("search")
    await network.restart("search")
    before = live_of(network)
    for file in before.glob("*.store"):
        os.truncate(file, file.stat().st_size // 2)

    async def is_replaced() -> bool:
        if network.processes["search"].poll() is not None:
            await network.restart("search")
        with suppress(httpx.TransportError):
            return await finds(network, "number partner", COUNT) and live_of(network) != before
        return False

    await wait_until(is_replaced, "another index is live, and has everything")


async def test_it_says_so_while_it_cannot_be_helped(network: Network) -> None:
    """Without the directory it is not ready, and tells why; with it, it is built anew."""
    network.kill("search")
    await network.restart("search")
    before = live_of(network)
    network.kill("directory")
    overwrite(before, ".store")
    told: dict[str, Any] = {}

    async def is_told() -> bool:
        assert not await finds(network, "partner", COUNT)
        answer = await network.client.get(f"{network.urls['search']}/readyz")
        told.update(answer.json())
        (index,) = [one for one in told["dependencies"] if one["name"] == "index"]
        return answer.status_code == 503 and "damaged, and being built anew" in index["detail"]

    await wait_until(is_told, "search says that its index is damaged")
    assert live_of(network) == before
    await network.restart("directory")
    await wait_until(lambda: finds(network, "partner number", COUNT), "all are found again")
    await network.wait_ready("search")
    assert live_of(network) != before


@pytest.fixture
async def search_database(tmp_path: Path) -> AsyncIterator[Database]:
    """A database that no event is set aside in."""
    database = Database(f"sqlite:///{tmp_path}/search.db")
    yield database
    await database.dispose()


async def test_it_looks_where_there_is_a_reason_and_then_rests(
    tmp_path: Path, broker_url: str, search_database: Database
) -> None:
    """A failed read is a reason, and so is time; after a report it rests, so it cannot go round."""
    directory = ScriptedDirectory()
    directory.say(RECORD_ID, a_record(RECORD_ID, 1, "Only one"))
    home, redis = IndexHome(tmp_path / "index"), connect_broker(f"{broker_url}/5")
    async with client_of(directory) as client:
        worker = SearchWorker(home, redis, client, search_database)
        await worker.consumer.begin("test")
        first = home.live()
        assert first is not None
        reader = IndexReader(home)
        reader.refresh()
        watch = DamageWatch(reader, home)
        assert await watch.step() == 0
        # Its files are whole: once it may have been the mapping, twice too, but not for ever.
        for reported in (0, 0, 1, 0):
            reader.failed(IndexFailed("as a test says"))
            assert await watch.step() == reported
            assert await watch.step() == 0
        assert home.damage_reported() == first.name
        await worker.follow()
        assert home.damage_reported() is None
        second = home.live()
        assert second not in {None, first}
        # What nobody has met yet is found when it is time to read all files.
        assert second is not None
        overwrite(second, ".idx")
        assert await DamageWatch(reader, home).step() == 0
        assert await DamageWatch(reader, home, scrub_seconds=0.0).step() == 1
        assert reader.damage is not None
        await worker.follow()
        reader.refresh()
        assert reader.folder not in {first, second}
        assert reader.damage is None
        assert await DamageWatch(reader, home, scrub_seconds=0.0).step() == 0
        await worker.consumer.close()
    await redis.aclose()
