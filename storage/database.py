"""The database: engine, transactions, pragmas, schema, and the keys held against the records."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from storage import keys, migrations
from storage.audit import AuditTable
from storage.connection_tests import TestTable, connection_test_place
from storage.home_tabs import HomeTable
from storage.installations import InstallationTable, installation_place
from storage.keyring import Keyring, Place
from storage.keys import KeyState
from storage.leases import LeaseTable
from storage.limits import LimitTable
from storage.models import InstallationRow, PersonRow, ProfileRow, TestRow, WorkspaceRow
from storage.oauth_states import OAuthStateTable
from storage.password_links import PasswordLinkTable
from storage.people import PeopleTable, person_place
from storage.profiles import ProfileTable, profile_place
from storage.rotation import reseal_batch
from storage.sqlite import sqlite_engine
from storage.test_runs import RunTable
from storage.workspaces import WorkspaceTable, workspace_place

_SEALED: tuple[tuple[Any, Callable[[Any], Place]], ...] = (
    (ProfileRow, profile_place),
    (TestRow, connection_test_place),
    (PersonRow, person_place),
    (WorkspaceRow, workspace_place),
    (InstallationRow, installation_place),
)


@dataclass(frozen=True)
class Transaction:
    """The tables, inside one transaction."""

    profiles: ProfileTable
    tests: TestTable
    audit: AuditTable
    limits: LimitTable
    people: PeopleTable
    workspaces: WorkspaceTable
    links: PasswordLinkTable
    runs: RunTable
    homes: HomeTable
    leases: LeaseTable
    installations: InstallationTable
    oauth_states: OAuthStateTable


class Database:
    """One database, SQLite or PostgreSQL; make it with `connect`, end it with `close`."""

    def __init__(self, engine: AsyncEngine, keyring: Keyring) -> None:
        """Work through `engine`; seal and open with `keyring`."""
        self._engine = engine
        self._keyring = keyring
        # SQLite has one writer at a time anyway, and a lock waits better than its busy handler.
        self._writer = asyncio.Lock()

    @classmethod
    def connect(cls, url: str, keyring: Keyring) -> "Database":
        """Prepare a database at a plain URL (`sqlite:///…`, `postgresql://…`); it connects when first used.

        Raises:
            ValueError: the address is of another kind, or the SQLite file cannot be made.
        """
        try:
            address = make_url(url)
        except ArgumentError:
            raise ValueError("this is not a database address.") from None
        if address.drivername == "sqlite":
            return cls(sqlite_engine(address), keyring)
        if address.drivername == "postgresql":
            return cls(_postgresql_engine(address), keyring)
        raise ValueError("this is neither a sqlite:/// nor a postgresql:// address.")

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded database."""
        return self._engine.dialect.name == "sqlite"

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids of the configured keys, the sealing one first."""
        return self._keyring.key_ids

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Read in one transaction."""
        async with AsyncSession(self._engine) as session, session.begin():
            yield self._tables(session)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Transaction]:
        """Write in one transaction: committed at the end of the block, undone on an error."""
        async with self._writing_session() as session:
            yield self._tables(session)

    def _tables(self, session: AsyncSession) -> Transaction:
        return Transaction(
            profiles=ProfileTable(session, self._keyring),
            tests=TestTable(session, self._keyring),
            audit=AuditTable(session),
            limits=LimitTable(session, self._keyring),
            people=PeopleTable(session, self._keyring),
            workspaces=WorkspaceTable(session, self._keyring),
            links=PasswordLinkTable(session, self._keyring),
            runs=RunTable(session),
            homes=HomeTable(session),
            leases=LeaseTable(session),
            installations=InstallationTable(session, self._keyring),
            oauth_states=OAuthStateTable(session),
        )

    @asynccontextmanager
    async def _writing_session(self) -> AsyncIterator[AsyncSession]:
        async with self._one_writer(), AsyncSession(self._writing_engine()) as session, session.begin():
            yield session

    def _writing_engine(self) -> AsyncEngine:
        return self._engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")

    @asynccontextmanager
    async def _one_writer(self) -> AsyncIterator[None]:
        if self.is_sqlite:
            async with self._writer:
                yield
        else:
            yield

    async def ping(self) -> None:
        """Make one round trip; raises whatever the driver raises when there is no answer."""
        async with self._engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    async def forget_deleted(self) -> None:
        """Make deleted rows' bytes leave the write-ahead log too (SQLite; nothing to do on PostgreSQL)."""
        if self.is_sqlite:
            engine = self._engine.execution_options(sqlite_begin="")
            async with self._one_writer(), engine.connect() as connection:
                await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))

    # The schema

    @property
    def head_revision(self) -> str:
        """The schema revision that this version of the program needs."""
        return migrations.head_revision()

    async def schema_revision(self) -> str | None:
        """Read the schema revision of the database; None when it has no schema yet."""
        async with self._engine.connect() as connection:
            return await connection.run_sync(migrations.current_revision)

    async def upgrade(self) -> None:
        """Bring the schema to `head_revision`; safe when two instances do it at once."""
        async with self._one_writer(), self._writing_engine().begin() as connection:
            if not self.is_sqlite:
                # Held to the end of the transaction; the number only has to be ours.
                await connection.execute(text("SELECT pg_advisory_xact_lock(7305461)"))
            await connection.run_sync(migrations.upgrade)

    # The keys

    async def check_keys(self) -> None:
        """Hold the configured keys against check values and records; write check values of new keys.

        Raises:
            KeyMismatchError: the keys do not fit the records; it names the key that is at fault.
        """
        async with AsyncSession(self._engine) as session, session.begin():
            new = await keys.check(session, self._keyring)
        if new:
            async with self._writing_session() as session:
                await keys.add_check_values(session, self._keyring, new)

    async def use_keys(self, keyring: Keyring) -> None:
        """Seal and open with another keyring from the next transaction on, if it fits the records.

        Raises:
            KeyMismatchError: it does not, and the old one stays.
        """
        # In a writer's transaction, so that on SQLite nobody seals under an old key between check and change.
        async with self._writing_session() as session:
            await keys.add_check_values(session, keyring, await keys.check(session, keyring))
        self._keyring = keyring

    async def key_usage(self) -> dict[str, int]:
        """Count the records that each key seals."""
        async with AsyncSession(self._engine) as session, session.begin():
            return await keys.usage(session)

    async def key_states(self) -> list[KeyState]:
        """Describe every key that is configured, known or needed, the configured ones first."""
        async with AsyncSession(self._engine) as session, session.begin():
            return await keys.states(session, self._keyring)

    async def retire_key(self, key_id: str) -> None:
        """Note that a key has done its work, so that nothing starts with it any more.

        Raises:
            KeyRetirementError: the key is unknown, seals new records, is needed still, or was retired before.
        """
        async with self._writing_session() as session:
            await keys.retire(session, self._keyring, key_id)

    async def reseal(self, *, batch: int = 100) -> AsyncIterator[tuple[int, int]]:
        """Seal every record anew under the first key, online; yields (done, total) after each batch.

        Records that change meanwhile are sealed under the first key by their own save. Records that do not
        open are left as they are.
        """
        usage = await self.key_usage()
        total = sum(count for key_id, count in usage.items() if key_id != self._keyring.active)
        done = 0
        yield done, total
        for table, place_of in _SEALED:
            after, count = "", batch
            while count == batch:
                async with self._writing_session() as session:
                    after, count = await reseal_batch(session, self._keyring, table, place_of, after, batch)
                done += count
                yield done, max(done, total)
        await self.forget_deleted()


def _postgresql_engine(address: URL) -> AsyncEngine:
    return create_async_engine(
        address.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={"options": "-c statement_timeout=5s -c lock_timeout=5s"},
    )
