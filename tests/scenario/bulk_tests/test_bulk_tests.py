"""An admin tests many at once: sums by cause, a stop, one run at a time, and a run that died."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.demo.run import Demo
from bot.demo.stand_in.platform import Message, searchable
from tests.scenario.crowd import BAD, crowded_demo, listed, users
from tests.scenario.people import GRACE
from tests.scenario.started_before import StartedBefore
from tests.store import Store


@pytest.fixture
async def demo(crowded: StartedBefore, tmp_path: Path) -> AsyncIterator[Demo]:
    async with crowded_demo(tmp_path, crowded) as opened:
        yield opened


async def run_all(demo: Demo, shown: Message) -> str:
    await demo.workspace.press(GRACE, "Test these", message=shown)
    return searchable(await demo.workspace.wait_message(GRACE, "tested email profiles", timeout=30))


async def test_all_are_tested_and_summed_up_by_cause(demo: Demo) -> None:
    summary = await run_all(demo, await listed(demo))
    assert "Of 30 tested email profiles 27 work and 3 fail." in summary
    assert "3 fail at Sign-in on mail.demo.example: the server refused login or password" in summary
    assert all(f"<@{user}>" in summary for user in BAD)
    shown = await listed(demo)
    assert "27 work · 3 fail · 12 not set up" in searchable(shown)
    assert set(users(shown)[:3]) == BAD


async def test_only_the_filtered_are_tested(demo: Demo) -> None:
    shown = await listed(demo)
    await demo.workspace.enter_in(GRACE, "Search", "crowd007", message=shown)
    assert "Of 1 tested email profiles 0 work and 1 fail." in await run_all(demo, shown)


async def test_a_run_can_be_stopped_and_tells_how_far_it_came(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.profiles.connection_tests.bulk_tests.PROGRESS_INTERVAL_SECONDS", 0.05)
    monkeypatch.setattr("bot.profiles.connection_tests.bulk_tests.CONCURRENT_TESTS", 1)
    workspace = demo.workspace
    shown = await listed(demo)
    await workspace.press(GRACE, "Test these", message=shown)
    progress = await workspace.wait_message(GRACE, "░")
    assert "Testing 30 email profiles" in searchable(progress)
    await workspace.press(GRACE, "Stop", message=progress)
    summary = searchable(await workspace.wait_message(GRACE, "Stopped after", timeout=20))
    assert "of 30" in summary
    # And another can begin.
    shown = await listed(demo)
    await workspace.enter_in(GRACE, "Search", "crowd007", message=shown)
    assert "Of 1 tested" in await run_all(demo, shown)


async def test_one_run_at_a_time(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.profiles.connection_tests.bulk_tests.CONCURRENT_TESTS", 1)
    shown = await listed(demo)
    await demo.workspace.press(GRACE, "Test these", message=shown)
    await demo.workspace.press(GRACE, "Test these", message=shown)
    await demo.workspace.wait_message(GRACE, "is running already")


async def test_a_run_that_died_with_its_process_is_told_as_interrupted(demo: Demo, store: Store) -> None:
    posted = await demo.workspace.post(Message(author="U0BOT", channel="D0GRACE", text="Testing 30 email profiles"))
    async with demo.bot.database.writing() as tx:
        run = await tx.runs.add(workspace="T0DEMO", actor=GRACE, channel="D0GRACE", message_ts=posted.ts, total=30)
        assert run is not None
        await tx.runs.step(run.run_id, done=12)
    await store.edit("UPDATE test_runs SET alive_at = alive_at - 100")
    await demo.bot.housekeeping.tidy()
    told = searchable(await demo.workspace.wait_message(GRACE, "was interrupted after 12"))
    assert "Start it again" in told


async def test_what_was_found_before_a_run_died_can_be_acted_on(demo: Demo, store: Store) -> None:
    await run_all(demo, await listed(demo, "crowd00"))
    await store.edit("UPDATE test_runs SET status = 'running', done = 5, alive_at = alive_at - 100")
    await demo.bot.housekeeping.tidy()
    told = await demo.workspace.wait_message(GRACE, "was interrupted after 10")
    await demo.workspace.press(GRACE, "Show these", message=told)
    shown = await demo.workspace.wait_message(GRACE, "Only who was found to fail")
    assert set(users(shown)) == BAD
