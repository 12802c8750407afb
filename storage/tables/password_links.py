"""The table of private password links: only a hash of each token, used once, until it ends by the database's clock.

When a link ends is part of what its seal is bound to, so that nobody who writes to the database lengthens one.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import col, delete, insert, select, update

from storage.crypto.keyring import RecordContext
from storage.models import PasswordLinkRow
from storage.tables.table import Table, now


@dataclass(frozen=True, kw_only=True)
class StoredLink:
    """Whose password a link sets; `document` is what was sealed with it."""

    workspace: str
    user: str
    document: bytes = field(repr=False)


def link_context(row: Any) -> RecordContext:
    """Return what the seal of a row is bound to."""
    return RecordContext(
        table=PasswordLinkRow.__tablename__,
        record_id=row.token_hash,
        workspace=row.workspace,
        user=row.user_id,
        revision=1,
        extra=(repr(float(row.ends_at)),),
    )


class PasswordLinkTable(Table):
    """The links, inside one transaction."""

    async def add(self, token: str, link: StoredLink, *, seconds: int) -> None:
        """Store a link for so many seconds."""
        begins_at = float(await self._connection.scalar(select(now(self._connection))) or 0)
        row = PasswordLinkRow(
            token_hash=_hashed(token),
            workspace=link.workspace,
            user_id=link.user,
            sealed=b"",
            ends_at=begins_at + seconds,
        )
        row.sealed = self._keyring.seal(link.document, link_context(row))
        await self._connection.execute(insert(PasswordLinkRow).values(row.model_dump()))

    async def find(self, token: str, user: str, *, seconds: int) -> StoredLink | None:
        """Read the link of this person; None when it is used, over, altered, or never was.

        One that would be good for longer than the `seconds` that links are kept is over too: the clock went back.
        """
        row = await self._row(token, user, seconds)
        if row is None:
            return None
        document = self._keyring.open_row(row, link_context)
        return None if document is None else StoredLink(workspace=row.workspace, user=user, document=document)

    async def change(self, token: str, link: StoredLink, *, seconds: int) -> None:
        """Seal another document for a link, which ends when it did; nothing is stored when it is none, as in `find`."""
        row = await self._row(token, link.user, seconds)
        if row is None:
            return
        sealed = self._keyring.seal(link.document, link_context(row))
        changed = update(PasswordLinkRow).where(*self._good(token, link.user, seconds)).values(sealed=sealed)
        await self._connection.execute(changed)

    async def use(self, token: str, user: str, *, seconds: int) -> bool:
        """Use a link up; False when somebody else just did, or as `find`."""
        done = await self._connection.execute(delete(PasswordLinkRow).where(*self._good(token, user, seconds)))
        return done.rowcount == 1

    async def forget(self, workspace: str, user: str) -> None:
        """Delete all links of a person."""
        await self._connection.execute(delete(PasswordLinkRow).filter_by(workspace=workspace, user_id=user))

    async def purge(self) -> None:
        """Delete links that are over."""
        await self._connection.execute(
            delete(PasswordLinkRow).where(col(PasswordLinkRow.ends_at) <= now(self._connection))
        )

    async def _row(self, token: str, user: str, seconds: int) -> Any:
        found = await self._connection.execute(select(PasswordLinkRow).where(*self._good(token, user, seconds)))
        return found.first()

    def _good(self, token: str, user: str, seconds: int) -> tuple[ColumnElement[bool], ...]:
        ends_at, time = col(PasswordLinkRow.ends_at), now(self._connection)
        return (
            col(PasswordLinkRow.token_hash) == _hashed(token),
            col(PasswordLinkRow.user_id) == user,
            ends_at > time,
            ends_at <= time + seconds + 1,
        )


def _hashed(token: str) -> str:
    # 128 random bits need no salt and no slow hash: nobody can try them all.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
