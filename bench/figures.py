"""What a measurement comes to: figures beside their targets, and the table they are read in."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    name: str
    result: str
    target: str = ""
    met: bool | None = None
    how: str = ""

    @property
    def verdict(self) -> str:
        """`yes` or `no` where there is a target."""
        return "" if self.met is None else "yes" if self.met else "no"


def ratio_at_least(name: str, ratio: float, least: float, how: str) -> Figure:
    """A share of the reference's speed that should not be less than `least`."""
    return Figure(name, f"{ratio:.2f} x", f">= {least} x", ratio >= least, how)


def ratio_at_most(name: str, ratio: float, most: float, how: str) -> Figure:
    """A multiple of the reference's time that should not be more than `most`."""
    return Figure(name, f"{ratio:.2f} x", f"<= {most} x", ratio <= most, how)


def within_milliseconds(name: str, seconds: float, most: float, how: str) -> Figure:
    """A latency that should not be more than `most` milliseconds."""
    milliseconds = seconds * 1000
    return Figure(name, f"{milliseconds:.1f} ms", f"<= {most:.0f} ms", milliseconds <= most, how)


def stated(name: str, result: str, how: str = "") -> Figure:
    """A figure without a target."""
    return Figure(name, result, how=how)


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that `percent` of all are not above."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def spread(values: Sequence[float]) -> str:
    """From the smallest to the largest."""
    return f"{min(values):.2f}-{max(values):.2f}"


_HEADINGS = ("measured", "result", "target", "met", "how")


def _rows(figures: Sequence[Figure]) -> list[tuple[str, ...]]:
    return [(one.name, one.result, one.target, one.verdict, one.how) for one in figures]


def as_text(figures: Sequence[Figure]) -> str:
    """The table for a terminal."""
    rows = [_HEADINGS, *_rows(figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    rule = "  ".join("-" * width for width in widths[:-1])
    return "\n".join([lines[0], rule, *lines[1:]])


def as_markdown(figures: Sequence[Figure]) -> str:
    """The table for a page."""
    lines = [_HEADINGS, ("---",) * len(_HEADINGS), *_rows(figures)]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines
    )
