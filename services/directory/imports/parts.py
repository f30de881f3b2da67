"""Long lists in parts that one query takes: both databases limit a query's parameters."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

_Value = TypeVar("_Value")
# PostgreSQL takes 32,767 parameters and SQLite 32,766; a pair has two.
_MOST = 10_000


def in_parts(values: Iterable[_Value]) -> Iterator[list[_Value]]:
    """`values` in lists that are not too long."""
    rest = iter(values)
    while part := list(islice(rest, _MOST)):
        yield part
