"""Rows with a revision: whoever saves names the one they have seen, and nobody writes over what they have not seen."""

from typing import Any, cast

from sqlalchemy import CursorResult, Row, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from storage.models import InstallationRow, ProfileRow, WorkspaceRow
from storage.tables.upsert import insert_new


class StaleRevisionError(Exception):
    """Somebody saved meanwhile; `revision` is the one stored now, 0 when there is none."""

    def __init__(self, *, revision: int) -> None:
        """Keep the revision that is stored now."""
        super().__init__(f"the stored revision is {revision}")
        self.revision = revision


def require_revision(row: Row[Any] | None, expected: int) -> None:
    """Check that what was read is what the saver has seen; 0 expects nothing.

    Raises:
        StaleRevisionError: it is another revision.
    """
    stored = row.revision if row is not None else 0
    if stored != expected:
        raise StaleRevisionError(revision=stored)


async def write_revision(connection: AsyncConnection, row: ProfileRow | WorkspaceRow | InstallationRow) -> None:
    """Write a row in place of its revision before; the first revision is a new row.

    Raises:
        StaleRevisionError: another instance wrote between the reading and this; nothing was written.
    """
    model, values, seen = type(row), row.model_dump(), row.revision - 1
    if row.revision == 1:
        if not await insert_new(connection, model, values):
            raise StaleRevisionError(revision=1)
        return
    written = await connection.execute(
        update(model).where(col(model.record_id) == row.record_id, col(model.revision) == seen).values(values)
    )
    if cast("CursorResult[None]", written).rowcount != 1:
        raise StaleRevisionError(revision=row.revision)
