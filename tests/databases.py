"""Databases for the tests: made on SQLite and on PostgreSQL in one way, and read and edited beside the bot."""

import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from sqlalchemy import create_engine, make_url
from sqlalchemy.engine import Engine
from sqlalchemy.pool import NullPool

from storage.migrations import upgrade as running

KINDS = ("sqlite", "postgresql")


class Maker(Protocol):
    """Makes databases of one kind, each for one test."""

    def empty(self, file: Path) -> AbstractContextManager[str]:
        """Make a database without tables, on SQLite in `file`; yield its address, and drop it at the end."""

    def upgraded(self, file: Path) -> AbstractContextManager[str]:
        """As `empty`, with the tables of this version."""

    def copied(self, file: Path, address: str) -> AbstractContextManager[str]:
        """As `empty`, with all that is in the database at an address, which nobody has open."""


class SQLiteMaker:
    """Copies a file with tables, which is made once."""

    def __init__(self, folder: Path) -> None:
        """Make that file in a folder."""
        self._template = folder / "template.db"
        _upgrade(f"sqlite:///{self._template}")

    @contextmanager
    def empty(self, file: Path) -> Iterator[str]:
        """Yield the address of a file; its folder is removed by whoever made it."""
        yield f"sqlite:///{file}"

    @contextmanager
    def upgraded(self, file: Path) -> Iterator[str]:
        """As `empty`, with the tables of this version."""
        shutil.copyfile(self._template, file)
        yield f"sqlite:///{file}"

    @contextmanager
    def copied(self, file: Path, address: str) -> Iterator[str]:
        """As `empty`, with all that is in another file."""
        shutil.copyfile(make_url(address).database or "", file)
        yield f"sqlite:///{file}"


class PostgreSQLMaker:
    """Copies a database with tables, which is made once.

    Names are of no other database, so that tests on a server of one's own touch nothing that is there.
    """

    def __init__(self, server: str, connection: "psycopg.Connection[tuple[object, ...]]") -> None:
        """Make databases through a connection to the server at an address."""
        self._server = server
        self._connection = connection
        self._template = ""

    @classmethod
    @contextmanager
    def on(cls, server: str) -> "Iterator[PostgreSQLMaker]":
        """Make the database with tables, and drop it when the block ends."""
        with psycopg.connect(server, autocommit=True) as connection:
            maker = cls(server, connection)
            with maker._copy_of("template0") as template:
                _upgrade(template)
                maker._template = _name_in(template)
                yield maker

    def empty(self, file: Path) -> AbstractContextManager[str]:
        """Make a database without tables; `file` is not used."""
        return self._copy_of("template0")

    def upgraded(self, file: Path) -> AbstractContextManager[str]:
        """Make a database with the tables of this version; `file` is not used."""
        return self._copy_of(self._template)

    def copied(self, file: Path, address: str) -> AbstractContextManager[str]:
        """Make a database with all that is in another; `file` is not used."""
        return self._copy_of(_name_in(address))

    @contextmanager
    def _copy_of(self, template: str) -> Iterator[str]:
        name = f"email_profile_bot_test_{secrets.token_hex(8)}"
        # FILE_COPY: quicker than writing a whole database through the log.
        self._run("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, template)
        try:
            yield _at(self._server, name)
        finally:
            self._run("DROP DATABASE {} WITH (FORCE)", name)

    def _run(self, statement: str, *names: str) -> None:
        self._connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


class NoMaker:
    """Makes none, for tests that say of themselves that they open no database."""

    def empty(self, file: Path) -> AbstractContextManager[str]:
        """Refuse."""
        raise AssertionError("This test is marked as one without databases, and opens one.")

    def upgraded(self, file: Path) -> AbstractContextManager[str]:
        """Refuse."""
        return self.empty(file)

    def copied(self, file: Path, address: str) -> AbstractContextManager[str]:
        """Refuse."""
        return self.empty(file)


class FolderDatabases:
    """A database for each folder in which a demo is opened: it is made with the first, and stays for the next."""

    def __init__(self, maker: Maker) -> None:
        self._maker = maker
        self._stack = ExitStack()
        self._addresses: dict[Path, str] = {}

    def at(self, folder: Path) -> str:
        """Return the address of the database of a folder."""
        if folder not in self._addresses:
            self._addresses[folder] = self._stack.enter_context(self._maker.upgraded(_file_in(folder)))
        return self._addresses[folder]

    def copy(self, folder: Path, address: str) -> None:
        """Make the database of a folder a copy of another, which nobody has open."""
        self._addresses[folder] = self._stack.enter_context(self._maker.copied(_file_in(folder), address))

    @contextmanager
    def ending(self) -> Iterator[None]:
        """Drop at the end of the block what was made within it."""
        before, self._stack = self._stack, ExitStack()
        known = dict(self._addresses)
        try:
            with self._stack:
                yield
        finally:
            self._stack, self._addresses = before, known


def _file_in(folder: Path) -> Path:
    return folder / "email-profiles.db"


class CompiledStatements(dict[Any, Any]):
    """SQLAlchemy's compiled statements, shared by all engines of one driver: by itself each engine compiles its own.

    A key begins with the dialect of one engine; its class tells drivers apart.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        """Find the statement for the dialect's class."""
        dialect, *statement = key
        return super().get((type(dialect), *statement), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        dialect, *statement = key
        super().__setitem__((type(dialect), *statement), compiled)


def _at(server: str, name: str) -> str:
    """Return the address of a database on a server."""
    parts = urlsplit(server)
    return f"postgresql://{parts.netloc}/{name}" + (f"?{parts.query}" if parts.query else "")


def _name_in(address: str) -> str:
    return urlsplit(address).path.removeprefix("/")


def engine_at(address: str) -> Engine:
    """Make an engine that waits for its answers, beside the bot's own."""
    if address.startswith("sqlite:"):
        file = make_url(address).database or ""
        return create_engine("sqlite://", creator=lambda: _beside_the_bot(file), poolclass=NullPool)
    return create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(address))


def _beside_the_bot(file: str) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=10, check_same_thread=False)
    # What a test edits need not outlive a power cut.
    connection.execute("PRAGMA synchronous=OFF")
    return connection


def _upgrade(address: str) -> None:
    engine = engine_at(address)
    with engine.begin() as connection:
        running.upgrade(connection)
    engine.dispose()
