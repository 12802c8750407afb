"""Every storage test runs on SQLite and, where one can be started, on a real PostgreSQL."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from tests.databases import Maker
from tests.store import Store


@pytest.fixture
def keyring() -> Keyring:
    """A fresh key."""
    return Keyring.from_text(generate_key())


@pytest.fixture
async def database(url: str, keyring: Keyring) -> AsyncIterator[Database]:
    """A database with its tables."""
    opened = Database.connect(url, keyring)
    await opened.require_schema()
    yield opened
    await opened.close()


@pytest.fixture
def store(database: Database, url: str) -> Iterator[Store]:
    """What stands in the database, read and edited past the program."""
    with Store.at(url) as looked_into:
        yield looked_into


@pytest.fixture
async def sqlite(tmp_path: Path, keyring: Keyring) -> AsyncIterator[Database]:
    """A SQLite database with its tables, in tmp_path / "profiles.db"."""
    opened = Database.connect(f"sqlite:///{tmp_path / 'profiles.db'}", keyring)
    await opened.upgrade()
    yield opened
    await opened.close()


@pytest.fixture
def address(other_maker: Maker, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database to move into."""
    with other_maker.empty(tmp_path / "new.db") as empty:
        yield empty


@pytest.fixture
async def target(address: str, keyring: Keyring) -> AsyncIterator[Database]:
    """The database to move into."""
    opened = Database.connect(address, keyring)
    yield opened
    await opened.close()


@pytest.fixture
async def empty(tmp_path: Path, keyring: Keyring) -> AsyncIterator[Database]:
    """An empty SQLite database to move into."""
    opened = Database.connect(f"sqlite:///{tmp_path / 'empty.db'}", keyring)
    yield opened
    await opened.close()
