"""What may be written of a synonym, and how it reads."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from services.search.synonyms import Direction
from shared.folding import folded_name, words_of
from shared.texts import ShortText, in_one_form, without_controls

MOST_TERMS = 20
_MOST_WORDS = 8
# Each field that nobody knows becomes an error of its own, which takes a while for thousands.
_MOST_FIELDS = 50
_READ_ONLY = frozenset({"id", "version", "created_at", "modified_at"})


def _can_be_asked_for(term: str) -> str:
    words = words_of(term)
    if not any(character.isalnum() for word in words for character in word):
        raise ValueError("needs a letter or a digit")
    if len(words) > _MOST_WORDS:
        raise ValueError(f"has over {_MOST_WORDS} words")
    return term


Term = Annotated[ShortText, AfterValidator(_can_be_asked_for)]
_Note = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    BeforeValidator(in_one_form),
    AfterValidator(without_controls),
]


class SynonymWrite(BaseModel):
    """A synonym as it is written. It may be sent back as it was read."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "terms": ["human trafficking", "modern slavery"],
                    "direction": "both",
                    "note": "The United Kingdom's Act of 2015 says slavery.",
                }
            ]
        },
    )

    terms: list[Term] = Field(
        min_length=2,
        max_length=MOST_TERMS,
        description="Words or phrases, each of up to 8 words. Case and accents make no difference.",
    )
    direction: Direction = Field(
        default="both",
        description="`both`: who asks for one of the terms finds the others too. `one_way`: only "
        "who asks for the first one does.",
    )
    note: _Note | None = Field(default=None, description="Why they stand for each other.")

    @model_validator(mode="before")
    @classmethod
    def _pass_over_read_only(cls, value: Any) -> Any:
        if isinstance(value, dict):
            if len(value) > _MOST_FIELDS:
                raise ValueError(f"has over {_MOST_FIELDS} fields")
            return {field: inner for field, inner in value.items() if field not in _READ_ONLY}
        return value

    @field_validator("terms")
    @classmethod
    def _differ(cls, terms: list[str]) -> list[str]:
        seen: dict[str, str] = {}
        for term in terms:
            folded = folded_name(term)
            if folded in seen:
                raise ValueError(f"{seen[folded]!r} and {term!r} are the same to search")
            seen[folded] = term
        return terms


class SynonymRead(BaseModel):
    """A synonym."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The synonym's id.")
    version: int = Field(description="Counts up with each change.")
    created_at: datetime = Field(description="When it was added.")
    modified_at: datetime = Field(description="When it last changed.")
    terms: list[str] = Field(description="Its words or phrases, as they were written.")
    direction: Direction = Field(
        description="`both`: each term stands for each other. `one_way`: the others stand for the "
        "first one, not the reverse."
    )
    note: str | None = Field(description="Why they stand for each other.")


class SynonymPage(BaseModel):
    """Synonyms, a page at a time."""

    items: list[SynonymRead] = Field(description="The synonyms, the oldest first.")
    next: str | None = Field(description="Cursor of the next page; null on the last.")
