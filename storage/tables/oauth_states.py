"""The table of OAuth states: only a hash of each, used once, until it ends by the database's clock."""

import hashlib

from sqlmodel import col, delete, insert

from storage.models import OAuthStateRow
from storage.tables.table import Table, now


class OAuthStateTable(Table):
    """The states of installations under way, inside one transaction."""

    async def add(self, state: str, *, seconds: int) -> None:
        """Store a state for so many seconds."""
        ends_at = now(self._connection) + seconds
        await self._connection.execute(insert(OAuthStateRow).values(state_hash=_hashed(state), ends_at=ends_at))

    async def use(self, state: str) -> bool:
        """Use a state up; False when it is used, over, or never was."""
        good = (col(OAuthStateRow.state_hash) == _hashed(state), col(OAuthStateRow.ends_at) > now(self._connection))
        return (await self._connection.execute(delete(OAuthStateRow).where(*good))).rowcount == 1

    async def purge(self) -> None:
        """Delete states that are over."""
        await self._connection.execute(delete(OAuthStateRow).where(col(OAuthStateRow.ends_at) <= now(self._connection)))


def _hashed(state: str) -> str:
    # 128 random bits and more need no salt and no slow hash.
    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()
