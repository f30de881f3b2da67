"""Why a change was made, in the words of who made it."""

from typing import Annotated

from fastapi import Query

from shared.texts import NameText

Reason = Annotated[
    NameText | None,
    Query(
        description="Why; it stands in the history, for those who may read that.",
        examples=["moved"],
    ),
]
