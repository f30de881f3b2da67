"""What merges the files of the index leaves the processors to those who ask and write."""

import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.network import Network
from tests.served_directory import a_partner
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux has a priority for each thread"
)
_WRITES = 4


def priorities(process: int) -> dict[str, set[int]]:
    """The niceness of a process's threads, by what they do."""
    found: dict[str, set[int]] = {"merging": set(), "other": set()}
    for task in Path(f"/proc/{process}/task").iterdir():
        # A thread may end meanwhile.
        with suppress(FileNotFoundError, ProcessLookupError):
            name = (task / "comm").read_text()
            kind = "merging" if name.startswith("merge_thread") else "other"
            found[kind].add(os.getpriority(os.PRIO_PROCESS, int(task.name)))
    return found


async def test_merges_give_way_to_searches_and_writes(tmp_path: Path) -> None:
    """Threads that merge have a low priority after a few writes, and all others an ordinary one."""
    async with Network(tmp_path, services=("directory", "search")) as network:
        headers = await network.signed_in()
        for number in range(_WRITES):
            url = f"{network.urls['directory']}/partners"
            partner = a_partner(f"Merged partner {number}")
            (await network.client.post(url, json=partner, headers=headers)).raise_for_status()

            async def is_found(name: str = partner["names"][0]["value"]) -> bool:
                url = f"{network.urls['search']}/search"
                answer = await network.client.get(url, params={"q": f'"{name}"'})
                return bool(answer.raise_for_status().json()["total"])

            await wait_until(is_found, "each write is committed by itself")
        here = os.getpriority(os.PRIO_PROCESS, 0)
        found = priorities(network.processes["search"].pid)
        assert found == {"merging": {10}, "other": {here}}
