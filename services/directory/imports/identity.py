"""Which partner, and which of its contact points, a row that comes from outside is about."""

from collections.abc import Iterable, Sequence

from services.directory.entries import said_by
from services.directory.external_ids import ExternalIdPair
from services.directory.partner_write import PartnerWrite
from shared.records import JsonObject

# A body has one of these at a time; of other schemes it may have several.
_ONE_FOR_EACH = "ror"


def contradicts(has: Iterable[JsonObject], row_ids: Iterable[ExternalIdPair]) -> bool:
    """Whether the row must be about another body than the partner with the ids `has`.

    Two records of a registry may name one identifier of a third; that makes them no one body.
    """
    of_partner = {one["value"] for one in has if one["scheme"] == _ONE_FOR_EACH}
    of_row = {value for scheme, value in row_ids if scheme == _ONE_FOR_EACH}
    return bool(of_partner and of_row and not of_partner & of_row)


def keep_point_ids(write: PartnerWrite, kept: Sequence[JsonObject], *, drop_unknown: bool) -> None:
    """Give the contact points that the partner has already the ids by which it has them.

    `drop_unknown`: ids that the partner does not have are those of another directory.
    """
    known = {point["id"] for point in kept}
    if drop_unknown:
        for point in write.contact_points:
            if point.id is not None and str(point.id) not in known:
                point.id = None
    claimed = {str(point.id) for point in write.contact_points}
    free = [point for point in kept if point["id"] not in claimed]
    for point in write.contact_points:
        if point.id is None and free:
            said = point.model_dump(mode="json", exclude={"id"})
            equal = next((one for one in free if said_by(one) == said), None)
            if equal is not None:
                free.remove(equal)
                point.id = type(point).model_validate({**said, "id": equal["id"]}).id


def points_of_new(write: PartnerWrite) -> list[JsonObject]:
    """Contact points that a new partner brings with ids: they keep these, and are unverified."""
    return [
        {"id": str(point.id), "channels": None}
        for point in write.contact_points
        if point.id is not None
    ]
