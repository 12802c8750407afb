"""The database: engine, transactions, schema, and the check of the keys against the records."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel import select, text

from storage import migrations
from storage.crypto import key_checks
from storage.crypto.key_checks import KeyState
from storage.crypto.keyring import Keyring
from storage.engines.connections import connected, dispose
from storage.engines.observer import Observer, observe
from storage.engines.sqlite import copied_pages, remove_file, sqlite_engine
from storage.engines.transactions import (
    BEGIN,
    DatabaseUnavailableError,
    begin_long_reading,
    begin_reading,
    begin_single_read,
    begin_writing,
    commit,
    transaction,
    translate_driver_errors,
    without_timeouts,
)
from storage.models import AuditChainRow
from storage.tables.address_confirmations import AddressConfirmationTable
from storage.tables.audit import AuditTable
from storage.tables.bulk_runs import BulkRunTable
from storage.tables.form_tests import FormTestTable
from storage.tables.home_tabs import HomeTable
from storage.tables.idempotent_sends import IdempotentSendTable
from storage.tables.installations import InstallationTable
from storage.tables.leases import LeaseTable
from storage.tables.limits import LimitTable, SeenRequestTable
from storage.tables.oauth_states import OAuthStateTable
from storage.tables.outbox import OutboxTable
from storage.tables.password_links import PasswordLinkTable
from storage.tables.people import PeopleTable
from storage.tables.people_readings import PeopleReadingTable
from storage.tables.profiles import ConnectionTestTable, ProfileTable, ProfileWithLastTest
from storage.tables.program_tokens import ProgramTokenTable
from storage.tables.running_tests import RunningTestTable
from storage.tables.table import now
from storage.tables.workspaces import WorkspaceTable


class OutdatedSchemaError(Exception):
    """The database's schema is that of an older version of the program, or there is none."""

    def __init__(self, revision: str | None, needed: str) -> None:
        is_at = f"at {revision}" if revision else "not there yet"
        super().__init__(
            f"DATABASE_URL: the database's schema is {is_at}, and this version needs {needed}. "
            "Run `email-profile-bot db upgrade` first."
        )


class UnknownSchemaError(Exception):
    """The database's schema is not one that this version of the program knows: a newer one made it."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"DATABASE_URL: the database's schema is at {revision}, which this version of the program does not know "
            "(a newer one made it). Install that version again; `email-profile-bot db current` compares the two."
        )


class Transaction:
    """The tables, inside one transaction; each is made when it is used."""

    def __init__(self, connection: AsyncConnection, keyring: Keyring) -> None:
        self.connection = connection
        self.keyring = keyring

    profiles = cached_property(lambda tx: ProfileTable(tx.connection, tx.keyring))
    tests = cached_property(lambda tx: ConnectionTestTable(tx.connection, tx.keyring))
    audit = cached_property(lambda tx: AuditTable(tx.connection, tx.keyring))
    limits = cached_property(lambda tx: LimitTable(tx.connection, tx.keyring))
    people = cached_property(lambda tx: PeopleTable(tx.connection, tx.keyring))
    readings = cached_property(lambda tx: PeopleReadingTable(tx.connection, tx.keyring))
    outbox = cached_property(lambda tx: OutboxTable(tx.connection, tx.keyring))
    workspaces = cached_property(lambda tx: WorkspaceTable(tx.connection, tx.keyring))
    links = cached_property(lambda tx: PasswordLinkTable(tx.connection, tx.keyring))
    form_tests = cached_property(lambda tx: FormTestTable(tx.connection, tx.keyring))
    confirmations = cached_property(lambda tx: AddressConfirmationTable(tx.connection, tx.keyring))
    program_tokens = cached_property(lambda tx: ProgramTokenTable(tx.connection, tx.keyring))
    idempotent_sends = cached_property(lambda tx: IdempotentSendTable(tx.connection, tx.keyring))
    running_tests = cached_property(lambda tx: RunningTestTable(tx.connection, tx.keyring))
    runs = cached_property(lambda tx: BulkRunTable(tx.connection, tx.keyring))
    homes = cached_property(lambda tx: HomeTable(tx.connection, tx.keyring))
    leases = cached_property(lambda tx: LeaseTable(tx.connection, tx.keyring))
    installations = cached_property(lambda tx: InstallationTable(tx.connection, tx.keyring))
    oauth_states = cached_property(lambda tx: OAuthStateTable(tx.connection, tx.keyring))
    requests = cached_property(lambda tx: SeenRequestTable(tx.connection, tx.keyring))


@dataclass(frozen=True, kw_only=True)
class Connections:
    """Connections of one database: those in use now, and how many are kept open at most."""

    used: int
    kept: int


class Database:
    """One database, SQLite or PostgreSQL; make it with `connect`, end it with `close`."""

    def __init__(
        self, engine: AsyncEngine, keyring: Keyring, *, writers: int, unverified_hosts: Sequence[str] = ()
    ) -> None:
        """`writers` is how many transactions write at a time; `unverified_hosts` as the attribute."""
        self._engine = engine
        self.unverified_hosts = tuple(unverified_hosts)
        """The hosts beyond this machine that are connected to without checking who they are."""
        self._keyring = keyring
        self._file_was_missing = self.sqlite_file is not None and not self.sqlite_file.exists()
        self._writers = asyncio.Semaphore(writers)
        # On SQLite a single SELECT needs no transaction around it, and a writer takes its lock before it reads.
        self._single_reads = engine.execution_options(**{BEGIN: ""})
        self._writes = engine.execution_options(**{BEGIN: "BEGIN IMMEDIATE"})

    @classmethod
    def connect(cls, url: str, keyring: Keyring) -> "Database":
        """Prepare a database at a plain URL (`sqlite:///…`, `postgresql://…`); it connects when first used.

        Raises:
            ValueError: the address is of another kind, or the SQLite file cannot be created.
        """
        if url.startswith("postgresql://"):
            from storage.engines import postgresql  # noqa: PLC0415 - slow to import, not for SQLite

            values = postgresql.connection_values(url)
            engine, unverified = postgresql.postgresql_engine(values), postgresql.unverified_hosts(values)
            # Writers that wait for each other leave connections for those who read.
            return cls(engine, keyring, writers=postgresql.POOL, unverified_hosts=unverified)
        try:
            address = make_url(url)
        except ArgumentError:
            raise ValueError("this is not a database address.") from None
        if address.drivername == "sqlite":
            # SQLite has one writer at a time anyway, and a semaphore waits better than its busy handler.
            return cls(sqlite_engine(address), keyring, writers=1)
        raise ValueError("this is neither a sqlite:/// nor a postgresql:// address.")

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded database."""
        return self._engine.dialect.name == "sqlite"

    @property
    def sqlite_file(self) -> Path | None:
        """The file of the embedded database; None for PostgreSQL."""
        return Path(self._engine.url.database or "") if self.is_sqlite else None

    @property
    def keyring(self) -> Keyring:
        """The configured keys; they show in no repr."""
        return self._keyring

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids of the configured keys, the sealing one first."""
        return self._keyring.key_ids

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Read in one transaction.

        Raises:
            DatabaseUnavailableError: the database does not do what it is asked.
        """
        async with self.reading_connection() as connection:
            yield Transaction(connection, self._keyring)

    @asynccontextmanager
    async def reading_connection(self) -> AsyncIterator[AsyncConnection]:
        """As `reading`, for what reads across tables."""
        with translate_driver_errors():
            async with transaction(self._engine, begin_reading) as begun:
                yield begun.connection

    async def profile_with_last_test(self, workspace: str, user: str) -> ProfileWithLastTest:
        """Read and open one person's profile and last test: what every command begins with.

        Raises:
            DatabaseUnavailableError: the database does not do what it is asked.
        """
        with translate_driver_errors():
            async with transaction(self._single_reads, begin_single_read) as begun:
                return await Transaction(begun.connection, self._keyring).profiles.with_last_test(workspace, user)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Transaction]:
        """Write in one transaction: committed at the end of the block, rolled back on an error.

        Raises:
            DatabaseUnavailableError: the database does not do what it is asked, and nothing was changed; or whether
                something was could not be found out (UNCERTAIN).
        """
        async with self.writing_connection() as connection:
            yield Transaction(connection, self._keyring)

    @asynccontextmanager
    async def writing_connection(self) -> AsyncIterator[AsyncConnection]:
        """As `writing`, for what reads and writes across tables."""
        with translate_driver_errors():
            async with self._writers, transaction(self._writes, begin_writing) as begun:
                yield begun.connection
                await commit(self._engine, begun)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """Read everything as it is at one moment, for as long as it takes, without blocking writers.

        Raises:
            DatabaseUnavailableError: the database does not do what it is asked.
        """
        with translate_driver_errors():
            if self.is_sqlite:
                async with copied_pages(self._engine) as engine, connected(engine) as connection:
                    yield connection
            else:
                async with transaction(self._engine, begin_long_reading) as begun:
                    yield begun.connection

    async def now(self) -> datetime:
        """Return the time by the database's clock, which all instances share; aware UTC.

        Raises:
            DatabaseUnavailableError: it does not answer.
        """
        async with self.reading_connection() as connection:
            seconds = await connection.scalar(select(now(connection)))
        return datetime.fromtimestamp(float(seconds or 0), UTC)

    async def ping(self) -> None:
        """Make one round trip.

        Raises:
            DatabaseUnavailableError: it does not answer.
        """
        await self.now()

    def connections(self) -> Connections:
        """Return how many connections are in use now, and how many are kept open at most."""
        pool: Any = self._engine.pool
        return Connections(used=pool.checkedout(), kept=pool.size())

    def observe(self, observer: Observer) -> None:
        """Call `observer` at the end of every transaction from now on."""
        observe(self._engine, observer)

    async def close(self) -> None:
        """Close every connection, one that is in use as soon as it is given back.

        A SQLite file that was made since `connect`, and has no tables, is removed.
        """
        await self._close(self._has_no_tables)

    async def close_failed(self) -> None:
        """As `close`, after a start that failed: a new SQLite file in which nothing is sealed is removed, too."""
        await self._close(self._has_no_records)

    async def _close(self, is_unused: Callable[[], Awaitable[bool]]) -> None:
        file, unused = self.sqlite_file, False
        try:
            if file is not None and self._file_was_missing and file.exists():
                with suppress(DatabaseUnavailableError):
                    unused = await is_unused()
        finally:
            await dispose(self._engine)
        if file is not None and unused:
            remove_file(file)

    async def _has_no_tables(self) -> bool:
        return await self.schema_revision() is None

    async def _has_no_records(self) -> bool:
        return await self._has_no_tables() or not any((await self.key_usage()).values())

    async def forget_deleted(self) -> None:
        """Remove deleted rows' bytes from the write-ahead log too (SQLite; nothing to do on PostgreSQL)."""
        if self.is_sqlite:
            async with self._writers, connected(self._single_reads) as connection:
                await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))

    # The schema

    @property
    def head_revision(self) -> str:
        """The schema revision that this version of the program needs."""
        return migrations.head_revision()

    async def require_schema(self) -> None:
        """Check that the schema is the one of this version.

        Raises:
            UnknownSchemaError: it is a newer one.
            OutdatedSchemaError: it is an older one, or there is none.
            DatabaseUnavailableError: the database does not answer.
        """
        revision = await self.schema_revision()
        _require_known(revision)
        if revision != self.head_revision:
            raise OutdatedSchemaError(revision, self.head_revision)

    async def schema_revision(self) -> str | None:
        """Read the schema revision of the database; None when it has no schema yet."""
        async with self.reading_connection() as connection:
            return await connection.run_sync(migrations.current_revision)

    async def upgrade(self) -> None:
        """Upgrade the schema to `head_revision`; safe when two instances do it at once.

        Histories from before they were chains begin under a sealed mark.

        Raises:
            UnknownSchemaError: the schema is that of a newer version of the program.
            KeyMismatchError: there are such histories, and the keys do not fit the records.
            DatabaseUnavailableError: it does not answer.
        """
        async with self.writing_connection() as connection:
            if not self.is_sqlite:
                # Who waits here waits for another upgrade, which may take long on a large database.
                await without_timeouts(connection, "lock_timeout", "statement_timeout")
                # Held to the end of the transaction; the number only has to be ours.
                await connection.execute(text("SELECT pg_advisory_xact_lock(7305461)"))
            revision = await connection.run_sync(migrations.current_revision)
            if revision == self.head_revision:
                return
            _require_known(revision)
            from storage.migrations import upgrade as running  # noqa: PLC0415 - slow to import, and seldom wanted

            chained = await connection.run_sync(migrations.has_table, AuditChainRow.__tablename__)
            await connection.run_sync(running.upgrade)
            if not chained:
                await self._begin_chains(connection)

    async def _begin_chains(self, connection: AsyncConnection) -> None:
        from storage.maintenance.histories_as_found import all_subjects, take_as_found  # noqa: PLC0415 - as above

        subjects = await all_subjects(connection)
        if subjects:
            # What is sealed under a wrong key would never open.
            await key_checks.check(connection, self._keyring)
            await take_as_found(connection, self._keyring, subjects)

    # The keys

    async def compare_keys(self) -> list[str]:
        """Check that the configured keys match check values and records, writing nothing; returns ids of new keys.

        Raises:
            KeyMismatchError: the keys do not fit the records; it names the key that is at fault.
        """
        async with self.reading_connection() as connection:
            return await key_checks.check(connection, self._keyring)

    async def check_keys(self) -> None:
        """Check that the configured keys match check values and records; store check values of new keys.

        Raises:
            KeyMismatchError: the keys do not fit the records; it names the key that is at fault.
        """
        new = await self.compare_keys()
        if new:
            async with self.writing_connection() as connection:
                await key_checks.add_check_values(connection, self._keyring, new)

    async def use_keys(self, keyring: Keyring) -> None:
        """Seal and open with another keyring from the next transaction on, if it fits the records.

        Raises:
            KeyMismatchError: it does not, and the old one stays.
        """
        # In a writer's transaction, so that on SQLite nobody seals under an old key between check and change.
        async with self.writing_connection() as connection:
            await key_checks.add_check_values(connection, keyring, await key_checks.check(connection, keyring))
        self._keyring = keyring

    async def check_workspaces(self) -> list[str]:
        """Return the workspaces whose record cannot be relied on; make the marks of those that have none yet."""
        async with self.reading() as tx:
            found = await tx.workspaces.survey()
        if found.unmarked:
            async with self.writing() as tx:
                await tx.workspaces.add_marks()
        return found.unreadable

    async def key_usage(self) -> dict[str, int]:
        """Count the records that each key seals."""
        async with self.reading_connection() as connection:
            return await key_checks.usage(connection)

    async def key_states(self) -> list[KeyState]:
        """Describe every key that is configured, known or needed, the configured ones first."""
        async with self.reading_connection() as connection:
            return await key_checks.states(connection, self._keyring)

    async def retire_key(self, key_id: str) -> None:
        """Store that a key is needed no more, so that nothing starts with it.

        Raises:
            KeyRetirementError: the key is unknown, seals new records, is needed still, or was retired before.
        """
        async with self.writing_connection() as connection:
            await key_checks.retire(connection, self._keyring, key_id)


def _require_known(revision: str | None) -> None:
    if revision is not None and revision not in migrations.revisions():
        raise UnknownSchemaError(revision)
