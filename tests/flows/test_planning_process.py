"""The process that plans long imports: it comes with them, may be killed, and leaves nothing."""

import contextlib
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil
from uuid_utils.compat import uuid7

from tests.imported import as_lines
from tests.network import Network
from tests.waiting import wait_until

_ROWS = 10_000


def _rows() -> list[dict[str, Any]]:
    """Pairs of partners of which the second has the first for its parent."""
    rows: list[dict[str, Any]] = []
    for number in range(_ROWS):
        row: dict[str, Any] = {
            "id": str(uuid7()),
            "level": "local",
            "names": [{"value": f"Partner {number}", "kinds": ["display"]}],
        }
        if number % 2:
            row["relationships"] = [{"kind": "parent", "partner_id": rows[-1]["id"]}]
        rows.append(row)
    return rows


def _planning(directory: psutil.Process) -> list[psutil.Process]:
    """The processes of its own that the directory has started to do some of its work."""
    found = []
    for process in directory.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if any("spawn_main" in word for word in process.cmdline()):
                found.append(process)
    return found


class _Import:
    """An import that is under way."""

    def __init__(self, network: Network, location: str) -> None:
        self._network = network
        self._url = f"{network.urls['directory']}{location}"
        self.found: dict[str, Any] = {}

    @classmethod
    async def begin(cls, network: Network, rows: list[dict[str, Any]]) -> "_Import":
        """The import of `rows`."""
        answer = await network.client.post(
            f"{network.urls['directory']}/imports?format=ndjson&warn=false",
            content=as_lines(rows),
            headers=await network.signed_in(),
        )
        assert answer.status_code == 202, answer.text
        return cls(network, answer.headers["Location"])

    async def look(self, path: str = "") -> httpx.Response:
        """How far it is, or what else there is of it."""
        headers = await self._network.signed_in()
        answer = await self._network.client.get(f"{self._url}{path}", headers=headers)
        return answer.raise_for_status()

    async def has_read(self, rows: int) -> bool:
        """Whether it has read so many rows."""
        self.found = (await self.look()).json()
        return bool(self.found["rows_read"] >= rows)

    async def has_ended(self) -> bool:
        """Whether it has ended."""
        self.found = (await self.look()).json()
        return bool(self.found["state"] != "running")


async def test_an_import_goes_on_when_its_planning_process_is_killed(
    tmp_path: Path, database_urls: dict[str, str]
) -> None:
    """Another one comes in its place, and no row is lost or taken twice.

    With the import the process ends, and with the directory too, however that ends.
    """
    rows = _rows()
    async with Network(tmp_path, database_urls, services=("directory",)) as network:
        directory = psutil.Process(network.processes["directory"].pid)
        begun = await _Import.begin(network, rows)
        for rows_read in (1_000, 4_000):
            await wait_until(partial(begun.has_read, rows_read), f"{rows_read} rows are read")
            for process in await _when_there(directory, begun):
                process.kill()
                process.wait()
        assert await _when_there(directory, begun), "there was none after the second was killed"
        await wait_until(begun.has_ended, "the import has ended", 180)
        counts = {"created": _ROWS, "updated": 0, "unchanged": 0, "refused": 0}
        assert (begun.found["state"], begun.found["counts"]) == ("done", counts), begun.found
        report = (await begun.look("/report?rows=all")).content.splitlines()
        assert [orjson.loads(line)["partner_id"] for line in report] == [row["id"] for row in rows]
        await _check_records(network, rows)

        async def has_ended() -> bool:
            return not _planning(directory)

        await wait_until(has_ended, "the process has ended with the import")

        orphans = await _when_there(directory, await _Import.begin(network, rows))
        assert orphans
        network.kill("directory")

        async def are_gone() -> bool:
            return not any(process.is_running() for process in orphans)

        await wait_until(are_gone, "the process has ended with the directory")


async def _when_there(directory: psutil.Process, begun: _Import) -> list[psutil.Process]:
    """The planning process, as soon as there is one; none where the import ends without it."""

    async def is_there() -> bool:
        return bool(_planning(directory)) or await begun.has_ended()

    await wait_until(is_there, "there is a process that plans")
    return _planning(directory)


async def _check_records(network: Network, rows: list[dict[str, Any]]) -> None:
    export = await network.client.get(
        f"{network.urls['directory']}/partners/export.ndjson",
        headers=await network.signed_in(),
        timeout=60,
    )
    records = {one["id"]: one for one in map(orjson.loads, export.content.splitlines())}
    assert set(records) == {row["id"] for row in rows}
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        for one, kind, other in ((first, "child", second), (second, "parent", first)):
            record = records[one["id"]]
            ties = [(tie["kind"], tie["partner_id"]) for tie in record["relationships"]]
            assert (ties, record["version"]) == ([(kind, other["id"])], 2)
