"""From changed partners to the rows that are written, those that show them included."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.directory.imports.batch import Batch
from services.directory.imports.bulk_writing import WrittenPartners
from services.directory.imports.drafts import Draft, load_drafts
from services.directory.rendering import in_shown_order
from shared.records import JsonObject
from shared.vocabulary import PartnerStatus


async def load_who_shows(session: AsyncSession, batch: Batch) -> None:
    """Add to `batch` the partners whose records show what it changes of others."""
    wanted = {
        UUID(tie["partner_id"]) for draft in _shown_anew(batch) for tie in draft.relationships
    }
    batch.partners |= await load_drafts(session, wanted - batch.partners.keys())


def write_down(batch: Batch, written: WrittenPartners) -> WrittenPartners:
    """What is to be written of all that the batch has changed."""
    for renamed in _shown_anew(batch):
        for tie in renamed.relationships:
            other = batch.partners.get(UUID(tie["partner_id"]))
            if other is not None and other.status != PartnerStatus.withdrawn.value:
                other.relationships = _with_name(other.relationships, renamed)
                other.changed = True
    for draft in batch.partners.values():
        if draft.changed:
            written.add(draft, batch.notations | _notations_of(draft), batch.now)
    return written


def _shown_anew(batch: Batch) -> list[Draft]:
    """Those of which other records show something that has changed."""
    return [
        draft
        for draft in batch.partners.values()
        if draft.changed
        and draft.before is not None
        and draft.relationships
        and (draft.display_name, draft.visibility) != _shown_of(draft.before)
    ]


def _shown_of(record: JsonObject) -> tuple[str, str]:
    displayed = next(name["value"] for name in record["names"] if "display" in name["kinds"])
    return displayed, record["visibility"]


def _with_name(relationships: Iterable[JsonObject], renamed: Draft) -> list[JsonObject]:
    shown = {"name": renamed.display_name, "visibility": renamed.visibility}
    return in_shown_order(
        {**tie, **shown} if tie["partner_id"] == str(renamed.id) else tie for tie in relationships
    )


def _notations_of(draft: Draft) -> dict[str, str]:
    topics = draft.before["topics"] if draft.before else ()
    return {topic["topic_id"]: topic["notation"] for topic in topics}
