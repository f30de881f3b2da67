"""What came of each row of an import, line by line."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from typing import Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, Field

from services.directory.imports.batch import RowOutcome
from shared.problems import FieldError
from shared.records import JsonObject

_MOST_NOTES = 50
Outcome = Literal["created", "updated", "unchanged", "refused"]


class LikelyDuplicate(BaseModel):
    """A partner that may be the one that a row has made."""

    id: UUID | None = Field(
        description="The partner; null in a dry run for one that another row would make."
    )
    name: str = Field(description="Its display name.")
    score: float = Field(description="How likely, from 0.5 to 1.")


class ReportLine(BaseModel):
    """What came of one row."""

    row: int = Field(description="The row, counted from 1; empty lines and the head do not count.")
    outcome: Outcome = Field(description="What was made of it, or in a dry run would be.")
    partner_id: UUID | None = Field(
        description="The partner; null where the row was refused, or would only be created."
    )
    problem: str | None = Field(description="Of a refused row: the kind; see docs/problems.md.")
    detail: str | None = Field(description="Of a refused row: why, and what to do.")
    errors: list[FieldError] = Field(description="What is wrong, value by value.")
    partner_ids: list[UUID] = Field(description="Partners that stand in the way of the row.")
    notes: list[str] = Field(description="What was left out of a row that was taken.")
    possible_duplicates: list[LikelyDuplicate] = Field(
        description="Of a row that made a partner, or would: the likeliest, three at most."
    )


def line_of(outcome: RowOutcome) -> JsonObject:
    """The line for a row."""
    refusal = outcome.refusal
    partner_id = None if outcome.partner_id is None else str(outcome.partner_id)
    return {
        "row": outcome.number,
        "outcome": outcome.outcome,
        "partner_id": partner_id,
        "problem": refusal.problem if refusal else None,
        "detail": refusal.detail if refusal else None,
        "errors": [error.model_dump() for error in refusal.errors] if refusal else [],
        "partner_ids": [str(one) for one in refusal.partner_ids] if refusal else [],
        "notes": [],
        "possible_duplicates": [],
    }


def counts_of(lines: Iterable[JsonObject]) -> Counter[str]:
    """How many rows came to what, how many notes there are, and of how many rows is warned."""
    counts: Counter[str] = Counter()
    for line in lines:
        counts[line["outcome"]] += 1
        counts["notes"] += len(line["notes"])
        counts["warned"] += bool(line["possible_duplicates"])
    return counts


def amend(
    lines: Iterable[JsonObject],
    changed: set[int],
    notes: Mapping[int, list[str]],
    refused: Mapping[int, str],
) -> None:
    """Add to `lines` what became of the relationships that the rows name."""
    for line in lines:
        row = line["row"]
        if row in changed and line["outcome"] == "unchanged":
            line["outcome"] = "updated"
        if found := notes.get(row):
            more = len(found) - _MOST_NOTES
            line["notes"] = found[:_MOST_NOTES] + ([f"And {more} more."] if more > 0 else [])
        if row in refused:
            line |= {
                "outcome": "refused",
                "problem": "circular-relationship",
                "detail": refused[row],
                "partner_id": None,
            }


def made_by(lines: Iterable[JsonObject]) -> dict[UUID, JsonObject]:
    """By partner that was made, the line of its row."""
    return {UUID(line["partner_id"]): line for line in lines if line["outcome"] == "created"}


def hide_unmade(lines: Iterable[JsonObject], unmade: Container[str]) -> None:
    """Take from `lines` the ids of partners that a dry run has made for a while."""
    for line in lines:
        if line["partner_id"] in unmade:
            line["partner_id"] = None
        for other in line["possible_duplicates"]:
            if other["id"] in unmade:
                other["id"] = None


def refused_lines(lines: Iterable[bytes]) -> list[bytes]:
    """Those of the report's `lines` that tell of a refused row."""
    return [line for line in lines if orjson.loads(line)["outcome"] == "refused"]
