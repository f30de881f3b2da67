"""Every event there is, as one closed union; schemas and documentation are generated from it.

The envelope is CloudEvents 1.0 in structured JSON. `sequence` is a CloudEvents Integer: the place
of the event in the directory's log, counted 1, 2, 3 … without holes.

Events that are told to readers outside and inner ones, of accounts and of what is to be mailed,
which our own services alone read, are two unions: `EVENT_TYPES` has the first only, and what is not
among them never leaves.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from shared.event_data import (
    AccountData,
    AudienceView,
    ConfirmationData,
    ErasureData,
    PartnerData,
    ReminderData,
    TestData,
    TopicData,
    TroubleData,
    VerificationData,
)
from shared.records import JsonObject


class Envelope(BaseModel):
    """CloudEvents 1.0, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md."""

    model_config = ConfigDict(extra="forbid")

    specversion: Literal["1.0"]
    id: UUID = Field(description="UUIDv7; the same on every repeat of the event.")
    source: str = Field(description="`/directory` or `/notify`.")
    subject: str = Field(description="Id of the record it is about.")
    time: datetime = Field(description="When it happened.")
    datacontenttype: Literal["application/json"]
    dataschema: str = Field(description="URL of the JSON Schema of the whole event.")
    traceparent: str | None = Field(
        default=None, description="W3C trace context of the request that caused it."
    )
    sequence: int | None = Field(
        default=None, description="Place in the directory's log; null outside of it."
    )


class PartnerCreated(Envelope):
    """A partner was added to the directory."""

    type: Literal["partner.created"]
    data: PartnerData


class PartnerUpdated(Envelope):
    """What a partner's record shows has changed, a related partner's name included."""

    type: Literal["partner.updated"]
    data: PartnerData


class PartnerAssured(Envelope):
    """Somebody checked a partner's record against the world. The record itself did not change."""

    type: Literal["partner.assured"]
    data: PartnerData


class PartnerWithdrawn(Envelope):
    """A partner's record was a duplicate or an error; `successor_id` names the one to use."""

    type: Literal["partner.withdrawn"]
    data: PartnerData


class PartnerMerged(Envelope):
    """A partner's record was merged into that of `successor_id`, which has what it had.

    It is about the one that was merged away; the other tells of itself by `partner.updated`.
    """

    type: Literal["partner.merged"]
    data: PartnerData


class PartnerReviewDue(Envelope):
    """A partner's record is to be checked against the world soon, or should have been by now."""

    type: Literal["partner.review_due"]
    data: PartnerData


class PartnerContactErased(Envelope):
    """Contact points were erased, from what the directory has kept of the past as well."""

    type: Literal["partner.contact_erased"]
    data: ErasureData


class TopicCreated(Envelope):
    """A topic was added to the taxonomy."""

    type: Literal["topic.created"]
    data: TopicData


class TopicUpdated(Envelope):
    """A topic changed."""

    type: Literal["topic.updated"]
    data: TopicData


class TopicDeprecated(Envelope):
    """A topic is not to be used any more; `replaced_by` names the one to use."""

    type: Literal["topic.deprecated"]
    data: TopicData


class AccountCreated(Envelope):
    """An account was made."""

    type: Literal["account.created"]
    data: AccountData


class AccountUpdated(Envelope):
    """An account's name, role, partner or address changed, or it may sign in again."""

    type: Literal["account.updated"]
    data: AccountData


class AccountClosed(Envelope):
    """An account was disabled: it may not sign in any more, and is to be told nothing more."""

    type: Literal["account.closed"]
    data: AccountData


class AccountReminded(Envelope):
    """An editor is to be told that its partner's record is to be checked again."""

    type: Literal["account.reminded"]
    data: ReminderData


class ContactPointConfirmationRequested(Envelope):
    """A contact point is to be asked by mail whether it is reached. `subject`: its partner."""

    type: Literal["contact_point.confirmation_requested"]
    data: ConfirmationData


class WebhookTest(Envelope):
    """Somebody tries out a webhook. It goes to that webhook only and is not on the log."""

    type: Literal["webhook.test"]
    data: TestData


class WebhookVerification(Envelope):
    """A new endpoint is asked whether it wants to be told. It goes to that webhook only."""

    type: Literal["webhook.verification"]
    data: VerificationData


class WebhookFailing(Envelope):
    """Another webhook of the same account has failed for a day. It is not on the log."""

    type: Literal["webhook.failing"]
    data: TroubleData


class WebhookDisabled(Envelope):
    """Another webhook of the same account was disabled. It is not on the log."""

    type: Literal["webhook.disabled"]
    data: TroubleData


RecordEvent = (
    PartnerCreated
    | PartnerUpdated
    | PartnerAssured
    | PartnerWithdrawn
    | PartnerMerged
    | PartnerReviewDue
    | PartnerContactErased
    | TopicCreated
    | TopicUpdated
    | TopicDeprecated
)
AccountEvent = AccountCreated | AccountUpdated | AccountClosed | AccountReminded
InnerEvent = AccountEvent | ContactPointConfirmationRequested
LogEvent = RecordEvent | InnerEvent
WebhookEvent = WebhookTest | WebhookVerification | WebhookFailing | WebhookDisabled
ToldEvent = RecordEvent | WebhookEvent
Event = ToldEvent | InnerEvent


def _type_of(event_class: type[Envelope]) -> str:
    return str(get_args(event_class.model_fields["type"].annotation)[0])


EVENT_CLASSES: tuple[type[Envelope], ...] = get_args(ToldEvent)
EVENT_TYPES: tuple[str, ...] = tuple(map(_type_of, EVENT_CLASSES))
ACCOUNT_EVENT_TYPES: tuple[str, ...] = tuple(map(_type_of, get_args(AccountEvent)))
INNER_EVENT_TYPES: tuple[str, ...] = tuple(map(_type_of, get_args(InnerEvent)))

_CLASSES: dict[str, type[Envelope]] = {_type_of(one): one for one in get_args(Event)}
_LOG_EVENT: TypeAdapter[LogEvent] = TypeAdapter(Annotated[LogEvent, Field(discriminator="type")])


def parse_log_event(event: JsonObject) -> LogEvent:
    """The typed event.

    Raises:
        pydantic.ValidationError: the type is unknown or the event has not its type's shape.
    """
    return _LOG_EVENT.validate_python(event, strict=False)


def event_class_of(event_type: str) -> type[Envelope]:
    """The class of `event_type`.

    Raises:
        KeyError: there is no such type.
    """
    return _CLASSES[event_type]


def json_schema_of(event_type: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of the event as its reader receives it.

    Raises:
        KeyError: there is no such type.
    """
    schema = event_class_of(event_type).model_json_schema()
    schema.get("$defs", {}).pop(AudienceView.__name__, None)
    for definition in schema.get("$defs", {}).values():
        definition.get("properties", {}).pop("audiences", None)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return schema


def event_pattern_matches(pattern: str, event_type: str) -> bool:
    """Whether `event_type` is `pattern`, or within `noun.*`, or `pattern` is `*`.

    No pattern matches an inner event.
    """
    if event_type in INNER_EVENT_TYPES:
        return False
    if pattern == "*":
        return True
    if pattern.endswith(".*"):
        return event_type.startswith(pattern[:-1])
    return pattern == event_type
