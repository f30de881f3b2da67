"""What may be proposed: a partner, a change of one, that one goes, or that two are one."""

from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints, model_validator

from services.directory.partner_write import PartnerWrite
from shared.records import JsonObject
from shared.texts import LongText, NameText

ProposalText = Annotated[LongText, StringConstraints(max_length=2_000)]


class ProposalKind(StrEnum):
    """What is proposed."""

    create = "create"
    update = "update"
    withdraw = "withdraw"
    merge = "merge"


class ProposalState(StrEnum):
    """What has become of a proposal."""

    open = "open"
    applied = "applied"
    discarded = "discarded"


# What each kind is made of; other parts would be lost without a word, so they are refused.
_PARTS = {
    ProposalKind.create: ({"partner"}, set[str]()),
    ProposalKind.update: ({"partner_id", "patch"}, {"base_version"}),
    ProposalKind.withdraw: ({"partner_id"}, {"base_version", "successor_id"}),
    ProposalKind.merge: ({"partner_id", "into_id"}, {"base_version"}),
}
_EVERY = {"kind", "reason", "contact"}


class ProposalWrite(BaseModel):
    """A change that you suggest."""

    model_config = ConfigDict(extra="forbid")

    kind: ProposalKind = Field(description="What you propose.")
    reason: ProposalText = Field(description="Why, and how you know.")
    contact: NameText | None = Field(
        default=None, description="Where to ask you back; for the secretariat only."
    )
    partner: PartnerWrite | None = Field(default=None, description="To create: the new partner.")
    partner_id: UUID | None = Field(
        default=None, description="To update, withdraw or merge: the partner it is about."
    )
    patch: JsonObject | None = Field(
        default=None,
        description="To update: a JSON merge patch (RFC 7396) of the record.",
    )
    base_version: Annotated[StrictInt, Field(ge=1, le=2**31 - 1)] | None = Field(
        default=None, description="The version of the record that you looked at; else the current."
    )
    successor_id: UUID | None = Field(
        default=None, description="To withdraw: the partner to use instead."
    )
    into_id: UUID | None = Field(
        default=None, description="To merge: the partner that stays and takes the other one in."
    )

    @model_validator(mode="after")
    def _has_the_parts_of_its_kind(self) -> Self:
        needed, possible = _PARTS[self.kind]
        given = {name for name in type(self).model_fields if getattr(self, name) is not None}
        if missing := needed - given:
            raise ValueError(f"to {self.kind} needs {', '.join(sorted(missing))}")
        if surplus := given - needed - possible - _EVERY:
            raise ValueError(f"to {self.kind} has no {', '.join(sorted(surplus))}")
        return self


class CommentWrite(BaseModel):
    """Something to say about a proposal."""

    model_config = ConfigDict(extra="forbid")

    text: ProposalText = Field(description="What you say.")


class ApplyWrite(BaseModel):
    """How to apply a proposal."""

    model_config = ConfigDict(extra="forbid")

    outcome: ProposalText | None = Field(default=None, description="A word to the author.")
    keep: list[Annotated[str, StringConstraints(max_length=200)]] = Field(
        default=[],
        max_length=100,
        description="Fields in conflict that stay as they are now.",
        examples=[["established"]],
    )
    overwrite: list[Annotated[str, StringConstraints(max_length=200)]] = Field(
        default=[],
        max_length=100,
        description="Fields in conflict that become what is proposed.",
        examples=[["description.en"]],
    )


class DiscardWrite(BaseModel):
    """Why a proposal is not applied."""

    model_config = ConfigDict(extra="forbid")

    outcome: ProposalText = Field(description="Why not, for its author.")
