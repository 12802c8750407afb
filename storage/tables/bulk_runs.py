"""The tables of bulk tests: how far each is, whose end nobody was told yet, and, sealed, what each found."""

from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from sqlmodel import case, col, delete, exists, insert, select, update

from storage.crypto.keyring import RecordContext
from storage.models import BulkRunRow, RunResultRow
from storage.tables.table import Table, insert_new, insert_or_replace, now

RUNNING, STOPPING, DONE, INTERRUPTED = "running", "stopping", "done", "interrupted"
ENDED, UNTOLD = "ended", "untold"
"""The status of a run that has come to its end, and of one that broke off, until its admin was told."""

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
    status: str = RUNNING


def run_result_context(row: Any) -> RecordContext:
    """Return what the seal of a row is bound to."""
    return RecordContext.of_row(RunResultRow, row)


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
        values = {**asdict(run), "alive_at": now(self._connection)}
        return run if await insert_new(self._connection, BulkRunRow, values) else None

    async def add_done(self, *, workspace: str, actor: str, total: int) -> str:
        """Add a run that tested nobody, for what is known from the last tests; returns its id."""
        run_id = str(uuid4())
        row = BulkRunRow(
            run_id=run_id,
            workspace=workspace,
            actor=actor,
            channel="",
            message_ts="",
            status=DONE,
            done=total,
            total=total,
            alive_at=0,
        )
        values = {**row.model_dump(), "alive_at": now(self._connection)}
        await self._connection.execute(insert(BulkRunRow).values(values))
        return run_id

    async def step(self, run_id: str, *, done: int) -> bool:
        """Store how far a run is, and that it lives; False when it is to stop."""
        statement = update(BulkRunRow).filter_by(run_id=run_id)
        status = await self._connection.scalar(
            statement.values(done=done, alive_at=now(self._connection)).returning(col(BulkRunRow.status))
        )
        return bool(status == RUNNING)

    async def stop(self, run_id: str, *, workspace: str) -> bool:
        """Tell a run that is running to stop; returns whether it was."""
        stopped = await self._connection.execute(
            update(BulkRunRow).filter_by(run_id=run_id, workspace=workspace, status=RUNNING).values(status=STOPPING)
        )
        return stopped.rowcount == 1

    async def end(self, run_id: str, status: str) -> None:
        """Note that a run under way has ENDED, or broke off and is UNTOLD; its admin is to be told now."""
        await self._connection.execute(
            update(BulkRunRow)
            .where(col(BulkRunRow.run_id) == run_id, col(BulkRunRow.status).in_((RUNNING, STOPPING)))
            .values(status=status, alive_at=now(self._connection))
        )

    async def running(self, workspace: str) -> bool:
        """Whether a run of this workspace is under way."""
        running = select(BulkRunRow.run_id).filter_by(workspace=workspace, status=RUNNING)
        return await self._connection.scalar(running) is not None

    async def save_result(self, workspace: str, run_id: str, document: bytes) -> None:
        """Seal and store what a run found, in place of what was stored of it before."""
        row = RunResultRow(record_id=run_id, workspace=workspace, key_id=self._keyring.active, sealed=b"")
        row.sealed = self._keyring.seal(document, run_result_context(row))
        await insert_or_replace(self._connection, RunResultRow, row.model_dump(), key=("record_id",))

    async def result(self, workspace: str, run_id: str) -> bytes | None:
        """Return what a run found; None when there is nothing, or when it does not open."""
        found = select(RunResultRow).filter_by(workspace=workspace, record_id=run_id)
        row = (await self._connection.execute(found)).first()
        return None if row is None else self._keyring.open_row(row, run_result_context)

    async def results(self, workspace: str) -> dict[str, bytes]:
        """Return what the runs of a workspace found, by run id."""
        rows = await self._connection.execute(
            select(RunResultRow).filter_by(workspace=workspace).order_by(col(RunResultRow.record_id))
        )
        # A lost summary costs one more test.
        opened = {row.record_id: self._keyring.open_row(row, run_result_context) for row in rows}
        return {run_id: document for run_id, document in opened.items() if document is not None}

    async def claim_silent(self, *, seconds: float) -> list[StoredRun]:
        """End runs that gave no sign of life for so long; return them, and those untold so long, to tell their admins.

        Whoever claimed one has so many seconds to tell; until `told` it is returned again and again after that.
        """
        status = col(BulkRunRow.status)
        rows = await self._connection.execute(
            update(BulkRunRow)
            .where(
                status.in_((RUNNING, STOPPING, ENDED, UNTOLD)),
                col(BulkRunRow.alive_at) < now(self._connection) - seconds,
            )
            .values(status=case((status.in_((RUNNING, UNTOLD)), UNTOLD), else_=ENDED), alive_at=now(self._connection))
            .returning(*(getattr(BulkRunRow, name) for name in StoredRun.__dataclass_fields__))
        )
        return [StoredRun(**row) for row in rows.mappings()]

    async def told(self, run_id: str) -> None:
        """Mark a run as done or interrupted, which its admin knows, or cannot be told."""
        status = col(BulkRunRow.status)
        await self._connection.execute(
            update(BulkRunRow)
            .where(col(BulkRunRow.run_id) == run_id, status.in_((ENDED, UNTOLD)))
            .values(status=case((status == ENDED, DONE), else_=INTERRUPTED))
        )

    async def purge(self) -> None:
        """Delete runs that ended a week ago, and what runs found that are gone: the version before leaves that."""
        ended = (col(BulkRunRow.status) != RUNNING, col(BulkRunRow.alive_at) < now(self._connection) - _KEPT_SECONDS)
        await self._connection.execute(delete(BulkRunRow).where(*ended))
        is_there = exists().where(col(BulkRunRow.run_id) == RunResultRow.record_id)
        await self._connection.execute(delete(RunResultRow).where(~is_there))
