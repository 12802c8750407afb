"""Backups of a SQLite database by SQLite itself (https://www.sqlite.org/backup.html): one file of one moment."""

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

from sqlalchemy.engine import URL

from storage.crypto.keyring import Keyring
from storage.database import Database, UnknownSchemaError
from storage.engines.sqlite import sqlite_engine
from storage.engines.transactions import DatabaseUnavailableError
from storage.maintenance.copy import NO_CONTENT, CopyError, require_complete
from storage.maintenance.row_batches import OnProgress
from storage.maintenance.verify import SealedTable, verify


async def back_up(database: Database, file: Path, on_progress: OnProgress) -> list[SealedTable]:
    """Write a new file that holds what the database holds at this moment; the bot may go on meanwhile.

    Its records are sealed as they are, and all of them are opened in it before it gets its name. Nobody but its owner
    can ever read it. Returns what became of the records of each table.

    Raises:
        CopyError: the database is not SQLite or is damaged; the file is there already or cannot be written.
        OutdatedSchemaError: the database's schema is an older one.
        UnknownSchemaError: it is a newer one.
        UnfinishedCopyError: the database is an unfinished copy.
        KeyMismatchError: the configured keys do not fit the records.
        DatabaseUnavailableError: the database does not do what it is asked.
    """
    source = _file_of(database)
    await database.require_schema()
    await require_complete(database)
    await database.compare_keys()
    _require_no_file(file)
    with _partial_file(beside=file) as partial:
        await asyncio.to_thread(_copy_pages, source, partial)
        async with _opened(partial, database.keyring) as copied:
            verdict = await verify(copied, on_progress)
        if verdict.damage:
            raise CopyError(f"The database is damaged ({verdict.damage[0]}). Restore the last good backup.")
        _complete(partial, file)
    return verdict.tables


async def restore(database: Database, file: Path, on_progress: OnProgress) -> list[SealedTable]:
    """Bring what a backup holds into an empty SQLite database; an older version's schema is brought up to date.

    The backup stays as it is, and the database too until everything in the backup is known to be good. Returns what
    became of the records of each table.

    Raises:
        CopyError: the file is no backup or is damaged; the database is not SQLite, or not empty.
        KeyMismatchError: the configured keys do not fit the backup's records.
    """
    target = _file_of(database)
    _require_empty(target)
    with _partial_file(beside=target) as partial:
        await asyncio.to_thread(_copy_pages, file, partial)
        try:
            async with _opened(partial, database.keyring) as backup:
                if await backup.schema_revision() is None:
                    raise CopyError(f"{file} is no backup: it holds no tables of this program.")
                await backup.upgrade()
                await backup.compare_keys()
                verdict = await verify(backup, on_progress)
        except UnknownSchemaError:
            raise CopyError(f"{file} was made by a newer version of the program; restore it with that one.") from None
        except DatabaseUnavailableError as error:
            raise CopyError(f"{file} cannot be read: {error.fault}.") from None
        if verdict.damage:
            raise CopyError(f"{file} is damaged ({verdict.damage[0]}). Restore another backup.")
        # A new file is the owner's alone. One transaction: whatever happens, the database is as it was, or whole.
        target.touch(mode=0o600)
        await asyncio.to_thread(_copy_pages, partial, target)
    return verdict.tables


def _file_of(database: Database) -> Path:
    if database.sqlite_file is None:
        raise CopyError(
            "DATABASE_URL: PostgreSQL is backed up by its own `pg_dump --format=custom` and restored by `pg_restore`."
        )
    return database.sqlite_file


@asynccontextmanager
async def _opened(file: Path, keyring: Keyring) -> AsyncIterator[Database]:
    database = Database(sqlite_engine(URL.create("sqlite", database=str(file))), keyring, writers=1)
    try:
        yield database
    finally:
        await database.close()


@contextmanager
def _partial_file(*, beside: Path) -> Iterator[Path]:
    """Make an empty file of a new name for its owner alone, and delete it if it is still there after the block."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f"{beside.name}.", suffix=".partial", dir=beside.absolute().parent)
    except OSError as error:
        raise CopyError(f"Nothing can be written beside {beside} ({error.strerror}).") from None
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _copy_pages(source: Path, target: Path) -> None:
    """Copy a whole database in one step, so that people who save meanwhile neither get into it nor begin it anew."""
    try:
        with closing(_reading(source)) as reading, closing(sqlite3.connect(target)) as writing:
            reading.backup(writing)
    except sqlite3.Error as error:
        raise CopyError(f"{source} cannot be copied to {target} ({error}).") from None


def _reading(file: Path) -> sqlite3.Connection:
    if not file.is_file():
        # SQLite would make one.
        raise CopyError(f"There is no file {file}.")
    return sqlite3.connect(file)


def _require_empty(file: Path) -> None:
    """Check that a database holds no rows but those of one that was only looked at, or is not there."""
    if not file.exists():
        return
    try:
        with closing(_reading(file)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
            for table in {name for (name,) in tables} - {*NO_CONTENT, "alembic_version", "sqlite_sequence"}:
                quoted = table.replace('"', '""')
                if connection.execute(f'SELECT 1 FROM "{quoted}" LIMIT 1').fetchone():  # noqa: S608 - no value
                    raise CopyError(
                        f"The target is not empty: there are rows in {table}. Nothing was changed; name an empty "
                        "database."
                    )
    except sqlite3.Error as error:
        raise CopyError(f"The target cannot be used ({error}).") from None


def _require_no_file(file: Path) -> None:
    if os.path.lexists(file):
        raise CopyError(f"{file} is there already, and a backup takes nothing's place. Name another file.")


def _complete(partial: Path, file: Path) -> None:
    """Make one file of database and log, let it reach the disk, and give it its name."""
    with closing(sqlite3.connect(partial, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    _to_disk(partial)
    _require_no_file(file)
    partial.rename(file)
    _to_disk(file.absolute().parent)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
