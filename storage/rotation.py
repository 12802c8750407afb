"""Key rotation: one batch of rows sealed anew under the first key, in one short transaction."""

from collections.abc import Callable
from typing import TypeVar, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from storage.keyring import Keyring, Place, SealBrokenError
from storage.models import InstallationRow, PersonRow, ProfileRow, TestRow, WorkspaceRow
from storage.people import PeopleTable

Row = TypeVar("Row", ProfileRow, TestRow, PersonRow, WorkspaceRow, InstallationRow)


async def reseal_batch(  # noqa: PLR0917 - each is of its own type
    session: AsyncSession,
    keyring: Keyring,
    table: type[Row],
    place_of: Callable[[Row], Place],
    after: str,
    batch: int,
) -> tuple[str, int]:
    """Seal up to `batch` rows behind record id `after` anew; gives the last record id and their number.

    A row that changed meanwhile keeps what it holds now: its own save sealed it under the first key.
    """
    rows = await session.scalars(
        select(table)
        .where(col(table.key_id) != keyring.active, col(table.record_id) > after)
        .order_by(col(table.record_id))
        .limit(batch)
    )
    found = rows.all()
    for row in found:
        # Only the statement below may write, so the row is no longer the session's.
        session.expunge(row)
        try:
            plaintext = keyring.open(row.sealed, place_of(row))
        except (SealBrokenError, ValueError):
            continue
        row.key_id = keyring.active
        done = await session.execute(
            update(table)
            .where(col(table.record_id) == row.record_id, col(table.sealed) == row.sealed)
            .values(sealed=keyring.seal(plaintext, place_of(row)), key_id=keyring.active)
        )
        if isinstance(row, PersonRow) and cast("CursorResult[None]", done).rowcount == 1:
            # What a person is found by is blinded under the key too.
            await PeopleTable(session, keyring).find_anew(row, plaintext)
    return (found[-1].record_id if found else after), len(found)
