"""Whether a record has the shape of its format, in one sentence where it has not."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from services.directory.formats.incoming import UnreadableRecord
from shared.problems import pointer_of

_MOST_ERRORS = 5


def check_shape(shape: TypeAdapter[Any], record: Any, what: str) -> None:
    """Nothing, where `record` has the `shape` of `what`; unknown fields are passed over.

    Raises:
        UnreadableRecord: it has not; the text names the first places where it has not.
    """
    try:
        shape.validate_python(record, strict=True)
    except ValidationError as error:
        raise UnreadableRecord(
            f"is not {what}: "
            + "; ".join(
                f"{pointer_of(found['loc']) or 'the record'}: {found['msg']}"
                for found in error.errors(include_url=False)[:_MOST_ERRORS]
            )
        ) from error
