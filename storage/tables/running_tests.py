"""The table of connection tests under way, so that each can be stopped through every instance."""

from dataclasses import asdict, dataclass

from sqlmodel import col, delete, insert, select, update

from storage.models import RunningTestRow
from storage.tables.table import Table, now


@dataclass(frozen=True, kw_only=True)
class StoredRunningTest:
    """One test under way: `actor` began it, `subject` is whose profile it tests."""

    test_id: str
    workspace: str
    actor: str
    subject: str


class RunningTestTable(Table):
    """The tests under way, inside one transaction. One whose time is over died with its process."""

    async def add(self, test: StoredRunningTest, *, seconds: float) -> None:
        """Store that a test is under way, for so many seconds at most."""
        values = {**asdict(test), "ends_at": now(self._connection) + seconds}
        await self._connection.execute(insert(RunningTestRow).values(**values))

    async def get(self, workspace: str, test_id: str) -> StoredRunningTest | None:
        """Read a test of a workspace; None when it is over."""
        running = select(RunningTestRow).filter_by(workspace=workspace, test_id=test_id)
        row = (
            await self._connection.execute(running.where(col(RunningTestRow.ends_at) > now(self._connection)))
        ).first()
        if row is None:
            return None
        return StoredRunningTest(test_id=row.test_id, workspace=row.workspace, actor=row.actor, subject=row.subject)

    async def stop(self, test_id: str, *, by: str) -> bool:
        """Ask the instance that runs a test to stop it; returns whether it is under way."""
        running = update(RunningTestRow).filter_by(test_id=test_id)
        asked = await self._connection.execute(
            running.where(col(RunningTestRow.ends_at) > now(self._connection)).values(stopped_by=by)
        )
        return asked.rowcount == 1

    async def stopped_by(self, test_id: str) -> str | None:
        """Return who asked to stop a test; None while nobody did."""
        asked = select(RunningTestRow.stopped_by).filter_by(test_id=test_id)
        who: str | None = await self._connection.scalar(asked)
        return who

    async def end(self, test_id: str) -> None:
        """Delete a test that is over."""
        await self._connection.execute(delete(RunningTestRow).filter_by(test_id=test_id))

    async def purge(self) -> None:
        """Delete tests that died with their process."""
        await self._connection.execute(
            delete(RunningTestRow).where(col(RunningTestRow.ends_at) <= now(self._connection))
        )
