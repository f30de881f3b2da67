"""After how many days a record is to be checked again: by level and sector."""

from collections.abc import Iterable, Mapping

from shared.vocabulary import Level, Sector

EVERY_KIND = "*"


def read_review_periods(every: int, by_kind: str) -> dict[str, int]:
    """Days by level or sector, `*` for all others, from a text such as `international=180`.

    Raises:
        ValueError: a part of it is not a level or sector with a number of days.
    """
    periods = {EVERY_KIND: every}
    for part in filter(None, by_kind.split(",")):
        kind, _, days = (word.strip() for word in part.partition("="))
        if kind not in {*Level, *Sector} or not days.isdecimal() or not 1 <= int(days) <= 36_500:
            raise ValueError(
                f"REVIEW_DAYS_BY_KIND: {part!r} is not a level or sector, =, and a number of "
                "days, as in international=180"
            )
        periods[kind] = int(days)
    return periods


def review_days(periods: Mapping[str, int], level: str, sectors: Iterable[str]) -> int:
    """The shortest of the periods for a partner of this level and these sectors."""
    fitting = [periods[kind] for kind in (level, *sectors) if kind in periods]
    return min(fitting, default=periods[EVERY_KIND])
