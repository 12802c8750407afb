"""Two instances on one PostgreSQL: saves, reads, rotation and kills, and nothing that was acknowledged is lost."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from bot.demo.mail import DemoMail
from bot.demo.serve import serving_workspace
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.workspace import Workspace
from bot.profiles.account.profile import EmailProfile
from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from tests.counts import PROVE_ONLY
from tests.instances.processes import PATIENCE, SAVED, Balancer, Diary, Instance
from tests.postgresql import PostgreSQLServer
from tests.scenario.crowd import crowd
from tests.scenario.operating.test_command_line import GOOD, run

# A SQLite file is one instance's.
pytestmark = [pytest.mark.databases("postgresql"), PROVE_ONLY]

PEOPLE = 200
RECORDS = 10_000
SECONDS = 60
KILLS = 10
SAVES_A_SECOND = 50
READS_A_SECOND = 20


@dataclass
class Cluster:
    """Two instances, the database that they share, and its keys, the new one first."""

    balancer: Balancer
    folder: Path
    given: dict[str, str]
    old: Keyring
    both: Keyring
    failed_reads: list[str | None] = field(default_factory=list)
    over: bool = False
    reads: int = 0

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """Open the database beside the instances."""
        database = Database.connect(self.given["DATABASE_URL"], self.both)
        try:
            yield database
        finally:
            await database.close()


@pytest.fixture
async def cluster(own_postgresql: PostgreSQLServer, tmp_path: Path) -> AsyncIterator[Cluster]:
    """Everything running, and the records there, sealed under the old key."""
    old, new = generate_key(), generate_key()
    workspace = Workspace(
        signing_secret=GOOD["SLACK_SIGNING_SECRET"], bot_token=GOOD["SLACK_BOT_TOKEN"], people=crowd(PEOPLE)
    )
    given = {**GOOD, "DATABASE_URL": own_postgresql.url, "ENCRYPTION_KEYS": f"{new},{old}", "PORT": "0"}
    await _fill(own_postgresql.url, Keyring.from_text(old))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving_workspace(workspace, DemoMail(), port=0))
        given["SLACK_API_URL"] = f"{workspace.base_url}/api/"
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)))
        instances = [Instance(folder=tmp_path, given=given) for _ in range(2)]
        for instance in instances:
            await instance.start()
            stack.push_async_callback(instance.kill)
        yield Cluster(
            balancer=Balancer(workspace=workspace, instances=instances, session=session),
            folder=tmp_path,
            given=given,
            old=Keyring.from_text(old),
            both=Keyring.from_text(f"{new},{old}"),
        )


async def _fill(url: str, keyring: Keyring) -> None:
    database = Database.connect(url, keyring)
    await database.upgrade()
    await database.check_keys()
    document = EmailProfile(address="a@demo.example", host="smtp.demo.example", port=25).to_document()
    users = [person.id for person in crowd(PEOPLE)]
    users += [f"U2{number:05}" for number in range(RECORDS - len(users))]
    for begin in range(0, len(users), 500):
        async with database.writing() as tx:
            for user in users[begin : begin + 500]:
                await tx.profiles.save(TEAM, user, document, replacing=None)
    await database.close()


async def test_nothing_acknowledged_is_lost_while_keys_turn_and_instances_are_killed(cluster: Cluster) -> None:
    diaries = {person.id: Diary() for person in crowd(PEOPLE)}
    assert "still needed" in await _retired(cluster, code=1)
    rotation = asyncio.create_task(_rotated(cluster))
    people = [asyncio.create_task(_saving(cluster, user, diary)) for user, diary in diaries.items()]
    people.append(asyncio.create_task(_reading(cluster, list(diaries))))
    for number in range(KILLS):
        await asyncio.sleep(SECONDS / (KILLS + 1))
        instance = cluster.balancer.instances[number % 2]
        await instance.kill()
        await instance.start()
    await asyncio.sleep(SECONDS / (KILLS + 1))
    cluster.over = True
    await asyncio.gather(*people)
    await rotation
    assert cluster.failed_reads == []
    async with cluster.database() as database:
        for user, diary in diaries.items():
            async with database.reading() as tx:
                stored = await tx.profiles.get(TEAM, user)
            assert stored is not None
            assert diary.allows(EmailProfile.from_document(stored.document).extras.get(SAVED, "")), (user, diary)
            assert stored.revision - 1 >= len(diary.acknowledged), (user, diary)
        assert set(await database.key_usage()) == {cluster.both.active}
    saved = sum(len(diary.acknowledged) for diary in diaries.values())
    unanswered = sum(len(diary.unanswered) for diary in diaries.values())
    print(f"{saved} saves acknowledged, {unanswered} unanswered, {cluster.reads} reads")  # noqa: T201 - the figures
    # Far fewer than were meant to be: the machine may be slow, but a standstill would prove nothing.
    assert saved > SECONDS * SAVES_A_SECOND / 8
    assert "take it out" in await _retired(cluster, code=0)


async def _saving(cluster: Cluster, user: str, diary: Diary) -> None:
    """Save something new every few seconds; together the people save as often as the test is about."""
    await asyncio.sleep(random.random() * PEOPLE / SAVES_A_SECOND)
    for number in itertools.takewhile(lambda _: not cluster.over, itertools.count()):
        value = f"Person {user} {number}"
        diary.note(value, await cluster.balancer.command(user, "/email-extra", f"add {SAVED} {value}"))
        await asyncio.sleep(PEOPLE / SAVES_A_SECOND)


async def _reading(cluster: Cluster, users: list[str]) -> None:
    while not cluster.over:
        told = await cluster.balancer.ask(random.choice(users), "/email-profile")
        if not told or "Your email profile" not in told or "cannot be read" in told:
            cluster.failed_reads.append(told)
        cluster.reads += 1
        await asyncio.sleep(1 / READS_A_SECOND)


async def _rotated(cluster: Cluster) -> None:
    """Turn the keys from two places at once, until nothing is sealed under the old one."""
    # While instances run that seal under the new key, one round is enough.
    results = await asyncio.gather(*(run(cluster.folder, "keys", "rotate", given=cluster.given) for _ in range(2)))
    assert [code for code, _, _ in results] == [0, 0], results


async def _retired(cluster: Cluster, *, code: int) -> str:
    ended, out, err = await run(cluster.folder, "keys", "retire", cluster.old.active, given=cluster.given)
    assert ended == code, (out, err)
    return out + err
