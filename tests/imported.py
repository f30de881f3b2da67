"""Imports as whoever sends them sees them: a file goes in, and what came of it is asked for."""

import gzip
from collections.abc import Iterable
from typing import Any

import httpx
import orjson

from tests.served_directory import ServedDirectory
from tests.waiting import wait_until


def as_lines(records: Iterable[Any]) -> bytes:
    """`records`, one a line."""
    return b"".join(orjson.dumps(record) + b"\n" for record in records)


class Imported:
    """An import that has ended."""

    def __init__(self, found: dict[str, Any], lines: list[dict[str, Any]]) -> None:
        self.found = found
        self.lines = lines

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """How many rows were created, updated, unchanged, refused."""
        counts = self.found["counts"]
        return tuple(counts[name] for name in ("created", "updated", "unchanged", "refused"))

    @property
    def refused(self) -> list[dict[str, Any]]:
        """The lines of refused rows."""
        return [line for line in self.lines if line["outcome"] == "refused"]

    def ids(self) -> list[str]:
        """The partners of the rows, in their order."""
        return [line["partner_id"] for line in self.lines]


async def send_file(
    directory: ServedDirectory,
    file: bytes,
    file_format: str = "ndjson",
    *,
    packed: bool = False,
    headers: dict[str, str] | None = None,
    **asked: str,
) -> httpx.Response:
    """The answer to a file that is sent; by the secretariat unless `headers` sign in another."""
    encoding = {"Content-Encoding": "gzip"} if packed else {}
    return await directory.client.post(
        "/imports",
        params={"format": file_format, **asked},
        content=gzip.compress(file) if packed else file,
        headers={**(headers if headers is not None else await directory.signed_in()), **encoding},
    )


async def import_file(
    directory: ServedDirectory, file: bytes, file_format: str = "ndjson", **asked: Any
) -> Imported:
    """What has come of a file, as soon as its import has ended."""
    answer = await send_file(directory, file, file_format, **asked)
    assert answer.status_code == 202, answer.text
    return await ended(directory, answer.headers["Location"])


async def ended(directory: ServedDirectory, location: str) -> Imported:
    """The import at `location`, when it has ended, with its whole report."""
    headers = await directory.signed_in()
    found: dict[str, Any] = {}

    async def has_ended() -> bool:
        answer = await directory.client.get(location, headers=headers)
        assert answer.status_code == 200, answer.text
        found.update(answer.json())
        return bool(found["state"] != "running")

    await wait_until(has_ended, f"{location} has ended", 600)
    report = await directory.client.get(f"{location}/report?rows=all", headers=headers)
    assert report.status_code == 200, report.text
    return Imported(found, [orjson.loads(line) for line in report.content.splitlines()])


async def import_records(
    directory: ServedDirectory, records: Iterable[Any], **asked: Any
) -> Imported:
    """What has come of `records`, one a line."""
    return await import_file(directory, as_lines(records), **asked)
