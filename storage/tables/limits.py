"""Limits that all instances share: so many uses of a name within a window, counted by the database's clock."""

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.crypto.keyring import Keyring
from storage.tables.clock import now_sql

# A window that would last longer than it was opened for shows that the clock went back: nobody shall wait for that.
_OVER = "(limits.ends_at <= {now} OR limits.ends_at > {now} + :seconds + 1)"
# One statement takes a use or leaves everything as it is, so two instances cannot both take the last one.
_TAKE = """
    INSERT INTO limits (name, uses, ends_at) VALUES (:name, 1, {now} + :seconds)
    ON CONFLICT (name) DO UPDATE SET
        uses = CASE WHEN {over} THEN 1 ELSE limits.uses + 1 END,
        ends_at = CASE WHEN {over} THEN {now} + :seconds ELSE limits.ends_at END
    WHERE {over} OR limits.uses < :most
    RETURNING uses
"""
_TAKE = _TAKE.replace("{over}", _OVER)
_WAIT = "SELECT ends_at - {now} FROM limits WHERE name = :name"
_GIVE_BACK = "UPDATE limits SET uses = uses - 1 WHERE name = :name AND uses > 0 AND ends_at > {now}"
_PURGE = "DELETE FROM limits WHERE ends_at <= {now}"


class LimitTable:
    """The limits, inside one transaction. Names are stored blinded: a dump tells no server and no login."""

    def __init__(self, connection: AsyncConnection, keyring: Keyring) -> None:
        """Work through `connection`; blind names with `keyring`."""
        self._connection = connection
        self._keyring = keyring

    async def take(self, name: str, *, most: int, seconds: int) -> float | None:
        """Take one of `most` uses within a window of `seconds` that begins with the first use.

        Gives None when it was taken, else the seconds to wait until the window ends; then nothing is taken.
        """
        blinded = {"name": self._keyring.keyed_hash(name)}
        taken = await self._connection.scalar(self._statement(_TAKE), {**blinded, "most": most, "seconds": seconds})
        if taken is not None:
            return None
        wait = await self._connection.scalar(self._statement(_WAIT), blinded)
        return max(float(wait or 0), 1.0)

    async def give_back(self, name: str) -> None:
        """Return one use of a window that is still open."""
        await self._connection.execute(self._statement(_GIVE_BACK), {"name": self._keyring.keyed_hash(name)})

    async def purge(self) -> None:
        """Drop windows that are over."""
        await self._connection.execute(self._statement(_PURGE))

    def _statement(self, template: str) -> TextClause:
        return text(template.format(now=now_sql(self._connection)))
