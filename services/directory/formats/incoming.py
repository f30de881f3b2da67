"""What a reader of a format makes of one record, before anything is asked of the database."""

from dataclasses import dataclass, field

from shared.records import JsonObject
from shared.vocabulary import RelationshipKind


class UnreadableRecord(ValueError):
    """A record that is not what its format says; the message tells what to mend, and where."""


@dataclass(frozen=True, slots=True)
class ForeignTie:
    """A relationship to a partner that is named by an identifier in another registry."""

    kind: RelationshipKind
    scheme: str
    value: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """One record of a file.

    `values` is what `PartnerWrite` is made of, not checked yet; fields that are left out keep what
    the partner has. `source_values` is what our record has no place for and the format wants back.
    """

    values: JsonObject
    ties: tuple[ForeignTie, ...] = ()
    source_values: JsonObject | None = field(default=None)
    partner_id: str | None = None
    """The partner's id in this directory, where the format has it."""
