"""When the database does not do what it is asked: troubles told apart, and the fate of a commit without an answer."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

log = logging.getLogger(__name__)

PATIENCE = 1.2
"""Seconds that are waited for a database that restarts: Slack itself waits 3 s for an answer."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.4

_TRANSACTION_ID = text("SELECT CAST(pg_current_xact_id() AS text)")
_FATE = text("SELECT pg_xact_status(CAST(CAST(:id AS text) AS xid8))")


class DatabaseFault(StrEnum):
    """What is wrong with the database."""

    SILENT = "it does not answer"
    BUSY = "it is too busy"
    NOT_WRITABLE = "it cannot be written: its disk is full, or it is read-only"
    UNCERTAIN = "it stopped answering while a change was made"
    DAMAGED = "its file is damaged, or no database"


class DatabaseUnavailableError(Exception):
    """The database cannot be used now. Nothing was changed, except that with UNCERTAIN nobody knows."""

    def __init__(self, fault: DatabaseFault) -> None:
        """Keep the kind; the driver's own words may name hosts and people."""
        super().__init__(f"the database is unavailable: {fault}")
        self.fault = fault


# SQLSTATEs of https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL = {
    "53100": DatabaseFault.NOT_WRITABLE,  # disk_full
    "25006": DatabaseFault.NOT_WRITABLE,  # read_only_sql_transaction
    "57014": DatabaseFault.BUSY,  # query_canceled: by a time-out
    "55P03": DatabaseFault.BUSY,  # lock_not_available
    "40P01": DatabaseFault.BUSY,  # deadlock_detected
    "40001": DatabaseFault.BUSY,  # serialization_failure
    "53300": DatabaseFault.BUSY,  # too_many_connections
    "25P03": DatabaseFault.SILENT,  # idle_in_transaction_session_timeout
}

# Primary result codes of https://www.sqlite.org/rescode.html; extended ones begin with these names.
_SQLITE = (
    (DatabaseFault.NOT_WRITABLE, ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR")),
    (DatabaseFault.BUSY, ("SQLITE_BUSY", "SQLITE_LOCKED")),
    (DatabaseFault.SILENT, ("SQLITE_CANTOPEN",)),
    (DatabaseFault.DAMAGED, ("SQLITE_CORRUPT", "SQLITE_NOTADB")),
)


def fault_of(error: BaseException) -> DatabaseFault | None:
    """Tell what an error says of the database; None when it is a fault of ours."""
    if isinstance(error, PoolTimeoutError):
        return DatabaseFault.BUSY
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        name = getattr(cause, "sqlite_errorname", "")
        return next((trouble for trouble, names in _SQLITE if name.startswith(names)), None)
    if isinstance(cause, OSError):
        return DatabaseFault.SILENT
    if trouble := _POSTGRESQL.get(str(getattr(cause, "sqlstate", None))):
        return trouble
    gone = isinstance(error, OperationalError | InterfaceError)
    return DatabaseFault.SILENT if gone or (isinstance(error, DBAPIError) and error.connection_invalidated) else None


@contextmanager
def translate_driver_errors() -> Iterator[None]:
    """Turn a driver's errors about the database's state into DatabaseUnavailableError; others pass."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        trouble = fault_of(error)
        if trouble is None:
            raise
        log.warning("The database is unavailable: %s (%s).", trouble, type(error).__name__)
        raise DatabaseUnavailableError(trouble) from error


@dataclass(frozen=True)
class Opened:
    """A transaction that was begun, and on PostgreSQL its id where it is going to write."""

    connection: AsyncConnection
    transaction_id: str | None = None


async def opened_for_reading(connection: AsyncConnection) -> Opened:
    """Begin a transaction that reads."""
    await connection.begin()
    return Opened(connection)


async def opened_for_long_reading(connection: AsyncConnection) -> Opened:
    """Begin a transaction on PostgreSQL that reads everything as it stands now, and may take its time over it."""
    await connection.begin()
    await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
        await connection.execute(text(f"SET LOCAL {setting} = 0"))
    # The snapshot is taken with the first statement that reads.
    await connection.execute(text("SELECT 1"))
    return Opened(connection)


async def opened_for_writing(connection: AsyncConnection) -> Opened:
    """Begin a transaction that writes, and learn the id by which PostgreSQL will know its fate."""
    await connection.begin()
    if connection.dialect.name == "sqlite":
        return Opened(connection)
    return Opened(connection, await connection.scalar(_TRANSACTION_ID))


@asynccontextmanager
async def opened(
    engine: AsyncEngine, begin: Callable[[AsyncConnection], Awaitable[Opened]], *, patience: float = PATIENCE
) -> AsyncIterator[Opened]:
    """Connect and begin, trying again while the database restarts: nothing is done yet that could be done twice.

    What is not committed in the block is undone. Raises whatever the driver raised last, when `patience` seconds are
    over or the trouble is of another kind.
    """
    async with AsyncExitStack() as stack:
        yield await _patiently_opened(engine, begin, patience, stack)


async def _patiently_opened(
    engine: AsyncEngine, begin: Callable[[AsyncConnection], Awaitable[Opened]], patience: float, stack: AsyncExitStack
) -> Opened:
    loop = asyncio.get_running_loop()
    until, pause = loop.time() + patience, _FIRST_PAUSE
    while True:
        try:
            async with AsyncExitStack() as trying:
                # Leaving this block closes the connection even for a task that is cancelled meanwhile.
                transaction = await begin(await trying.enter_async_context(engine.connect()))
                stack.push_async_exit(trying.pop_all())
                return transaction
        except (SQLAlchemyError, OSError) as error:
            if fault_of(error) is not DatabaseFault.SILENT or loop.time() + pause > until:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


async def commit(engine: AsyncEngine, transaction: Opened) -> None:
    """Commit; when the answer is lost, ask what became of the transaction.

    PostgreSQL knows the fate of a recent transaction by its id, also after a crash
    (https://www.postgresql.org/docs/current/functions-info.html, pg_xact_status).

    Raises:
        DatabaseUnavailableError: it was not carried out, or (UNCERTAIN) that could not be learnt.
    """
    try:
        await transaction.connection.commit()
    except (SQLAlchemyError, OSError) as error:
        trouble = fault_of(error)
        if trouble is None:
            raise
        known = transaction.transaction_id
        if known is None or trouble is not DatabaseFault.SILENT:
            raise DatabaseUnavailableError(trouble) from error
        if not await _was_carried_out(engine, known):
            raise DatabaseUnavailableError(DatabaseFault.SILENT) from error
        log.info("The database stopped answering at a commit; it was carried out.")


async def _was_carried_out(engine: AsyncEngine, transaction_id: str) -> bool:
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    try:
        while True:
            async with opened(engine, opened_for_reading, patience=until - loop.time()) as asking:
                fate = await asking.connection.scalar(_FATE, {"id": transaction_id})
            if fate != "in progress":
                return bool(fate == "committed")
            if loop.time() > until:
                raise DatabaseUnavailableError(DatabaseFault.UNCERTAIN)
            await asyncio.sleep(_FIRST_PAUSE)
    except (SQLAlchemyError, OSError) as error:
        raise DatabaseUnavailableError(DatabaseFault.UNCERTAIN) from error
