"""Relationships as the Research Organization Registry writes them: to ROR ids, with a label.

Ours is stored once and read from both ends; ROR's two records each say their own side, and now and
then only one of them does. So that each goes out as it came, what a record said is kept beside it:
`relationships`: `[[type, the id's last part, label], …]`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from services.directory.formats.incoming import ForeignTie
from shared.records import JsonObject
from shared.vocabulary import INVERSE_RELATIONSHIP, RelationshipKind

_ADDRESS = "https://ror.org/"
_INVERSE = {
    kind.value: INVERSE_RELATIONSHIP[kind].value
    for kind in (
        RelationshipKind.parent,
        RelationshipKind.child,
        RelationshipKind.related,
        RelationshipKind.predecessor,
        RelationshipKind.successor,
    )
}


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A partner with a ROR id that another partner's record names."""

    partner_id: str
    ror_id: str
    name: str
    """Its display name in the directory."""
    source_values: JsonObject | None
    """What its own ROR record said and ours has no place for."""

    def stated(self, kind: str, ror_id: str) -> bool:
        """Whether its ROR record says that it has this relationship to that record."""
        said = (self.source_values or {}).get("relationships", ())
        return any(one[0] == kind and _ADDRESS + one[1] == ror_id for one in said)

    def label(self, came: str) -> str:
        """How it is called where ROR called it `came`; by its own name once it is renamed here."""
        return came if self.name == (self.source_values or {}).get("name") else self.name


def read_ties(record: JsonObject) -> tuple[ForeignTie, ...]:
    """The record's relationships, but those to itself, of which ROR has a few by mistake."""
    return tuple(
        ForeignTie(RelationshipKind(one["type"]), "ror", one["id"])
        for one in record.get("relationships", ())
        if one["id"] != record["id"]
    )


def relationship_values(relationships: Iterable[JsonObject]) -> list[list[str]]:
    """What is kept beside the record so that its relationships can be given back."""
    return [[one["type"], one["id"].removeprefix(_ADDRESS), one["label"]] for one in relationships]


def named_ror_ids(source_values: JsonObject | None) -> set[str]:
    """The ROR ids that a record's source values name."""
    return {_ADDRESS + one[1] for one in (source_values or {}).get("relationships", ())}


def write_relationships(
    record: JsonObject, ror_id: str, source: JsonObject, neighbours: Iterable[Neighbour]
) -> list[JsonObject]:
    """The relationships of the record with the id `ror_id`, first those that it came with.

    One to a record that is not in the directory is given back. One to a partner that is in it is
    given only as long as the partners are related here.
    """
    known = {one.ror_id: one for one in neighbours}
    by_partner = {one.partner_id: one for one in known.values()}
    related = {
        (tie["kind"], by_partner[tie["partner_id"]].ror_id): by_partner[tie["partner_id"]]
        for tie in record["relationships"]
        if tie["kind"] in _INVERSE and tie["partner_id"] in by_partner
    }
    written: list[JsonObject] = []
    for kind, last_part, came in source.get("relationships", ()):
        other = _ADDRESS + last_part
        neighbour = related.pop((kind, other), None)
        if neighbour is not None:
            written.append({"type": kind, "id": other, "label": neighbour.label(came)})
        elif other not in known or other == ror_id:
            written.append({"type": kind, "id": other, "label": came})
    written += [
        {"type": kind, "id": other, "label": neighbour.name}
        for (kind, other), neighbour in related.items()
        # It is the other record's own statement, which ROR does not repeat here.
        if not (source and neighbour.stated(_INVERSE[kind], ror_id))
    ]
    return written
