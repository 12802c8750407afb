"""Backups: a copy into a SQLite file that is complete or not there, and a copy back from one."""

import os
import sqlite3
import stat
from contextlib import AsyncExitStack, closing
from pathlib import Path

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.database import Database, UnknownSchemaError
from storage.engines.sqlite import copied_pages, reading_engine, sqlite_engine
from storage.engines.unavailable import DatabaseUnavailableError, translate_driver_errors
from storage.maintenance.copy import Copied, CopyError, UnfinishedCopyError, copy, require_complete
from storage.maintenance.verify import OnProgress


async def back_up(database: Database, file: Path, tell: OnProgress) -> Copied:
    """Write a new file that holds what the database holds at this moment; the bot may go on meanwhile.

    It is a SQLite database of the same schema, its records sealed as they are. Under its name it is complete: until
    then it is called `FILE.partial`. Nobody but its owner can ever read it.

    Raises:
        CopyError: the file is there already or cannot be written.
        Exception: as `storage.maintenance.copy.copy`.
    """
    partial = _claimed(file)
    target = Database(sqlite_engine(URL.create("sqlite", database=str(partial))), database.keyring, writers=1)
    try:
        copied = await copy(database, target, tell)
    except BaseException:
        await target.close()
        if partial.stat().st_size == 0:
            partial.unlink()
        raise
    await target.close()
    _complete(partial, file)
    return copied


def _claimed(file: Path) -> Path:
    """Make the partial file, or find one of an earlier try; what somebody else put there is not written to."""
    if os.path.lexists(file):
        raise CopyError(f"{file} is there already, and a backup takes nothing's place. Name another file.")
    partial = file.with_name(f"{file.name}.partial")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        found = partial.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise CopyError(f"{partial} is not a file of one's own. Remove it, or name another file.") from None
    except OSError as error:
        raise CopyError(f"{partial} cannot be written ({error.strerror}).") from None
    return partial


def _complete(partial: Path, file: Path) -> None:
    """Make one file of database and log, let it reach the disk, and give it its name."""
    with closing(sqlite3.connect(partial, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    _to_disk(partial)
    if os.path.lexists(file):
        raise CopyError(f"{file} came to be meanwhile, so the backup is complete in {partial}.")
    partial.rename(file)
    _to_disk(file.absolute().parent)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def restore(database: Database, file: Path, tell: OnProgress) -> Copied:
    """Bring what a backup holds into an empty database; one of an older version's schema is brought up to date.

    The file itself stays as it is.

    Raises:
        CopyError: the file is no backup; and as `storage.maintenance.copy.copy`.
        KeyMismatchError: the configured keys do not fit the backup's records.
    """
    stored = _stored(file)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(stored.dispose)
        try:
            with translate_driver_errors():
                pages = await stack.enter_async_context(copied_pages(stored))
            backup = Database(pages, database.keyring, writers=1)
            await _bring_up_to_date(backup, file)
        except DatabaseUnavailableError as error:
            raise CopyError(f"{file} cannot be read: {error.fault}.") from None
        return await copy(backup, database, tell)


def _stored(file: Path) -> AsyncEngine:
    if not file.is_file():
        raise CopyError(f"There is no file {file}.")
    return reading_engine(file)


async def _bring_up_to_date(backup: Database, file: Path) -> None:
    try:
        if await backup.schema_revision() is None:
            raise CopyError(f"{file} is no backup: it holds no tables of this program.")
        await backup.upgrade()
        await require_complete(backup)
    except UnfinishedCopyError:
        raise CopyError(f"{file} is not complete: the backup was cut short. Take another one.") from None
    except UnknownSchemaError:
        raise CopyError(f"{file} was made by a newer version of the program; restore it with that one.") from None
