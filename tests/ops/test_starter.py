"""The starter data in a running directory."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.starter_files import read_starter_files, waves
from tests.network import PROJECT
from tests.ops.copy_of_everything import CopyOfEverything
from tests.waiting import wait_until

LOAD_SECONDS = 120


@pytest.fixture
async def copy(tmp_path: Path) -> AsyncIterator[CopyOfEverything]:
    """A copy of everything, without starter data."""
    running = CopyOfEverything(tmp_path)
    try:
        await running.start_and_wait()
        yield running
    finally:
        running.stop()


def _start_loader(copy: CopyOfEverything) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "ops.starter"],
        cwd=PROJECT,
        env={**copy.environment, "DIRECTORY_URL": copy.urls["directory"]},
        stdout=subprocess.PIPE,
        text=True,
    )


async def _list_all(copy: CopyOfEverything, path: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    parameters = {"limit": "200"}
    async with httpx.AsyncClient(trust_env=False, base_url=copy.urls["directory"]) as client:
        while True:
            page = (await client.get(path, params=parameters)).json()
            items += page["items"]
            if not page["next"]:
                return items
            parameters["cursor"] = page["next"]


def _starter_key(partner: dict[str, Any]) -> str:
    [key] = [str(i["value"]) for i in partner["external_ids"] if i["scheme"] == "starter"]
    return key


async def test_a_loader_that_is_killed_is_taken_up_by_the_next(copy: CopyOfEverything) -> None:
    """After a kill -9 in the middle the next run completes the data, and a third changes nothing.

    Nothing is there twice, and every topic and relationship of the files is.
    """
    topics, partners = read_starter_files()

    async def is_half_done() -> bool:
        return len(await _list_all(copy, "/partners")) > len(partners) // 3

    with _start_loader(copy) as killed:
        await wait_until(is_half_done, "a third of the partners is there", LOAD_SECONDS)
        killed.send_signal(signal.SIGKILL)

    with _start_loader(copy) as second:
        said, _ = second.communicate(timeout=LOAD_SECONDS)
    assert second.returncode == 0, said
    assert ", 0 refused." in said

    loaded_topics = {topic["notation"]: topic for topic in await _list_all(copy, "/topics")}
    assert set(loaded_topics) == {topic["notation"] for topic in topics}
    for topic in topics:
        loaded = loaded_topics[topic["notation"]]
        for tie in ("broader", "related"):
            wanted = {loaded_topics[notation]["id"] for notation in topic.get(tie, [])}
            assert wanted <= set(loaded[tie]), topic["notation"]

    found = await _list_all(copy, "/partners")
    by_key = {_starter_key(partner): partner for partner in found}
    assert len(found) == len(by_key) == len(partners)
    for partner in partners:
        ties = {(t["kind"], t["partner_id"]) for t in by_key[partner["key"]]["relationships"]}
        for tie in partner.get("relationships", []):
            assert (tie["kind"], by_key[tie["partner"]]["id"]) in ties, partner["key"]

    with _start_loader(copy) as third:
        said, _ = third.communicate(timeout=LOAD_SECONDS)
    assert f"0 records created, {len(topics) + len(partners)} were there, 0 linked" in said


def test_nobody_is_loaded_before_whom_he_names() -> None:
    """Each wave names partners of earlier waves only; circles come last, together."""
    names = {"a": ["b"], "b": [], "c": ["a", "b"], "d": ["e"], "e": ["d"]}
    partners = [
        {"key": key, "relationships": [{"kind": "related", "partner": other} for other in others]}
        for key, others in names.items()
    ]
    keys = [[partner["key"] for partner in wave] for wave in waves(partners)]
    assert keys == [["b"], ["a"], ["c"], ["d", "e"]]


def test_it_needs_credentials(tmp_path: Path) -> None:
    """Without an account the loader says what to set."""
    done = subprocess.run(
        [sys.executable, "-m", "ops.starter"],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=LOAD_SECONDS,
    )
    assert done.returncode == 1
    assert "Set BOOTSTRAP_CLIENT_ID and BOOTSTRAP_CLIENT_SECRET" in done.stdout
