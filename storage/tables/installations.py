"""The table of installations: where the bot is installed, with its tokens; sealed, each save against a revision."""

from dataclasses import dataclass, field
from typing import Any, cast
from uuid import uuid4

from sqlalchemy import CursorResult, Row, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from storage.crypto.keyring import Keyring, RecordContext, SealBrokenError
from storage.models import InstallationRow
from storage.tables.sealed_records import require_revision, write_revision


@dataclass(frozen=True, kw_only=True)
class StoredInstallation:
    """One installation; `document` is what was sealed, empty when it does not open."""

    workspace: str
    revision: int
    document: bytes = field(repr=False)


def installation_context(row: InstallationRow | Row[Any]) -> RecordContext:
    """Give the place that a row's seal is bound to."""
    return RecordContext(
        table=InstallationRow.__tablename__,
        record_id=row.record_id,
        workspace=row.workspace,
        user="-",
        revision=row.revision,
        extra=(row.key_id,),
    )


class InstallationTable:
    """The installations, inside one transaction."""

    def __init__(self, connection: AsyncConnection, keyring: Keyring) -> None:
        """Work through `connection`; seal and open with `keyring`."""
        self._connection = connection
        self._keyring = keyring

    async def get(self, workspace: str) -> StoredInstallation | None:
        """Read where the bot is installed; None when it is not installed there."""
        row = await self._row(workspace)
        if row is None:
            return None
        try:
            document = self._keyring.open(row.sealed, installation_context(row))
        except (SealBrokenError, ValueError):
            # Without its token the bot is deaf there, until somebody installs it again.
            document = b""
        return StoredInstallation(workspace=row.workspace, revision=row.revision, document=document)

    async def save(self, workspace: str, document: bytes, *, expected_revision: int) -> None:
        """Seal and store `document` as the next revision; 0 expects that there is none yet.

        Raises:
            StaleRevisionError: another revision is stored than the expected one.
        """
        row = await self._row(workspace)
        require_revision(row, expected_revision)
        fresh = InstallationRow(
            record_id=row.record_id if row else str(uuid4()),
            workspace=workspace,
            revision=expected_revision + 1,
            key_id=self._keyring.active,
            sealed=b"",
        )
        fresh.sealed = self._keyring.seal(document, installation_context(fresh))
        await write_revision(self._connection, fresh)

    async def delete(self, workspace: str, *, revision: int) -> bool:
        """Forget an installation, token and all; False when it is not stored at this revision (any more)."""
        result = await self._connection.execute(
            delete(InstallationRow).where(
                col(InstallationRow.workspace) == workspace, col(InstallationRow.revision) == revision
            )
        )
        return cast("CursorResult[None]", result).rowcount > 0

    async def workspaces(self) -> list[str]:
        """Name the workspaces in which the bot is installed, in order."""
        found = await self._connection.scalars(
            select(col(InstallationRow.workspace)).order_by(col(InstallationRow.workspace))
        )
        return list(found)

    async def _row(self, workspace: str) -> Row[Any] | None:
        found = await self._connection.execute(
            select(InstallationRow).where(col(InstallationRow.workspace) == workspace)
        )
        return found.first()
