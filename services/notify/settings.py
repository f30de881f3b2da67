"""What notify can be told from its environment."""

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from services.notify.addresses import Network
from services.notify.mail.settings import MailSettings, comma_list
from services.notify.stream.settings import StreamSettings


def _networks(value: object) -> object:
    parts = comma_list(value)
    if isinstance(parts, list):
        return tuple(ipaddress.ip_network(part) for part in parts)
    return parts


class Settings(StreamSettings, MailSettings):
    """Notify's settings."""

    port: int = Field(alias="NOTIFY_PORT", default=8003, description="Port to listen on.")
    database_url: str = Field(
        alias="NOTIFY_DATABASE_URL",
        default="",
        description="sqlite:///… or postgresql://…; empty: a SQLite file below VAR_DIR.",
    )
    encryption_keys: str = Field(
        alias="ENCRYPTION_KEYS",
        min_length=44,
        description="Fernet keys, the newest first; they seal the webhooks' secrets.",
    )
    allowed_networks: Annotated[tuple[Network, ...], BeforeValidator(_networks)] = Field(
        alias="WEBHOOK_ALLOWED_NETWORKS",
        default=(),
        description="CIDRs, separated by commas, that webhooks may reach although private.",
    )
    retry_seconds: Annotated[tuple[float, ...], BeforeValidator(comma_list)] = Field(
        alias="WEBHOOK_RETRY_SECONDS",
        default=(0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400),
        min_length=1,
        description="Wait before each attempt; as many attempts as numbers, about 76 hours in all.",
    )
    retry_jitter: float = Field(
        alias="WEBHOOK_RETRY_JITTER",
        default=0.2,
        ge=0,
        lt=1,
        description="Part by which a wait is made longer or shorter, so that retries spread.",
    )
    overload_seconds: float = Field(
        alias="WEBHOOK_OVERLOAD_SECONDS",
        default=60,
        ge=0,
        description="Least wait after a timeout, a 429 or a 503; an endpoint for which even one "
        "request at a time is too much is left alone as long.",
    )
    timeout_seconds: float = Field(
        alias="WEBHOOK_TIMEOUT_SECONDS",
        default=15,
        gt=0,
        description="How long an endpoint may take to answer, all in all.",
    )
    connect_timeout_seconds: float = Field(
        alias="WEBHOOK_CONNECT_TIMEOUT_SECONDS",
        default=5,
        gt=0,
        description="How long its name may take to resolve and its connection to stand.",
    )
    lease_seconds: float = Field(
        alias="WEBHOOK_LEASE_SECONDS",
        default=25,
        gt=0,
        description="How long a worker owns a delivery; after it has died another one takes over.",
    )
    requests_at_once: int = Field(
        alias="WEBHOOK_REQUESTS_AT_ONCE",
        default=1_000,
        ge=1,
        description="Deliveries that one worker has in hand at a time; at most half as many as the "
        "process may open files.",
    )
    requests_per_endpoint: int = Field(
        alias="WEBHOOK_REQUESTS_PER_ENDPOINT",
        default=20,
        ge=1,
        description="Requests to one endpoint at a time, so that a slow one holds up nobody else.",
    )
    idle_seconds: float = Field(
        alias="WEBHOOK_IDLE_SECONDS",
        default=0.25,
        gt=0,
        description="How often a worker looks for due deliveries that nobody told it of.",
    )
    max_payload_bytes: int = Field(
        alias="WEBHOOK_MAX_PAYLOAD_BYTES",
        default=1_048_576,
        ge=1_024,
        description="Largest event that is sent, in bytes of its body; a larger one is given up.",
    )
    kept_answer_bytes: int = Field(
        alias="WEBHOOK_KEPT_ANSWER_BYTES",
        default=16_384,
        ge=0,
        description="How much of an endpoint's answer is read and kept, in bytes.",
    )
    failing_hours: float = Field(
        alias="WEBHOOK_FAILING_HOURS",
        default=24,
        gt=0,
        description="A webhook that has failed so long without one success: its owner is told.",
    )
    disable_hours: float = Field(
        alias="WEBHOOK_DISABLE_HOURS",
        default=120,
        gt=0,
        description="One that has failed so long is disabled, and its owner told.",
    )
    health_seconds: float = Field(
        alias="WEBHOOK_HEALTH_SECONDS",
        default=60,
        gt=0,
        description="How often a worker looks at the webhooks that fail.",
    )
    deliveries_days: float = Field(
        alias="DELIVERIES_DAYS",
        default=30,
        gt=0,
        le=36_500,
        description="Days that what is finished is kept (deliveries with their attempts and "
        "events, replays, mail), and that what is owed waits for a webhook that is off.",
    )
    purge_seconds: float = Field(
        alias="PURGE_SECONDS",
        default=60,
        gt=0,
        description="How often a worker looks for what is older than that.",
    )
    recover_at_once: int = Field(
        alias="WEBHOOK_RECOVER_AT_ONCE",
        default=10_000,
        ge=1,
        description="Deliveries that were given up of which one request begins so many anew.",
    )
    webhooks_per_account: int = Field(
        alias="WEBHOOKS_PER_ACCOUNT", default=100, ge=1, description="Webhooks an account may have."
    )

    verification: Literal["on", "off"] = Field(
        alias="WEBHOOK_VERIFICATION",
        default="on",
        description="Whether a new endpoint must answer a challenge before its first event.",
    )
    secret_grace_seconds: int = Field(
        alias="WEBHOOK_SECRET_GRACE_SECONDS",
        default=86_400,
        ge=0,
        description="How long an old key signs beside the new one, if its owner says nothing else.",
    )

    @model_validator(mode="after")
    def _lease_outlives_attempt(self) -> "Settings":
        """A lease that ends before its attempt would have each slow delivery sent twice."""
        if self.lease_seconds <= self.timeout_seconds:
            raise ValueError("WEBHOOK_LEASE_SECONDS must be more than WEBHOOK_TIMEOUT_SECONDS")
        return self

    @model_validator(mode="after")
    def _owner_is_told_first(self) -> "Settings":
        """The first word comes before the last one."""
        if self.failing_hours >= self.disable_hours:
            raise ValueError("WEBHOOK_DISABLE_HOURS must be more than WEBHOOK_FAILING_HOURS")
        return self

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """The settings in `environ`.

        Raises:
            pydantic.ValidationError: one is missing or contradicts another.
        """
        settings = cls.model_validate(dict(environ))
        return settings.model_copy(
            update={
                "database_url": settings.database_url
                or f"sqlite:///{settings.var_dir}/notify/notify.db"
            }
        )
