"""What lists can be asked for: filters by value, by several values, and by range."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from services.directory.filter_values import Countries, Ids, Several, When, each_of
from shared.vocabulary import AssuranceStatus, Flag, Level, PartnerStatus, Sector

# PostgreSQL has no NUL in text, so nothing that is stored could match one.
Word = Annotated[str, StringConstraints(max_length=300, pattern=r"^[^\x00]*$")]
Year = Annotated[int, Field(ge=1, le=2200)]
Levels = Annotated[str, Several, AfterValidator(each_of(Level))]
Sectors = Annotated[str, Several, AfterValidator(each_of(Sector))]
Statuses = Annotated[str, Several, AfterValidator(each_of(PartnerStatus))]


class TimeFilters(BaseModel):
    """When records were added and last changed. A time is a day, or a moment (RFC 3339)."""

    model_config = ConfigDict(extra="forbid")

    ids: Ids | None = Field(
        default=None,
        description="Only records of these ids: up to 200, parted by commas. What is not there, or "
        "not to be seen by you, is left out.",
    )
    created_at_gte: When | None = Field(
        default=None,
        alias="created_at[gte]",
        description="Added at this moment or later; a day means its beginning.",
    )
    created_at_gt: When | None = Field(
        default=None,
        alias="created_at[gt]",
        description="Added later than this, or than this whole day.",
    )
    created_at_lte: When | None = Field(
        default=None,
        alias="created_at[lte]",
        description="Added at this moment or earlier; a day means its end.",
    )
    created_at_lt: When | None = Field(
        default=None,
        alias="created_at[lt]",
        description="Added earlier than this; a day means its beginning.",
    )
    modified_at_gte: When | None = Field(
        default=None,
        alias="modified_at[gte]",
        description="Changed last at this moment or later; a day means its beginning.",
    )
    modified_at_gt: When | None = Field(
        default=None,
        alias="modified_at[gt]",
        description="Changed last later than this, or than this whole day.",
    )
    modified_at_lte: When | None = Field(
        default=None,
        alias="modified_at[lte]",
        description="Changed last at this moment or earlier; a day means its end.",
    )
    modified_at_lt: When | None = Field(
        default=None,
        alias="modified_at[lt]",
        description="Changed last earlier than this; a day means its beginning.",
    )


class PartnerFilters(TimeFilters):
    """Which partners. Several filters must all hold."""

    level: Level | None = Field(default=None, description="Only this level.")
    level_in: Levels | None = Field(
        default=None, alias="level[in]", description="Only these levels, parted by commas."
    )
    sector: Sector | None = Field(default=None, description="Only partners of this sector.")
    sector_in: Sectors | None = Field(
        default=None, alias="sector[in]", description="Only partners of one of these sectors."
    )
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = Field(
        default=None, description="Only this country (ISO 3166-1 alpha-2)."
    )
    country_in: Countries | None = Field(
        default=None, alias="country[in]", description="Only these countries, up to 50."
    )
    status: PartnerStatus | None = Field(
        default=None, description="Only this status; left out: all but withdrawn."
    )
    status_in: Statuses | None = Field(
        default=None, alias="status[in]", description="Only these, withdrawn if it is named."
    )
    topic: Word | None = Field(default=None, description="A topic's id or notation.")
    name: Word | None = Field(
        default=None, description="Only partners with this text at the start of a word of a name."
    )
    external_id: Word | None = Field(
        default=None,
        description="Only the partner with this identifier, as scheme:value.",
        examples=["ror:https://ror.org/04xfq0f34"],
    )
    flag: Flag | None = Field(
        default=None, description="Only partners whose record, as you read it, has this flag."
    )
    assurance: AssuranceStatus | None = Field(
        default=None, description="Only partners whose assurance has this status."
    )
    next_review_at_gte: When | None = Field(
        default=None,
        alias="next_review_at[gte]",
        description="Next review at this moment or later; a day means its beginning.",
    )
    next_review_at_gt: When | None = Field(
        default=None,
        alias="next_review_at[gt]",
        description="Next review later than this, or than this whole day.",
    )
    next_review_at_lte: When | None = Field(
        default=None,
        alias="next_review_at[lte]",
        description="Next review at this moment or earlier; a day means its end.",
    )
    next_review_at_lt: When | None = Field(
        default=None,
        alias="next_review_at[lt]",
        description="Next review earlier than this; a day means its beginning.",
    )
    established_gte: Year | None = Field(
        default=None, alias="established[gte]", description="Established in this year or later."
    )
    established_gt: Year | None = Field(
        default=None, alias="established[gt]", description="Established after this year."
    )
    established_lte: Year | None = Field(
        default=None, alias="established[lte]", description="Established in this year or earlier."
    )
    established_lt: Year | None = Field(
        default=None, alias="established[lt]", description="Established before this year."
    )
