"""Key rotation: one batch of rows sealed anew under the first key, in one short transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Row, Table, Update, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from storage.keyring import Keyring, Place, SealBrokenError
from storage.models import PersonRow
from storage.people import PeopleTable


@dataclass(frozen=True)
class Batch:
    """What one batch did: the record id to go on behind, how many rows it saw and how many it sealed anew."""

    last: str
    seen: int
    sealed: int


async def reseal_batch(
    connection: AsyncConnection,
    keyring: Keyring,
    sealed: tuple[type[SQLModel], Callable[[Any], Place]],
    *,
    after: str,
    size: int,
) -> Batch:
    """Seal up to `size` rows behind record id `after` anew.

    The rows are locked, so no save is lost; a row that somebody else holds just now is left for another pass: its
    save may seal it under the first key, and another rotation may be at it.
    """
    model, place_of = sealed
    table: Table = model.__table__  # type: ignore[attr-defined]
    found = await connection.execute(
        select(table)
        .where(table.c.key_id != keyring.active, table.c.record_id > after)
        .order_by(table.c.record_id)
        .limit(size)
        .with_for_update(skip_locked=True)
    )
    rows = found.all()
    opened = [(row, document) for row in rows if (document := _opened(keyring, row, place_of)) is not None]
    if opened:
        fresh = [_sealed_anew(keyring, table, row, document, place_of) for row, document in opened]
        await connection.execute(_update(table), fresh)
    if opened and model is PersonRow:
        # What a person is found by is blinded under the key too.
        await PeopleTable(connection, keyring).find_anew(opened)
    return Batch(last=rows[-1].record_id if rows else after, seen=len(rows), sealed=len(opened))


def _opened(keyring: Keyring, row: Row[Any], place_of: Callable[[Any], Place]) -> bytes | None:
    try:
        return keyring.open(row.sealed, place_of(row))
    except (SealBrokenError, ValueError):
        # It stays as it is, for whoever finds the right key or the right place again.
        return None


def _sealed_anew(
    keyring: Keyring, table: Table, row: Row[Any], document: bytes, place_of: Callable[[Any], Place]
) -> dict[str, Any]:
    fresh = SimpleNamespace(**{**row._mapping, "key_id": keyring.active})
    which = {f"of_{column.name}": row._mapping[column.name] for column in table.primary_key}
    return {**which, "key_id": keyring.active, "sealed": keyring.seal(document, place_of(fresh))}


def _update(table: Table) -> Update:
    which = [column == bindparam(f"of_{column.name}") for column in table.primary_key]
    return update(table).where(*which).values(key_id=bindparam("key_id"), sealed=bindparam("sealed"))
