"""Our own records, as `GET /partners/export.ndjson` gives them, or parts of them."""

from services.directory.formats.incoming import Incoming, UnreadableRecord
from services.directory.partner_write import READ_ONLY
from shared.records import JsonObject

FORMAT = "ndjson"


def read_own(record: JsonObject) -> Incoming:
    """What `record` says of a partner; what a record derives is passed over.

    Raises:
        UnreadableRecord: its id is none.
    """
    partner_id = record.get("id")
    if partner_id is not None and not isinstance(partner_id, str):
        raise UnreadableRecord("`id` must be the id of a partner, or be left out.")
    values = {name: value for name, value in record.items() if name not in READ_ONLY}
    return Incoming(values=values, partner_id=partner_id)
