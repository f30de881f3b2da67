"""What may be written of an account."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StrictBool, model_validator

from services.directory.partner_write import WritePart
from services.directory.values import EmailAddress
from shared.texts import ShortText
from shared.vocabulary import Role


class AccountWrite(WritePart):
    """An account as it is made."""

    name: ShortText = Field(description="Whose it is.", examples=["Kent Police intranet"])
    role: Annotated[Role, Field(description="What it may do.")]
    partner_id: UUID | None = Field(
        default=None, description="The partner it belongs to; an editor edits this one."
    )
    email: EmailAddress | None = Field(
        default=None,
        description="Where its owner is written to, for example when a webhook fails.",
        examples=["intranet@kent.example.org"],
    )

    @model_validator(mode="after")
    def _fits_its_role(self) -> Self:
        if self.role == Role.editor and self.partner_id is None:
            raise ValueError("an editor needs the partner_id of the partner it edits")
        if self.role == Role.service:
            raise ValueError("service accounts are set up by SERVICE_CLIENT_SECRET, not here")
        return self


class AccountChange(AccountWrite):
    """An account as it is after a change."""

    disabled: StrictBool = Field(description="Whether it can sign in no more.")
