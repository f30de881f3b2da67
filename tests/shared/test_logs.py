"""Lines of a log that are written together."""

import subprocess
import sys
from typing import Any

import orjson

_PROGRAM = """
import sys
from uuid import UUID
import structlog
from shared.logs import configure_logs, log_each
configure_logs("tested", sys.argv[1])
structlog.get_logger().info("one", id=str(UUID(int=1)), number=1)
log_each("many", [{"id": UUID(int=number), "number": number} for number in (2, 3)])
log_each("none", [])
"""


def _lines_at(level: str) -> list[dict[str, Any]]:
    """What a process logs that logs from `level` on."""
    ran = subprocess.run([sys.executable, "-c", _PROGRAM, level], capture_output=True, check=True)
    return [orjson.loads(line) for line in ran.stdout.splitlines()]


def test_lines_written_together_are_as_those_written_alone() -> None:
    """Each is a line of its own with the same keys, ids as text, service, level and time."""
    one, *many = _lines_at("info")
    assert [(line["event"], line["number"]) for line in many] == [("many", 2), ("many", 3)]
    assert many[0]["id"] == "00000000-0000-0000-0000-000000000002"
    assert all(line.keys() == one.keys() for line in many)
    assert {line["service"] for line in many} == {"tested"}


def test_lines_below_the_level_are_left_out() -> None:
    """Who wants warnings only is told of no attempt."""
    assert _lines_at("warning") == []
