"""The table of workspaces: their defaults, sealed, each save against a revision; and when one left."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import col, delete, select, update

from storage.crypto.keyring import RecordContext
from storage.models import (
    AddressConfirmationRow,
    AuditChainRow,
    AuditDetailRow,
    AuditRow,
    BulkRunRow,
    ConnectionTestRow,
    FormTestRow,
    HomeRow,
    InstallationRow,
    OutboxRow,
    PasswordLinkRow,
    PeopleReadingRow,
    PersonRow,
    ProfileRow,
    RunningTestRow,
    RunResultRow,
    SearchRow,
    StateCountRow,
    WorkspaceRow,
)
from storage.tables.table import RecordTable

_EVERYTHING = (
    AuditDetailRow,
    AuditChainRow,
    RunResultRow,
    ProfileRow,
    ConnectionTestRow,
    AuditRow,
    PersonRow,
    SearchRow,
    StateCountRow,
    PasswordLinkRow,
    FormTestRow,
    AddressConfirmationRow,
    BulkRunRow,
    RunningTestRow,
    HomeRow,
    InstallationRow,
    OutboxRow,
    PeopleReadingRow,
)


@dataclass(frozen=True, kw_only=True)
class StoredWorkspace:
    """One workspace's own record; `document` is what was sealed, empty when it does not open."""

    revision: int
    left_at: datetime | None
    document: bytes = field(repr=False)


def workspace_context(row: Any) -> RecordContext:
    """Return what the seal of a row is bound to."""
    return RecordContext.of_row(WorkspaceRow, row)


class WorkspaceTable(RecordTable):
    """The workspaces, inside one transaction."""

    model = WorkspaceRow

    async def get(self, workspace: str) -> StoredWorkspace | None:
        """Read a workspace's record; None when there is none yet."""
        row = await self._row(workspace=workspace)
        if row is None:
            return None
        # Defaults are a convenience: without them people type six values again.
        return StoredWorkspace(revision=row.revision, left_at=row.left_at, document=self._document(row) or b"")

    async def save(self, workspace: str, document: bytes, *, expected_revision: int) -> None:
        """Seal and store `document` as the next revision; 0 expects that there is none yet.

        Raises:
            StaleRevisionError: another revision is stored than the expected one.
        """
        owner = {"workspace": workspace}
        row = await self._expected(expected_revision, **owner)
        await self._save(owner, document, before=row, left_at=row.left_at if row else None)

    async def set_left(self, workspace: str, at: datetime | None) -> None:
        """Store since when the bot is no longer installed in a workspace; None: it is installed.

        What waits to be told there ends: the bot can tell nobody, and after its return it would be out of date.
        """
        if at is not None and await self._row(workspace=workspace) is None:
            await self.save(workspace, b"{}", expected_revision=0)
        if at is not None:
            await self._connection.execute(delete(OutboxRow).filter_by(workspace=workspace))
        await self._connection.execute(update(WorkspaceRow).filter_by(workspace=workspace).values(left_at=at))

    async def left_before(self, at: datetime) -> list[str]:
        """Return the workspaces that left before a time."""
        return list(
            await self._connection.scalars(select(WorkspaceRow.workspace).where(col(WorkspaceRow.left_at) < at))
        )

    async def purge(self, workspace: str, *, left_before: datetime) -> bool:
        """Delete everything that is stored of a workspace; False when it has not left before that time (any more)."""
        gone = await self._connection.execute(
            delete(WorkspaceRow).filter_by(workspace=workspace).where(col(WorkspaceRow.left_at) < left_before)
        )
        if gone.rowcount == 0:
            return False
        for table in _EVERYTHING:
            await self._connection.execute(delete(table).filter_by(workspace=workspace))
        return True
