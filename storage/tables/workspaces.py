"""The table of workspaces: their defaults, sealed, each save against a revision; and when one left."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from uuid import uuid4

from sqlalchemy import CursorResult, Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from storage.crypto.keyring import Keyring, RecordContext, SealBrokenError
from storage.models import (
    AuditRow,
    BulkRunRow,
    ConnectionTestRow,
    HomeRow,
    InstallationRow,
    PasswordLinkRow,
    PersonRow,
    ProfileRow,
    SearchRow,
    StateCountRow,
    WorkspaceRow,
)
from storage.tables.sealed_records import require_revision, write_revision

_EVERYTHING = (
    ProfileRow,
    ConnectionTestRow,
    AuditRow,
    PersonRow,
    SearchRow,
    StateCountRow,
    PasswordLinkRow,
    BulkRunRow,
    HomeRow,
    InstallationRow,
)


@dataclass(frozen=True, kw_only=True)
class StoredWorkspace:
    """One workspace's own record; `document` is what was sealed, empty when it does not open."""

    revision: int
    left_at: datetime | None
    document: bytes = field(repr=False)


def workspace_context(row: WorkspaceRow | Row[Any]) -> RecordContext:
    """Give the place that a row's seal is bound to."""
    return RecordContext(
        table=WorkspaceRow.__tablename__,
        record_id=row.record_id,
        workspace=row.workspace,
        user="-",
        revision=row.revision,
        extra=(row.key_id,),
    )


class WorkspaceTable:
    """The workspaces, inside one transaction."""

    def __init__(self, connection: AsyncConnection, keyring: Keyring) -> None:
        """Work through `connection`; seal and open with `keyring`."""
        self._connection = connection
        self._keyring = keyring

    async def get(self, workspace: str) -> StoredWorkspace | None:
        """Read a workspace's record; None when there is none yet."""
        row = await self._row(workspace)
        if row is None:
            return None
        try:
            document = self._keyring.open(row.sealed, workspace_context(row))
        except (SealBrokenError, ValueError):
            # Defaults are a convenience: without them people type six values again.
            document = b""
        return StoredWorkspace(revision=row.revision, left_at=row.left_at, document=document)

    async def save(self, workspace: str, document: bytes, *, expected_revision: int) -> None:
        """Seal and store `document` as the next revision; 0 expects that there is none yet.

        Raises:
            StaleRevisionError: another revision is stored than the expected one.
        """
        row = await self._row(workspace)
        require_revision(row, expected_revision)
        fresh = WorkspaceRow(
            record_id=row.record_id if row else str(uuid4()),
            workspace=workspace,
            revision=expected_revision + 1,
            key_id=self._keyring.active,
            sealed=b"",
            left_at=row.left_at if row else None,
        )
        fresh.sealed = self._keyring.seal(document, workspace_context(fresh))
        await write_revision(self._connection, fresh)

    async def set_left(self, workspace: str, at: datetime | None) -> None:
        """Note since when the bot is no longer installed in a workspace; None: it is."""
        if at is not None and await self._row(workspace) is None:
            await self.save(workspace, b"{}", expected_revision=0)
        await self._connection.execute(
            update(WorkspaceRow).where(col(WorkspaceRow.workspace) == workspace).values(left_at=at)
        )

    async def left_before(self, at: datetime) -> list[str]:
        """Name the workspaces that left before a time."""
        left = select(col(WorkspaceRow.workspace)).where(col(WorkspaceRow.left_at) < at)
        found = await self._connection.scalars(left)
        return list(found)

    async def purge(self, workspace: str, *, left_before: datetime) -> bool:
        """Delete everything that is stored of a workspace; False when it has not left before that time (any more)."""
        gone = await self._connection.execute(
            delete(WorkspaceRow).where(
                col(WorkspaceRow.workspace) == workspace, col(WorkspaceRow.left_at) < left_before
            )
        )
        if cast("CursorResult[None]", gone).rowcount == 0:
            return False
        for table in _EVERYTHING:
            await self._connection.execute(delete(table).where(col(table.workspace) == workspace))
        return True

    async def _row(self, workspace: str) -> Row[Any] | None:
        found = await self._connection.execute(select(WorkspaceRow).where(col(WorkspaceRow.workspace) == workspace))
        return found.first()
