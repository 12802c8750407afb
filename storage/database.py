"""The database: engine, transactions, pragmas, schema, and the keys held against the records."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, make_url, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlmodel import col

from storage import migrations
from storage.audit import AuditTable
from storage.connection_tests import TestTable, connection_test_place
from storage.home_tabs import HomeTable
from storage.installations import InstallationTable, installation_place
from storage.keyring import Keyring, Place, SealBrokenError
from storage.leases import LeaseTable
from storage.limits import LimitTable
from storage.models import InstallationRow, KeyCheckRow, PersonRow, ProfileRow, TestRow, WorkspaceRow
from storage.oauth_states import OAuthStateTable
from storage.password_links import PasswordLinkTable
from storage.people import PeopleTable, person_place
from storage.profiles import ProfileTable, profile_place
from storage.rotation import reseal_batch
from storage.sqlite import sqlite_engine
from storage.test_runs import RunTable
from storage.workspaces import WorkspaceTable, workspace_place

_CANARY = b"this key opens what it sealed"

_SEALED: tuple[tuple[Any, Callable[[Any], Place]], ...] = (
    (ProfileRow, profile_place),
    (TestRow, connection_test_place),
    (PersonRow, person_place),
    (WorkspaceRow, workspace_place),
    (InstallationRow, installation_place),
)


class KeyMismatchError(Exception):
    """The configured keys do not fit the records. `str(error)` is one line that names the key id."""


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
        """Hold the configured keys against canaries and records; write canaries of new keys.

        Raises:
            KeyMismatchError: a record's key is not configured, or a key does not open its canary.
        """
        async with AsyncSession(self._engine) as session, session.begin():
            canaries = {row.key_id: row.sealed for row in await session.scalars(select(KeyCheckRow))}
        missing = sorted(set(await self.key_usage()) - set(self.key_ids))
        if missing:
            raise KeyMismatchError(
                f"ENCRYPTION_KEYS: records are sealed under key {', '.join(missing)}, which is not "
                f"configured (configured: {', '.join(self.key_ids)}). Put that key back, behind the first."
            )
        for key_id in self.key_ids:
            if key_id in canaries:
                self._open_canary(key_id, canaries[key_id])
        new = [key_id for key_id in self.key_ids if key_id not in canaries]
        if new:
            await self._write_canaries(new)

    def _open_canary(self, key_id: str, sealed: bytes) -> None:
        try:
            good = self._keyring.open(sealed, _canary_place(key_id)) == _CANARY
        except SealBrokenError:
            good = False
        if not good:
            raise KeyMismatchError(
                f"ENCRYPTION_KEYS: key {key_id} does not open the check value stored for it. "
                "The key or the database has been altered; restore both from the same time."
            )

    async def _write_canaries(self, key_ids: list[str]) -> None:
        async with self._writing_session() as session:
            for key_id in key_ids:
                sealed = self._keyring.seal_under(key_id, _CANARY, _canary_place(key_id))
                await session.merge(KeyCheckRow(key_id=key_id, sealed=sealed))

    async def key_usage(self) -> dict[str, int]:
        """Count the records that each key seals."""
        usage: dict[str, int] = {}
        async with AsyncSession(self._engine) as session, session.begin():
            for row, _ in _SEALED:
                counted = await session.execute(
                    select(col(row.key_id), func.count()).select_from(row).group_by(col(row.key_id))
                )
                for key_id, count in counted:
                    usage[key_id] = usage.get(key_id, 0) + count
        return usage

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


def _canary_place(key_id: str) -> Place:
    return Place(table=KeyCheckRow.__tablename__, record_id=key_id, workspace="-", user="-", revision=1)


def _postgresql_engine(address: URL) -> AsyncEngine:
    return create_async_engine(
        address.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={"options": "-c statement_timeout=5s -c lock_timeout=5s"},
    )
