"""The databases that tests run on: SQLite, and a real PostgreSQL where one can be started."""

import gc
import itertools
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import web_app
from sqlalchemy import Connection, Engine, event

from tests.counts import scaled
from tests.databases import KINDS, CompiledStatements, Maker, NoMaker, PostgreSQLMaker, SQLiteMaker
from tests.postgresql import FORGETFUL, PostgreSQLServer, folder_in_memory, running_postgresql


def pytest_configure() -> None:
    """Keep the tests' folders in memory where it has room: the bot waits for the disk with each commit."""
    folder = folder_in_memory()
    # Tests run programs that they write, which some systems allow on disks alone.
    if folder and not os.statvfs(folder).f_flag & os.ST_NOEXEC:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", folder)
    # What is imported and collected stays to the end.
    gc.disable()


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of garbage collection, and look seldom for what tests leave behind."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)
    gc.enable()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Yield the address of a PostgreSQL for all tests of a worker: one's own at TEST_DATABASE_URL, or a new one."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    with running_postgresql(FORGETFUL, within=folder_in_memory()) as server:
        yield server.url


@pytest.fixture
def own_postgresql() -> Iterator[PostgreSQLServer]:
    """Yield a PostgreSQL of the test's own that loses nothing, to be stopped, killed and started again."""
    # Memory will do: what is tested is the end of processes, not of the machine.
    with running_postgresql({}, within=folder_in_memory()) as server:
        yield server


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once on each kind of database that its nearest mark names, by the fixture `maker` on which all stand.

    `@pytest.mark.databases("sqlite")` means that one, `databases(*KINDS)` both, `databases()` that the test opens
    none. Without a mark a test runs on both; a scenario on SQLite alone, and on both with PROVE=1, for what people see
    seldom hangs on the database.
    """
    if "maker" not in metafunc.fixturenames:
        if "other_maker" in metafunc.fixturenames:
            metafunc.parametrize("other_maker", KINDS, indirect=True, scope="session")
        return
    if mark := metafunc.definition.get_closest_marker("databases"):
        kinds = mark.args
    elif metafunc.module.__name__.startswith("tests.scenario."):
        kinds = scaled(quick=("sqlite",), full=KINDS)
    else:
        kinds = KINDS
    if "other_maker" in metafunc.fixturenames:
        metafunc.parametrize(("maker", "other_maker"), list(_ways(kinds)), indirect=True, scope="session")
        return
    none = pytest.param("none", id=pytest.HIDDEN_PARAM)
    metafunc.parametrize("maker", kinds or [none], indirect=True, scope="session")


def _ways(kinds: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the ways from one database to another; with both kinds every day, only with PROVE=1 to the same kind.

    Each kind is read from and written to in what crosses.
    """
    for kind, other in itertools.product(kinds, KINDS):
        if kind != other or scaled(quick=False, full=True):
            yield kind, other


@pytest.fixture(scope="session")
def maker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maker]:
    """Make databases of each kind in turn, empty ones and such with tables."""
    with _maker_of(request, tmp_path_factory) as made:
        yield made


@pytest.fixture(scope="session")
def other_maker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maker]:
    """As `maker`, for what goes from one database to another."""
    with _maker_of(request, tmp_path_factory) as made:
        yield made


@contextmanager
def _maker_of(request: pytest.FixtureRequest, folders: pytest.TempPathFactory) -> Iterator[Maker]:
    if request.param == "none":
        yield NoMaker()
    elif request.param == "sqlite":
        yield SQLiteMaker(folders.mktemp("template"))
    else:
        with PostgreSQLMaker.on(request.getfixturevalue("postgresql_server")) as made:
            yield made


@pytest.fixture(scope="session", autouse=True)
def _statements_stay_compiled() -> Iterator[None]:
    """Compile each statement once for all tests of a worker, as a bot does that runs for long."""
    compiled = CompiledStatements()

    def share(connection: Connection) -> None:
        connection.execution_options(compiled_cache=compiled)

    event.listen(Engine, "engine_connect", share)
    yield
    event.remove(Engine, "engine_connect", share)


@pytest.fixture(autouse=True)
def _served_bots_end() -> Iterator[None]:
    """Forget the web applications of a test at its end.

    aiohttp keeps the last 1,024 handlers that it put middlewares around, each with the whole bot that it serves, and
    has no public way to forget them.
    """
    yield
    web_app._cached_build_middleware.cache_clear()


@pytest.fixture
def url(request: pytest.FixtureRequest, maker: Maker, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database; of one with tables, where the test asks for `database` too."""
    file = tmp_path / "profiles.db"
    with maker.upgraded(file) if "database" in request.fixturenames else maker.empty(file) as address:
        yield address
