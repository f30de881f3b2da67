"""A lease: the right of one process, for a few seconds, to do what only one may do at a time.

The database's clock decides, so the clocks of the machines need not agree. A holder renews it in
the same transaction as its work: one whose lease was taken over can no longer commit anything.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Column as SqlColumn
from sqlalchemy import DateTime, MetaData, String, Table, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.databases import insert_into


def lease_table(metadata: MetaData) -> Table:
    """The table of leases, as part of a service's own `metadata`."""
    return Table(
        "lease",
        metadata,
        SqlColumn("name", String(60), primary_key=True),
        SqlColumn("holder", String(60), nullable=False),
        SqlColumn("expires_at", DateTime(timezone=True), nullable=False),
    )


_SQLITE_CLOCK = text("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")
_POSTGRESQL_CLOCK = select(func.clock_timestamp())


async def database_time(session: AsyncSession) -> datetime:
    """What the database's clock says, with a time zone."""
    bind = session.get_bind()
    if bind.dialect.name == "sqlite":
        now = (await session.execute(_SQLITE_CLOCK)).scalar()
        return datetime.fromisoformat(str(now)).replace(tzinfo=UTC)
    moment: datetime = (await session.execute(_POSTGRESQL_CLOCK)).scalar_one()
    return moment


async def hold_lease(
    session: AsyncSession, leases: Table, name: str, holder: str, seconds: float
) -> bool:
    """Take or renew the lease `name` for `holder`; False while another one holds it.

    Locks the lease's row until the transaction ends.
    """
    now = await database_time(session)
    expires_at = now + timedelta(seconds=seconds)
    row = (
        await session.execute(select(leases).where(leases.c.name == name).with_for_update())
    ).first()
    if row is None:
        added = await session.execute(
            insert_into(session, leases)
            .values(name=name, holder=holder, expires_at=expires_at)
            .on_conflict_do_nothing()
        )
        return bool(added.rowcount)  # type: ignore[attr-defined]
    held_until = row.expires_at if row.expires_at.tzinfo else row.expires_at.replace(tzinfo=UTC)
    if row.holder != holder and held_until > now:
        return False
    await session.execute(
        leases.update().where(leases.c.name == name).values(holder=holder, expires_at=expires_at)
    )
    return True


async def release_lease(session: AsyncSession, leases: Table, name: str, holder: str) -> None:
    """Give up the lease `name` if `holder` has it; a successor need not wait for its end then."""
    await session.execute(leases.delete().where(leases.c.name == name, leases.c.holder == holder))
