"""Ids of deliveries: each begins with its `created_at`, so that a span of time is a span of ids.

They are UUIDv7 (RFC 9562) of the database's time, not of this process's clock: lists and the purge
look for times by id, in the one index that there is for both.
"""

import secrets
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

_VERSION_AND_VARIANT = 7 << 76 | 2 << 62
_MOST_MILLISECONDS = (1 << 48) - 1


def ids_from(moment: datetime) -> Iterator[UUID]:
    """Ids for what is created together at `moment`, each greater than the one before."""
    first = _beginning(moment) | _VERSION_AND_VARIANT | secrets.randbits(12) << 64
    # A bit is left free, so that counting never reaches the variant.
    last = secrets.randbits(61)
    while True:
        yield UUID(int=first | last)
        last += 1


def first_id_of(moment: datetime) -> UUID:
    """No greater than the id of anything that is created at `moment` or later."""
    return UUID(int=_beginning(moment))


def last_id_before(moment: datetime) -> UUID:
    """No less than the id of anything that was created before `moment`."""
    return UUID(int=_beginning(moment) | (1 << 80) - 1)


def _beginning(moment: datetime) -> int:
    milliseconds = int(moment.timestamp() * 1_000)
    return min(max(milliseconds, 0), _MOST_MILLISECONDS) << 80
