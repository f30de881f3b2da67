"""What notify can be told of the mail it sends from its environment."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from services.notify.mail.message import read_sender
from services.notify.mail.transport import read_mail_url
from shared.settings import ServiceSettings


def comma_list(value: object) -> object:
    """The parts of a text with commas; anything else as it is."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _mail_url(value: str) -> str:
    if value:
        read_mail_url(value)
    return value


def _sender(value: str) -> str:
    read_sender(value)
    return value


class MailSettings(ServiceSettings):
    """The part of notify's settings that is about mail."""

    mail_url: Annotated[str, AfterValidator(_mail_url)] = Field(
        alias="MAIL_URL",
        default="",
        description="Where mail goes: smtp://[user:password@]host:port, smtps://…, or a folder "
        "for .eml files, file:///…; empty: the folder `mail` below VAR_DIR.",
    )
    mail_from: Annotated[str, AfterValidator(_sender)] = Field(
        alias="MAIL_FROM",
        default="Partner directory <notify@localhost>",
        description="Whom mail comes from; its domain is also in each Message-ID.",
    )
    mail_retry_seconds: Annotated[tuple[float, ...], BeforeValidator(comma_list)] = Field(
        alias="MAIL_RETRY_SECONDS",
        default=(0, 60, 300, 1_800, 7_200, 21_600, 43_200, 86_400),
        min_length=1,
        description="Wait before each attempt at a mail; as many attempts as numbers, about 45 "
        "hours in all.",
    )
    mail_timeout_seconds: float = Field(
        alias="MAIL_TIMEOUT_SECONDS",
        default=30,
        gt=0,
        description="How long the mail server may take for one mail, all in all.",
    )
    mail_lease_seconds: float = Field(
        alias="MAIL_LEASE_SECONDS",
        default=60,
        gt=0,
        description="How long a worker owns a mail; after it has died another one takes over.",
    )
    mail_at_once: int = Field(
        alias="MAIL_AT_ONCE", default=10, ge=1, description="Mails that one worker sends at a time."
    )
    mail_idle_seconds: float = Field(
        alias="MAIL_IDLE_SECONDS",
        default=5,
        gt=0,
        description="How often a worker looks for mail that nobody told it of.",
    )

    @model_validator(mode="after")
    def _mail_lease_outlives_attempt(self) -> "MailSettings":
        """A lease that ends before its attempt would have each slow mail sent twice."""
        if self.mail_lease_seconds <= self.mail_timeout_seconds:
            raise ValueError("MAIL_LEASE_SECONDS must be more than MAIL_TIMEOUT_SECONDS")
        return self

    @property
    def mail_destination(self) -> str:
        """MAIL_URL, or what stands for an empty one."""
        return self.mail_url or (self.var_dir / "mail").absolute().as_uri()
