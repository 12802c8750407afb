"""Sends that a program may ask for twice: under a keyed hash of its key, until a day is over; the answer is sealed.

The answer is kept, never the message: of that a digest tells whether it is the same.
"""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Row
from sqlmodel import col, delete, select, update

from storage.crypto.keyring import RecordContext
from storage.models import IdempotentSendRow
from storage.tables.table import Table, insert_new, now

KEPT_SECONDS = 86_400
"""How long a send is known by its key."""

_UNDER_WAY = b""


@dataclass(frozen=True, kw_only=True)
class StoredSend:
    """A send that was begun under a key: the SHA-256 (hex) of its body, and when, in seconds since 1970, UTC.

    `answer` is what was answered; None while it is under way, and where nobody knows any more how it ended.
    """

    body_digest: str
    begun_at: float
    answer: bytes | None = field(repr=False)


def idempotent_send_context(row: Any) -> RecordContext:
    """Return what the seal of a row is bound to."""
    beside = (row.token_id, row.key_hash, row.body_digest, repr(float(row.begun_at)))
    return RecordContext.of_row(IdempotentSendRow, row, *beside)


class IdempotentSendTable(Table):
    """The sends with a key, inside one transaction."""

    async def begin(self, workspace: str, user: str, *, token_id: str, key: str, body_digest: str) -> StoredSend | None:
        """Store that a send begins under a key of this token; returns the one that has it already, else None."""
        over = col(IdempotentSendRow.begun_at) <= now(self._connection) - KEPT_SECONDS
        await self._connection.execute(delete(IdempotentSendRow).where(*self._with_key(token_id, key), over))
        if (earlier := await self.find(token_id, key)) is not None:
            return earlier
        row = IdempotentSendRow(
            record_id=str(uuid4()),
            workspace=workspace,
            user_id=user,
            token_id=token_id,
            key_hash=self._keyring.keyed_hash(key),
            body_digest=body_digest,
            begun_at=float(await self._connection.scalar(select(now(self._connection))) or 0),
            key_id=self._keyring.active,
            sealed=b"",
        )
        row.sealed = self._keyring.seal(_UNDER_WAY, idempotent_send_context(row))
        if await insert_new(self._connection, IdempotentSendRow, row.model_dump()):
            return None
        return await self.find(token_id, key)

    async def find(self, token_id: str, key: str) -> StoredSend | None:
        """Read the send that was begun under a key of this token; None when there is none."""
        row = await self._row(token_id, key)
        if row is None:
            return None
        # What does not open is as good as under way: it is never sent again before its day is over.
        answer = self._keyring.open_row(row, idempotent_send_context) or None
        return StoredSend(body_digest=row.body_digest, begun_at=row.begun_at, answer=answer)

    async def finish(self, token_id: str, key: str, answer: bytes) -> None:
        """Seal and store what was answered."""
        row = await self._row(token_id, key)
        if row is None:
            return
        finished = IdempotentSendRow(**{**row._mapping, "key_id": self._keyring.active})
        sealed = self._keyring.seal(answer, idempotent_send_context(finished))
        await self._connection.execute(
            update(IdempotentSendRow)
            .filter_by(record_id=row.record_id)
            .values(key_id=self._keyring.active, sealed=sealed)
        )

    async def forget(self, token_id: str, key: str) -> None:
        """Delete a send that came to nothing, so that it can be asked for again under its key."""
        await self._connection.execute(delete(IdempotentSendRow).where(*self._with_key(token_id, key)))

    async def purge(self) -> None:
        """Delete sends whose day is over."""
        over = now(self._connection) - KEPT_SECONDS
        await self._connection.execute(delete(IdempotentSendRow).where(col(IdempotentSendRow.begun_at) <= over))

    async def _row(self, token_id: str, key: str) -> Row[Any] | None:
        found = select(IdempotentSendRow).where(*self._with_key(token_id, key)).with_for_update()
        return (await self._connection.execute(found)).first()

    def _with_key(self, token_id: str, key: str) -> tuple[ColumnElement[bool], ...]:
        # Under each configured key, so that a send is known while the keys are rotated.
        hashes = self._keyring.keyed_hashes(key)
        return (col(IdempotentSendRow.token_id) == token_id, col(IdempotentSendRow.key_hash).in_(hashes))
