"""How long something lasts, in words."""

from datetime import datetime

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def in_words(seconds: float) -> str:
    """`seconds` in the largest unit that it has one of: '3 days'."""
    for size, unit in _UNITS:
        count = int(seconds // size)
        if count:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "less than a second"


def age(since: datetime, now: datetime) -> str:
    """How long ago `since` was."""
    return in_words((now - since).total_seconds())
