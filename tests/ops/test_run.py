"""`make run` as a neighbour sees it: processes, ports, files and what it prints."""

import os
import signal
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.network import SERVICES
from tests.ops.copy_of_everything import CopyOfEverything, is_alive
from tests.waiting import wait_until

# A limit for machines that are busy; how long it takes is what `make compose-test` prints.
BACK_SECONDS = 240.0
# If each start waited a second longer than the one before, these would take 276 seconds.
KILLS_IN_A_ROW = 23


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CopyOfEverything]:
    """A copy of everything that is up."""
    copy = CopyOfEverything(tmp_path_factory.mktemp("running"))
    try:
        await copy.start_and_wait()
        yield copy
    finally:
        copy.stop()


@pytest.mark.parametrize("name", ["credentials.json", "secrets.json"])
async def test_secrets_are_for_their_owner_alone(running: CopyOfEverything, name: str) -> None:
    """The files with the secrets of the first start have mode 0600."""
    assert stat.S_IMODE((running.var_dir / name).stat().st_mode) == 0o600


async def test_secrets_are_on_no_command_line_and_in_no_configuration(
    running: CopyOfEverything,
) -> None:
    """The generated configuration of the supervisor names no secret."""
    written = (running.var_dir / "run" / "supervisord.conf").read_text()
    assert "SECRET" not in written
    assert "KEY" not in written


async def test_it_says_what_it_allows(running: CopyOfEverything) -> None:
    """The introduction names the networks that webhooks may reach, though they are private."""
    assert "127.0.0.0/8,::1/128 (WEBHOOK_ALLOWED_NETWORKS)" in running.output


@pytest.mark.parametrize("name", [*SERVICES, "valkey"])
async def test_a_part_that_is_killed_comes_back(running: CopyOfEverything, name: str) -> None:
    """After a kill -9 there is another process, and everything serves."""
    killed = running.pid(name)
    assert killed
    os.kill(killed, signal.SIGKILL)

    async def is_back() -> bool:
        pid = running.pid(name)
        return pid not in {None, killed} and await running.are_all_ready()

    await wait_until(is_back, f"{name} is back", BACK_SECONDS)


async def test_a_part_may_be_killed_again_and_again(running: CopyOfEverything) -> None:
    """A program that is killed while it starts does not wait longer each time."""
    killed: set[int] = set()

    async def is_killed_often_enough() -> bool:
        pid = running.pid("notify")
        if pid and pid not in killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        return len(killed) == KILLS_IN_A_ROW

    await wait_until(is_killed_often_enough, "notify is started again each time", BACK_SECONDS)
    await wait_until(running.are_all_ready, "everything is back", BACK_SECONDS)


async def test_the_supervisor_may_be_killed(running: CopyOfEverything) -> None:
    """With the supervisor its programs end; all of them are started again."""
    before = running.pids()
    os.kill(before["supervisor"], signal.SIGKILL)

    async def is_back() -> bool:
        now = running.pids()
        again = [name for name in before if name != "run"]
        fresh = all(now.get(name) not in {None, before[name]} for name in again)
        return fresh and await running.are_all_ready()

    await wait_until(is_back, "everything is back", BACK_SECONDS)


async def test_a_second_copy_has_its_own_ports_and_folder(
    running: CopyOfEverything, tmp_path: Path
) -> None:
    """Two copies run beside each other; the end of one leaves the other alone."""
    second = CopyOfEverything(tmp_path)
    try:
        await second.start_and_wait()
        assert await running.are_all_ready()
        assert await second.are_all_ready()
    finally:
        second.stop()
    assert await running.are_all_ready()


async def test_a_folder_has_one_copy(running: CopyOfEverything, tmp_path: Path) -> None:
    """A second start below the same VAR_DIR is refused with a sentence."""
    intruder = CopyOfEverything(tmp_path, VAR_DIR=str(running.var_dir))
    intruder.start()
    assert intruder.wait() == 1
    assert f"Another copy runs with VAR_DIR={running.var_dir}" in intruder.output
    assert await running.are_all_ready()


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    """Where a port is taken, the start ends with a sentence that names it and the way out."""
    copy = CopyOfEverything(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", copy.ports["search"]))
        other.listen()
        copy.start()
        assert copy.wait() == 1
    assert f"Port {copy.ports['search']} for search on 127.0.0.1 is taken" in copy.output
    assert "SEARCH_PORT=" in copy.output
    assert copy.pids() == {}


@pytest.mark.parametrize("number", ["http", "0", "65536"])
async def test_a_wrong_port_is_named(tmp_path: Path, number: str) -> None:
    """What is no port is refused with a sentence."""
    copy = CopyOfEverything(tmp_path, NOTIFY_PORT=number)
    copy.start()
    assert copy.wait() == 1
    assert f"NOTIFY_PORT={number} is no port" in copy.output


async def test_it_stops_and_starts_again_without_a_trace(tmp_path: Path) -> None:
    """Ctrl-C leaves no process; neither does kill -9, after which the next start just works."""
    copy = CopyOfEverything(tmp_path)
    try:
        await copy.start_and_wait()
        first = copy.pids()
        assert set(first) == {"run", "supervisor", "valkey", *SERVICES}
        copy.interrupt()
        assert copy.wait() == 0
        assert [name for name, pid in first.items() if is_alive(pid)] == []

        await copy.start_and_wait()
        second = copy.pids()
        os.kill(second["run"], signal.SIGKILL)
        copy.wait()

        await copy.start_and_wait()
        assert [name for name, pid in second.items() if is_alive(pid)] == []
        assert await copy.are_all_ready()

        third = copy.pids()
        os.kill(third["run"], signal.SIGTERM)
        assert copy.wait() == 0
        assert [name for name, pid in third.items() if is_alive(pid)] == []
    finally:
        copy.stop()
