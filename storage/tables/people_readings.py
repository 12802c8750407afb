"""The table of readings: where the reading of all people of a workspace goes on, whichever instance does it."""

from dataclasses import dataclass

from sqlmodel import delete, select, update

from storage.models import PeopleReadingRow
from storage.tables.table import Table, insert_or_replace, now


@dataclass(frozen=True, kw_only=True)
class StoredReading:
    """A reading under way: when it began, in seconds since 1970, and the team and cursor of the next page."""

    workspace: str
    began_at: float
    team: str
    cursor: str


class PeopleReadingTable(Table):
    """The readings, inside one transaction."""

    async def begin(self, workspace: str) -> StoredReading:
        """Begin a reading, in place of one that was cut short."""
        began_at = float(await self._connection.scalar(select(now(self._connection))) or 0)
        row = PeopleReadingRow(workspace=workspace, began_at=began_at, team="", cursor="")
        await insert_or_replace(self._connection, PeopleReadingRow, row.model_dump(), key=("workspace",))
        return StoredReading(workspace=workspace, began_at=began_at, team="", cursor="")

    async def under_way(self, workspace: str, *, seconds: float) -> StoredReading | None:
        """Return the reading that is under way; None when there is none, or it began more than so long ago."""
        time = now(self._connection)
        row = (
            await self._connection.execute(
                select(PeopleReadingRow)
                .filter_by(workspace=workspace)
                .where(PeopleReadingRow.began_at > time - seconds, PeopleReadingRow.began_at <= time + 1)
            )
        ).first()
        return None if row is None else StoredReading(**row._mapping)

    async def go_on(self, reading: StoredReading, *, team: str, cursor: str) -> StoredReading | None:
        """Store that a page is read, and which comes next; None when another instance has gone on meanwhile."""
        moved = await self._connection.execute(
            update(PeopleReadingRow)
            .filter_by(workspace=reading.workspace, began_at=reading.began_at, team=reading.team, cursor=reading.cursor)
            .values(team=team, cursor=cursor)
        )
        if moved.rowcount == 0:
            return None
        return StoredReading(workspace=reading.workspace, began_at=reading.began_at, team=team, cursor=cursor)

    async def end(self, reading: StoredReading) -> None:
        """End a reading."""
        await self._connection.execute(
            delete(PeopleReadingRow).filter_by(workspace=reading.workspace, began_at=reading.began_at)
        )
