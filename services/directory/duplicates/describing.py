"""Pairs of likely duplicates as they are told: the models, and reasons in words."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.directory.duplicates.scoring import ReasonCode
from shared.records import ExternalId, Partner
from shared.vocabulary import PartnerStatus

_IN_WORDS: dict[ReasonCode, str] = {
    "same_name": "They have a name in common.",
    "similar_name": "Words of their names are the same.",
    "same_acronym": "They have an acronym in common.",
    "same_host": "Their websites are at the same host.",
    "same_site": "Their websites are at hosts of the same domain.",
    "other_site": "Their websites are at different domains.",
    "same_identifier": "They have an identifier in common, written in two ways.",
    "same_page": "They have an encyclopaedia's page in common.",
    "same_place": "They are in the same place.",
    "near": "They are within 30 km of each other.",
    "far": "They are more than 30 km from each other.",
    "other_country": "They are in different countries.",
    "same_year": "They were established in the same year.",
    "other_year": "They were established in different years.",
    "one_has_ceased": "One of them has ceased; the other may be what became of it.",
}
_AGAINST = {"other_site", "far", "other_country", "other_year"}


class DuplicateReason(BaseModel):
    """One thing that speaks for it that two records are of one body, or against it."""

    code: ReasonCode = Field(description="What agrees or differs.")
    speaks: Literal["for", "against"] = Field(description="Which way it counts.")
    text: str = Field(description="The same in words.")


class DuplicateSide(BaseModel):
    """One of two partners that may be one, as far as it takes to tell them apart."""

    id: UUID = Field(description="The partner.")
    name: str = Field(description="Its display name.")
    country: str | None = Field(description="Its country (ISO 3166-1 alpha-2).")
    place: str | None = Field(description="Name of the place of its seat.")
    status: PartnerStatus = Field(description="Its status.")
    established: int | None = Field(description="The year it was established.")
    domains: list[str] = Field(description="Its host names.")
    external_ids: list[ExternalId] = Field(description="Its identifiers elsewhere.")


class PossibleDuplicate(DuplicateSide):
    """A partner that may be the one that was just written."""

    score: float = Field(description="How likely, from 0 to 1.", ge=0, le=1)
    reasons: list[DuplicateReason] = Field(description="What the score comes from.")


class CreatedPartner(Partner):
    """The partner that was added; beside it partners that it may be a duplicate of."""

    possible_duplicates: list[PossibleDuplicate] = Field(
        default=[],
        description="The likeliest first, ten at most; left out where there are none.",
    )


class Dismissal(BaseModel):
    """Somebody's word that two partners are not one."""

    id: UUID = Field(description="The dismissal, to take it back by.")
    by: UUID | None = Field(description="The account that said so.")
    at: datetime = Field(description="When it was said.")
    reason: str = Field(description="Why, in the words of who said it.")


class DuplicatePair(BaseModel):
    """Two partners that may be one."""

    score: float = Field(description="How likely, from 0 to 1.", ge=0, le=1)
    reasons: list[DuplicateReason] = Field(description="What the score comes from.")
    a: DuplicateSide = Field(description="The partner whose record is older.")
    b: DuplicateSide = Field(description="The partner whose record is newer.")
    dismissal: Dismissal | None = Field(description="Who said that they are two; else null.")


class DuplicatePage(BaseModel):
    """A page of pairs."""

    items: list[DuplicatePair] = Field(description="The pairs, the likeliest first.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")


def reasons_in_words(codes: Iterable[ReasonCode]) -> list[DuplicateReason]:
    """The reasons of these codes."""
    return [
        DuplicateReason(
            code=code, speaks="against" if code in _AGAINST else "for", text=_IN_WORDS[code]
        )
        for code in codes
    ]
