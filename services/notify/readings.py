"""What notify takes in and answers: webhooks, deliveries, attempts, events set aside."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from services.notify.models import DeliveryState, WebhookState
from shared.vocabulary import Level, Sector, Visibility


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


_Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
_Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
_Levels = Annotated[list[Level], BeforeValidator(_as_list)]
_Sectors = Annotated[list[Sector], BeforeValidator(_as_list)]
_Topics = Annotated[list[_Text], BeforeValidator(_as_list)]
_Countries = Annotated[list[_Country], BeforeValidator(_as_list)]
_RecordIds = Annotated[list[UUID], BeforeValidator(_as_list)]


class WebhookFilters(BaseModel):
    """Which records to be told of: all the filters must fit, and one value of each is enough."""

    model_config = ConfigDict(extra="forbid")

    level: _Levels = Field(default=[], max_length=10, description="Levels of the partner.")
    sector: _Sectors = Field(default=[], max_length=20, description="Sectors of the partner.")
    topic: _Topics = Field(
        default=[],
        max_length=200,
        description="Topics, by id or notation, that the partner works on or the event is about.",
    )
    country: _Countries = Field(
        default=[], max_length=250, description="Countries of the partner (ISO 3166-1 alpha-2)."
    )
    record_ids: _RecordIds = Field(
        default=[], max_length=1_000, description="Ids of the partners or topics."
    )

    def asked(self) -> dict[str, list[str]]:
        """The filters that ask for something."""
        return {name: values for name, values in self.model_dump(mode="json").items() if values}


class WebhookWrite(BaseModel):
    """A webhook to register."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "url": "https://partner.example.org/hooks/directory",
                    "event_types": ["partner.*"],
                    "filters": {"level": ["national"]},
                    "description": "Our intranet's copy",
                }
            ]
        },
    )

    url: str = Field(description="Where to send events: http or https, reachable publicly.")
    event_types: list[_Text] = Field(
        min_length=1,
        max_length=50,
        description="Types of events, `noun.*` or `*`; GET /event-types lists them.",
    )
    filters: WebhookFilters = Field(
        default_factory=WebhookFilters, description="Which records to be told of; empty: all."
    )
    description: str = Field(
        default="", max_length=500, pattern=r"^[^\x00]*$", description="For your own memory."
    )


class WebhookRead(BaseModel):
    """A webhook."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The webhook's id.")
    account_id: UUID = Field(description="The account that registered it.")
    audience: Visibility = Field(description="What its events are cut down to.")
    url: str = Field(description="Where events are sent.")
    event_types: list[str] = Field(description="Types it is told of.")
    filters: dict[str, list[str]] = Field(description="Records it is told of; empty: all.")
    description: str = Field(description="Its owner's note.")
    state: WebhookState = Field(description="Whether events are sent to it.")
    state_reason: str | None = Field(description="Why it was disabled.")
    created_at: datetime = Field(description="When it was registered.")
    disabled_at: datetime | None = Field(description="When it was disabled.")


class WebhookCreated(WebhookRead):
    """A webhook just registered, with the secret that is never shown again."""

    secret: str = Field(
        description="Verify signatures with it (Standard Webhooks). Keep it: it is shown once.",
        examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"],
    )


class WebhookPage(BaseModel):
    """Webhooks, a page at a time."""

    items: list[WebhookRead] = Field(description="The webhooks, the oldest first.")
    next: str | None = Field(description="Cursor of the next page; null on the last.")


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
        description="Not before then; null when it is finished or its webhook disabled."
    )
    last_status_code: int | None = Field(description="Status of the last answer, if one came.")
    last_error: str | None = Field(description="Why the last attempt failed.")
    created_at: datetime = Field(description="When the event was taken in.")
    finished_at: datetime | None = Field(description="When it was delivered or given up.")


class DeliveryPage(BaseModel):
    """Deliveries, a page at a time."""

    items: list[DeliveryRead] = Field(description="The deliveries, the newest first.")
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
    response_body: str | None = Field(description="The beginning of the answer, up to 16 KiB.")


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
