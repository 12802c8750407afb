"""The table of test runs: tests of many profiles, how far each is, and which died with their process."""

from dataclasses import asdict, dataclass
from uuid import uuid4

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables.clock import now_sql

RUNNING, CANCELLED, DONE, INTERRUPTED = "running", "cancelled", "done", "interrupted"

_ADD = """
    INSERT INTO test_runs (run_id, workspace, actor, channel, message_ts, status, done, total, alive_at)
    VALUES (:run_id, :workspace, :actor, :channel, :message_ts, 'running', :done, :total, {now})
    ON CONFLICT DO NOTHING
"""
_STEP = "UPDATE test_runs SET done = :done, alive_at = {now} WHERE run_id = :run_id RETURNING status"
_END = """
    UPDATE test_runs SET status = :status
    WHERE run_id = :run_id AND workspace = :workspace AND status = 'running'
"""
_SILENT = """
    UPDATE test_runs SET status = 'interrupted' WHERE status = 'running' AND alive_at < {now} - :seconds
    RETURNING run_id, workspace, actor, channel, message_ts, done, total
"""
_RUNNING = "SELECT count(*) FROM test_runs WHERE workspace = :workspace AND status = 'running'"
_PURGE = "DELETE FROM test_runs WHERE status <> 'running' AND alive_at < {now} - 604800"


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


class BulkRunTable:
    """The runs, inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        """Work through `connection`."""
        self._connection = connection

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
        added = await self._connection.execute(self._statement(_ADD), asdict(run))
        return run if int(getattr(added, "rowcount", 0)) == 1 else None

    async def step(self, run_id: str, *, done: int) -> bool:
        """Note how far a run is, and that it lives; False when it was cancelled meanwhile."""
        status = await self._connection.scalar(self._statement(_STEP), {"run_id": run_id, "done": done})
        return bool(status == RUNNING)

    async def end(self, run_id: str, status: str, *, workspace: str) -> bool:
        """End a run that is running; tells whether it was."""
        values = {"run_id": run_id, "status": status, "workspace": workspace}
        ended = await self._connection.execute(self._statement(_END), values)
        return int(getattr(ended, "rowcount", 0)) == 1

    async def running(self, workspace: str) -> bool:
        """Whether a run of this workspace is under way."""
        return bool(await self._connection.scalar(self._statement(_RUNNING), {"workspace": workspace}))

    async def interrupt_silent(self, *, seconds: float) -> list[StoredRun]:
        """Mark runs that gave no sign of life for so long as interrupted, and give them."""
        rows = await self._connection.execute(self._statement(_SILENT), {"seconds": seconds})
        return [StoredRun(**row) for row in rows.mappings()]

    async def purge(self) -> None:
        """Drop runs that ended a week ago."""
        await self._connection.execute(self._statement(_PURGE))

    def _statement(self, template: str) -> TextClause:
        return text(template.format(now=now_sql(self._connection)))
