"""From a row of a file to what is to be written of a partner, before the database is asked."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError

from services.directory.external_ids import ExternalIdPair
from services.directory.formats.incoming import Incoming, UnreadableRecord
from services.directory.imports.framing import TOO_LONG
from services.directory.partner_write import ExternalIdWrite, PartnerWrite
from shared.problems import FieldError, Problem, field_errors
from shared.records import JsonObject

Reader = Callable[[JsonObject], Incoming]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row is not taken."""

    problem: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    partner_ids: tuple[UUID, ...] = ()

    @classmethod
    def by(cls, problem: Problem) -> "Refusal":
        """What `problem`, raised by a rule, says."""
        return cls(problem.kind, problem.detail, tuple(problem.errors))

    @classmethod
    def of_values(cls, error: ValidationError) -> "Refusal":
        """What is wrong with the values of a row."""
        errors = field_errors(error.errors(include_url=False, include_input=False))
        first = f"{errors[0].pointer or 'the record'}: {errors[0].detail}"
        return cls(
            "invalid-values",
            f"{error.error_count()} value(s) are not acceptable. First: {first}.",
            tuple(errors),
        )


@dataclass(slots=True)
class ReadRow:
    """A row as it was read: with a `write` where its values make a partner by themselves."""

    number: int
    incoming: Incoming | None = None
    write: PartnerWrite | None = None
    external_ids: list[ExternalIdPair] = field(default_factory=list)
    refusal: Refusal | None = None

    def values(self) -> JsonObject:
        """The values of `write` in their usual form, as far as the row has them."""
        if self.write is None or self.incoming is None:
            return {}
        return self.write.model_dump(mode="json", include=set(self.incoming.values))


def read_rows(reader: Reader, first_row: int, rows: Iterable[bytes]) -> list[ReadRow]:
    """The `rows`, numbered from `first_row`."""
    return [_read_row(reader, number, row) for number, row in enumerate(rows, first_row)]


def _read_row(reader: Reader, number: int, row: bytes) -> ReadRow:
    found = ReadRow(number)
    try:
        record = orjson.loads(row)
        if not isinstance(record, dict):
            raise UnreadableRecord("The row is not one record of the file's format.")
        incoming = found.incoming = reader(record)
    except ValueError as error:
        if row == TOO_LONG:
            reason = "The row has more bytes than a row may have (IMPORT_MAX_ROW_BYTES)."
        elif isinstance(error, orjson.JSONDecodeError):
            reason = f"The row is not JSON in UTF-8: {error}."
        else:
            reason = str(error)
        found.refusal = Refusal("malformed-row", reason)
        return found
    try:
        write = PartnerWrite.model_validate(incoming.values)
    except ValidationError as error:
        # It may still be enough for a partner that is there and keeps what the row leaves out.
        found.refusal = Refusal.of_values(error)
        found.external_ids = _readable_ids(incoming.values.get("external_ids"))
        return found
    found.write = write
    found.external_ids = [(one.scheme, one.value) for one in write.external_ids]
    return found


def _readable_ids(given: Any) -> list[ExternalIdPair]:
    found = []
    for one in given if isinstance(given, list) else ():
        try:
            external_id = ExternalIdWrite.model_validate(one)
        except ValidationError:
            continue
        found.append((external_id.scheme, external_id.value))
    return found
