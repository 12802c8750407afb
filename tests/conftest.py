"""The databases that tests run on: SQLite, and a real PostgreSQL where one can be started."""

import os
from collections.abc import Iterator

import pytest

from tests.databases import Maker, PostgreSQLMaker, SQLiteMaker
from tests.postgresql import FORGETFUL, PostgreSQLServer, folder_in_memory, running_postgresql


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Give the address of a PostgreSQL for all tests of a worker: one's own at TEST_DATABASE_URL, or a new one."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    with running_postgresql(FORGETFUL, within=folder_in_memory()) as server:
        yield server.url


@pytest.fixture
def own_postgresql() -> Iterator[PostgreSQLServer]:
    """Give a PostgreSQL of the test's own that loses nothing, to be stopped, killed and started again."""
    # Memory will do: what is tested is the end of processes, not of the machine.
    with running_postgresql({}, within=folder_in_memory()) as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def maker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maker]:
    """Make databases of each kind in turn, empty ones and such with tables."""
    if request.param == "sqlite":
        yield SQLiteMaker(tmp_path_factory.mktemp("template"))
        return
    with PostgreSQLMaker.on(request.getfixturevalue("postgresql_server")) as made:
        yield made
