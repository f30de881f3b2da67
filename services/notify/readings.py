"""What notify answers about deliveries, attempts, types of events and events set aside."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.notify.models import DeliveryState, MailState


class DeliveryRead(BaseModel):
    """What is owed to a webhook: one event."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The delivery's id.")
    webhook_id: UUID = Field(description="The webhook it is owed to.")
    event_id: UUID = Field(description="The event; also the request's `webhook-id` header.")
    event_type: str = Field(description="The event's type.")
    subject: str = Field(description="Id of the record the event is about.")
    sequence: int | None = Field(description="The event's place on the log; null for tests.")
    state: DeliveryState = Field(
        description="`failed` waits for its next attempt; `dead` was given up."
    )
    attempts: int = Field(description="Attempts begun so far.")
    next_attempt_at: datetime | None = Field(
        description="Not before then; null when it is finished or its webhook is off."
    )
    last_status_code: int | None = Field(description="Status of the last answer, if one came.")
    last_error: str | None = Field(description="Why the last attempt failed.")
    created_at: datetime = Field(description="When the event was taken in.")
    finished_at: datetime | None = Field(description="When it was delivered or given up.")


class DeliveryPage(BaseModel):
    """Deliveries, a page at a time."""

    items: list[DeliveryRead] = Field(description="The deliveries, in the order asked for.")
    next: str | None = Field(description="Cursor of the next page; null on the last.")


class AttemptRead(BaseModel):
    """One try at a delivery."""

    model_config = ConfigDict(from_attributes=True)

    number: int = Field(description="Counted from 1; one is missing if its worker died.")
    at: datetime = Field(description="When the request was sent.")
    milliseconds: float = Field(description="How long it took.")
    outcome: Literal["delivered", "try_again", "gave_up"] = Field(description="What it came to.")
    status_code: int | None = Field(description="The answer's status; null if none came.")
    error: str | None = Field(description="Why it failed.")
    response_body: str | None = Field(description="The beginning of the answer.")


class DeliveryWithAttempts(DeliveryRead):
    """A delivery with every attempt at it."""

    attempt_list: list[AttemptRead] = Field(description="The attempts, the first one first.")


class EventTypeRead(BaseModel):
    """A type of event."""

    type: str = Field(description="The type.", examples=["partner.updated"])
    description: str = Field(description="What it says.")
    json_schema: dict[str, Any] = Field(
        serialization_alias="schema", description="JSON Schema of the event as it is received."
    )
    example: dict[str, Any] = Field(description="Such an event, as a member received it.")


class EventTypePage(BaseModel):
    """All types of events."""

    items: list[EventTypeRead] = Field(description="The types.")
    next: None = Field(description="Always null: there is one page.")


class DeadEventRead(BaseModel):
    """An event of the log that could not be fanned out."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="To replay it by.")
    sequence: int = Field(description="Its place on the log.")
    type: str = Field(description="The type it claims.")
    error: str = Field(description="What went wrong with it.")
    set_aside_at: datetime = Field(description="When it was set aside.")
    replayed_at: datetime | None = Field(description="When it was fanned out after all.")


class DeadEventPage(BaseModel):
    """Events set aside, a page at a time."""

    items: list[DeadEventRead] = Field(description="The events, in the order of setting aside.")
    next: str | None = Field(description="Cursor of the next page; null on the last.")


class MailRead(BaseModel):
    """A mail of the outbox, without whom it goes to and what it says."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The mail's id; the part of its Message-ID before the @.")
    account_id: UUID | None = Field(description="The account whose owner is written to, if any.")
    contact_point_id: UUID | None = Field(description="The contact point that is asked, if any.")
    subject: str = Field(description="What it is about.")
    state: MailState = Field(
        description="`failed` waits for its next attempt; `dead` was given up. `sent` says that "
        "the mail server took it."
    )
    attempts: int = Field(description="Attempts begun so far.")
    created_at: datetime = Field(description="When it was written.")
    next_attempt_at: datetime | None = Field(description="Not before then; null when finished.")
    finished_at: datetime | None = Field(description="When it was sent or given up.")
    last_error: str | None = Field(description="Why the last attempt failed.")


class MailPage(BaseModel):
    """Mails, a page at a time."""

    items: list[MailRead] = Field(description="The mails, the newest first.")
    next: str | None = Field(description="Cursor of the next page; null on the last.")
