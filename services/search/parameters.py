"""What can be asked of search in the query of an address."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.search.question import Highlighting, Sort
from services.search.wording import MOST_CHARACTERS
from shared.paging import DEFAULT_LIMIT, MAX_LIMIT

Values = Annotated[str | None, Field(max_length=5_000)]


class FilterParameters(BaseModel):
    """What narrows a search down."""

    model_config = ConfigDict(populate_by_name=True)

    q: str = Field(
        default="",
        max_length=MOST_CHARACTERS,
        description='Words in any language, "words side by side" and -words that a hit must not '
        "have. The last word may be unfinished, typing errors are looked past, and nothing is "
        "malformed: what cannot be used is told in `warnings`. Words after the 32nd are left out. "
        "Empty: everything that the filters allow.",
        examples=['organised crime -drugs "money laundering"'],
    )
    kind: Values = Field(
        default=None, description="`partner`, `topic`, or both with a comma.", examples=["partner"]
    )
    level: Values = Field(
        default=None,
        description="One or more levels, with commas: any of them will do.",
        examples=["local,national"],
    )
    sector: Values = Field(
        default=None, description="One or more sectors, with commas.", examples=["academia"]
    )
    country: Values = Field(
        default=None, description="ISO 3166-1 alpha-2 codes, with commas.", examples=["GB,IE"]
    )
    area: Values = Field(
        default=None,
        description="Codes (ISO 3166-2) or names of areas, with commas.",
        examples=["GB-ENG,Kent"],
    )
    topic: Values = Field(
        default=None,
        description="Ids or notations of topics, with commas: what is about one of them, or about "
        "one that is narrower.",
        examples=["cyber-crime"],
    )
    strand: Values = Field(
        default=None, description="The same of strands.", examples=["stem,strengthen"]
    )
    status: Values = Field(
        default=None,
        description="`active`, `inactive`, `deprecated`, with commas.",
        examples=["active"],
    )
    year: Values = Field(
        default=None,
        description="Years in which partners were established, with commas.",
        examples=["1998"],
    )
    year_from: str | None = Field(
        default=None,
        alias="year[gte]",
        description="Established in this year or later.",
        examples=["1990"],
    )
    year_to: str | None = Field(
        default=None,
        alias="year[lte]",
        description="Established in this year or earlier.",
        examples=["2010"],
    )
    created_from: str | None = Field(
        default=None,
        alias="created_at[gte]",
        description="Added at this moment (RFC 3339) or later; a day means its beginning.",
        examples=["2026-01-31"],
    )
    created_to: str | None = Field(
        default=None,
        alias="created_at[lte]",
        description="Added at this moment or earlier; a day means its end.",
        examples=["2026-01-31T12:00:00Z"],
    )
    modified_from: str | None = Field(
        default=None,
        alias="modified_at[gte]",
        description="Changed last at this moment or later; a day means its beginning.",
        examples=["2026-01-31"],
    )
    modified_to: str | None = Field(
        default=None,
        alias="modified_at[lte]",
        description="Changed last at this moment or earlier; a day means its end.",
        examples=["2026-01-31"],
    )
    near: str | None = Field(
        default=None,
        description="Latitude, longitude and kilometres, with commas: partners within this circle. "
        "Hits then have `distance_km`.",
        examples=["52.08,4.31,50"],
    )


class SearchParameters(FilterParameters):
    """What can be asked of GET /search."""

    facets: str | None = Field(
        default=None,
        description="Fields whose values are counted, with commas: `kind`, `level`, `sector`, "
        "`country`, `area`, `topic` (notations; a broader one counts its narrower ones too), "
        "`strand`, `status`, `year`. A field that is filtered by is counted as if it were not, so "
        "that its numbers tell what choosing another value would give. The 1,000 most frequent "
        "values are given; GET /search/facets/{facet} looks among all.",
        examples=["level,country"],
    )
    sort: Sort | None = Field(
        default=None,
        description="`relevance` (exact names first; without words in q it is `name`), `name`, "
        "`newest` (added last), `modified` (changed last), or `distance` with `near`.",
    )
    limit: int = Field(
        default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Most hits on a page."
    )
    cursor: str | None = Field(
        default=None, description="`next` of the page before, with all else unchanged."
    )
    highlight: Highlighting | None = Field(
        default=None,
        description="`html` (also when left out): texts with `<mark>`; `offsets`: whole texts with "
        "the places of the words in `highlight_offsets`; `none`.",
    )
    explain: bool = Field(
        default=False,
        description="Whether each hit says why it stands where it stands. For signed-in callers.",
    )


class FacetParameters(FilterParameters):
    """What can be asked of GET /search/facets/{facet}."""

    contains: str = Field(
        default="",
        max_length=100,
        description="Words, or their beginnings, that the value or its label must have.",
        examples=["unit king"],
    )
    limit: int = Field(
        default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Most values that are given."
    )


class SuggestParameters(BaseModel):
    """What can be asked of GET /suggest."""

    q: str = Field(
        default="",
        max_length=MOST_CHARACTERS,
        description="What was typed so far.",
        examples=["univ leic"],
    )
    kind: str | None = Field(
        default=None, description="`partner`, `topic`, or both with a comma.", examples=["topic"]
    )
    limit: int = Field(default=10, ge=1, le=50, description="Most suggestions.")


class SimilarParameters(BaseModel):
    """What can be asked of GET /similar/{partner_id}."""

    limit: int = Field(
        default=10, ge=1, le=50, description="Most partners at the same level, and at others."
    )
