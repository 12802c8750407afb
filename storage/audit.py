"""The audit table: who changed whose profile, which fields, when; never a value."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.models import AuditRow


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """One change. `actor` and `subject` are user ids; `fields` are names, never values."""

    at: datetime
    actor: str
    subject: str
    action: str
    fields: tuple[str, ...]


class AuditTable:
    """The audit entries, inside one transaction; they are only ever added."""

    def __init__(self, session: AsyncSession) -> None:
        """Work through `session`."""
        self._session = session

    async def append(
        self, workspace: str, *, actor: str, subject: str, action: str, fields: Sequence[str] = ()
    ) -> None:
        """Add one entry, now."""
        await self._session.execute(
            insert(AuditRow).values(
                at=datetime.now(UTC),
                workspace=workspace,
                actor=actor,
                subject=subject,
                action=action,
                fields=", ".join(fields),
            )
        )

    async def recent(self, workspace: str, *, subject: str, limit: int = 20) -> list[AuditEntry]:
        """Read the latest entries about one person, newest first."""
        rows = await self._session.scalars(
            select(AuditRow)
            .where(col(AuditRow.workspace) == workspace, col(AuditRow.subject) == subject)
            .order_by(col(AuditRow.id).desc())
            .limit(limit)
        )
        return [
            AuditEntry(
                at=row.at,
                actor=row.actor,
                subject=row.subject,
                action=row.action,
                fields=tuple(row.fields.split(", ")) if row.fields else (),
            )
            for row in rows
        ]
