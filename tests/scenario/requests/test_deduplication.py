"""Whatever comes several times, to whichever of two instances, is carried out once."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.app import open_bot
from bot.demo.mail import DemoNetwork
from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.delivery import encoded, signature
from bot.demo.stand_in.people import TEAM
from bot.server import serving
from tests.counts import scaled
from tests.scenario.people import ADA, fill_form, run_test, set_up

MOST = 5


@pytest.fixture
async def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Demo]:
    """A demo with two bots on one database, whose every request comes to either of them up to five times."""
    chance = random.Random(5)
    async with (
        running_demo(tmp_path) as demo,
        open_bot(demo.settings, network=DemoNetwork(demo.mail), trust=demo.mail.trust()) as second,
        serving(second, demo.settings.model_copy(update={"port": 0})) as other,
        aiohttp.ClientSession() as session,
    ):

        async def over_http(kind: str, payload: dict[str, Any]) -> Any:
            body, content_type = encoded(kind, payload)
            headers = {"Content-Type": content_type, **signature(demo.workspace.signing_secret, body)}

            async def once() -> Any:
                url = chance.choice((demo.bot_url, other))
                async with session.post(f"{url}/slack/events", data=body.encode(), headers=headers) as answer:
                    assert answer.status == 200
                    text = await answer.text()
                    return json.loads(text) if text else None

            answers = await asyncio.gather(*(once() for _ in range(chance.randint(1, MOST))))
            said = [answer for answer in answers if answer]
            assert len(said) <= 1 or not _acts(payload), said
            return said[0] if said else None

        monkeypatch.setattr(demo.workspace.delivery, "_over_http", over_http)
        yield demo


def _acts(payload: dict[str, Any]) -> bool:
    return payload.get("type") == "view_submission" or payload.get("text", "").startswith("add")


async def state(demo: Demo) -> tuple[int, int]:
    """How often the profile was saved, and how much of it is history."""
    async with demo.bot.database.reading() as tx:
        stored = await tx.profiles.get(TEAM, ADA)
        history = await tx.audit.page(TEAM, subject=ADA, limit=100_000)
    return stored.revision if stored else 0, len(history)


async def test_commands_and_forms_change_one_row_once(two: Demo) -> None:
    await set_up(two, ADA)
    revision, history = await state(two)
    for number in range(scaled(quick=8, full=1_000)):
        if number % 2:
            await two.workspace.command(ADA, "/email-extra", f"add FROM_NAME Name {number}")
        else:
            await two.workspace.command(ADA, "/email-profile", "edit")
            await two.workspace.wait_view(ADA, "Email profile")
            await fill_form(two, ADA, port=str(587 if number % 4 else 2525))
            assert await two.workspace.submit(ADA) == {}
        assert await state(two) == (revision + number + 1, history + number + 1), number


async def test_a_test_connects_once(two: Demo) -> None:
    await set_up(two, ADA)
    for _ in range(3):
        two.mail.traffic.clear()
        await run_test(two, ADA)
        # Whatever came too often has been turned away by then.
        await asyncio.sleep(0.1)
        assert sum(line.text.startswith("AUTH ") for line in two.mail.traffic) == 1
