"""Key rotation: seals every record again under the first key, in short transactions, while others work."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Table, bindparam, update

from storage.crypto.keyring import Keyring, RecordContext
from storage.database import Database
from storage.models import (
    AddressConfirmationRow,
    AuditChainRow,
    AuditDetailRow,
    ConnectionTestRow,
    FormTestRow,
    IdempotentSendRow,
    InstallationRow,
    OutboxRow,
    PersonRow,
    ProfileRow,
    ProgramTokenRow,
    RunResultRow,
    WorkspaceMarkRow,
    WorkspaceRow,
)
from storage.tables.address_confirmations import address_confirmation_context
from storage.tables.audit import audit_detail_context
from storage.tables.audit_chains import audit_chain_context
from storage.tables.bulk_runs import run_result_context
from storage.tables.form_tests import form_test_context
from storage.tables.idempotent_sends import idempotent_send_context
from storage.tables.installations import installation_context
from storage.tables.outbox import outbox_context
from storage.tables.people import PeopleTable, person_context
from storage.tables.profiles import connection_test_context, profile_context
from storage.tables.program_tokens import program_token_context
from storage.tables.workspaces import workspace_context, workspace_mark_context

Sealed = tuple[Any, Callable[[Any], RecordContext]]
"""A table of sealed records, and the function that returns what the seal of its rows is bound to."""

SEALED: tuple[Sealed, ...] = (
    (ProfileRow, profile_context),
    (ConnectionTestRow, connection_test_context),
    (PersonRow, person_context),
    (WorkspaceRow, workspace_context),
    (WorkspaceMarkRow, workspace_mark_context),
    (InstallationRow, installation_context),
    (AuditDetailRow, audit_detail_context),
    (AuditChainRow, audit_chain_context),
    (RunResultRow, run_result_context),
    (OutboxRow, outbox_context),
    (FormTestRow, form_test_context),
    (AddressConfirmationRow, address_confirmation_context),
    (ProgramTokenRow, program_token_context),
    (IdempotentSendRow, idempotent_send_context),
)

_FRUITLESS_ROUNDS = 5
"""How often a rotation tries again what it could not seal."""


@dataclass(frozen=True)
class _Batch:
    """What one batch did: the record id to go on behind, how many rows it saw and how many it sealed."""

    last: str
    seen: int
    sealed: int


async def reseal(
    database: Database, *, batch: int = 500, pace: float | None = None, pause: float = 0.2
) -> AsyncIterator[tuple[int, int]]:
    """Seal every record again under the first key, online; yields (done, total) after each batch.

    `pace` is the most records a second; None is as quick as the database allows. It continues where an interrupted
    one stopped, and may run on several instances at once. Records that do not open are tried again, each time after
    `pause` seconds more, and then left.
    """
    total = left = await _under_other_keys(database)
    done = fruitless = 0
    yield done, total
    while left and fruitless < _FRUITLESS_ROUNDS:
        before = left
        for sealed in SEALED:
            async for count in _pass_over(database, sealed, batch, pace):
                done += count
                yield done, max(done, total)
        left = await _under_other_keys(database)
        fruitless = fruitless + 1 if left == before else 0
        # What is left was held by a save or by another rotation just now, or opens under no key at all.
        await asyncio.sleep(fruitless * pause)
    await database.forget_deleted()


async def _under_other_keys(database: Database) -> int:
    usage = await database.key_usage()
    return sum(count for key_id, count in usage.items() if key_id != database.keyring.active)


async def _pass_over(database: Database, sealed: Sealed, size: int, pace: float | None) -> AsyncIterator[int]:
    after, seen = "", size
    while seen == size:
        began = time.monotonic()
        async with database.writing_connection() as connection:
            one = await _reseal_batch(connection, database.keyring, sealed, after=after, size=size)
        after, seen = one.last, one.seen
        yield one.sealed
        if pace is not None:
            await asyncio.sleep(max(0.0, one.seen / pace - (time.monotonic() - began)))


async def _reseal_batch(
    connection: AsyncConnection, keyring: Keyring, sealed: Sealed, *, after: str, size: int
) -> _Batch:
    """Seal up to `size` rows behind record id `after`.

    The rows are locked, so no save is lost; a row that somebody else has locked is left for another pass: a save may
    seal it under the first key, or another rotation.
    """
    model, context_of = sealed
    table: Table = model.__table__
    found = await connection.execute(
        select(table)
        .where(table.c.key_id != keyring.active, table.c.record_id > after)
        .order_by(table.c.record_id)
        .limit(size)
        .with_for_update(skip_locked=True)
    )
    rows = found.all()
    # What does not open stays as it is, for whoever finds the right key or the right row again.
    opened = [(row, document) for row in rows if (document := keyring.open_row(row, context_of)) is not None]
    if opened:
        key = table.primary_key.columns
        statement = update(table).where(*(column == bindparam(f"of_{column.name}") for column in key))
        await connection.execute(
            statement.values(key_id=bindparam("key_id"), sealed=bindparam("sealed")),
            [_resealed(keyring, table, row, document, context_of) for row, document in opened],
        )
    if opened and model is PersonRow:
        # What a person is found by is hashed under the key too.
        await PeopleTable(connection, keyring).rehash(opened)
    return _Batch(last=rows[-1].record_id if rows else after, seen=len(rows), sealed=len(opened))


def _resealed(
    keyring: Keyring, table: Table, row: Row[Any], document: bytes, context_of: Callable[[Any], RecordContext]
) -> dict[str, Any]:
    fresh = SimpleNamespace(**{**row._mapping, "key_id": keyring.active})
    which = {f"of_{column.name}": row._mapping[column.name] for column in table.primary_key}
    return {**which, "key_id": keyring.active, "sealed": keyring.seal(document, context_of(fresh))}
