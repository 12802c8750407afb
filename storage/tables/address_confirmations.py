"""Confirmations of addresses: one a person, a code that was mailed, until it ends, or that it came back; sealed."""

import math
from typing import Any
from uuid import uuid4

from sqlmodel import col, delete, or_, select

from storage.crypto.keyring import RecordContext
from storage.models import AddressConfirmationRow
from storage.tables.table import Table, insert_or_replace, now


def address_confirmation_context(row: Any) -> RecordContext:
    """Return what the seal of a row is bound to, its end too: nobody gives a code more time than it was made for."""
    end = "never" if row.ends_at is None else str(round(row.ends_at))
    return RecordContext.of_row(AddressConfirmationRow, row, end)


class AddressConfirmationTable(Table):
    """The confirmations, inside one transaction."""

    async def put(self, workspace: str, user: str, document: bytes, *, seconds: int | None) -> None:
        """Seal and store a person's confirmation in place of what there was, for so many seconds; None: for good."""
        row = AddressConfirmationRow(
            record_id=str(uuid4()),
            workspace=workspace,
            user_id=user,
            key_id=self._keyring.active,
            sealed=b"",
            ends_at=None if seconds is None else math.ceil(await self._now() + seconds),
        )
        row.sealed = self._keyring.seal(document, address_confirmation_context(row))
        await insert_or_replace(
            self._connection, AddressConfirmationRow, row.model_dump(), key=("workspace", "user_id")
        )

    async def find(self, workspace: str, user: str) -> bytes | None:
        """Read a person's confirmation; None when it is over, altered, or never was."""
        ends_at = col(AddressConfirmationRow.ends_at)
        found = await self._connection.execute(
            select(AddressConfirmationRow)
            .filter_by(workspace=workspace, user_id=user)
            .where(or_(ends_at.is_(None), ends_at > now(self._connection)))
        )
        row = found.first()
        # Where it does not open nothing is confirmed, and a code can be asked for anew.
        return None if row is None else self._keyring.open_row(row, address_confirmation_context)

    async def forget(self, workspace: str, user: str) -> None:
        """Delete a person's confirmation."""
        await self._connection.execute(delete(AddressConfirmationRow).filter_by(workspace=workspace, user_id=user))

    async def purge(self) -> None:
        """Delete codes that are over."""
        await self._connection.execute(
            delete(AddressConfirmationRow).where(col(AddressConfirmationRow.ends_at) <= now(self._connection))
        )

    async def _now(self) -> float:
        return float(await self._connection.scalar(select(now(self._connection))) or 0)
