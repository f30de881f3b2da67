"""What events carry in their `data`; which event carries what stands in `shared/events.py`."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from shared.records import Partner, Topic
from shared.vocabulary import AssuranceStatus, ContactPurpose, Role


class Actor(BaseModel):
    """Who did it."""

    account_id: UUID | None = Field(description="The account; null for the system itself.")
    role: Role | None = Field(description="The role it acted in.")


class AudienceView(BaseModel):
    """What a change is to one audience."""

    was_visible: bool = Field(description="Whether it could see the record before.")
    changed: list[str] = Field(description="The fields that changed for it.")
    erased: list[UUID] | None = Field(
        default=None, description="Where contact points were erased: those it could ever see."
    )


class PartnerData(BaseModel):
    """What a partner event carries: the whole record, so that nobody has to ask back."""

    record: Partner | None = Field(
        description="The record at its reader's level; null when it is no longer to be seen."
    )
    changed: list[str] = Field(description="Names of the fields that changed.")
    actor: Actor | None = Field(description="Who did it; null for the public.")
    audiences: dict[Literal["public", "member"], AudienceView] | None = Field(
        default=None, description="On the inner log only; no reader outside ever gets it."
    )


class ErasureData(PartnerData):
    """What the erasure of contact points carries; the record has them no more."""

    contact_point_ids: list[UUID] = Field(
        description="The contact points that you could see and are to forget, wherever you keep "
        "them: in the partner's record, in its earlier versions and in events you have stored."
    )


class TopicData(BaseModel):
    """What a topic event carries."""

    record: Topic = Field(description="The whole topic.")
    changed: list[str] = Field(description="Names of the fields that changed.")
    actor: Actor | None = Field(description="Who did it.")


class AccountState(BaseModel):
    """An account as it is after the event; nothing that it signs in with is in one."""

    id: UUID = Field(description="The account's id, `sub` of its tokens.")
    version: int = Field(description="Counts up with every change; what has a lower one is older.")
    name: str = Field(description="Whose it is.")
    role: Role = Field(description="What it may do.")
    partner_id: UUID | None = Field(description="The partner it belongs to.")
    email: str | None = Field(description="Where its owner is written to.")
    disabled_at: datetime | None = Field(description="Since when it is disabled.")


class AccountData(BaseModel):
    """What an account event carries."""

    account: AccountState = Field(description="The whole account.")
    changed: list[str] = Field(description="Names of the fields that changed.")
    actor: Actor = Field(description="Who did it.")


class ReminderData(AccountData):
    """What reminds an editor that its partner's record is to be looked at again."""

    partner_id: UUID = Field(description="The partner.")
    partner_name: str = Field(description="Its display name.")
    status: AssuranceStatus = Field(description="`due` or `overdue`.")
    next_review_at: datetime = Field(description="When the record is, or was, to be checked.")


class ConfirmationData(BaseModel):
    """What asks a contact point to confirm itself."""

    confirmation_id: UUID = Field(description="The request; what the link answers.")
    partner_id: UUID = Field(description="The partner.")
    partner_name: str = Field(description="Its display name.")
    contact_point_id: UUID = Field(description="The contact point.")
    contact_point_name: str | None = Field(description="Its name, if it has one.")
    purposes: list[ContactPurpose] = Field(description="What it is for.")
    recipient: str | None = Field(
        description="The e-mail address that is asked; null where it has been erased since."
    )
    link: str | None = Field(
        description="Where it is answered, by whoever has it; null where it has been erased since."
    )
    expires_at: datetime = Field(description="Until when it can be answered.")
    actor: Actor = Field(description="Who wants to know.")


class TestData(BaseModel):
    """What a test event carries."""

    webhook_id: UUID = Field(description="The webhook that is tried out.")
    message: str = Field(description="A sentence for whoever reads the receiver's log.")


class VerificationData(BaseModel):
    """What a challenge carries."""

    webhook_id: UUID = Field(description="The webhook that is to be verified.")
    challenge: str = Field(description="To be answered, anywhere in the body of a 2xx.")
    message: str = Field(description="A sentence for whoever reads the receiver's log.")


class TroubleData(BaseModel):
    """What is told of a webhook that fails."""

    webhook_id: UUID = Field(description="The webhook that fails; not the one that is told.")
    url: str = Field(description="Where it is sent to.")
    reason: str = Field(description="What is wrong.")
    failing_since: datetime | None = Field(description="Since when no attempt has succeeded.")
