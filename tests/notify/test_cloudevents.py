"""The envelope's JSON Schema, on the vectors it comes with."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.notify.cloudevents_schema import CLOUDEVENTS

EVENTS: dict[str, Any] = orjson.loads(
    (Path(__file__).parent / "vectors/cloudevents_events.json").read_bytes()
)


@pytest.mark.parametrize("event", EVENTS["valid"], ids=lambda event: event["id"])
def test_valid_events_pass(event: dict[str, Any]) -> None:
    """They do."""
    CLOUDEVENTS.validate(event)


@pytest.mark.parametrize("case", EVENTS["invalid"], ids=lambda case: case["why"])
def test_invalid_events_fail(case: dict[str, Any]) -> None:
    """So the schema checks something."""
    assert not CLOUDEVENTS.is_valid(case["event"])
