"""Where the time of one `/email-profile` goes, stage by stage, without the HTTP server around it."""

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier

from bot.app import Bot, open_bot
from bot.demo.delivery import encoded, signature
from bot.demo.people import TEAM
from bot.profiles.account.records import profile_view
from bot.profiles.people.access import Person
from bot.settings import GivenSettings
from bot.slack.command_text import parse
from bot.slack.views.card import card
from bot.slack.views.form import PasswordEntry
from tests.benchmarks.commands import fields_of, store_a_profile
from tests.benchmarks.program import workspace_for
from tests.scenario.people import ADA

TIMES, ROUNDS = 300, 10

Stage = Callable[[], Awaitable[Any]]


async def run() -> None:
    """Measure and print; the parts do not quite add up, for together they crowd each other out of the caches."""
    with tempfile.TemporaryDirectory() as folder:
        async with workspace_for(Path(folder)) as (workspace, given):
            kept: dict[str, Any] = {name.lower(): given[name] for name in given if name not in ("HOST", "LOG_LEVEL")}
            async with open_bot(GivenSettings(**kept)) as bot:
                await store_a_profile(given)
                stages = await _stages(bot, workspace.signing_secret)
                taken = {name: await _microseconds(stage) for name, stage in stages.items()}
    print("Serving one /email-profile, microseconds of processor, each part alone")
    for name, microseconds in taken.items():
        print(f"  {name:42} {microseconds:6.1f}")


async def _microseconds(stage: Stage) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(TIMES):
            await stage()
        best = min(best, (time.process_time() - began) / TIMES)
    return best * 1e6


async def _stages(bot: Bot, secret: str) -> dict[str, Stage]:
    body, kind = encoded("slash_commands", fields_of(ADA))
    signed = signature(secret, body)
    headers: dict[str, str | Sequence[str]] = {"Content-Type": kind, **signed}
    owner = Person(workspace=TEAM, user=ADA)
    stored = await bot.database.profile_with_last_test(TEAM, ADA)
    view = profile_view(owner, stored.profile, stored.test)
    shown = card(view, reader=ADA, entry=PasswordEntry.IN_FORM).payload()
    verifier = SignatureVerifier(secret)

    async def whole() -> None:
        answer = await bot.slack.async_dispatch(AsyncBoltRequest(body=body, headers=headers))
        assert answer.status == 200
        # Else the load would seem to be one long turn of the event loop.
        await asyncio.sleep(0)

    async def request() -> None:
        AsyncBoltRequest(body=body, headers=headers)

    async def verify() -> None:
        verifier.is_valid(body, signed["X-Slack-Request-Timestamp"], signed["X-Slack-Signature"])

    async def understand() -> None:
        parse("/email-profile", "")

    async def read() -> None:
        await bot.database.profile_with_last_test(TEAM, ADA)

    async def decide() -> None:
        profile_view(owner, stored.profile, stored.test)

    async def render() -> None:
        card(view, reader=ADA, entry=PasswordEntry.IN_FORM).payload()

    async def write_down() -> None:
        json.dumps(shown)

    return {
        "all of it": whole,
        "Bolt's request, form parsed": request,
        "signature checked": verify,
        "subcommand found": understand,
        "profile and last test read from SQLite, and opened": read,
        "documents read, state found": decide,
        "card rendered": render,
        "JSON written": write_down,
    }
