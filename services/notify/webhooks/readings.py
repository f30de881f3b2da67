"""What notify takes in and answers about webhooks and their keys."""

import re
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from services.notify.models import KeyKind, Ordering, WebhookState
from shared.vocabulary import Level, Sector, Visibility

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,998}[\x21-\x7e])?")
# What the request itself needs, or what tells the endpoint who sends.
_OUR_HEADERS = re.compile(
    r"(?i)(content-.*|webhook-.*|host|user-agent|connection|transfer-encoding|te|trailer|upgrade"
    r"|expect|keep-alive|accept-encoding|proxy-.*|traceparent|tracestate)"
)
_MOST_HEADERS = 20


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
        default=[],
        max_length=1_000,
        description="Ids of the partners or topics. Of a partner that was merged or withdrawn, the "
        "one that took its place is meant too.",
    )

    def asked(self) -> dict[str, list[str]]:
        """The filters that ask for something."""
        return {name: values for name, values in self.model_dump(mode="json").items() if values}


def _checked_headers(headers: dict[str, str]) -> dict[str, str]:
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("the same header is there twice")
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"{name[:100]!r} is not the name of a header")
        if _OUR_HEADERS.fullmatch(name):
            raise ValueError(f"{name} is set by notify itself")
        if not _HEADER_VALUE.fullmatch(value):
            raise ValueError(f"the value of {name} must be 1 to 1,000 characters of plain ASCII")
    return headers


_Headers = Annotated[dict[str, str], AfterValidator(_checked_headers)]
_Url = Annotated[str, Field(description="Where to send events: http or https, reachable publicly.")]
_EventTypes = Annotated[
    list[_Text],
    Field(
        min_length=1,
        max_length=50,
        description="Types of events, `noun.*` or `*`; GET /event-types lists them.",
    ),
]
_Description = Annotated[
    str, Field(max_length=500, pattern=r"^[^\x00]*$", description="For your own memory.")
]
_OwnHeaders = Annotated[
    _Headers,
    Field(
        max_length=_MOST_HEADERS,
        description="Headers to send along, such as an API key. Kept sealed and never shown again.",
    ),
]
_Ordering = Annotated[
    Ordering,
    Field(
        description="`ordered`: a record's events one after the other, the next only when the one "
        "before was taken or given up; `fast`: each as soon as it can be sent."
    ),
]
_PerSecond = Annotated[
    float | None,
    Field(gt=0, le=10_000, description="Most requests per second; null: no limit."),
]
_AtOnce = Annotated[
    int | None,
    Field(ge=1, le=1_000, description="Most requests at a time; null: what notify allows."),
]


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

    url: _Url
    event_types: _EventTypes
    filters: WebhookFilters = Field(
        default_factory=WebhookFilters, description="Which records to be told of; empty: all."
    )
    description: _Description = ""
    headers: _OwnHeaders = {}
    ordering: _Ordering = Ordering.ordered
    requests_per_second: _PerSecond = None
    requests_at_once: _AtOnce = None
    signatures: list[KeyKind] = Field(
        default=[KeyKind.v1],
        min_length=1,
        max_length=2,
        description="How messages are signed: `v1` (HMAC-SHA256, with a secret that only you and "
        "notify know) or `v1a` (Ed25519, checked with a key that anybody may read), or both.",
    )


class WebhookPatch(BaseModel):
    """What is to change of a webhook; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"state": "paused"}]})

    # The defaults stand for 'left out' and are never used.
    url: _Url = Field(default_factory=str)
    event_types: _EventTypes = Field(default_factory=list)
    filters: WebhookFilters = Field(
        default_factory=WebhookFilters, description="Which records to be told of; empty: all."
    )
    description: _Description = Field(default_factory=str)
    headers: _OwnHeaders = Field(default_factory=dict)
    ordering: _Ordering = Field(default_factory=lambda: Ordering.ordered)
    requests_per_second: _PerSecond = None
    requests_at_once: _AtOnce = None
    state: Literal["active", "paused"] = Field(
        default_factory=lambda: "active",
        description="`paused`: send nothing, keep what is owed; `active`: go on, also after it was "
        "disabled. What waits is sent first.",
    )


class WebhookRead(BaseModel):
    """A webhook."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The webhook's id.")
    account_id: UUID = Field(description="The account that registered it.")
    audience: Visibility = Field(
        description="What its events are cut down to: what its account may see at the moment."
    )
    url: str = Field(description="Where events are sent.")
    event_types: list[str] = Field(description="Types it is told of.")
    filters: dict[str, list[str]] = Field(description="Records it is told of; empty: all.")
    description: str = Field(description="Its owner's note.")
    header_names: list[str] = Field(description="Names of the headers that are sent along.")
    ordering: Ordering = Field(description="Whether a record's events wait for each other.")
    requests_per_second: float | None = Field(description="Most requests per second.")
    requests_at_once: int | None = Field(description="Most requests at a time.")
    state: WebhookState = Field(
        description="Only `active` webhooks are sent to; what the others are owed waits for them. "
        "`unverified`: its endpoint has not answered the challenge yet."
    )
    state_reason: str | None = Field(description="Why it is not active.")
    created_at: datetime = Field(description="When it was registered.")
    verified_at: datetime | None = Field(description="When its endpoint answered the challenge.")
    disabled_at: datetime | None = Field(description="When it was disabled.")
    failing_since: datetime | None = Field(
        description="Since when no attempt has succeeded; null if the last one did."
    )


class WebhookCreated(WebhookRead):
    """A webhook just registered, with the secret that is never shown again."""

    secret: str | None = Field(
        description="Verify v1 signatures with it (Standard Webhooks). Keep it: it is shown once. "
        "Null where messages are signed with v1a only.",
        examples=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"],
    )
    public_key: str | None = Field(
        description="Verify v1a signatures with it; also at GET /webhooks/{webhook_id}/public-keys."
    )


class WebhookPage(BaseModel):
    """Webhooks, a page at a time."""

    items: list[WebhookRead] = Field(description="The webhooks, the oldest first.")
    next: str | None = Field(description="Cursor of the next page; null on the last.")


class KeyRead(BaseModel):
    """A key that messages are signed with; the key itself is never shown again."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="The key's id.")
    kind: KeyKind = Field(description="`v1`: HMAC-SHA256; `v1a`: Ed25519.")
    public_key: str | None = Field(
        validation_alias="public", description="For v1a: what signatures are verified with."
    )
    created_at: datetime = Field(description="When it was made.")
    expires_at: datetime | None = Field(description="Until when it signs; null: no end.")


class KeyList(BaseModel):
    """The keys of a webhook."""

    items: list[KeyRead] = Field(description="The keys, the newest first.")


class PublicKey(BaseModel):
    """What anybody may verify a webhook's v1a signatures with."""

    model_config = ConfigDict(from_attributes=True)

    public_key: str = Field(
        validation_alias="public", description="`whpk_` and an Ed25519 key in base64."
    )
    expires_at: datetime | None = Field(description="Until when it signs; null: no end.")


class PublicKeyList(BaseModel):
    """The public keys of a webhook."""

    items: list[PublicKey] = Field(description="The keys that still sign, the newest first.")


class KeyRotation(BaseModel):
    """How a key is to be replaced."""

    model_config = ConfigDict(extra="forbid")

    kind: KeyKind = Field(default=KeyKind.v1, description="Which kind of key is to be replaced.")
    secret: str | None = Field(
        default=None,
        max_length=200,
        description="For v1: a secret of your own, `whsec_` and 24 to 64 bytes in base64.",
    )
    grace_seconds: int | None = Field(
        default=None,
        ge=0,
        le=604_800,
        description="How long the older keys go on signing beside the new one, up to a week; left "
        "out: what notify is set to. 0 if the old one has leaked.",
    )


class KeyRotated(KeyRead):
    """The new key, with the secret that is never shown again."""

    secret: str | None = Field(description="For v1: verify with it from now on. Shown once.")
