"""A damaged, missing or outdated index is built again by itself, and on request in full service."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from services.search.index import IndexHome
from tests.search.served_search import ServedSearch, search_settings, serve_search
from tests.served_directory import ServedDirectory
from tests.waiting import wait_until


def garble(file: Path) -> None:
    """Turn over the bits of one byte in the middle."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(bytes(content))


def garble_each(suffix: str) -> Callable[[Path], None]:
    """Damage every file with `suffix`."""

    def damage(live: Path) -> None:
        for file in live.glob(f"*{suffix}"):
            garble(file)

    return damage


def cut_off(live: Path) -> None:
    """Leave half of each file of stored records."""
    for file in live.glob("*.store"):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def write_nonsense(name: str, content: bytes) -> Callable[[Path], None]:
    """Damage the file that is `name` from the live folder."""

    def damage(live: Path) -> None:
        (live / name).write_bytes(content)

    return damage


def outdate(live: Path) -> None:
    """Make it an index of a format that this code does not write."""
    live.rename(live.with_name("v0-0123456789ab"))
    (live.parent / "current").write_text("v0-0123456789ab")


DAMAGES: dict[str, Callable[[Path], None]] = {
    "a flipped bit in .idx": garble_each(".idx"),
    "a flipped bit in .store": garble_each(".store"),
    "a flipped bit in .fast": garble_each(".fast"),
    "a flipped bit in .term": garble_each(".term"),
    "files cut off": cut_off,
    "no meta.json": lambda live: (live / "meta.json").unlink(),
    "nonsense in meta.json": write_nonsense("meta.json", b"{"),
    "the folder is gone": shutil.rmtree,
    "the pointer is gone": lambda live: (live.parent / "current").unlink(),
    "nonsense in the pointer": write_nonsense("../current", b"\xff/.."),
    "another format": outdate,
}


@pytest.fixture(scope="module", autouse=True)
async def some_partners(directory: ServedDirectory) -> None:
    """What an index can be built from; one text holds what is a line's end to some, not to JSON."""
    for number in range(12):
        await directory.create(f"Partner number {number}")
    await directory.create("Lines", description={"en": "one\u2028two"})


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
async def test_an_index_that_cannot_be_used_is_built_again(
    directory: ServedDirectory, directory_url: str, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """At the next start, without anybody's help; then it answers as before."""
    settings = search_settings(directory_url, directory.redis_url, tmp_path)
    async with serve_search(settings, directory) as served:
        before = await served.ask(facets="level")
    live = IndexHome(settings.index_dir).live()
    assert live is not None
    damage(live)
    async with serve_search(settings, directory) as served:
        await served.caught_up()
        assert await served.ask(facets="level") == before
        assert before["total"] == 13
        assert (await served.index())["folder"] != live.name
        folders = [folder.name for folder in settings.index_dir.glob("v*")]
        assert folders == [(await served.index())["folder"]]


async def test_a_whole_index_is_kept(
    directory: ServedDirectory, directory_url: str, tmp_path: Path
) -> None:
    """A restart goes on where the position says."""
    settings = search_settings(directory_url, directory.redis_url, tmp_path)
    async with serve_search(settings, directory) as served:
        before = await served.index()
    made = await directory.create("Made meanwhile")
    async with serve_search(settings, directory) as served:
        await served.caught_up()
        assert (await served.index())["folder"] == before["folder"]
        assert await served.ids(q="Made meanwhile") == [made["id"]]
        withdrawn = await directory.client.delete(
            f"/partners/{made['id']}", headers={**await directory.signed_in(), "If-Match": '"1"'}
        )
        assert withdrawn.status_code == 204


async def test_an_index_that_vanishes_under_way_is_built_again(
    directory: ServedDirectory, directory_url: str, tmp_path: Path
) -> None:
    """Somebody cleans up the wrong folder: the next event brings it all back."""
    settings = search_settings(directory_url, directory.redis_url, tmp_path)
    async with serve_search(settings, directory) as served:
        shutil.rmtree(settings.index_dir)
        await served.caught_up()
        assert (await served.ask(q="partner number"))["total"] == 12


async def test_a_rebuild_on_request_is_not_noticed(search: ServedSearch) -> None:
    """While it runs, no hit is lost or doubled, and what is written meanwhile is there after it."""
    headers = await search.directory.signed_in()
    before = (await search.index())["folder"]
    totals: set[tuple[int, int]] = set()
    made: list[str] = []

    async def is_replaced() -> bool:
        body = await search.ask(q="partner number", limit=200)
        totals.add((body["total"], len({item["id"] for item in body["items"]})))
        if len(made) < 20:
            made.append((await search.directory.create(f"Meanwhile {len(made)}"))["id"])
        return bool((await search.index())["folder"] != before)

    answer = await search.client.post("/index/rebuild", headers=headers)
    assert answer.status_code == 202
    assert answer.json() == {"folder": before}
    await wait_until(is_replaced, "the index is in another folder")
    assert totals == {(12, 12)}
    await search.caught_up()
    assert set(await search.ids(q="meanwhile", limit=200)) == set(made)
    assert not (await search.index())["rebuild_requested"]
    root = search.settings.index_dir
    assert [folder.name for folder in root.glob("v*")] == [(await search.index())["folder"]]


async def test_without_an_index_it_is_not_ready(directory: ServedDirectory, tmp_path: Path) -> None:
    """It says what it waits for, and that the caller may try again."""
    settings = search_settings("http://127.0.0.1:9", directory.redis_url, tmp_path)
    async with serve_search(settings, directory, wait=False) as served:
        ready = await served.client.get("/readyz")
        assert ready.status_code == 503
        states = {state["name"]: state for state in ready.json()["dependencies"]}
        assert (states["index"]["ok"], states["index"]["required"]) == (False, True)
        assert states["broker"]["ok"]
        assert (states["directory"]["ok"], states["directory"]["required"]) == (False, True)
        answer = await served.client.get("/search")
        assert answer.status_code == 503
        assert answer.json()["type"].endswith("index-not-ready")


async def test_a_worker_beside_the_server_is_seen_at_once(
    directory: ServedDirectory, directory_url: str, tmp_path: Path
) -> None:
    """With WORKER=off another process writes the index; the server reads its newest commit."""
    with_worker = search_settings(directory_url, directory.redis_url, tmp_path)
    without = search_settings(directory_url, directory.redis_url, tmp_path, WORKER="off")
    async with (
        serve_search(with_worker, directory) as writing,
        serve_search(without, directory) as served,
    ):
        await served.caught_up()
        answers = await asyncio.gather(writing.ask(facets="level"), served.ask(facets="level"))
        assert answers[0] == answers[1]
        folder = (await served.index())["folder"]
        answer = await served.client.post("/index/rebuild", headers=await directory.signed_in())
        assert answer.status_code == 202

        async def is_replaced() -> bool:
            return bool((await served.index())["folder"] != folder)

        await wait_until(is_replaced, "the worker has built the index anew")
        assert await served.ask(facets="level") == answers[0]
