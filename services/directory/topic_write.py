"""What may be written of a topic."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from services.directory.partner_write import WritePart
from services.directory.values import Day
from shared.records import Language
from shared.texts import LongText, NameText
from shared.vocabulary import StateOfKnowledge, TopicScheme, TopicStatus

_READ_ONLY = frozenset({"id", "version", "created_at", "modified_at"})


class AltLabelWrite(WritePart):
    """Another label."""

    value: NameText
    lang: Language | None = Field(default=None)


class TopicReviewWrite(WritePart):
    """How often the topic is looked at again."""

    period: Annotated[str, StringConstraints(pattern=r"^P[1-9][0-9]{0,2}[YMWD]$")] | None = Field(
        default=None, description="ISO 8601 duration.", examples=["P1Y"]
    )
    next_at: Day | None = Field(default=None, description="Day of the next review.")


class TopicWrite(WritePart):
    """A topic as it is written. What a record derives may be sent along and is passed over."""

    notation: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
    scheme: TopicScheme
    pref_label: dict[Language, NameText] = Field(min_length=1, max_length=50)
    alt_labels: list[AltLabelWrite] = Field(default=[], max_length=100)
    definition: dict[Language, LongText] = Field(default={}, max_length=50)
    broader: list[UUID] = Field(default=[], max_length=20)
    related: list[UUID] = Field(default=[], max_length=100)
    status: TopicStatus = Field(default=TopicStatus.active)
    replaced_by: UUID | None = Field(default=None)
    state_of_knowledge: StateOfKnowledge | None = Field(default=None)
    priorities: list[LongText] = Field(default=[], max_length=100)
    source: NameText | None = Field(default=None)
    review: TopicReviewWrite | None = Field(default=None)

    @model_validator(mode="before")
    @classmethod
    def _pass_over_read_only(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {field: inner for field, inner in value.items() if field not in _READ_ONLY}
        return value

    @model_validator(mode="after")
    def _keeps_the_rules(self) -> Self:
        if self.replaced_by is not None and self.status != TopicStatus.deprecated:
            raise ValueError("only a deprecated topic is replaced_by another")
        self.broader = list(dict.fromkeys(self.broader))
        self.related = list(dict.fromkeys(self.related))
        return self
