"""The database: engine, transactions, pragmas, schema, and the keys held against the records."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from storage import migrations
from storage.crypto import key_checks as keys
from storage.crypto.key_checks import KeyState
from storage.crypto.keyring import Keyring
from storage.engines.observer import Observer, observe
from storage.engines.sqlite import copied_pages, sqlite_engine
from storage.engines.unavailable import (
    commit,
    opened,
    opened_for_long_reading,
    opened_for_reading,
    opened_for_writing,
    translate_driver_errors,
)
from storage.tables.audit import AuditTable
from storage.tables.bulk_runs import BulkRunTable
from storage.tables.clock import now_sql
from storage.tables.connection_tests import ConnectionTestTable
from storage.tables.glance import DirectGlances, Glance, PooledGlances, opened_glance
from storage.tables.home_tabs import HomeTable
from storage.tables.installations import InstallationTable
from storage.tables.leases import LeaseTable
from storage.tables.limits import LimitTable
from storage.tables.oauth_states import OAuthStateTable
from storage.tables.password_links import PasswordLinkTable
from storage.tables.people import PeopleTable
from storage.tables.profiles import ProfileTable
from storage.tables.seen_requests import SeenRequestTable
from storage.tables.workspaces import WorkspaceTable


class OutdatedSchemaError(Exception):
    """The database's schema is that of an older version of the program, or there is none."""

    def __init__(self, revision: str | None, needed: str) -> None:
        """Name both revisions, and the command."""
        now = f"at {revision}" if revision else "not there yet"
        super().__init__(
            f"DATABASE_URL: the database's schema is {now}, and this version needs {needed}. "
            "Run `email-profile-bot db upgrade` first."
        )


class UnknownSchemaError(Exception):
    """The database's schema is not one that this version of the program knows: a newer one made it."""

    def __init__(self, revision: str) -> None:
        """Name the schema's revision."""
        super().__init__(
            f"DATABASE_URL: the database's schema is at {revision}, which this version of the program does not know "
            "(a newer one made it). Install that version again; `email-profile-bot db current` compares the two."
        )


@dataclass(frozen=True)
class Transaction:
    """The tables, inside one transaction."""

    profiles: ProfileTable
    tests: ConnectionTestTable
    audit: AuditTable
    limits: LimitTable
    people: PeopleTable
    workspaces: WorkspaceTable
    links: PasswordLinkTable
    runs: BulkRunTable
    homes: HomeTable
    leases: LeaseTable
    installations: InstallationTable
    oauth_states: OAuthStateTable
    requests: SeenRequestTable


@dataclass(frozen=True, kw_only=True)
class Connections:
    """Connections of one database: those in use now, and how many are kept open at most."""

    used: int
    kept: int


class Database:
    """One database, SQLite or PostgreSQL; make it with `connect`, end it with `close`."""

    def __init__(self, engine: AsyncEngine, keyring: Keyring, *, writers: int) -> None:
        """Work through `engine`, with `writers` transactions that write at a time; seal and open with `keyring`."""
        self._engine = engine
        self._keyring = keyring
        self._writers = asyncio.Semaphore(writers)
        path = engine.url.database
        self._glances = DirectGlances(engine, path) if self.is_sqlite and path else PooledGlances(engine)

    @classmethod
    def connect(cls, url: str, keyring: Keyring) -> "Database":
        """Prepare a database at a plain URL (`sqlite:///…`, `postgresql://…`); it connects when first used.

        Raises:
            ValueError: the address is of another kind, or the SQLite file cannot be made.
        """
        if url.startswith("postgresql://"):
            from storage.engines.postgresql import POOL, postgresql_engine  # noqa: PLC0415 - slow to import, not for SQLite

            # Writers that wait for each other leave connections for those who read.
            return cls(postgresql_engine(url), keyring, writers=POOL)
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
            yield self._tables(connection)

    @asynccontextmanager
    async def reading_connection(self) -> AsyncIterator[AsyncConnection]:
        """As `reading`, for what reads across tables."""
        with translate_driver_errors():
            async with opened(self._engine, opened_for_reading) as transaction:
                yield transaction.connection

    async def glance(self, workspace: str, user: str) -> Glance:
        """Read and open one person's profile and last test.

        Raises:
            DatabaseUnavailableError: the database does not do what it is asked.
        """
        keyring = self._keyring
        row = await self.everyday_row(workspace, user)
        # Those who ask at the same moment read one after the other, and then open one after the other: each finds the
        # code of its stage in the processor's caches.
        await asyncio.sleep(0)
        glance = opened_glance(row, keyring, workspace=workspace, user=user)
        await asyncio.sleep(0)
        return glance

    async def everyday_row(self, workspace: str, user: str) -> Sequence[Any] | None:
        """Read what `glance` opens, sealed as it is; None when there is no profile."""
        return await self._glances.row(workspace, user)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Transaction]:
        """Write in one transaction: committed at the end of the block, undone on an error.

        Raises:
            DatabaseUnavailableError: the database does not do what it is asked, and nothing was changed; or what
                became of the change could not be learnt (UNCERTAIN).
        """
        async with self.writing_connection() as connection:
            yield self._tables(connection)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """Read everything as it stands at one moment, for as long as it takes, in nobody's way.

        Raises:
            DatabaseUnavailableError: the database does not do what it is asked.
        """
        with translate_driver_errors():
            if self.is_sqlite:
                async with copied_pages(self._engine) as engine, engine.connect() as connection:
                    yield connection
            else:
                async with opened(self._engine, opened_for_long_reading) as transaction:
                    yield transaction.connection

    def _tables(self, connection: AsyncConnection) -> Transaction:
        return Transaction(
            profiles=ProfileTable(connection, self._keyring),
            tests=ConnectionTestTable(connection, self._keyring),
            audit=AuditTable(connection),
            limits=LimitTable(connection, self._keyring),
            people=PeopleTable(connection, self._keyring),
            workspaces=WorkspaceTable(connection, self._keyring),
            links=PasswordLinkTable(connection, self._keyring),
            runs=BulkRunTable(connection),
            homes=HomeTable(connection),
            leases=LeaseTable(connection),
            installations=InstallationTable(connection, self._keyring),
            oauth_states=OAuthStateTable(connection),
            requests=SeenRequestTable(connection, self._keyring),
        )

    @asynccontextmanager
    async def writing_connection(self) -> AsyncIterator[AsyncConnection]:
        """As `writing`, for what reads and writes across tables."""
        engine = self._writing_engine()
        with translate_driver_errors():
            async with self._writers, opened(engine, opened_for_writing) as transaction:
                yield transaction.connection
                await commit(self._engine, transaction)

    def _writing_engine(self) -> AsyncEngine:
        return self._engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")

    async def now(self) -> datetime:
        """Tell the time by the database's clock, which all instances share; aware UTC.

        Raises:
            DatabaseUnavailableError: it does not answer.
        """
        async with self.reading_connection() as connection:
            seconds = await connection.scalar(text(f"SELECT {now_sql(connection)}"))
        return datetime.fromtimestamp(float(seconds), UTC)

    async def ping(self) -> None:
        """Make one round trip.

        Raises:
            DatabaseUnavailableError: it does not answer.
        """
        await self.now()

    def connections(self) -> Connections:
        """Tell how many connections are in use now, and how many are kept open at most."""
        pool: Any = self._engine.pool
        return Connections(used=pool.checkedout(), kept=pool.size())

    def observe(self, observer: Observer) -> None:
        """Let `observer` know of every transaction that ends from now on."""
        observe(self._engine, observer)

    async def close(self) -> None:
        """Close every connection."""
        self._glances.close()
        await self._engine.dispose()

    async def forget_deleted(self) -> None:
        """Make deleted rows' bytes leave the write-ahead log too (SQLite; nothing to do on PostgreSQL)."""
        if self.is_sqlite:
            engine = self._engine.execution_options(sqlite_begin="")
            async with self._writers, engine.connect() as connection:
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
        if revision is not None and revision not in migrations.revisions():
            raise UnknownSchemaError(revision)
        if revision != self.head_revision:
            raise OutdatedSchemaError(revision, self.head_revision)

    async def schema_revision(self) -> str | None:
        """Read the schema revision of the database; None when it has no schema yet."""
        async with self.reading_connection() as connection:
            return await connection.run_sync(migrations.current_revision)

    async def upgrade(self) -> None:
        """Bring the schema to `head_revision`; safe when two instances do it at once.

        Raises:
            UnknownSchemaError: the schema is that of a newer version of the program.
            DatabaseUnavailableError: it does not answer.
        """
        async with self.writing_connection() as connection:
            if not self.is_sqlite:
                # Who waits here waits for another upgrade, which may take long on a large database.
                for setting in ("lock_timeout", "statement_timeout"):
                    await connection.execute(text(f"SET LOCAL {setting} = 0"))
                # Held to the end of the transaction; the number only has to be ours.
                await connection.execute(text("SELECT pg_advisory_xact_lock(7305461)"))
            revision = await connection.run_sync(migrations.current_revision)
            if revision == self.head_revision:
                return
            if revision is not None and revision not in migrations.revisions():
                raise UnknownSchemaError(revision)
            from storage.migrations import upgrade as running  # noqa: PLC0415 - slow to import, and seldom wanted

            await connection.run_sync(running.upgrade)

    # The keys

    async def compare_keys(self) -> list[str]:
        """Hold the configured keys against check values and records, writing nothing; gives the ids of new keys.

        Raises:
            KeyMismatchError: the keys do not fit the records; it names the key that is at fault.
        """
        async with self.reading_connection() as connection:
            return await keys.check(connection, self._keyring)

    async def check_keys(self) -> None:
        """Hold the configured keys against check values and records; write check values of new keys.

        Raises:
            KeyMismatchError: the keys do not fit the records; it names the key that is at fault.
        """
        new = await self.compare_keys()
        if new:
            async with self.writing_connection() as connection:
                await keys.add_check_values(connection, self._keyring, new)

    async def use_keys(self, keyring: Keyring) -> None:
        """Seal and open with another keyring from the next transaction on, if it fits the records.

        Raises:
            KeyMismatchError: it does not, and the old one stays.
        """
        # In a writer's transaction, so that on SQLite nobody seals under an old key between check and change.
        async with self.writing_connection() as connection:
            await keys.add_check_values(connection, keyring, await keys.check(connection, keyring))
        self._keyring = keyring

    async def key_usage(self) -> dict[str, int]:
        """Count the records that each key seals."""
        async with self.reading_connection() as connection:
            return await keys.usage(connection)

    async def key_states(self) -> list[KeyState]:
        """Describe every key that is configured, known or needed, the configured ones first."""
        async with self.reading_connection() as connection:
            return await keys.states(connection, self._keyring)

    async def retire_key(self, key_id: str) -> None:
        """Note that a key has done its work, so that nothing starts with it any more.

        Raises:
            KeyRetirementError: the key is unknown, seals new records, is needed still, or was retired before.
        """
        async with self.writing_connection() as connection:
            await keys.retire(connection, self._keyring, key_id)
