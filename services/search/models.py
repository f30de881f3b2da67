"""The tables of search, and what its routes answer."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel
from pydantic import Field as PydanticField
from sqlalchemy import BigInteger, DateTime, Text, UniqueConstraint
from sqlalchemy import Column as SqlColumn
from sqlmodel import Field, SQLModel

from services.search.question import Sort
from shared.databases import service_metadata
from shared.paging import DEFAULT_LIMIT, MAX_LIMIT
from shared.records import Partner, Topic

metadata = service_metadata()


class DeadEvent(SQLModel, table=True):
    """An event that could not be handled, set aside so that those behind it go on."""

    __tablename__ = "dead_event"
    metadata = metadata
    __table_args__ = (UniqueConstraint("log_id", "sequence"),)

    id: str = Field(primary_key=True, max_length=36)
    log_id: str = Field(max_length=36)
    sequence: int = Field(sa_column=SqlColumn(BigInteger, nullable=False))
    event_type: str = Field(max_length=100)
    subject: str = Field(max_length=100)
    event: str = Field(sa_column=SqlColumn(Text, nullable=False))
    error: str = Field(sa_column=SqlColumn(Text, nullable=False))
    set_aside_at: datetime = Field(sa_column=SqlColumn(DateTime(timezone=True), nullable=False))
    replay_requested_at: datetime | None = Field(
        default=None, sa_column=SqlColumn(DateTime(timezone=True), nullable=True)
    )
    replayed_at: datetime | None = Field(
        default=None, sa_column=SqlColumn(DateTime(timezone=True), nullable=True)
    )


DeadEventState = Literal["set_aside", "replay_requested", "replayed"]


class DeadEventRead(BaseModel):
    """An event that could not be handled."""

    id: str = PydanticField(description="Its id here.")
    state: DeadEventState = PydanticField(
        description="`replay_requested` until the worker has tried again: then `replayed`, or "
        "`set_aside` once more with the new error."
    )
    log_id: str = PydanticField(description="The directory's log it came from.")
    sequence: int = PydanticField(description="Its place on that log.")
    event_type: str = PydanticField(description="Its type.", examples=["partner.updated"])
    subject: str = PydanticField(description="Id of the record it is about.")
    error: str = PydanticField(description="What went wrong at the last try.")
    set_aside_at: datetime = PydanticField(description="When it was first set aside.")
    event: dict[str, Any] = PydanticField(description="The whole event.")


class DeadEventList(BaseModel):
    """Events that could not be handled, the newest first."""

    items: list[DeadEventRead] = PydanticField(description="This page.")
    next: str | None = PydanticField(description="Cursor of the next page; null on the last.")


class SearchParameters(BaseModel):
    """What can be asked of GET /search."""

    q: str = PydanticField(
        default="",
        max_length=500,
        description="Words in any language; nothing in them is syntax. Records that have every "
        "word come back, or, where there are none, records with some of them (`warnings` says "
        "so). The last word may be unfinished. Up to 500 characters; words after the 32nd are "
        "left out with a warning. Empty: everything that the filters allow.",
        examples=["organised crime research"],
    )
    kind: str | None = PydanticField(
        default=None, description="`partner`, `topic`, or both with a comma.", examples=["partner"]
    )
    level: str | None = PydanticField(
        default=None,
        description="One or more levels, with commas: any of them will do.",
        examples=["local,national"],
    )
    sector: str | None = PydanticField(
        default=None, description="One or more sectors, with commas.", examples=["academia"]
    )
    country: str | None = PydanticField(
        default=None, description="ISO 3166-1 alpha-2 codes, with commas.", examples=["GB,IE"]
    )
    topic: str | None = PydanticField(
        default=None,
        description="Ids or notations of topics, with commas: partners that have one of them.",
    )
    status: str | None = PydanticField(
        default=None, description="`active`, `inactive`, `deprecated`, with commas."
    )
    facets: str | None = PydanticField(
        default=None,
        description="Fields whose values are counted, with commas: `level`, `country`, `sector`, "
        "`topic` (notations), `kind`, `status`. A field that is filtered by is counted as if it "
        "were not, so that its numbers tell what choosing another value would give.",
        examples=["level,country"],
    )
    sort: Sort | None = PydanticField(
        default=None,
        description="`relevance` (exact names first; without q it is `name`), `name`, or "
        "`modified` (newest first).",
    )
    limit: int = PydanticField(
        default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Most hits on a page."
    )
    cursor: str | None = PydanticField(
        default=None, description="`next` of the page before, with all else unchanged."
    )


class Hit(BaseModel):
    """What every hit has."""

    id: str = PydanticField(description="Id of the record.")
    title: str = PydanticField(description="Display name or preferred label.")
    score: float = PydanticField(description="Comparable within one search; 0 in other orders.")
    highlights: dict[str, list[str]] = PydanticField(
        description="By field, the values that have words of q. HTML: the words stand in `<mark>`, "
        "everything else is escaped."
    )


class PartnerHit(Hit):
    """A partner that was found."""

    kind: Literal["partner"] = PydanticField(description="What was found.")
    record: Partner = PydanticField(description="The partner as the caller may see it.")


class TopicHit(Hit):
    """A topic that was found."""

    kind: Literal["topic"] = PydanticField(description="What was found.")
    record: Topic = PydanticField(description="The topic.")


class FacetValue(BaseModel):
    """How often a value occurs."""

    value: str = PydanticField(description="The value.")
    count: int = PydanticField(description="Hits that have it.")


class SearchAnswer(BaseModel):
    """One page of hits."""

    items: list[Annotated[PartnerHit | TopicHit, PydanticField(discriminator="kind")]] = (
        PydanticField(description="The hits, best first.")
    )
    facets: dict[str, list[FacetValue]] = PydanticField(
        description="For each facet asked for: its values, the most frequent first."
    )
    total: int = PydanticField(description="How many hits there are on all pages, exactly.")
    next: str | None = PydanticField(description="Cursor of the next page; null on the last.")
    warnings: list[str] = PydanticField(description="What was done other than asked, and why.")


class IndexRead(BaseModel):
    """The state of the search index."""

    documents: int = PydanticField(description="Records in it that the caller may find.")
    log_id: str = PydanticField(description="The directory's log that it follows.")
    position: int = PydanticField(description="Sequence up to which events are in it.")
    lag: int | None = PydanticField(
        description="Events on the log that are not in it; null when nobody could be asked."
    )
    size_bytes: int = PydanticField(description="Its size on disk.")
    last_commit_at: datetime = PydanticField(description="When it last changed.")
    format: int = PydanticField(description="Version of its format.")
    folder: str = PydanticField(description="Name of its folder in SEARCH_INDEX_DIR.")
    rebuild_requested: bool = PydanticField(description="Whether a rebuild is about to begin.")


class RebuildAccepted(BaseModel):
    """A rebuild was asked for."""

    folder: str | None = PydanticField(
        description="The folder in use now; GET /index names another one when it is done."
    )
