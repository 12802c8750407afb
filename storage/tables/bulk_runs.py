"""The table of bulk tests: each tests many profiles; how far each is, and which died with their process."""

from dataclasses import asdict, dataclass
from uuid import uuid4

from sqlmodel import col, delete, select, update

from storage.models import BulkRunRow
from storage.tables.table import Table, insert_new, now

RUNNING, CANCELLED, DONE, INTERRUPTED = "running", "cancelled", "done", "interrupted"

_KEPT_SECONDS = 7 * 24 * 3600
"""How long a run that has ended is kept."""


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """One run: who began it, the message that shows it, and how far it is."""

    run_id: str
    workspace: str
    actor: str
    channel: str
    message_ts: str
    done: int
    total: int


class BulkRunTable(Table):
    """The runs, inside one transaction."""

    async def add(self, *, workspace: str, actor: str, channel: str, message_ts: str, total: int) -> StoredRun | None:
        """Begin a run; None when one of the workspace is under way, whichever instance began it."""
        run = StoredRun(
            run_id=str(uuid4()),
            workspace=workspace,
            actor=actor,
            channel=channel,
            message_ts=message_ts,
            done=0,
            total=total,
        )
        values = {**asdict(run), "status": RUNNING, "alive_at": now(self._connection)}
        return run if await insert_new(self._connection, BulkRunRow, values) else None

    async def step(self, run_id: str, *, done: int) -> bool:
        """Store how far a run is, and that it lives; False when it was cancelled meanwhile."""
        statement = update(BulkRunRow).filter_by(run_id=run_id)
        status = await self._connection.scalar(
            statement.values(done=done, alive_at=now(self._connection)).returning(col(BulkRunRow.status))
        )
        return bool(status == RUNNING)

    async def end(self, run_id: str, status: str, *, workspace: str) -> bool:
        """End a run that is running; returns whether it was."""
        ended = await self._connection.execute(
            update(BulkRunRow).filter_by(run_id=run_id, workspace=workspace, status=RUNNING).values(status=status)
        )
        return ended.rowcount == 1

    async def running(self, workspace: str) -> bool:
        """Whether a run of this workspace is under way."""
        running = select(BulkRunRow.run_id).filter_by(workspace=workspace, status=RUNNING)
        return await self._connection.scalar(running) is not None

    async def interrupt_silent(self, *, seconds: float) -> list[StoredRun]:
        """Mark runs that gave no sign of life for so long as interrupted, and return them."""
        rows = await self._connection.execute(
            update(BulkRunRow)
            .filter_by(status=RUNNING)
            .where(col(BulkRunRow.alive_at) < now(self._connection) - seconds)
            .values(status=INTERRUPTED)
            .returning(*(getattr(BulkRunRow, name) for name in StoredRun.__dataclass_fields__))
        )
        return [StoredRun(**row) for row in rows.mappings()]

    async def purge(self) -> None:
        """Delete runs that ended a week ago."""
        ended = (col(BulkRunRow.status) != RUNNING, col(BulkRunRow.alive_at) < now(self._connection) - _KEPT_SECONDS)
        await self._connection.execute(delete(BulkRunRow).where(*ended))
