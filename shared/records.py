"""The records as the world reads them. What may be written is in the directory's models."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.vocabulary import (
    AssuranceStatus,
    ChannelKind,
    ContactPointKind,
    ContactPurpose,
    Flag,
    Level,
    LinkKind,
    NameKind,
    PartnerStatus,
    RelationshipKind,
    Sector,
    StateOfKnowledge,
    TopicRole,
    TopicScheme,
    TopicStatus,
    VerificationStatus,
    Visibility,
)

# A record as JSON has it: what the database keeps rendered, events carry and the index stores.
JsonObject = dict[str, Any]

Language = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35),
    Field(description="A language tag (BCP 47).", examples=["en"]),
]
CountryCode = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z]{2}$"),
    Field(description="A country (ISO 3166-1 alpha-2).", examples=["GB"]),
]


class Part(BaseModel):
    """A part of a record."""

    model_config = ConfigDict(extra="forbid", use_enum_values=True)


class Name(Part):
    """One name of a partner."""

    value: str = Field(description="The name as it is written.")
    kinds: list[NameKind] = Field(description="What the name is to the partner.")
    lang: Language | None = Field(description="The language of the name, if it has one.")


class Area(Part):
    """Where a partner works: an ISO 3166 code, a named area (a police force's), or both."""

    code: str | None = Field(description="ISO 3166-1 or 3166-2 code.", examples=["GB-ENG"])
    name: str | None = Field(description="Name of the area.", examples=["Kent"])
    kind: str | None = Field(description="What the area is.", examples=["police_force_area"])


class Location(Part):
    """Where a partner has its seat."""

    lat: float | None = Field(description="Latitude, degrees (WGS 84).")
    lon: float | None = Field(description="Longitude, degrees (WGS 84).")
    place: str | None = Field(description="Name of the place.", examples=["The Hague"])
    geonames_id: int | None = Field(description="The place's id at GeoNames.")


class Link(Part):
    """A page about the partner."""

    kind: LinkKind = Field(description="What the link leads to.")
    url: str = Field(description="An absolute http or https URL.")


class ExternalId(Part):
    """The partner's identifier in another registry."""

    scheme: str = Field(description="The registry.", examples=["ror"])
    value: str = Field(description="The identifier there.", examples=["https://ror.org/04xfq0f34"])
    preferred: bool = Field(description="Whether it is the preferred one of its scheme.")


class PartnerTopic(Part):
    """What the partner does about a topic."""

    topic_id: UUID = Field(description="The topic.")
    role: TopicRole = Field(description="What the partner does about it.")
    notation: str = Field(description="The topic's notation, which never changes.")


class Relationship(Part):
    """What another partner is to this one. Stored once; each side reads it from its own end."""

    kind: RelationshipKind = Field(description="What the other partner is to this one.")
    partner_id: UUID = Field(description="The other partner.")
    name: str = Field(description="The other partner's display name, looked up.")
    visibility: Visibility = Field(description="The other partner's visibility.")


class Channel(Part):
    """One way to reach a contact point."""

    kind: ChannelKind = Field(description="How a message travels.")
    value: str = Field(description="Address; telephone numbers as E.164.")
    preferred: bool = Field(description="Whether to try it first.")


class OpeningHours(Part):
    """When a contact point answers."""

    text: str = Field(description="The hours in words.", examples=["Mon-Fri 09:00-17:00"])
    time_zone: str = Field(description="IANA time zone.", examples=["Europe/London"])


class Verification(Part):
    """Whether the contact point was shown to work, when and how."""

    status: VerificationStatus = Field(description="Outcome of the last check.")
    at: datetime | None = Field(description="When it was checked.")
    method: str | None = Field(description="How it was checked.")


class Consent(Part):
    """A person's recorded agreement to be shown to the public."""

    given_at: date = Field(description="The day on which the person agreed.")
    reference: str | None = Field(description="Where the agreement is kept; secretariat only.")


class ContactPoint(Part):
    """How to reach a partner for a purpose (schema:ContactPoint, HSDS contact)."""

    id: UUID = Field(description="The contact point's id, kept over edits.")
    kind: ContactPointKind = Field(description="Whom or what one reaches.")
    purposes: list[ContactPurpose] = Field(description="What it is for.")
    name: str | None = Field(description="Name of the person or desk.")
    title: str | None = Field(description="Job title.")
    department: str | None = Field(description="Part of the partner.")
    channels: list[Channel] = Field(description="Ways to reach it.")
    languages: list[Language] = Field(description="Languages in which one is answered.")
    hours: OpeningHours | None = Field(description="When it answers.")
    procedure: str | None = Field(description="How to ask, and on what legal basis.")
    valid_from: date | None = Field(description="First day of use.")
    valid_to: date | None = Field(description="Last day of use.")
    verification: Verification = Field(description="Whether it was shown to work.")
    consent: Consent | None = Field(description="For a person: agreement to be public.")
    visibility: Visibility = Field(
        description="Who may see it; a person without recorded consent is never public."
    )


class Assurance(Part):
    """Somebody checked this record against the world. Editing is not assuring."""

    status: AssuranceStatus = Field(description="Derived from the dates.")
    assured_at: datetime | None = Field(description="When it was checked.")
    assured_by: UUID | None = Field(description="The account that checked; secretariat only.")
    method: str | None = Field(description="How it was checked.")
    next_review_at: datetime | None = Field(description="When to check again.")


class Partner(Part):
    """An organisation, board or network in the directory."""

    id: UUID = Field(description="UUIDv7, never used again.")
    version: int = Field(description="Counts the changes; it is the ETag.")
    created_at: datetime = Field(description="When the record was made.")
    modified_at: datetime = Field(description="When what the record shows last changed.")
    level: Level = Field(description="Where the partner works.")
    sectors: list[Sector] = Field(description="What kind of body it is.")
    names: list[Name] = Field(description="All its names, exactly one of them `display`.")
    description: dict[str, str] = Field(description="What it is and does, by language.")
    country: CountryCode | None = Field(description="Country of its seat.")
    areas: list[Area] = Field(description="Where it works.")
    location: Location | None = Field(description="Where its seat is.")
    domains: list[str] = Field(description="Its host names, lower-case.")
    links: list[Link] = Field(description="Pages about it.")
    established: int | None = Field(description="Year in which it began.")
    status: PartnerStatus = Field(description="Whether it exists.")
    external_ids: list[ExternalId] = Field(description="Its identifiers in other registries.")
    topics: list[PartnerTopic] = Field(description="What it works on.")
    relationships: list[Relationship] = Field(description="Its ties to other partners.")
    contact_points: list[ContactPoint] = Field(description="How to reach it.")
    assurance: Assurance = Field(description="When somebody last checked the record.")
    visibility: Visibility = Field(description="Who may see the record at all.")
    successor_id: UUID | None = Field(description="Of a withdrawn record: the one to use instead.")
    former_ids: list[UUID] = Field(description="Withdrawn records whose place this one took.")
    flags: list[Flag] = Field(description="What the record wants.")


class AltLabel(Part):
    """Another label of a topic."""

    value: str = Field(description="The label.")
    lang: Language | None = Field(description="Its language.")


class TopicReview(Part):
    """How often a topic is looked at again."""

    period: str | None = Field(description="ISO 8601 duration.", examples=["P1Y"])
    next_at: date | None = Field(description="Day of the next review.")


class Topic(Part):
    """One concept of the taxonomy (skos:Concept). Every topic is public."""

    id: UUID = Field(description="UUIDv7, never used again.")
    version: int = Field(description="Counts the changes; it is the ETag.")
    created_at: datetime = Field(description="When the topic was made.")
    modified_at: datetime = Field(description="When it last changed.")
    notation: str = Field(description="Short code, unique over all schemes, never changed.")
    scheme: TopicScheme = Field(description="The concept scheme.")
    pref_label: dict[str, str] = Field(description="Preferred label by language.")
    alt_labels: list[AltLabel] = Field(description="Other labels.")
    definition: dict[str, str] = Field(description="What it means, by language.")
    broader: list[UUID] = Field(description="Topics that contain this one; without circles.")
    related: list[UUID] = Field(description="Topics beside this one.")
    status: TopicStatus = Field(description="Whether it is still used.")
    replaced_by: UUID | None = Field(description="Of a deprecated topic: the one to use.")
    state_of_knowledge: StateOfKnowledge | None = Field(description="As its source says.")
    priorities: list[str] = Field(description="The gaps in knowledge that its source names.")
    source: str | None = Field(description="Where that is said.")
    review: TopicReview | None = Field(description="When it is looked at again.")


class PartnerPage(BaseModel):
    """A page of partners."""

    items: list[Partner] = Field(description="The partners.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")


class TopicPage(BaseModel):
    """A page of topics."""

    items: list[Topic] = Field(description="The topics.")
    next: str | None = Field(description="Cursor of the next page; null on the last one.")
