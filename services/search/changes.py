"""What an event does to the index."""

from typing import assert_never

from services.search.schema import make_document
from services.search.text import partner_documents, topic_documents
from services.search.writing import Change
from shared.events import (
    AccountClosed,
    AccountCreated,
    AccountReminded,
    AccountUpdated,
    ContactPointConfirmationRequested,
    PartnerAssured,
    PartnerContactErased,
    PartnerCreated,
    PartnerMerged,
    PartnerReviewDue,
    PartnerUpdated,
    PartnerWithdrawn,
    TopicCreated,
    TopicDeprecated,
    TopicUpdated,
    parse_log_event,
)
from shared.records import JsonObject


def change_of_event(event: JsonObject) -> Change | None:
    """The change that `event` makes; None where it is about nothing that can be found.

    Raises:
        ValueError: its type is unknown or it has not its type's shape.
    """
    parsed = parse_log_event(event)
    sequence = int(event["sequence"])
    match parsed:
        case (
            PartnerCreated()
            | PartnerUpdated()
            | PartnerAssured()
            | PartnerWithdrawn()
            | PartnerMerged()
            | PartnerReviewDue()
            | PartnerContactErased()
        ):
            record: JsonObject | None = event["data"]["record"]
            if record is None:
                return Change(parsed.subject, sequence, None, [])
            return change_of_partner(record, sequence)
        case TopicCreated() | TopicUpdated() | TopicDeprecated():
            return change_of_topic(event["data"]["record"], sequence)
        case (
            AccountCreated()
            | AccountUpdated()
            | AccountClosed()
            | AccountReminded()
            | ContactPointConfirmationRequested()
        ):
            return None
        case _:
            assert_never(parsed)


def change_of_partner(record: JsonObject, sequence: int) -> Change:
    """What the index is to have of a partner."""
    documents = [make_document(fields) for fields in partner_documents(record, sequence)]
    return Change(record["id"], sequence, record["version"], documents)


def change_of_topic(record: JsonObject, sequence: int) -> Change:
    """What the index is to have of a topic."""
    documents = [make_document(fields) for fields in topic_documents(record, sequence)]
    return Change(record["id"], sequence, record["version"], documents)
