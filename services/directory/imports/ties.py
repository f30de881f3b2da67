"""What a row says of relationships: kept until all rows are read, for the others may come later."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.directory.formats.hsds import FORMAT as HSDS
from services.directory.formats.incoming import ForeignTie, Incoming
from services.directory.partner_write import PartnerWrite
from shared.problems import InvalidValues
from shared.vocabulary import RelationshipKind

_OUR_VERSION = 7
OWN_IDS = ""
"""In the place of a scheme: the value is an id of this directory."""


@dataclass(frozen=True, slots=True)
class NamedTie:
    """A relationship to whoever has an identifier."""

    kind: RelationshipKind
    scheme: str
    value: str


@dataclass(frozen=True, slots=True)
class RowTies:
    """The relationships that a row names."""

    row: int
    partner_id: UUID
    all_of_them: bool
    """Whether the partner is to have no others."""
    ties: tuple[NamedTie, ...]

    def as_json(self) -> list[object]:
        """It as it is kept."""
        ties = [[tie.kind.value, tie.scheme, tie.value] for tie in self.ties]
        return [self.row, str(self.partner_id), self.all_of_them, ties]

    @classmethod
    def from_json(cls, kept: list[Any]) -> "RowTies":
        """What `as_json` gave."""
        row, partner_id, all_of_them, ties = kept
        return cls(
            row,
            UUID(partner_id),
            all_of_them,
            tuple(NamedTie(RelationshipKind(kind), scheme, value) for kind, scheme, value in ties),
        )


def ties_of_row(
    incoming: Incoming, write: PartnerWrite, partner_id: UUID, row: int
) -> RowTies | None:
    """The relationships of a row, or None where it says nothing of them.

    Raises:
        InvalidValues: one leads to the partner itself.
    """
    own = "relationships" in incoming.values
    if not own and not incoming.ties:
        return None
    if own and any(tie.partner_id == partner_id for tie in write.relationships):
        raise InvalidValues("A partner cannot have a relationship to itself.")
    named = [_named(tie) for tie in incoming.ties]
    if own:
        named += [
            NamedTie(RelationshipKind(tie.kind), OWN_IDS, str(tie.partner_id))
            for tie in write.relationships
        ]
    return RowTies(row, partner_id, own, tuple(named))


def _named(tie: ForeignTie) -> NamedTie:
    # HSDS has one kind of id, UUIDs; those that are of our version are our own.
    own = tie.scheme == HSDS and UUID(tie.value).version == _OUR_VERSION
    return NamedTie(tie.kind, OWN_IDS if own else tie.scheme, tie.value)
