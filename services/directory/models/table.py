"""What all tables of the directory's database have in common."""

from typing import Any, ClassVar

from sqlalchemy import Column, DateTime, MetaData
from sqlmodel import Field, SQLModel

from shared.databases import service_metadata
from shared.leases import lease_table

metadata = service_metadata()
leases = lease_table(metadata)


def moment_column(**options: Any) -> Any:
    """A column with a moment in it, kept in UTC."""
    return Field(sa_column=Column(DateTime(timezone=True), **options))


class Table(SQLModel):
    """A table of the directory's database."""

    metadata: ClassVar[MetaData] = metadata
