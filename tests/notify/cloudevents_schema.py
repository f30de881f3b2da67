"""The JSON Schema of CloudEvents, ready to validate with."""

from datetime import datetime
from pathlib import Path

import orjson
from jsonschema import Draft7Validator, FormatChecker

_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


CLOUDEVENTS = Draft7Validator(
    orjson.loads((Path(__file__).parent / "vectors/cloudevents.schema.json").read_bytes()),
    format_checker=_FORMATS,
)
