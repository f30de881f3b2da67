"""Rows and what is kept of them, packed into the pages of an import."""

import zlib
from collections.abc import Iterable
from typing import Any

import orjson

_FAST = 1
_LENGTH = 4


def pack_rows(rows: Iterable[bytes]) -> bytes:
    """`rows` as one value, to be kept for a while."""
    return zlib.compress(b"".join(len(row).to_bytes(_LENGTH) + row for row in rows), _FAST)


def unpack_rows(packed: bytes) -> list[bytes]:
    """The rows of what `pack_rows` has made."""
    data, rows, place = zlib.decompress(packed), [], 0
    while place < len(data):
        start = place + _LENGTH
        place = start + int.from_bytes(data[place:start])
        rows.append(data[start:place])
    return rows


def pack_json(values: Iterable[Any]) -> bytes:
    """`values` as lines of JSON."""
    return pack_lines(map(orjson.dumps, values))


def pack_lines(lines: Iterable[bytes]) -> bytes:
    """`lines` as one value."""
    return zlib.compress(b"".join(line + b"\n" for line in lines), _FAST)


def unpack_lines(packed: bytes) -> list[bytes]:
    """The lines of what `pack_json` has made."""
    return zlib.decompress(packed).split(b"\n")[:-1]
