"""The audit table: who changed or tested whose profile, which fields, when; never a value."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row
from sqlmodel import col, delete, insert, select

from storage.models import AuditRow
from storage.tables.table import Table

TESTED = "tested"
REMINDED = "reminded"


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One change or test. `actor` and `subject` are user ids; `fields` are names, never values."""

    number: int
    at: datetime
    actor: str
    subject: str
    action: str
    fields: tuple[str, ...]


class AuditTable(Table):
    """The audit entries, inside one transaction."""

    async def append(
        self, workspace: str, *, actor: str, subject: str, action: str, fields: Sequence[str] = ()
    ) -> None:
        """Add one entry, now."""
        await self._connection.execute(
            insert(AuditRow).values(
                at=datetime.now(UTC),
                workspace=workspace,
                actor=actor,
                subject=subject,
                action=action,
                fields=", ".join(fields),
            )
        )

    async def page(
        self, workspace: str, *, subject: str | None, before: int | None = None, limit: int = 15
    ) -> list[AuditEntry]:
        """Read entries about one person, or about everybody, newest first, older than entry `before`."""
        statement = select(AuditRow).filter_by(workspace=workspace)
        if subject is not None:
            statement = statement.filter_by(subject=subject)
        if before is not None:
            statement = statement.where(col(AuditRow.id) < before)
        rows = await self._connection.execute(statement.order_by(col(AuditRow.id).desc()).limit(limit))
        return [_entry(row) for row in rows]

    async def changes(self, workspace: str, *, limit: int) -> list[AuditEntry]:
        """Read the latest changes of a workspace's profiles and defaults, newest first: no tests, no reminders."""
        rows = await self._connection.execute(
            select(AuditRow)
            .filter_by(workspace=workspace)
            .where(col(AuditRow.action).not_in((TESTED, REMINDED)))
            .order_by(col(AuditRow.id).desc())
            .limit(limit)
        )
        return [_entry(row) for row in rows]

    async def forget(self, workspace: str, subject: str) -> None:
        """Delete all entries about one person."""
        await self._connection.execute(delete(AuditRow).filter_by(workspace=workspace, subject=subject))

    async def purge(self, before: datetime) -> None:
        """Delete entries older than a time."""
        await self._connection.execute(delete(AuditRow).where(col(AuditRow.at) < before))


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        number=row.id or 0,
        at=row.at,
        actor=row.actor,
        subject=row.subject,
        action=row.action,
        fields=tuple(row.fields.split(", ")) if row.fields else (),
    )
