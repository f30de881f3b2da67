"""Loading a file of records by `POST /imports`, as the secretariat does."""

import asyncio
import gzip
import time
from dataclasses import dataclass

import orjson

from bench.machine import own_megabytes
from bench.measured_network import MeasuredNetwork
from shared.records import JsonObject

_PATIENCE_SECONDS = 900.0
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Import:
    """What came of a file."""

    done: JsonObject
    """The import, as it says of itself at its end."""
    seconds: float
    halfway_megabytes: float
    """Memory of the directory's own when half of the rows were read."""
    most_megabytes: float
    """The same while it imported, at most."""


async def import_file(network: MeasuredNetwork, lines: bytes, fmt: str) -> Import:
    """Load `lines`, and wait until all is written.

    Nothing is compared for likely duplicates (`warn=false`), as is usual for so long a file.

    Raises:
        RuntimeError: the import failed.
        TimeoutError: it takes over a quarter of an hour.
    """
    # Once: signing in is made to be slow.
    headers = await network.signed_in()
    url, file = network.urls["directory"], gzip.compress(lines)
    started = time.monotonic()
    answer = await network.client.post(
        f"{url}/imports?format={fmt}&warn=false",
        content=file,
        headers={**headers, "Content-Encoding": "gzip"},
        timeout=120,
    )
    answer.raise_for_status()
    most, halfway, done = 0.0, 0.0, answer.json()
    half = (lines.count(b"\n") + 1) // 2
    while done["state"] == "running":
        if time.monotonic() - started > _PATIENCE_SECONDS:
            raise TimeoutError(f"the import is at {done['phase']}, {done['rows_read']} rows")
        # Seldom: every look is answered by the very process that is measured.
        await asyncio.sleep(_LOOK_SECONDS)
        held = own_megabytes(network.pid_of("directory"))
        most = max(most, held)
        if not halfway and done["rows_read"] >= half:
            halfway = held
        found = await network.client.get(f"{url}/imports/{done['id']}", headers=headers)
        done = found.raise_for_status().json()
    if done["state"] != "done":
        raise RuntimeError(f"the import has failed: {done['failure']}")
    return Import(done, time.monotonic() - started, halfway, most)


async def refused_rows(network: MeasuredNetwork, import_id: str) -> set[int]:
    """The numbers of the rows that were refused, the first being 1."""
    headers = await network.signed_in()
    url = f"{network.urls['directory']}/imports/{import_id}/report"
    report = (await network.client.get(url, headers=headers)).raise_for_status()
    return {orjson.loads(line)["row"] for line in report.content.splitlines()}
