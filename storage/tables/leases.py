"""The table of leases: work that only one instance should do at a time."""

from sqlmodel import col, delete, select, update

from storage.models import LeaseRow
from storage.tables.table import Table, now, with_now

# SQL, because one statement has to decide by the row that is there: two instances cannot both take it.
_TAKE = """
    INSERT INTO leases (name, ends_at) VALUES (:name, {now} + :seconds)
    ON CONFLICT (name) DO UPDATE SET ends_at = {now} + :seconds WHERE leases.ends_at <= {now}
        OR leases.ends_at > {now} + :longest + 1
    RETURNING name
"""


class LeaseTable(Table):
    """The leases, inside one transaction."""

    async def take(self, name: str, *, seconds: float, longest: float | None = None) -> bool:
        """Take a lease for so many seconds; False while another holds it.

        One that would last longer than leases of this name ever do shows that the clock went back, and counts as over:
        `longest` is that in seconds, None being `seconds`.
        """
        values = {"name": name, "seconds": seconds, "longest": seconds if longest is None else longest}
        return await self._connection.scalar(with_now(self._connection, _TAKE), values) is not None

    async def held(self, *, longest: float) -> set[str]:
        """Return the leases that somebody holds now, for `longest` seconds at most; as `take`."""
        time = now(self._connection)
        held = select(LeaseRow.name).where(col(LeaseRow.ends_at).between(time, time + longest + 1))
        return set(await self._connection.scalars(held))

    async def seconds_left(self, name: str) -> float:
        """Return in how many seconds a lease ends; 0 when nobody holds it."""
        left = await self._connection.scalar(select(LeaseRow.ends_at - now(self._connection)).filter_by(name=name))
        return max(float(left or 0), 0.0)

    async def end_in(self, name: str, *, seconds: float) -> None:
        """Let a lease end in so many seconds from now."""
        ends_at = now(self._connection) + seconds
        await self._connection.execute(update(LeaseRow).filter_by(name=name).values(ends_at=ends_at))

    async def drop(self, name: str) -> None:
        """Delete a lease, name and all."""
        await self._connection.execute(delete(LeaseRow).filter_by(name=name))
