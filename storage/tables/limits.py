"""What all instances count together, by the database's clock: uses of a limit, and requests that were seen."""

from sqlmodel import col, delete, select, update

from storage.models import LimitRow, SeenRequestRow
from storage.tables.table import Table, insert_new, now, with_now

# A window that would last longer than it was opened for shows that the clock went back: nobody has to wait for it.
_OVER = "(limits.ends_at <= {now} OR limits.ends_at > {now} + :seconds + 1)"
# SQL, because one statement takes a use or leaves everything as it is: two instances cannot both take the last one.
_TAKE = """
    INSERT INTO limits (name, uses, ends_at) VALUES (:name, 1, {now} + :seconds)
    ON CONFLICT (name) DO UPDATE SET
        uses = CASE WHEN {over} THEN 1 ELSE limits.uses + 1 END,
        ends_at = CASE WHEN {over} THEN {now} + :seconds ELSE limits.ends_at END
    WHERE {over} OR limits.uses < :most
    RETURNING uses
""".replace("{over}", _OVER)


class LimitTable(Table):
    """The limits, inside one transaction. Names are stored as keyed hashes: a dump shows no server and no login."""

    async def take(self, name: str, *, most: int, seconds: int) -> float | None:
        """Take one of `most` uses within a window of `seconds` that begins with the first use.

        Returns None when it was taken, else the seconds to wait until the window ends; then nothing is taken.
        """
        hashed = self._keyring.keyed_hash(name)
        values = {"name": hashed, "most": most, "seconds": seconds}
        if await self._connection.scalar(with_now(self._connection, _TAKE), values) is not None:
            return None
        wait = select(LimitRow.ends_at - now(self._connection)).where(col(LimitRow.name) == hashed)
        return max(float(await self._connection.scalar(wait) or 0), 1.0)

    async def give_back(self, name: str) -> None:
        """Return one use of a window that is still open."""
        used = (col(LimitRow.name) == self._keyring.keyed_hash(name), col(LimitRow.uses) > 0)
        await self._connection.execute(
            update(LimitRow)
            .where(*used, col(LimitRow.ends_at) > now(self._connection))
            .values(uses=col(LimitRow.uses) - 1)
        )

    async def purge(self) -> None:
        """Delete windows that are over."""
        await self._connection.execute(delete(LimitRow).where(col(LimitRow.ends_at) <= now(self._connection)))


class SeenRequestTable(Table):
    """The requests seen, inside one transaction. Names are stored as keyed hashes: some are bearer capabilities."""

    async def take(self, name: str, *, seconds: int) -> bool:
        """Remember a request for so many seconds; False when it was remembered before."""
        values = {"name": self._keyring.keyed_hash(name), "ends_at": now(self._connection) + seconds}
        return await insert_new(self._connection, SeenRequestRow, values)

    async def purge(self) -> None:
        """Delete what was remembered long enough."""
        await self._connection.execute(
            delete(SeenRequestRow).where(col(SeenRequestRow.ends_at) <= now(self._connection))
        )
