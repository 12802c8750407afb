"""The table of installations: where the bot is installed, with its tokens; sealed, each save against a revision."""

from dataclasses import dataclass, field
from typing import Any

from sqlmodel import col, delete, select

from storage.crypto.keyring import RecordContext
from storage.models import InstallationRow
from storage.tables.table import RecordTable


@dataclass(frozen=True, kw_only=True)
class StoredInstallation:
    """One installation; `document` is what was sealed, empty when it does not open."""

    workspace: str
    revision: int
    document: bytes = field(repr=False)


def installation_context(row: Any) -> RecordContext:
    """Return what the seal of a row is bound to."""
    return RecordContext.of_row(InstallationRow, row)


class InstallationTable(RecordTable):
    """The installations, inside one transaction."""

    model = InstallationRow

    async def get(self, workspace: str) -> StoredInstallation | None:
        """Read where the bot is installed; None when it is not installed there."""
        row = await self._row(workspace=workspace)
        if row is None:
            return None
        # Without its token the bot can do nothing there, until somebody installs it again.
        return StoredInstallation(workspace=row.workspace, revision=row.revision, document=self._document(row) or b"")

    async def save(self, workspace: str, document: bytes, *, expected_revision: int) -> None:
        """Seal and store `document` as the next revision; 0 expects that there is none yet.

        Raises:
            StaleRevisionError: another revision is stored than the expected one.
        """
        owner = {"workspace": workspace}
        await self._save(owner, document, before=await self._expected(expected_revision, **owner))

    async def delete(self, workspace: str, *, revision: int) -> bool:
        """Delete an installation, token and all; False when it is not stored at this revision (any more)."""
        result = await self._connection.execute(
            delete(InstallationRow).filter_by(workspace=workspace, revision=revision)
        )
        return result.rowcount > 0

    async def workspaces(self) -> list[str]:
        """Return the workspaces in which the bot is installed, in order."""
        return list(
            await self._connection.scalars(select(InstallationRow.workspace).order_by(col(InstallationRow.workspace)))
        )
