"""The table of private password links: only a hash of each token, used once, until it ends by the database's clock."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import col, delete, insert, select

from storage.crypto.keyring import RecordContext, SealBrokenError
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
    )


class PasswordLinkTable(Table):
    """The links, inside one transaction."""

    async def add(self, token: str, link: StoredLink, *, seconds: int) -> None:
        """Store a link for so many seconds."""
        row = PasswordLinkRow(
            token_hash=_hashed(token), workspace=link.workspace, user_id=link.user, sealed=b"", ends_at=0
        )
        sealed = self._keyring.seal(link.document, link_context(row))
        values = {**row.model_dump(), "sealed": sealed, "ends_at": now(self._connection) + seconds}
        await self._connection.execute(insert(PasswordLinkRow).values(values))

    async def find(self, token: str, user: str, *, seconds: int) -> StoredLink | None:
        """Read the link of this person; None when it is used, over, altered, or never was.

        One that would be good for longer than the `seconds` that links are kept is over too: the clock went back.
        """
        found = await self._connection.execute(select(PasswordLinkRow).where(*self._good(token, user, seconds)))
        row = found.first()
        if row is None:
            return None
        try:
            document = self._keyring.open(row.sealed, link_context(row))
        except (SealBrokenError, ValueError):
            return None
        return StoredLink(workspace=row.workspace, user=user, document=document)

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
