"""How many requests a second an address answers: asked by wrk where there is one, else by ours."""

import asyncio
import json
import re
import shutil
import sys
from dataclasses import dataclass

CONNECTIONS = 16
_WRK_TOTAL = re.compile(r"(\d+) requests in")
_WRK_RATE = re.compile(r"Requests/sec:\s+([0-9.]+)")
_WRK_WRONG = re.compile(r"Non-2xx.*|Socket errors:.*")


class WrongAnswers(Exception):
    """Some answers were not what is measured."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What one round of asking came to."""

    per_second: float
    total: int


def load_client_name() -> str:
    """What asks."""
    return "wrk" if shutil.which("wrk") else "bench.load_client (uvloop, own process; no wrk here)"


async def measure_rate(url: str, seconds: float) -> Rate:
    """Ask `url` over 16 connections for `seconds`.

    Raises:
        WrongAnswers: an answer was not 200, or a connection broke.
    """
    wrk = shutil.which("wrk")
    if wrk is not None:
        text = await _run(wrk, "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", url)
        rate, total, wrong = (part.search(text) for part in (_WRK_RATE, _WRK_TOTAL, _WRK_WRONG))
        if wrong is not None or rate is None or total is None:
            raise WrongAnswers(f"{url}: {wrong[0] if wrong else text}")
        return Rate(float(rate[1]), int(total[1]))
    own = [sys.executable, "-m", "bench.load_client", f"--connections={CONNECTIONS}"]
    found = json.loads(await _run(*own, f"--seconds={seconds}", url))
    if found["wrong"] or not found["total"]:
        raise WrongAnswers(f"{url}: {found['wrong'] or 'no answer at all'}")
    return Rate(found["per_second"], found["total"])


async def _run(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode:
        raise WrongAnswers(f"{command[0]} ended with {process.returncode}")
    return output.decode()
