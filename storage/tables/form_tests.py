"""Tests of forms that passed and may be saved yet: one for each owner and whoever tested, sealed, until it ends."""

from typing import Any
from uuid import uuid4

from sqlmodel import col, delete, select

from storage.crypto.keyring import RecordContext
from storage.models import FormTestRow
from storage.tables.table import Table, insert_or_replace, now


def form_test_context(row: Any) -> RecordContext:
    """Return what the seal of a row is bound to."""
    return RecordContext.of_row(FormTestRow, row, row.tester)


class FormTestTable(Table):
    """The tests of forms, inside one transaction."""

    async def keep(self, workspace: str, user: str, *, tester: str, document: bytes, seconds: int) -> None:
        """Seal and store what `tester` found of a form for `user`, in place of what they found before."""
        row = FormTestRow(
            record_id=str(uuid4()),
            workspace=workspace,
            user_id=user,
            tester=tester,
            key_id=self._keyring.active,
            sealed=b"",
            ends_at=0,
        )
        sealed = self._keyring.seal(document, form_test_context(row))
        values = {**row.model_dump(), "sealed": sealed, "ends_at": now(self._connection) + seconds}
        await insert_or_replace(self._connection, FormTestRow, values, key=("workspace", "user_id", "tester"))

    async def find(self, workspace: str, user: str, *, tester: str, seconds: int) -> bytes | None:
        """Read what `tester` found of a form for `user`; None when it is over, altered, or never was.

        One that would be good for longer than the `seconds` that they are kept is over too: the clock went back.
        """
        ends_at, time = col(FormTestRow.ends_at), now(self._connection)
        found = await self._connection.execute(
            select(FormTestRow)
            .filter_by(workspace=workspace, user_id=user, tester=tester)
            .where(ends_at > time, ends_at <= time + seconds + 1)
        )
        row = found.first()
        # What does not open costs nobody anything: the profile is tested once more.
        return None if row is None else self._keyring.open_row(row, form_test_context)

    async def forget(self, workspace: str, user: str, *, tester: str | None = None) -> None:
        """Delete those of forms for a person: what `tester` found, or all."""
        forgotten = delete(FormTestRow).filter_by(workspace=workspace, user_id=user)
        await self._connection.execute(forgotten if tester is None else forgotten.filter_by(tester=tester))

    async def purge(self) -> None:
        """Delete those that are over."""
        await self._connection.execute(delete(FormTestRow).where(col(FormTestRow.ends_at) <= now(self._connection)))
