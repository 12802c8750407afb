"""Two instances on one PostgreSQL, asked for the same letters with the same keys: each letter is sent once."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.demo.mail import DemoMail
from bot.demo.serve import serving_workspace
from bot.demo.stand_in.workspace import Workspace
from storage.crypto.keyring import Keyring, generate_key
from tests.counts import PROVE_ONLY
from tests.instances import noting_provider
from tests.instances.noting_provider import NotingProvider, Way, letter
from tests.instances.programs import ProgramValues, store_programs
from tests.postgresql import PostgreSQLServer
from tests.scenario.crowd import crowd
from tests.scenario.operating.test_command_line import GOOD
from tests.scenario.starting import RunningProgram, running
from tests.store import Store

pytestmark = [pytest.mark.databases("postgresql"), PROVE_ONLY]

LETTERS = 40
"""Fewer than a program may send in a minute."""


@dataclass
class Pair:
    """Two instances, the provider behind them, and a program that may ask either."""

    url: str
    instances: list[RunningProgram]
    addresses: list[str]
    provider: NotingProvider
    program: ProgramValues
    session: aiohttp.ClientSession

    async def ask(self, instance: int, name: str) -> tuple[int, dict[str, Any], str | None]:
        """Ask an instance to send the letter of a name, which is the key too."""
        headers = {
            "Authorization": f"Bearer {self.program.token}",
            "Content-Type": "message/rfc822",
            "Idempotency-Key": name,
            "Envelope-To": "printer@elsewhere.test",
        }
        content = letter(name, self.program.address)
        url = f"{self.addresses[instance]}/v1/send"
        async with self.session.post(url, data=content, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None), answer.headers.get("Idempotency-Status")


@pytest.fixture
async def pair(own_postgresql: PostgreSQLServer, tmp_path: Path) -> AsyncIterator[Pair]:
    """Both instances running."""
    people, key, url = crowd(1), generate_key(), own_postgresql.url
    workspace = Workspace(signing_secret=GOOD["SLACK_SIGNING_SECRET"], bot_token=GOOD["SLACK_BOT_TOKEN"], people=people)
    async with AsyncExitStack() as stack:
        provider = NotingProvider(tmp_path / "authority.pem", ways={Way.TAKEN: 1}, chance=random.Random(1))
        await stack.enter_async_context(provider)
        await stack.enter_async_context(serving_workspace(workspace, DemoMail(), port=0))
        given = {**GOOD, **provider.settings, "DATABASE_URL": url, "ENCRYPTION_KEYS": key, "PORT": "0"}
        given["SLACK_API_URL"] = f"{workspace.base_url}/api/"
        async with running(tmp_path, "db", "upgrade", given=given) as upgrade:
            await asyncio.to_thread(upgrade.wait)
        (person,) = people
        programs = await store_programs(url, Keyring.from_text(key), {person.id: provider.profile(person.address)})
        instances = [await stack.enter_async_context(running(tmp_path, "run", given=given)) for _ in range(2)]
        addresses = [await instance.address() for instance in instances]
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield Pair(url, instances, addresses, provider, programs[person.id], session)


async def test_two_instances_and_one_that_is_killed_send_once_under_a_key(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(LETTERS):
        name = f"both{number}"
        answers = await asyncio.gather(pair.ask(0, name), pair.ask(1, name), pair.ask(0, name))
        told = [(status, members.get("problem"), replayed) for status, members, replayed in answers]
        assert told.count((200, None, None)) == 1, told
        assert set(told) <= {(200, None, None), (200, None, "replayed"), (409, "still_running", None)}
        assert pair.provider.taken[name] == 1
        assert (await pair.ask(1, name))[::2] == (200, "replayed")
    await _kill_while_sending(pair, monkeypatch)


async def _kill_while_sending(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill an instance between the letter's end and the provider's answer, and ask the other one."""
    monkeypatch.setattr(noting_provider, "SLOWEST_SECONDS", 2.0)
    asking = asyncio.create_task(pair.ask(0, "killed"))
    async with asyncio.timeout(30):
        while "killed" not in pair.provider.way_of:
            await asyncio.sleep(0.001)
    pair.instances[0].kill()
    with pytest.raises(aiohttp.ClientError):
        await asking
    status, members, _ = await pair.ask(1, "killed")
    assert (status, members["problem"]) == (409, "still_running")
    with Store.at(pair.url) as store:
        await store.edit("UPDATE idempotent_sends SET begun_at = begun_at - 901")
    status, members, replayed = await pair.ask(1, "killed")
    assert (status, members["problem"], replayed) == (504, "outcome_unknown", "replayed")
    assert "may have been sent" in members["detail"]
    assert pair.provider.taken["killed"] <= 1
    assert len(pair.provider.way_of) == LETTERS + 1
