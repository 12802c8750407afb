"""Every storage test runs on SQLite and, where one can be started, on a real PostgreSQL."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from storage.database import Database
from storage.keyring import Keyring, generate_key
from tests.databases import Maker


@pytest.fixture
def keyring() -> Keyring:
    """A fresh key."""
    return Keyring.from_text(generate_key())


@pytest.fixture
def url(request: pytest.FixtureRequest, maker: Maker, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database; of the one with tables, where the test asks for `database` too."""
    file = tmp_path / "profiles.db"
    with maker.upgraded(file) if "database" in request.fixturenames else maker.empty(file) as address:
        yield address


@pytest.fixture
async def database(url: str, keyring: Keyring) -> AsyncIterator[Database]:
    """A database with its tables."""
    opened = Database.connect(url, keyring)
    await opened.require_schema()
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite(tmp_path: Path, keyring: Keyring) -> AsyncIterator[Database]:
    """A SQLite database with its tables, in tmp_path / "profiles.db"."""
    opened = Database.connect(f"sqlite:///{tmp_path / 'profiles.db'}", keyring)
    await opened.upgrade()
    yield opened
    await opened.close()
