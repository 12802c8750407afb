"""Transactions: how they begin, what it means when they cannot, and commits whose answer is lost."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage.engines.connections import close, connect

log = logging.getLogger(__name__)

RECONNECT_SECONDS = 1.2
"""How long a transaction waits for a database that restarts: Slack itself waits 3 s for an answer."""

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 0.4

# SQL, because only PostgreSQL has these.
_TRANSACTION_ID = text("SELECT CAST(pg_current_xact_id() AS text)")
_STATUS = text("SELECT pg_xact_status(CAST(CAST(:id AS text) AS xid8))")

BEGIN = "sqlite_begin"
"""The execution option that holds the statement a transaction begins with; "" where a single SELECT needs none."""


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
        # Without the driver's own words, which may name hosts and people.
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
    """Return what an error says of the database; None when the fault is ours."""
    if isinstance(error, PoolTimeoutError):
        return DatabaseFault.BUSY
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        name = getattr(cause, "sqlite_errorname", "")
        return next((fault for fault, names in _SQLITE if name.startswith(names)), None)
    if isinstance(cause, OSError):
        return DatabaseFault.SILENT
    if fault := _POSTGRESQL.get(str(getattr(cause, "sqlstate", None))):
        return fault
    gone = isinstance(error, OperationalError | InterfaceError)
    return DatabaseFault.SILENT if gone or (isinstance(error, DBAPIError) and error.connection_invalidated) else None


@contextmanager
def translate_driver_errors() -> Iterator[None]:
    """Raise DatabaseUnavailableError in place of a driver's errors about the database's state; others pass."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        fault = fault_of(error)
        if fault is None:
            raise
        log.warning("The database is unavailable: %s (%s).", fault, type(error).__name__)
        raise DatabaseUnavailableError(fault) from error


@dataclass(frozen=True)
class Begun:
    """A transaction that has begun, and on PostgreSQL its id where it is going to write."""

    connection: AsyncConnection
    transaction_id: str | None = None


Begin = Callable[[AsyncConnection], Awaitable[Begun]]


async def begin_reading(connection: AsyncConnection) -> Begun:
    """Begin a transaction that reads."""
    await connection.begin()
    return Begun(connection)


async def begin_single_read(connection: AsyncConnection) -> Begun:
    """Begin what is a single SELECT, which needs no transaction around it."""
    return Begun(connection)


async def begin_long_reading(connection: AsyncConnection) -> Begun:
    """Begin a transaction on PostgreSQL that reads everything as it is now, for as long as it takes."""
    await connection.begin()
    # SQL, because these are settings of PostgreSQL's own.
    await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    await without_timeouts(connection, "statement_timeout", "idle_in_transaction_session_timeout")
    # The snapshot is taken with the first statement that reads.
    await connection.execute(text("SELECT 1"))
    return Begun(connection)


async def begin_writing(connection: AsyncConnection) -> Begun:
    """Begin a transaction that writes, and read the id by which PostgreSQL will know what became of it."""
    await connection.begin()
    if connection.dialect.name == "sqlite":
        return Begun(connection)
    return Begun(connection, await connection.scalar(_TRANSACTION_ID))


def begin_on_sqlite(connection: Connection) -> None:
    """Begin a transaction with the statement that its connection asks for: a listener of SQLAlchemy's "begin"."""
    statement = connection.get_execution_options().get(BEGIN, "BEGIN")
    if statement:
        connection.exec_driver_sql(statement)


async def without_timeouts(connection: AsyncConnection, *settings: str) -> None:
    """Turn time-outs of PostgreSQL's off for a transaction that may take long."""
    for setting in settings:
        await connection.execute(text(f"SET LOCAL {setting} = 0"))


@asynccontextmanager
async def transaction(
    engine: AsyncEngine, begin: Begin, *, reconnect_seconds: float = RECONNECT_SECONDS
) -> AsyncIterator[Begun]:
    """Connect and begin, again while the database restarts: nothing is done yet that could be done twice.

    What is not committed in the block is rolled back. Raises whatever the driver raised last, when
    `reconnect_seconds` are over or the fault is of another kind.
    """
    begun = await _begun(engine, begin, reconnect_seconds)
    try:
        yield begun
    finally:
        await close(begun.connection)


async def _begun(engine: AsyncEngine, begin: Begin, reconnect_seconds: float) -> Begun:
    loop = asyncio.get_running_loop()
    until, pause = loop.time() + reconnect_seconds, _FIRST_PAUSE_SECONDS
    while True:
        try:
            connection = await connect(engine)
            try:
                return await begin(connection)
            except BaseException:
                await close(connection)
                raise
        except (SQLAlchemyError, OSError) as error:
            if fault_of(error) is not DatabaseFault.SILENT or loop.time() + pause > until:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


async def commit(engine: AsyncEngine, begun: Begun) -> None:
    """Commit; when the answer is lost, ask what became of the transaction.

    PostgreSQL knows what became of a recent transaction by its id, also after a crash
    (https://www.postgresql.org/docs/current/functions-info.html, pg_xact_status).

    Raises:
        DatabaseUnavailableError: it was not committed, or (UNCERTAIN) that could not be found out.
    """
    try:
        await begun.connection.commit()
    except (SQLAlchemyError, OSError) as error:
        fault = fault_of(error)
        if fault is None:
            raise
        if begun.transaction_id is None or fault is not DatabaseFault.SILENT:
            raise DatabaseUnavailableError(fault) from error
        if not await _was_committed(engine, begun.transaction_id):
            raise DatabaseUnavailableError(DatabaseFault.SILENT) from error
        log.info("The database stopped answering at a commit; it was carried out.")


async def _was_committed(engine: AsyncEngine, transaction_id: str) -> bool:
    loop = asyncio.get_running_loop()
    until = loop.time() + RECONNECT_SECONDS
    try:
        while True:
            async with transaction(engine, begin_reading, reconnect_seconds=until - loop.time()) as asking:
                status = await asking.connection.scalar(_STATUS, {"id": transaction_id})
            if status != "in progress":
                return bool(status == "committed")
            if loop.time() > until:
                raise DatabaseUnavailableError(DatabaseFault.UNCERTAIN)
            await asyncio.sleep(_FIRST_PAUSE_SECONDS)
    except (SQLAlchemyError, OSError) as error:
        raise DatabaseUnavailableError(DatabaseFault.UNCERTAIN) from error
