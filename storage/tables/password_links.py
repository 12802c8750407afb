"""The table of private password links: only a hash of each token, used once, until the database's clock says no."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.crypto.keyring import Keyring, RecordContext, SealBrokenError
from storage.models import PasswordLinkRow
from storage.tables.clock import now_sql

_ADD = """
    INSERT INTO password_links (token_hash, workspace, user_id, sealed, ends_at)
    VALUES (:token_hash, :workspace, :user, :sealed, {now} + :seconds)
"""
_FIND = """
    SELECT workspace, sealed FROM password_links
    WHERE token_hash = :token_hash AND user_id = :user AND ends_at > {now} AND ends_at <= {now} + :seconds + 1
"""
_USE = """
    DELETE FROM password_links
    WHERE token_hash = :token_hash AND user_id = :user AND ends_at > {now} AND ends_at <= {now} + :seconds + 1
"""
_PURGE = "DELETE FROM password_links WHERE ends_at <= {now}"
_FORGET = "DELETE FROM password_links WHERE workspace = :workspace AND user_id = :user"


@dataclass(frozen=True, kw_only=True)
class StoredLink:
    """Whose password a link sets; `document` is what was sealed with it."""

    workspace: str
    user: str
    document: bytes = field(repr=False)


class PasswordLinkTable:
    """The links, inside one transaction."""

    def __init__(self, connection: AsyncConnection, keyring: Keyring) -> None:
        """Work through `connection`; seal and open with `keyring`."""
        self._connection = connection
        self._keyring = keyring

    async def add(self, token: str, link: StoredLink, *, seconds: int) -> None:
        """Keep a link for so many seconds."""
        values = {
            "token_hash": _hashed(token),
            "workspace": link.workspace,
            "user": link.user,
            "sealed": self._keyring.seal(link.document, _place(_hashed(token), link.workspace, link.user)),
            "seconds": seconds,
        }
        await self._connection.execute(self._statement(_ADD), values)

    async def find(self, token: str, user: str, *, seconds: int) -> StoredLink | None:
        """Read the link of this person; None when it is used, over, altered, or never was.

        One that would be good for longer than the `seconds` that links are kept is over too: the clock went back.
        """
        values = {"token_hash": _hashed(token), "user": user, "seconds": seconds}
        found = await self._connection.execute(self._statement(_FIND), values)
        row = found.first()
        if row is None:
            return None
        try:
            document = self._keyring.open(row.sealed, _place(_hashed(token), row.workspace, user))
        except (SealBrokenError, ValueError):
            return None
        return StoredLink(workspace=row.workspace, user=user, document=document)

    async def use(self, token: str, user: str, *, seconds: int) -> bool:
        """Use a link up; False when somebody else just did, or as `find`."""
        values = {"token_hash": _hashed(token), "user": user, "seconds": seconds}
        done = await self._connection.execute(self._statement(_USE), values)
        return int(getattr(done, "rowcount", 0)) == 1

    async def forget(self, workspace: str, user: str) -> None:
        """Drop all links of a person."""
        await self._connection.execute(text(_FORGET), {"workspace": workspace, "user": user})

    async def purge(self) -> None:
        """Drop links that are over."""
        await self._connection.execute(self._statement(_PURGE))

    def _statement(self, template: str) -> TextClause:
        return text(template.format(now=now_sql(self._connection)))


def link_context(row: PasswordLinkRow | Row[Any]) -> RecordContext:
    """Give the place that a row's seal is bound to."""
    return _place(row.token_hash, row.workspace, row.user_id)


def _place(token_hash: str, workspace: str, user: str) -> RecordContext:
    return RecordContext(
        table=PasswordLinkRow.__tablename__, record_id=token_hash, workspace=workspace, user=user, revision=1
    )


def _hashed(token: str) -> str:
    # 128 random bits need no salt and no slow hash: nobody can try them all.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
