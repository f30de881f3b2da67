"""The field's words as closed lists; docs/glossary.md says what each of them means."""

from enum import StrEnum


class Level(StrEnum):
    """Where a partner works: the rows of the seed's Table 2."""

    local = "local"
    national = "national"
    international = "international"


class Sector(StrEnum):
    """What kind of body a partner is."""

    government = "government"
    law_enforcement = "law_enforcement"
    intelligence = "intelligence"
    academia = "academia"
    research_funder = "research_funder"
    industry = "industry"
    voluntary = "voluntary"
    military = "military"
    international_body = "international_body"
    network = "network"


class PartnerStatus(StrEnum):
    """`inactive`: the body has ceased. `withdrawn`: the record was a duplicate or an error."""

    active = "active"
    inactive = "inactive"
    withdrawn = "withdrawn"


class NameKind(StrEnum):
    """What a name is to its partner; exactly one name of a partner is its `display` name."""

    display = "display"
    label = "label"
    alias = "alias"
    acronym = "acronym"
    former = "former"


class Visibility(StrEnum):
    """The least audience that may see a value."""

    public = "public"
    member = "member"
    secretariat = "secretariat"


class TopicRole(StrEnum):
    """What a partner does about a topic."""

    leads = "leads"
    works_on = "works_on"
    funds = "funds"
    holds_data = "holds_data"
    interested = "interested"


class RelationshipKind(StrEnum):
    """What the other partner is to this one: `parent` reads 'my parent is …'."""

    parent = "parent"
    child = "child"
    related = "related"
    predecessor = "predecessor"
    successor = "successor"
    collaborates_with = "collaborates_with"
    funds = "funds"
    funded_by = "funded_by"
    member_of = "member_of"
    has_member = "has_member"


class ContactPointKind(StrEnum):
    """Whom or what one reaches."""

    role = "role"
    person = "person"
    service_desk = "service_desk"


class ContactPurpose(StrEnum):
    """What a contact point is for."""

    single_point_of_contact = "single_point_of_contact"
    research = "research"
    data_access = "data_access"
    press = "press"
    urgent = "urgent"
    general = "general"


class ChannelKind(StrEnum):
    """How a message travels."""

    email = "email"
    phone = "phone"
    url = "url"
    post = "post"


class LinkKind(StrEnum):
    """What a link of a partner leads to."""

    website = "website"
    wikipedia = "wikipedia"
    report = "report"
    other = "other"


class VerificationStatus(StrEnum):
    """Whether a contact point was shown to work."""

    unverified = "unverified"
    pending = "pending"
    verified = "verified"
    bounced = "bounced"
    expired = "expired"


class AssuranceStatus(StrEnum):
    """Derived: how fresh the last check of the record against the world is (HSDS assured_date)."""

    unverified = "unverified"
    assured = "assured"
    due = "due"
    overdue = "overdue"
    disputed = "disputed"


class TopicScheme(StrEnum):
    """The concept schemes of the taxonomy (skos:ConceptScheme)."""

    theme = "theme"
    crime_type = "crime_type"
    strand = "strand"
    discipline = "discipline"


class TopicStatus(StrEnum):
    """A deprecated topic stays readable and names its replacement."""

    active = "active"
    deprecated = "deprecated"


class StateOfKnowledge(StrEnum):
    """What the seed says of the evidence on a research priority."""

    good = "good"
    partial = "partial"
    weak = "weak"
    absent = "absent"


class Role(StrEnum):
    """What an account may do. `service` is for this network's own services."""

    member = "member"
    editor = "editor"
    secretariat = "secretariat"
    service = "service"


class Flag(StrEnum):
    """Derived: what is wanting in a record, judged from what its reader may see."""

    no_single_point_of_contact = "no_single_point_of_contact"
    contact_expired = "contact_expired"
    assurance_due = "assurance_due"
    assurance_overdue = "assurance_overdue"
    disputed = "disputed"


INVERSE_RELATIONSHIP: dict[RelationshipKind, RelationshipKind] = {
    RelationshipKind.parent: RelationshipKind.child,
    RelationshipKind.child: RelationshipKind.parent,
    RelationshipKind.related: RelationshipKind.related,
    RelationshipKind.predecessor: RelationshipKind.successor,
    RelationshipKind.successor: RelationshipKind.predecessor,
    RelationshipKind.collaborates_with: RelationshipKind.collaborates_with,
    RelationshipKind.funds: RelationshipKind.funded_by,
    RelationshipKind.funded_by: RelationshipKind.funds,
    RelationshipKind.member_of: RelationshipKind.has_member,
    RelationshipKind.has_member: RelationshipKind.member_of,
}
