"""The flags that partners have, as they are kept to filter by."""

from uuid import UUID

from sqlmodel import Field

from services.directory.models.table import Table


class PartnerFlagRow(Table, table=True):
    """A flag of a partner, and which audiences read it: each record is judged by what it shows."""

    __tablename__ = "partner_flag"

    flag: str = Field(primary_key=True, max_length=40)
    partner_id: UUID = Field(primary_key=True, foreign_key="partner.id")
    public: bool
    member: bool
    secretariat: bool
