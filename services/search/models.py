"""The tables of search, and what its routes answer."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel
from pydantic import Field as PydanticField
from sqlalchemy import JSON, BigInteger, DateTime, Text, UniqueConstraint
from sqlalchemy import Column as SqlColumn
from sqlmodel import Field, SQLModel

from shared.databases import Moment, service_metadata
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


class SynonymRow(SQLModel, table=True):
    """Terms that search takes for each other."""

    __tablename__ = "synonym"
    metadata = metadata
    __table_args__ = (UniqueConstraint("fingerprint"),)

    id: str = Field(primary_key=True, max_length=36)
    version: int
    terms: list[str] = Field(sa_column=SqlColumn(JSON, nullable=False))
    folded: str = Field(sa_column=SqlColumn(Text, nullable=False))
    """The terms as they are looked for, a line feed before and after each."""
    fingerprint: str = Field(max_length=64)
    """Equal for those that say the same."""
    direction: str = Field(max_length=10)
    note: str | None = Field(max_length=500)
    created_at: datetime = Field(sa_column=SqlColumn(Moment, nullable=False))
    modified_at: datetime = Field(sa_column=SqlColumn(Moment, nullable=False))


class SynonymRevisionRow(SQLModel, table=True):
    """How often the list of synonyms was changed; its one row is also the lock of its writers."""

    __tablename__ = "synonym_revision"
    metadata = metadata

    id: int = Field(primary_key=True)
    revision: int = Field(sa_column=SqlColumn(BigInteger, nullable=False))


class SearchCountRow(SQLModel, table=True):
    """How often a question was searched on a day. Whose question it was is nowhere."""

    __tablename__ = "search_count"
    metadata = metadata

    day: date = Field(primary_key=True)
    question: str = Field(primary_key=True, max_length=100)
    searches: int
    without_results: int


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


class MarkedText(BaseModel):
    """A text that has words of q."""

    value: str = PydanticField(description="The whole text.")
    spans: list[tuple[int, int]] = PydanticField(
        description="Where each begins and ends, counted in characters (Unicode code points)."
    )


class ReachedTier(BaseModel):
    """The best tier that a hit reaches."""

    name: str = PydanticField(description="Its name.", examples=["exact_acronym"])
    mended: bool = PydanticField(description="Whether typing errors were looked past for it.")
    score: float = PydanticField(description="What it is worth.")
    because: str = PydanticField(description="The same in words.")


class WordScore(BaseModel):
    """What one word counts for a hit."""

    word: str = PydanticField(description="The word of q.")
    found: str = PydanticField(description="What was found in its place, folded.")
    how: str = PydanticField(
        description="`as asked`, `side by side`, `beginning of a word`, `typing error`, "
        "`written apart`, `written together` or `synonym`."
    )
    field: str = PydanticField(
        description="`anywhere`, `names` and `title` (the display name) on top of it, or "
        "`description`.",
        examples=["title"],
    )
    score: float = PydanticField(description="How rare the word is, times the weight of the place.")


class TieBreak(BaseModel):
    """What decides between hits of equal scores, in this order."""

    active: bool = PydanticField(description="What is active comes before what has ceased.")
    prominence: int = PydanticField(description="How much the directory knows of it, up to 63.")
    name_begins: str = PydanticField(description="The beginning of its name, folded.")


class Explanation(BaseModel):
    """Why a hit stands where it stands. Its score is the tier's, or what its words are worth: of
    each word the best field, and a little of the others."""

    tier: ReachedTier | None = PydanticField(description="Null where only words count.")
    words: list[WordScore] = PydanticField(description="What each word counts.")
    ties: TieBreak = PydanticField(description="What settles equal scores.")


class Hit(BaseModel):
    """What every hit has."""

    id: str = PydanticField(description="Id of the record.")
    title: str = PydanticField(description="Display name or preferred label.")
    score: float = PydanticField(description="Comparable within one search; 0 in other orders.")
    highlights: dict[str, list[str]] = PydanticField(
        description="By field, the values that have words of q. HTML: the words stand in `<mark>`, "
        "everything else is escaped."
    )
    highlight_offsets: dict[str, list["MarkedText"]] | None = PydanticField(
        default=None, description="The same as places, where `highlight=offsets` asks for them."
    )
    distance_km: float | None = PydanticField(
        default=None, description="Kilometres from the middle of `near`, where that is asked for."
    )
    explanation: "Explanation | None" = PydanticField(
        default=None, description="Why it stands here, where `explain=true` asks for it."
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
    did_you_mean: str | None = PydanticField(
        description="q with its typing errors mended, where little or nothing is found without."
    )
    warnings: list[str] = PydanticField(description="What was done other than asked, and why.")


class LabelledValue(FacetValue):
    """A value of a facet, with what people call it."""

    label: str = PydanticField(description="Name of a country or area, label of a topic.")


class FacetAnswer(BaseModel):
    """Values of one facet."""

    items: list[LabelledValue] = PydanticField(description="The most frequent first.")


class Suggestion(BaseModel):
    """What may be meant."""

    text: str = PydanticField(description="Display name or preferred label.")
    kind: Literal["partner", "topic"] = PydanticField(description="What it is.")
    id: str = PydanticField(description="Id of the record.")
    matched: str = PydanticField(description="The name that goes on as what was typed.")


class SuggestAnswer(BaseModel):
    """What may be meant by what was typed so far."""

    items: list[Suggestion] = PydanticField(description="The likeliest first.")


class Reason(BaseModel):
    """Why a partner is similar to another."""

    kind: Literal["topic", "sector", "country", "area", "relationship"] = PydanticField(
        description="What they have in common, or `relationship`."
    )
    value: str = PydanticField(description="The notation, sector, code, or kind of relationship.")
    label: str = PydanticField(description="The same for people.")
    roles: list[str] | None = PydanticField(
        default=None,
        description="For a topic: what the one asked about does there, then the other.",
    )


class SimilarPartner(BaseModel):
    """A partner that another could work with."""

    id: str = PydanticField(description="Id of the record.")
    title: str = PydanticField(description="Display name.")
    score: float = PydanticField(description="Comparable within one answer.")
    reasons: list[Reason] = PydanticField(description="The weightiest first.")
    record: Partner = PydanticField(description="The partner as the caller may see it.")


class SimilarAnswer(BaseModel):
    """Partners with topics in common."""

    same_level: list[SimilarPartner] = PydanticField(description="At its own level.")
    other_levels: list[SimilarPartner] = PydanticField(description="At the others.")


class VocabularyRead(BaseModel):
    """The words that typing errors are mended to."""

    words: int = PydanticField(description="Words of the records that the caller may find.")
    commit_at: datetime | None = PydanticField(
        description="When the commit was made whose words they are: `last_commit_at`, or a moment "
        "before it while newer words are being learned. Null before the first time."
    )


class IndexRead(BaseModel):
    """The state of the search index that answers here; each replica has its own."""

    documents: int = PydanticField(description="Records in it that the caller may find.")
    kinds: dict[str, int] = PydanticField(
        description="The same by kind.", examples=[{"partner": 1812, "topic": 64}]
    )
    vocabulary: VocabularyRead = PydanticField(description="What typing errors are mended to.")
    log_id: str = PydanticField(description="The directory's log that it follows.")
    position: int = PydanticField(description="Sequence up to which events are in it.")
    lag: int | None = PydanticField(
        description="Events on the log that are not in it; null when nobody could be asked."
    )
    size_bytes: int = PydanticField(description="Its size on disk.")
    last_commit_at: datetime = PydanticField(description="When it last changed.")
    format: int = PydanticField(description="Version of its format.")
    folder: str = PydanticField(description="Name of its folder in SEARCH_INDEX_DIR.")
    rebuild_requested: bool = PydanticField(
        description="Whether it is about to be built anew, or is being built."
    )


class RebuildAccepted(BaseModel):
    """A rebuild was asked for."""

    folder: str | None = PydanticField(
        description="The folder in use now; GET /index names another one when it is done."
    )
