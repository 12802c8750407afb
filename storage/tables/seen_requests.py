"""The table of requests that were taken, so that one that comes twice is carried out once, by whichever instance."""

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.crypto.keyring import Keyring
from storage.tables.clock import now_sql

_TAKE = """
    INSERT INTO seen_requests (name, ends_at) VALUES (:name, {now} + :seconds) ON CONFLICT (name) DO NOTHING
"""
_PURGE = "DELETE FROM seen_requests WHERE ends_at <= {now}"


class SeenRequestTable:
    """The requests seen, inside one transaction. Names are stored blinded: some are bearer capabilities."""

    def __init__(self, connection: AsyncConnection, keyring: Keyring) -> None:
        """Work through `connection`; blind names with `keyring`."""
        self._connection = connection
        self._keyring = keyring

    async def take(self, name: str, *, seconds: int) -> bool:
        """Note a request for so many seconds; False when it was noted before."""
        values = {"name": self._keyring.keyed_hash(name), "seconds": seconds}
        done = await self._connection.execute(self._statement(_TAKE), values)
        return int(getattr(done, "rowcount", 0)) == 1

    async def purge(self) -> None:
        """Drop what is remembered long enough."""
        await self._connection.execute(self._statement(_PURGE))

    def _statement(self, template: str) -> TextClause:
        return text(template.format(now=now_sql(self._connection)))
