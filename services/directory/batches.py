"""Batches: several writes of partners in one request, each with a result of its own.

Each write runs in a savepoint and is held to the rules of the same write sent alone. Best effort
keeps what succeeds; an atomic batch is kept whole or not at all.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, SkipValidation, StrictInt, TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.models import PartnerRow
from services.directory.outbox import stand_in_line
from services.directory.partner_write import PartnerWrite, WritePart
from services.directory.partners import (
    create_partner,
    patch_partner,
    replace_partner,
    withdraw_partner,
)
from shared.preconditions import PreconditionRequired, etag
from shared.problems import (
    InvalidValues,
    NotAllowed,
    Problem,
    ProblemDetails,
    field_errors,
    problem_content,
)
from shared.records import JsonObject
from shared.tokens import Caller
from shared.vocabulary import Role

MAX_OPERATIONS = 200
_FAILED_DEPENDENCY = 424

_Version = Annotated[
    StrictInt | None,
    Field(ge=1, le=2**53, description="The `version` you read; it stands for `If-Match`."),
]


class CreateOperation(WritePart):
    """Add a partner, as `POST /partners` does."""

    operation: Literal["create"] = Field(description="What to do.")
    partner: PartnerWrite = Field(description="The partner.")


class ReplaceOperation(WritePart):
    """Replace a partner, as `PUT` does."""

    operation: Literal["replace"] = Field(description="What to do.")
    id: UUID = Field(description="The partner.")
    version: _Version = None
    partner: PartnerWrite = Field(description="All that is written of it.")


class PatchOperation(WritePart):
    """Change a partner, as `PATCH` does."""

    operation: Literal["patch"] = Field(description="What to do.")
    id: UUID = Field(description="The partner.")
    version: _Version = None
    patch: JsonObject = Field(description="A JSON merge patch (RFC 7396).")


class WithdrawOperation(WritePart):
    """Withdraw a partner, as `DELETE` does."""

    operation: Literal["withdraw"] = Field(description="What to do.")
    id: UUID = Field(description="The partner.")
    version: _Version = None
    successor: UUID | None = Field(default=None, description="The partner to use instead.")


Operation = Annotated[
    CreateOperation | ReplaceOperation | PatchOperation | WithdrawOperation,
    Field(discriminator="operation"),
]
_OPERATION: TypeAdapter[Operation] = TypeAdapter(Operation)


class BatchWrite(WritePart):
    """Several writes, done in the order in which they are given."""

    # A row that is wrong is refused by itself, so rows are validated one by one, later.
    operations: list[SkipValidation[Operation]] = Field(
        min_length=1, max_length=MAX_OPERATIONS, description="The writes, at most 200."
    )


class BatchResult(BaseModel):
    """What one write was answered."""

    status: int = Field(description="The HTTP status that the write would have had alone.")
    id: UUID | None = Field(description="The partner, where it was written.")
    etag: str | None = Field(description="Its ETag now; null where it was withdrawn or refused.")
    problem: ProblemDetails | None = Field(description="Why it was refused.")


class BatchRead(BaseModel):
    """What a batch was answered."""

    results: list[BatchResult] = Field(description="A result for each write, in their order.")


class BatchRefused(Problem):
    """A write of an atomic batch was refused, so nothing of it was written."""

    status, title, kind = 422, "Nothing of the batch was written", "batch-refused"


async def write_batch(
    session: AsyncSession,
    batch: BatchWrite,
    is_atomic: bool,
    caller: Caller,
    path: str,
    reason: str | None,
) -> BatchRead:
    """Do what `batch` says, write by write; `path` is where it was sent.

    Raises:
        NotAllowed: the caller writes no partners at all.
        BatchRefused: the batch is atomic, and a write of it was refused.
    """
    if caller.role not in {Role.secretariat, Role.editor}:
        raise NotAllowed("Only the secretariat and editors write partners.")
    await stand_in_line(session)
    results = []
    for place, row in enumerate(batch.operations):
        try:
            async with session.begin_nested():
                operation = _validated(row, place)
                results.append(await _write(session, operation, caller, reason))
        except Problem as problem:
            content = ProblemDetails.model_validate(problem_content(path, problem))
            results.append(BatchResult(status=problem.status, id=None, etag=None, problem=content))
        # The next write reads what the database has now, not what this one has left in memory.
        session.expunge_all()
    refused = sum(result.problem is not None for result in results)
    if is_atomic and refused:
        for result in results:
            if result.problem is None:
                result.status, result.id, result.etag = _FAILED_DEPENDENCY, None, None
        raise BatchRefused(
            f"{refused} of {len(results)} writes cannot be done, so none was. `results` says why, "
            f"write by write; those with {_FAILED_DEPENDENCY} would have been done.",
            results=[result.model_dump(mode="json") for result in results],
        )
    return BatchRead(results=results)


def _validated(row: Any, place: int) -> Operation:
    try:
        return _OPERATION.validate_python(row)
    except ValidationError as error:
        found = error.errors(include_url=False)
        for one in found:
            # Behind the row's place stands which of the operations it was taken for.
            within = one["loc"][1:] if len(one["loc"]) > 1 else one["loc"][:0]
            one["loc"] = ("operations", place, *within)
        errors = field_errors(found)
        raise InvalidValues(
            f"{len(found)} value(s) of this write are not acceptable. First: "
            f"{errors[0].pointer}: {errors[0].detail}.",
            errors=errors,
        ) from error


async def _write(
    session: AsyncSession, operation: Operation, caller: Caller, reason: str | None
) -> BatchResult:
    if isinstance(operation, CreateOperation):
        _require_secretariat(caller)
        row = await create_partner(session, operation.partner, caller, reason)
        return _written(row, 201)
    if operation.version is None:
        raise PreconditionRequired(
            "Read the record first and send its `version`, so that nobody's change is lost."
        )
    target = (session, operation.id, operation.version)
    match operation:
        case ReplaceOperation():
            return _written(await replace_partner(*target, operation.partner, caller, reason))
        case PatchOperation():
            return _written(await patch_partner(*target, operation.patch, caller, reason))
        case WithdrawOperation():
            _require_secretariat(caller)
            await withdraw_partner(*target, operation.successor, caller, reason)
            return BatchResult(status=204, id=operation.id, etag=None, problem=None)


def _written(row: PartnerRow, status: int = 200) -> BatchResult:
    return BatchResult(status=status, id=row.id, etag=etag(row.version), problem=None)


def _require_secretariat(caller: Caller) -> None:
    if caller.role is not Role.secretariat:
        raise NotAllowed("Only the secretariat may do this. Ask it to do it for you.")
