"""The database restarts, or takes nothing: each person hears what became of their change, and it is true."""

import asyncio
import itertools
import sqlite3
import subprocess
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest
from sqlalchemy import event

from bot.demo.mail import DemoMail
from bot.demo.run import Demo, running_demo
from bot.demo.serve import serving_workspace
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import searchable
from bot.demo.stand_in.workspace import Workspace
from bot.profiles.account.profile import EmailProfile
from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from storage.engines.transactions import DatabaseUnavailableError
from tests.counts import PROVE_ONLY
from tests.instances.processes import PATIENCE, SAVED, Balancer, Instance
from tests.postgresql import PostgreSQLServer, Stop, running_postgresql
from tests.scenario.crowd import crowd
from tests.scenario.operating.test_command_line import GOOD
from tests.scenario.people import ADA, fill_form, set_up

pytestmark = PROVE_ONLY

PEOPLE = 20
RESTARTS = 20
REFUSED_IN_A_ROW = 5
NOT_SAVED = ("cannot reach its database", "nothing was changed")


@dataclass
class Outcomes:
    """How saves ended, and those whose answer was not true."""

    counted: Counter[str] = field(default_factory=Counter)
    untrue: list[str] = field(default_factory=list)
    over: bool = False


@dataclass
class Cluster:
    """One instance on a PostgreSQL that can be stopped."""

    balancer: Balancer
    server: PostgreSQLServer
    keyring: Keyring


@pytest.fixture
async def cluster(own_postgresql: PostgreSQLServer, tmp_path: Path) -> AsyncIterator[Cluster]:
    """The instance serving."""
    key = generate_key()
    workspace = Workspace(
        signing_secret=GOOD["SLACK_SIGNING_SECRET"], bot_token=GOOD["SLACK_BOT_TOKEN"], people=crowd(PEOPLE)
    )
    database = Database.connect(own_postgresql.url, Keyring.from_text(key))
    await database.upgrade()
    await database.close()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving_workspace(workspace, DemoMail(), port=0))
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)))
        given = {
            **GOOD,
            "DATABASE_URL": own_postgresql.url,
            "ENCRYPTION_KEYS": key,
            "PORT": "0",
            "SLACK_API_URL": f"{workspace.base_url}/api/",
        }
        instance = Instance(folder=tmp_path, given=given)
        await instance.start()
        stack.push_async_callback(instance.kill)
        balancer = Balancer(workspace=workspace, instances=[instance], session=session)
        yield Cluster(balancer=balancer, server=own_postgresql, keyring=Keyring.from_text(key))


@pytest.mark.databases("postgresql")
async def test_a_save_is_told_as_done_exactly_when_the_record_is_there(cluster: Cluster) -> None:
    outcomes = Outcomes()
    people = [asyncio.create_task(_saving(cluster, person.id, outcomes)) for person in crowd(PEOPLE)]
    ways = (Stop.FAST, Stop.IMMEDIATE, Stop.KILLED)
    for number in range(RESTARTS):
        await asyncio.sleep(0.7)
        await asyncio.to_thread(cluster.server.restart, ways[number % len(ways)])
        before = outcomes.counted["done"]
        async with asyncio.timeout(10):
            while outcomes.counted["done"] == before:
                await asyncio.sleep(0.05)
    outcomes.over = True
    await asyncio.gather(*people)
    assert outcomes.untrue == []
    assert set(outcomes.counted) <= {"done", "not done", "not certain"}, outcomes
    print(dict(outcomes.counted))  # noqa: T201 - the figures, for whoever asks for them


async def _saving(cluster: Cluster, user: str, outcomes: Outcomes) -> None:
    database = Database.connect(cluster.server.url, cluster.keyring)
    try:
        for number in itertools.takewhile(lambda _: not outcomes.over, itertools.count()):
            value = f"Person {user} {number}"
            told = await cluster.balancer.command(user, "/email-extra", f"add {SAVED} {value}")
            outcome = _outcome(told, value)
            outcomes.counted[outcome] += 1
            there = await _stored(database, user) == value
            if outcome != "not certain" and there != (outcome == "done"):
                outcomes.untrue.append(f"{outcome}, but stored is {there}")
            await asyncio.sleep(PEOPLE / 20)
    finally:
        await database.close()


def _outcome(told: str | None, value: str) -> str:
    if told and value in told:
        return "done"
    if told and all(words in told for words in NOT_SAVED):
        return "not done"
    return "not certain" if told and "not certain" in told else f"unclear: {told}"


async def _stored(database: Database, user: str) -> str | None:
    """Read what is stored, as soon as the database answers."""
    async with asyncio.timeout(20):
        while True:
            try:
                async with database.reading() as tx:
                    stored = await tx.profiles.get(TEAM, user)
            except DatabaseUnavailableError:
                await asyncio.sleep(0.05)
                continue
            return EmailProfile.from_document(stored.document).extras.get(SAVED) if stored else None


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a disk of so many megabytes; where that is not allowed the test is skipped."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no small disk can be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Fill a disk to the last byte, and make room again."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        for size in (2**20, 2**12, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))
    try:
        yield
    finally:
        filler.unlink()


@pytest.mark.databases("sqlite")
async def test_a_full_disk_is_told_and_nothing_is_half_written_on_sqlite(tmp_path: Path) -> None:
    with small_disk(tmp_path, 4) as disk:
        async with running_demo(tmp_path, database_url=f"sqlite:///{disk / 'profiles.db'}") as demo:
            await set_up(demo, ADA)
            with full(disk):
                await _refused_until_there_is_room(demo)
            await _save(demo, "Room again")
            assert (await _name(demo)) == "Room again"
        with closing(sqlite3.connect(disk / "profiles.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.databases("postgresql")
async def test_a_full_disk_is_told_and_nothing_is_half_written_on_postgresql(tmp_path: Path) -> None:
    # Its path must be short, because a socket is in it.
    with tempfile.TemporaryDirectory(prefix="full") as folder, small_disk(Path(folder), 160) as disk:
        Path(folder).chmod(0o755)
        with running_postgresql({"autovacuum": "off"}, within=str(disk)) as server:
            key = generate_key()
            database = Database.connect(server.url, Keyring.from_text(key))
            await database.upgrade()
            async with running_demo(tmp_path, database_url=server.url, encryption_keys=key) as demo:
                await set_up(demo, ADA)
                with full(disk):
                    await _refused_until_there_is_room(demo)
                await _until_saved(demo, "Room again")
                assert await _name(demo) == "Room again"
            await database.close()


@pytest.mark.databases("sqlite")
async def test_a_read_only_sqlite_file_is_told(tmp_path: Path) -> None:
    async with running_demo(tmp_path) as demo:
        await set_up(demo, ADA)
        pool = demo.bot.database._engine.sync_engine.pool
        event.listen(pool, "checkout", _only_to_be_read)
        await _refused_until_there_is_room(demo)
        event.remove(pool, "checkout", _only_to_be_read)


def _only_to_be_read(connection: Any, *_: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only = ON")
    cursor.close()


@pytest.mark.databases("postgresql")
async def test_a_read_only_postgresql_is_told(own_postgresql: PostgreSQLServer, tmp_path: Path) -> None:
    key = generate_key()
    database = Database.connect(own_postgresql.url, Keyring.from_text(key))
    await database.upgrade()
    await database.close()
    async with running_demo(tmp_path, database_url=own_postgresql.url, encryption_keys=key) as demo:
        await set_up(demo, ADA)
        _set(own_postgresql, "ALTER SYSTEM SET default_transaction_read_only = on")
        await _refused_until_there_is_room(demo)
        _set(own_postgresql, "ALTER SYSTEM RESET default_transaction_read_only")
        await _until_saved(demo, "Writable again")


def _set(server: PostgreSQLServer, statement: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(statement.encode())
        connection.execute("SELECT pg_reload_conf()")


async def _save(demo: Demo, name: str) -> str:
    demo.workspace.all_messages.clear()
    await demo.workspace.command(ADA, "/email-extra", f"add {SAVED} {name}")
    return searchable(demo.workspace.messages(ADA)[-1])


async def _name(demo: Demo) -> str | None:
    async with demo.bot.database.reading() as tx:
        stored = await tx.profiles.get(TEAM, ADA)
    return EmailProfile.from_document(stored.document).extras.get(SAVED) if stored else None


async def _refused_until_there_is_room(demo: Demo) -> None:
    """Save until it is refused, and see that the last one that was taken is what is stored, and a form keeps all."""
    last, refused = None, 0
    for number in range(2000):
        told = await _save(demo, f"{number} {'x' * 60}")
        if "cannot be written" in told:
            refused += 1
            # One that needed more room may be refused before another that still finds some.
            if refused == REFUSED_IN_A_ROW:
                break
            continue
        assert f"{number} x" in told, told
        last, refused = f"{number} {'x' * 60}", 0
    else:
        raise AssertionError("it was never refused")
    assert "nothing was changed" in told
    assert await _name(demo) == last
    await demo.workspace.command(ADA, "/email-profile", "edit")
    await fill_form(demo, ADA, port="2525")
    (sentence,) = (await demo.workspace.submit(ADA)).values()
    assert "cannot be written" in sentence
    form = demo.workspace.view(ADA)
    assert form is not None
    assert "2525" in str(form.values)
    assert await _name(demo) == last
    await demo.workspace.cancel(ADA)


async def _until_saved(demo: Demo, name: str) -> None:
    async with asyncio.timeout(10):
        while name not in await _save(demo, name):
            await asyncio.sleep(0.1)
