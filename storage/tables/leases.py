"""The table of leases: work that only one instance should do at a time."""

from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from storage.models import LeaseRow
from storage.tables.clock import now_sql

_TAKE = """
    INSERT INTO leases (name, ends_at) VALUES (:name, {now} + :seconds)
    ON CONFLICT (name) DO UPDATE SET ends_at = {now} + :seconds WHERE leases.ends_at <= {now}
        OR leases.ends_at > {now} + :seconds + 1
    RETURNING name
"""
_HELD = "SELECT name FROM leases WHERE ends_at > {now}"
_SHORTEN = "UPDATE leases SET ends_at = {now} + :seconds WHERE name = :name"


class LeaseTable:
    """The leases, inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        """Work through `connection`."""
        self._connection = connection

    async def take(self, name: str, *, seconds: float) -> bool:
        """Take a lease for so many seconds; False while another holds it.

        One that would last longer than it was taken for shows that the clock went back, and counts as over.
        """
        statement = text(_TAKE.format(now=now_sql(self._connection)))
        return await self._connection.scalar(statement, {"name": name, "seconds": seconds}) is not None

    async def held(self) -> set[str]:
        """Name the leases that somebody holds now."""
        return set(await self._connection.scalars(text(_HELD.format(now=now_sql(self._connection)))))

    async def shorten(self, name: str, *, seconds: float) -> None:
        """Let a lease end in so many seconds, because its work failed."""
        statement = text(_SHORTEN.format(now=now_sql(self._connection)))
        await self._connection.execute(statement, {"name": name, "seconds": seconds})

    async def drop(self, name: str) -> None:
        """Forget a lease, name and all."""
        await self._connection.execute(delete(LeaseRow).where(col(LeaseRow.name) == name))
