"""Examines keys and database: whether the keys load, the database answers, and both fit each other."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress

from bot.app import unverified_sentence
from bot.doctor.finding import DATABASE, KEYS, SETTINGS, Finding, bad, good
from bot.encryption_keys import load_keyring
from bot.settings import KEY_SETTINGS, Settings, SettingsError
from storage.crypto.key_checks import KeyMismatchError
from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database, OutdatedSchemaError, UnknownSchemaError
from storage.engines.transactions import DatabaseFault, DatabaseUnavailableError
from storage.maintenance.copy import UnfinishedCopyError, require_complete

_REMEDIES = {
    DatabaseFault.SILENT: "See whether it runs, and whether host, port, user and password in the address are right.",
    DatabaseFault.BUSY: "See what else works on it, and how many connections it allows.",
    DatabaseFault.NOT_WRITABLE: "Make room on its disk, and let the bot's user write there.",
    DatabaseFault.UNCERTAIN: "See whether it restarts again and again.",
    DatabaseFault.DAMAGED: "Restore the last backup with `email-profile-bot db restore`, or correct the address.",
}


class _RollbackError(Exception):
    """Ends a transaction so that nothing is written."""


Further = Callable[[Database], Awaitable[list[Finding]]]
"""Examines what is stored in a database that is good."""


async def storing_findings(loaded: Settings, malformed: Mapping[str, str], further: Further) -> list[Finding]:
    """Examine keys and database; without usable keys, the database alone. `malformed` are settings to leave out."""
    if "DATABASE_URL" in malformed:
        return []
    found: list[Finding] = []
    keyring = None
    try:
        if not any(name in malformed for name in KEY_SETTINGS):
            keyring = await load_keyring(loaded)
    except SettingsError as error:
        found.append(bad(SETTINGS, str(error)))
    try:
        # A Database needs a keyring; the one made here seals and opens nothing.
        async with _database(loaded, keyring or Keyring.from_text(generate_key())) as database:
            found.extend(await _database_findings(database, further, keys_open=keyring is not None))
            if unverified := unverified_sentence(database):
                found.append(good(DATABASE, f"a warning: {unverified}"))
    except SettingsError as error:
        found.append(bad(SETTINGS, str(error)))
    return found


@asynccontextmanager
async def _database(loaded: Settings, keyring: Keyring) -> AsyncIterator[Database]:
    try:
        database = Database.connect(loaded.database_url.get_secret_value(), keyring)
    except ValueError as error:
        raise SettingsError({"DATABASE_URL": str(error)}) from None
    try:
        yield database
    finally:
        await database.close()


async def _database_findings(database: Database, further: Further, *, keys_open: bool) -> list[Finding]:
    file = database.sqlite_file
    try:
        if file is not None and not file.exists():
            return [good(DATABASE, f"{file.absolute()} is not there yet; the first start makes it.")]
        if file is not None and await database.schema_revision() is None:
            return [good(DATABASE, f"nothing is in {file.absolute()} yet; the first start makes its tables.")]
        await database.require_schema()
        await require_complete(database)
        with suppress(_RollbackError):
            async with database.writing() as tx:
                # Only a write finds that the disk is full or the database read-only.
                await tx.requests.take("check", seconds=1)
                raise _RollbackError
    except DatabaseUnavailableError as error:
        why = f"DATABASE_URL: {error.fault}. {_REMEDIES[error.fault]}"
        return [bad(DATABASE, why)]
    except (OutdatedSchemaError, UnknownSchemaError, UnfinishedCopyError) as error:
        return [bad(DATABASE, str(error))]
    answers = f"it answers and can be written, and its schema is at {database.head_revision}"
    if not keys_open:
        return [good(DATABASE, f"{answers}; whether the keys fit it is not known.")]
    found = await _key_findings(database, answers)
    if all(finding.good for finding in found):
        found.extend(await further(database))
    return found


async def _key_findings(database: Database, answers: str) -> list[Finding]:
    try:
        new = await database.compare_keys()
    except KeyMismatchError as error:
        found = bad(KEYS, str(error))
        return [found, good(DATABASE, f"{answers}.")]
    records = sum((await database.key_usage()).values())
    first = f"{database.key_ids[0]} seals"
    added = f"; not used yet: {', '.join(new)}" if new else ""
    return [
        good(KEYS, f"they open what they sealed; {first}{added}."),
        good(DATABASE, f"{answers}; the keys of all {records} records are there."),
    ]
