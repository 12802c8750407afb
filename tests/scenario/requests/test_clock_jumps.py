"""A clock that is set forward or back an hour while the bot runs: nobody is locked out, and operators hear why."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.delivery import encoded, signature
from bot.demo.stand_in.platform import searchable
from bot.smtp.check.report import Report
from tests.scenario.people import ADA, run_test, set_up
from tests.store import Store

HOUR = 3600.0


@pytest.fixture
async def quiet_demo(tmp_path: Path) -> AsyncIterator[Demo]:
    async with running_demo(tmp_path) as opened:
        yield opened


async def set_clock(store: Store, seconds: float) -> None:
    """Move the database's clock: everything that it noted lies so much nearer or further."""
    for table in ("leases", "limits", "seen_requests", "password_links"):
        await store.edit(f"UPDATE {table} SET ends_at = ends_at - :seconds", seconds=seconds)


async def test_a_lease_and_a_limit_hold_no_longer_than_they_were_taken_for(quiet_demo: Demo, store: Store) -> None:
    database = quiet_demo.bot.database
    for jump in (0.0, HOUR, -HOUR):
        await set_clock(store, jump)
        # After each jump both are to be had again, and hold as before.
        async with database.writing() as tx:
            assert await tx.leases.take("work", seconds=60)
            assert not await tx.leases.take("work", seconds=60)
            assert (await tx.limits.take("tests", most=1, seconds=60)).taken
            refused = await tx.limits.take("tests", most=1, seconds=60)
            assert not refused.taken
            assert 1 <= refused.wait <= 60


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_a_private_link_is_good_for_ten_minutes_whatever_the_clock_does(
    quiet_demo: Demo, store: Store, jump: float
) -> None:
    workspace = quiet_demo.workspace
    card = await set_up(quiet_demo, ADA)
    await workspace.press(ADA, "Set the password privately", message=card)
    url = await workspace.press_url(ADA, "Open the private page", message=workspace.messages(ADA)[-1])
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as page:
            assert page.status == 200
        await set_clock(store, jump)
        async with session.get(url) as page:
            assert page.status in (404, 410)


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_a_test_takes_as_long_as_it_takes_and_people_are_answered(
    quiet_demo: Demo, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    await set_up(quiet_demo, ADA)
    reports: list[Report] = []
    monkeypatch.setattr(quiet_demo.bot.metrics, "count_test", reports.append)
    now = time.time
    with monkeypatch.context() as jumping:
        # From here on the whole process, Slack's stand-in too, lives in another hour.
        jumping.setattr(time, "time", lambda: now() + jump)
        jumping.setattr("slack_sdk.signature.time", lambda: now() + jump)
        assert searchable(await run_test(quiet_demo, ADA)).startswith("Connection test passed")
        await quiet_demo.workspace.command(ADA, "/email-profile")
    assert "`ada@demo.example`" in searchable(quiet_demo.workspace.messages(ADA)[-1])
    (report,) = reports
    assert 0 <= report.seconds < 60


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(("jump", "words"), [(-HOUR, "3600 s ago"), (HOUR, "3600 s ahead")])
async def test_requests_of_another_hour_are_refused_and_the_log_names_the_clock_once(
    quiet_demo: Demo, caplog: pytest.LogCaptureFixture, jump: float, words: str
) -> None:
    body, kind = encoded("slash_commands", {"command": "/email-profile", "team_id": "T0DEMO", "user_id": ADA})
    old = signature(quiet_demo.workspace.signing_secret, body, at=int(time.time() + jump))
    async with aiohttp.ClientSession() as session:
        for headers in (old, old, {**old, "X-Slack-Request-Timestamp": "9" * 12}):
            sent = session.post(
                f"{quiet_demo.bot_url}/slack/events", data=body.encode(), headers={"Content-Type": kind, **headers}
            )
            async with sent as answer:
                assert answer.status == 401
    told = [record.getMessage() for record in caplog.records if record.name == "bot.observability.clock_skew"]
    assert len(told) == 1
    assert "the clock is probably wrong" in told[0]
    assert any(f"{int(words.split(maxsplit=1)[0]) + off} s {words.split()[2]}" in told[0] for off in (-1, 0, 1))
