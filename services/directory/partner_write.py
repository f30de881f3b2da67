"""What may be written of a partner: its own values, checked one by one and against each other."""

import re
from collections import Counter
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StringConstraints,
    model_validator,
)

from services.directory.values import (
    AreaCode,
    CountryCode,
    Day,
    HostName,
    HttpUrl,
    TimeZone,
    days_in_order,
    email_address,
    telephone_number,
)
from shared.records import Language
from shared.texts import LongText, NameText, ShortText
from shared.vocabulary import (
    ChannelKind,
    ContactPointKind,
    ContactPurpose,
    Level,
    LinkKind,
    NameKind,
    PartnerStatus,
    RelationshipKind,
    Sector,
    TopicRole,
    Visibility,
)

# Derived or kept by other routes: a record may be sent back as it was read, these are passed over.
READ_ONLY = frozenset(
    {"id", "version", "created_at", "modified_at", "assurance", "successor_id", "former_ids"}
    | {"flags", "possible_duplicates"}
)
_ROR = re.compile(r"https://ror\.org/0[a-hj-km-np-tv-z0-9]{6}[0-9]{2}")


class WritePart(BaseModel):
    """A part of what is written; fields it does not know are refused."""

    model_config = ConfigDict(extra="forbid", use_enum_values=True)


def _without(value: Any, *derived: str) -> Any:
    if isinstance(value, dict):
        return {field: inner for field, inner in value.items() if field not in derived}
    return value


class NameWrite(WritePart):
    """One name."""

    value: NameText = Field(description="The name as it is written.")
    kinds: list[NameKind] = Field(default=[NameKind.alias], min_length=1, max_length=5)
    lang: Language | None = Field(default=None)


class AreaWrite(WritePart):
    """Where the partner works; a code, a name, or both."""

    code: AreaCode | None = Field(default=None, description="ISO 3166-1 or 3166-2 code.")
    name: ShortText | None = Field(default=None, description="Name of the area.")
    kind: ShortText | None = Field(default=None, description="What the area is.")

    @model_validator(mode="after")
    def _says_where(self) -> Self:
        if self.code is None and self.name is None:
            raise ValueError("an area needs a code or a name")
        return self


class LocationWrite(WritePart):
    """Where the partner has its seat."""

    lat: StrictFloat | None = Field(default=None, ge=-90, le=90, allow_inf_nan=False)
    lon: StrictFloat | None = Field(default=None, ge=-180, le=180, allow_inf_nan=False)
    place: ShortText | None = Field(default=None, description="Name of the place.")
    geonames_id: StrictInt | None = Field(default=None, ge=1, le=2**53)

    @model_validator(mode="after")
    def _has_both_coordinates(self) -> Self:
        if (self.lat is None) != (self.lon is None):
            raise ValueError("lat and lon go together")
        return self


class LinkWrite(WritePart):
    """A page about the partner."""

    kind: LinkKind = Field(default=LinkKind.website)
    url: HttpUrl = Field(description="An absolute http or https URL.")


class ExternalIdWrite(WritePart):
    """The partner's identifier in another registry."""

    scheme: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    value: NameText = Field(description="The identifier there.")
    preferred: StrictBool = Field(default=False)

    @model_validator(mode="after")
    def _has_the_shape_of_its_scheme(self) -> Self:
        if self.scheme == "ror" and not _ROR.fullmatch(self.value):
            raise ValueError("a ROR id looks like https://ror.org/04xfq0f34")
        return self


class PartnerTopicWrite(WritePart):
    """What the partner does about a topic."""

    topic_id: UUID
    role: TopicRole

    @model_validator(mode="before")
    @classmethod
    def _pass_over_derived(cls, value: Any) -> Any:
        return _without(value, "notation")


class RelationshipWrite(WritePart):
    """What another partner is to this one, written from either side."""

    kind: RelationshipKind
    partner_id: UUID

    @model_validator(mode="before")
    @classmethod
    def _pass_over_derived(cls, value: Any) -> Any:
        return _without(value, "name", "visibility")


class ChannelWrite(WritePart):
    """One way to reach a contact point."""

    kind: ChannelKind
    value: NameText
    preferred: StrictBool = Field(default=False)

    @model_validator(mode="after")
    def _can_be_used(self) -> Self:
        match ChannelKind(self.kind):
            case ChannelKind.email:
                self.value = email_address(self.value)
            case ChannelKind.phone:
                self.value = telephone_number(self.value)
            case ChannelKind.url:
                self.value = LinkWrite(url=self.value).url
            case ChannelKind.post:
                pass
        return self


class OpeningHoursWrite(WritePart):
    """When a contact point answers."""

    text: ShortText
    time_zone: TimeZone


class ConsentWrite(WritePart):
    """A person's agreement to be shown to the public."""

    given_at: Day
    reference: NameText | None = Field(default=None)


class ContactPointWrite(WritePart):
    """How to reach the partner for a purpose. With its `id` it is the same one, edited."""

    id: UUID | None = Field(default=None)
    kind: ContactPointKind
    purposes: list[ContactPurpose] = Field(min_length=1, max_length=10)
    name: NameText | None = Field(default=None)
    title: NameText | None = Field(default=None)
    department: NameText | None = Field(default=None)
    channels: list[ChannelWrite] = Field(min_length=1, max_length=20)
    languages: list[Language] = Field(default=[], max_length=50)
    hours: OpeningHoursWrite | None = Field(default=None)
    procedure: LongText | None = Field(default=None)
    valid_from: Day | None = Field(default=None)
    valid_to: Day | None = Field(default=None)
    consent: ConsentWrite | None = Field(default=None)
    visibility: Visibility = Field(default=Visibility.public)

    @model_validator(mode="before")
    @classmethod
    def _pass_over_derived(cls, value: Any) -> Any:
        return _without(value, "verification")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        days_in_order(self.valid_from, self.valid_to)
        if self.kind == "person" and self.name is None:
            raise ValueError("a person needs a name")
        if self.consent is not None and self.kind != "person":
            raise ValueError("consent belongs to a person only")
        return self


def _repeated(values: list[Any]) -> list[Any]:
    return [value for value, count in Counter(values).items() if count > 1]


class PartnerWrite(WritePart):
    """A partner as it is written. What a record derives may be sent along and is passed over."""

    level: Level
    sectors: list[Sector] = Field(default=[], max_length=10)
    names: list[NameWrite] = Field(min_length=1, max_length=100)
    description: dict[Language, LongText] = Field(default={}, max_length=50)
    country: CountryCode | None = Field(default=None)
    areas: list[AreaWrite] = Field(default=[], max_length=200)
    location: LocationWrite | None = Field(default=None)
    domains: list[HostName] = Field(default=[], max_length=50)
    links: list[LinkWrite] = Field(default=[], max_length=50)
    established: StrictInt | None = Field(default=None, ge=1, le=2200)
    status: PartnerStatus = Field(default=PartnerStatus.active)
    external_ids: list[ExternalIdWrite] = Field(default=[], max_length=100)
    topics: list[PartnerTopicWrite] = Field(default=[], max_length=200)
    relationships: list[RelationshipWrite] = Field(default=[], max_length=1_000)
    contact_points: list[ContactPointWrite] = Field(default=[], max_length=100)
    visibility: Visibility = Field(default=Visibility.public)

    @model_validator(mode="before")
    @classmethod
    def _pass_over_read_only(cls, value: Any) -> Any:
        return _without(value, *READ_ONLY)

    @model_validator(mode="after")
    def _keeps_the_rules(self) -> Self:
        self.sectors = list(dict.fromkeys(self.sectors))
        self.domains = list(dict.fromkeys(self.domains))
        displayed = sum(NameKind.display in name.kinds for name in self.names)
        if displayed != 1:
            raise ValueError(f"exactly one name must be of kind display, here {displayed} are")
        if repeated := _repeated([(name.value, name.lang) for name in self.names]):
            raise ValueError(f"the name {repeated[0][0]!r} is given twice in one language")
        if repeated := _repeated([(given.scheme, given.value) for given in self.external_ids]):
            raise ValueError(f"the external id {repeated[0]!r} is given twice")
        preferred = [given.scheme for given in self.external_ids if given.preferred]
        if repeated := _repeated(preferred):
            raise ValueError(f"more than one preferred id of scheme {repeated[0]!r}")
        if _repeated([(topic.topic_id, topic.role) for topic in self.topics]):
            raise ValueError("a topic is given twice in one role")
        if _repeated([(tie.kind, tie.partner_id) for tie in self.relationships]):
            raise ValueError("a relationship is given twice")
        if _repeated([point.id for point in self.contact_points if point.id is not None]):
            raise ValueError("a contact point is given twice")
        if self.status == PartnerStatus.withdrawn:
            raise ValueError("withdraw a partner with DELETE /partners/{id}")
        return self

    @property
    def display_name(self) -> str:
        """The one name by which the partner is shown."""
        return next(name.value for name in self.names if NameKind.display in name.kinds)


class AssuranceWrite(WritePart):
    """That somebody has checked the record against the world."""

    method: ShortText = Field(description="How it was checked.", examples=["telephone"])
    next_review_at: Day | None = Field(
        default=None, description="When to check again; left out: after REVIEW_DAYS."
    )
