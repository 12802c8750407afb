"""The table of OAuth states: only a hash of each, used once, until the database's clock says no."""

import hashlib

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables.clock import now_sql

_ADD = "INSERT INTO oauth_states (state_hash, ends_at) VALUES (:state_hash, {now} + :seconds)"
_USE = "DELETE FROM oauth_states WHERE state_hash = :state_hash AND ends_at > {now}"
_PURGE = "DELETE FROM oauth_states WHERE ends_at <= {now}"


class OAuthStateTable:
    """The states of installations under way, inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        """Work through `connection`."""
        self._connection = connection

    async def add(self, state: str, *, seconds: int) -> None:
        """Keep a state for so many seconds."""
        await self._connection.execute(self._statement(_ADD), {"state_hash": _hashed(state), "seconds": seconds})

    async def use(self, state: str) -> bool:
        """Use a state up; False when it is used, over, or never was."""
        done = await self._connection.execute(self._statement(_USE), {"state_hash": _hashed(state)})
        return int(getattr(done, "rowcount", 0)) == 1

    async def purge(self) -> None:
        """Drop states that are over."""
        await self._connection.execute(self._statement(_PURGE))

    def _statement(self, template: str) -> TextClause:
        return text(template.format(now=now_sql(self._connection)))


def _hashed(state: str) -> str:
    # 128 random bits and more need no salt and no slow hash.
    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()
