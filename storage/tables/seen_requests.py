"""The table of requests that were taken, so that one that comes twice is carried out once, by whichever instance."""

from sqlmodel import col, delete

from storage.models import SeenRequestRow
from storage.tables.table import Table, insert_new, now


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
