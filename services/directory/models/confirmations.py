"""Requests to contact points to confirm themselves, as they are kept while they can be answered."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.directory.models.table import Table, moment_column


class ConfirmationRow(Table, table=True):
    """That a contact point was asked by mail; the mail's link names it."""

    __tablename__ = "confirmation"

    id: UUID = Field(primary_key=True)
    partner_id: UUID = Field(foreign_key="partner.id", description="Whose it was when asked.")
    contact_point_id: UUID = Field(index=True)
    at: datetime = moment_column(nullable=False, index=True)
    expires_at: datetime = moment_column(nullable=False, index=True)
    address_hash: str = Field(max_length=64, description="Of this id and the address.")
