"""An index that is damaged while it is read is replaced by itself, and nothing is lost by it.

Over real HTTP, to real processes: the index is mapped into their memory, so bytes that change on
the disk change under the searches.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.search.boundary import IndexFailed
from services.search.consumer import IndexConsumer
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
    url = f"{network.urls['directory']}/partners"
    made = await network.client.post(
        url,
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
    """Searches fail meanwhile as a problem; what is written meanwhile is found too."""
    network.kill("search")
    await network.restart("search")
    assert await finds(network, "partner number", COUNT)
    before, name = live_of(network), f"{suffix.removeprefix('.')}files"
    writing = [asyncio.create_task(create(network, f"Meanwhile {name} {at}")) for at in range(5)]
    overwrite(before, suffix)
    await wait_until(lambda: finds(network, "partner number", COUNT), "all are found again")
    await asyncio.gather(*writing)

    async def is_replaced() -> bool:
        await finds(network, "number", COUNT)
        return live_of(network) != before

    await wait_until(is_replaced, "another index is live")
    await wait_until(lambda: finds(network, f"meanwhile {name}", 5), "nothing was lost")
    log = network.log_of("search")
    assert "index.damaged" in log
    assert "request.crashed" not in log


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


async def test_a_step_looks_only_where_there_is_a_reason(
    tmp_path: Path, broker_url: str, search_database: Database
) -> None:
    """A failed read is one, and so is time; and after a report it rests, so it cannot go round."""
    directory = ScriptedDirectory()
    directory.say(RECORD_ID, a_record(RECORD_ID, 1, "Only one"))
    home = IndexHome(tmp_path / "index")
    redis = connect_broker(f"{broker_url}/5")
    async with client_of(directory) as client:
        await IndexConsumer(home, client, search_database).begin("test")
        worker = SearchWorker(home, redis, client, search_database)
        first = home.live()
        reader = IndexReader(home)
        reader.searcher()
        watch = DamageWatch(reader, home)
        assert await watch.step() == 0
        # Once it may have been the mapping, twice too; of what goes on failing nobody can tell.
        for reported in (0, 0, 1, 0):
            reader.failed(IndexFailed("as a test says"))
            assert await watch.step() == reported
            assert await watch.step() == 0
        assert home.damage_reported() == (first and first.name)
        await worker.follow()
        assert home.damage_reported() is None
        second = home.live()
        assert second not in {None, first}
        assert second is not None
        overwrite(second, ".idx")
        # What was opened before is read, and the failure to open the new one is noticed.
        assert reader.searcher() is not None
        reader.failed(IndexFailed("as a test says"))
        assert await watch.step() == 0
        watch = DamageWatch(reader, home)
        assert await watch.step() == 0
        assert await DamageWatch(reader, home, scrub_seconds=0.0).step() == 1
        assert reader.damage is not None
        await worker.follow()
        reader.refresh()
        assert reader.folder not in {first, second}
        assert reader.damage is None
        assert await DamageWatch(reader, home, scrub_seconds=0.0).step() == 0
        await worker.consumer.close()
    await redis.aclose()
