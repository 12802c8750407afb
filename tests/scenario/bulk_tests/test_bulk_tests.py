"""An admin tests many at once: sums by cause, a stop, one run at a time, and a run that died."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.demo.run import Demo
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.platform import Message, searchable
from bot.profiles.connection_tests.bulk_tests import BulkTests
from bot.profiles.connection_tests.run_results import RunResult
from bot.slack.workspaces.token_rotation import TokenExpiredError
from storage.engines.transactions import DatabaseFault, DatabaseUnavailableError
from tests.scenario.crowd import BAD, begin_run, crowded_demo, labels, listed, users
from tests.scenario.people import GRACE, settled
from tests.scenario.started_before import StartedBefore
from tests.store import Store


@pytest.fixture
async def demo(crowded: StartedBefore, tmp_path: Path) -> AsyncIterator[Demo]:
    async with crowded_demo(tmp_path, crowded) as opened:
        yield opened


async def summary_of(demo: Demo) -> str:
    return searchable(await demo.workspace.wait_message(GRACE, "tested email profiles", timeout=30))


async def test_many_are_tested_after_one_question_with_their_number(demo: Demo, store: Store) -> None:
    workspace = demo.workspace
    await workspace.press(GRACE, "Test these", message=await listed(demo))
    question = await workspace.wait_message(GRACE, "Test 12 email profiles?")
    assert labels(question) == ["Test 12 profiles"]
    for sentence in ("It takes about 10 seconds.", "Members come first", "It can be stopped at any moment."):
        assert sentence in searchable(question)
        assert sentence in question.text
    assert await store.ask("SELECT 1 FROM test_runs") == []
    assert not any("Testing" in searchable(message) for message in workspace.messages(GRACE))
    await workspace.press(GRACE, "Test 12 profiles", message=question)
    await workspace.wait_message(GRACE, "Testing 12 email profiles. Follow it in your messages with the bot.")
    # It cannot be pressed twice.
    assert not any("Test 12 profiles" in labels(message) for message in workspace.messages(GRACE))
    await summary_of(demo)


async def test_what_is_counted_is_said_at_once_and_a_press_waits_for_nobody(
    demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, shown = demo.workspace, await listed(demo)
    free, select = asyncio.Event(), BulkTests.select

    async def slow(self: BulkTests, **what: Any) -> Any:
        await free.wait()
        return await select(self, **what)

    monkeypatch.setattr(BulkTests, "select", slow)
    await workspace.press(GRACE, "Test these", message=shown)
    await workspace.wait_message(GRACE, "Counting who can be tested …")
    free.set()
    question = await workspace.wait_message(GRACE, "Test 12 email profiles?")
    free.clear()
    await workspace.press(GRACE, "Test 12 profiles", message=question)
    await workspace.wait_message(GRACE, "Reading who is to be tested …")
    assert not any("Test 12 profiles" in labels(message) for message in workspace.messages(GRACE))
    free.set()
    await workspace.wait_message(GRACE, "Testing 12 email profiles. Follow it in your messages with the bot.")
    assert not any("Reading who" in searchable(message) for message in workspace.messages(GRACE))
    await summary_of(demo)


async def test_all_are_tested_and_summed_up_by_cause(demo: Demo) -> None:
    await begin_run(demo.workspace, await listed(demo))
    summary = await summary_of(demo)
    assert "Of 12 tested email profiles 9 work and 3 fail." in summary
    assert "3 fail at Sign-in on mail.demo.example: the server refused login or password" in summary
    assert all(f"<@{user}>" in summary for user in BAD)
    shown = await listed(demo)
    assert "9 work · 3 fail · 30 not set up" in searchable(shown)
    assert set(users(shown)[:3]) == BAD


async def test_only_the_filtered_are_tested_and_one_alone_without_a_question(demo: Demo) -> None:
    await demo.workspace.press(GRACE, "Test these", message=await listed(demo, "crowd007"))
    assert "Of 1 tested email profiles 0 work and 1 fail." in await summary_of(demo)


async def test_a_run_can_be_stopped_and_tells_how_far_it_came(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.profiles.connection_tests.bulk_tests.PROGRESS_INTERVAL_SECONDS", 0.05)
    monkeypatch.setattr("bot.profiles.connection_tests.bulk_tests.CONCURRENT_TESTS", 1)
    workspace = demo.workspace
    await begin_run(workspace, await listed(demo))
    progress = await workspace.wait_message(GRACE, "░")
    assert "Testing 12 email profiles" in searchable(progress)
    await workspace.press(GRACE, "Stop", message=progress)
    summary = searchable(await workspace.wait_message(GRACE, "Stopped after", timeout=20))
    assert "of 12" in summary
    # And another can begin.
    await workspace.press(GRACE, "Test these", message=await listed(demo, "crowd007"))
    assert "Of 1 tested" in await summary_of(demo)


async def test_one_run_at_a_time(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.profiles.connection_tests.bulk_tests.CONCURRENT_TESTS", 1)
    shown = await listed(demo)
    await begin_run(demo.workspace, shown)
    await demo.workspace.wait_message(GRACE, "Testing 12 email profiles. Follow it")
    await demo.workspace.press(GRACE, "Test these", message=shown)
    await demo.workspace.wait_message(GRACE, "is running already")
    await summary_of(demo)


async def test_a_run_that_died_with_its_process_is_told_as_interrupted(demo: Demo, store: Store) -> None:
    posted = await demo.workspace.post(Message(author="U0BOT", channel="D0GRACE", text="Testing 30 email profiles"))
    async with demo.bot.database.writing() as tx:
        run = await tx.runs.add(workspace="T0DEMO", actor=GRACE, channel="D0GRACE", message_ts=posted.ts, total=30)
        assert run is not None
        await tx.runs.step(run.run_id, done=12)
    # Slack is away at first.
    for method in ("chat.update", "chat.postMessage"):
        demo.workspace.faults[method] = [Fault(kind="refused", error="internal_error")]
    await store.edit("UPDATE test_runs SET alive_at = alive_at - 100")
    await demo.bot.housekeeping.tidy()
    assert not any("was interrupted" in searchable(message) for message in demo.workspace.messages(GRACE))
    await store.edit("UPDATE test_runs SET alive_at = alive_at - 100")
    await demo.bot.housekeeping.tidy()
    told = await demo.workspace.wait_message(GRACE, "was interrupted after 12")
    assert told.ts == posted.ts
    assert "Start it again" in searchable(told)
    # The bot may have tidied up by itself at the same time.
    await store.until("SELECT 1 FROM test_runs WHERE status = 'interrupted'")


@pytest.mark.parametrize("error", [TokenExpiredError(), DatabaseUnavailableError(DatabaseFault.SILENT)])
async def test_a_token_or_database_that_is_away_for_a_moment_ends_no_run_untold(
    demo: Demo, store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    posted = await demo.workspace.post(Message(author="U0BOT", channel="D0GRACE", text="Testing 30 email profiles"))
    async with demo.bot.database.writing() as tx:
        assert await tx.runs.add(workspace="T0DEMO", actor=GRACE, channel="D0GRACE", message_ts=posted.ts, total=30)

    async def away(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(type(demo.bot.housekeeping.workspaces), "client_for", away)
        await store.edit("UPDATE test_runs SET alive_at = alive_at - 100")
        await demo.bot.housekeeping.tidy()
    await store.until("SELECT 1 FROM test_runs WHERE status = 'untold'")
    await store.edit("UPDATE test_runs SET alive_at = alive_at - 100")
    await demo.bot.housekeeping.tidy()
    assert (await demo.workspace.wait_message(GRACE, "was interrupted after 0")).ts == posted.ts


async def test_an_admin_who_cannot_be_told_of_a_run_that_died_is_tried_once(demo: Demo, store: Store) -> None:
    async with demo.bot.database.writing() as tx:
        assert await tx.runs.add(workspace="T0DEMO", actor=GRACE, channel="D0GRACE", message_ts="1.2", total=30)
    for method in ("chat.update", "chat.postMessage"):
        demo.workspace.faults[method] = [Fault(kind="refused", error="channel_not_found")]
    await store.edit("UPDATE test_runs SET alive_at = alive_at - 100")
    await demo.bot.housekeeping.tidy()
    # The bot may have tidied up by itself at the same time.
    await store.until("SELECT 1 FROM test_runs WHERE status = 'interrupted'")


@pytest.mark.parametrize(
    ("breaks_off", "told"),
    [
        (False, "Of 1 tested email profiles 0 work and 1 fail."),
        (True, "The test of 1 email profile was interrupted after 0."),
    ],
)
async def test_an_end_that_slack_does_not_take_is_told_later_as_what_it_was(
    demo: Demo, store: Store, monkeypatch: pytest.MonkeyPatch, breaks_off: bool, told: str
) -> None:
    async def broken(*_: object, **__: object) -> RunResult:
        raise RuntimeError

    if breaks_off:
        monkeypatch.setattr(BulkTests, "run", broken)
    workspace, shown = demo.workspace, await listed(demo, "crowd007")
    refused = [Fault(kind="refused", error="internal_error")] * 9
    # The first message posted is the run's own.
    workspace.faults.update({"chat.update": refused[:], "chat.postMessage": [Fault(kind="silence"), *refused]})
    await workspace.press(GRACE, "Test these", message=shown)
    await settled(demo)
    assert not any(told in searchable(message) for message in workspace.messages(GRACE))
    workspace.faults.clear()
    await store.edit("UPDATE test_runs SET alive_at = alive_at - 100")
    await demo.bot.housekeeping.tidy()
    (message,) = [message for message in workspace.messages(GRACE) if message.channel == "D0GRACE"]
    assert told in searchable(message)
    assert ("Start it again" in searchable(message)) == breaks_off
    await store.until(f"SELECT 1 FROM test_runs WHERE status = '{'interrupted' if breaks_off else 'done'}'")


async def test_a_run_that_died_while_it_stopped_is_told_as_stopped(demo: Demo, store: Store) -> None:
    posted = await demo.workspace.post(Message(author="U0BOT", channel="D0GRACE", text="Testing 30 email profiles"))
    async with demo.bot.database.writing() as tx:
        run = await tx.runs.add(workspace="T0DEMO", actor=GRACE, channel="D0GRACE", message_ts=posted.ts, total=30)
        assert run is not None
    await demo.bot.housekeeping.bulk.save(run, RunResult(total=30, passed=12, cancelled=True))
    async with demo.bot.database.writing() as tx:
        assert await tx.runs.stop(run.run_id, workspace="T0DEMO")
    await store.edit("UPDATE test_runs SET alive_at = alive_at - 100")
    await demo.bot.housekeeping.tidy()
    told = await demo.workspace.wait_message(GRACE, "Stopped after 12 of 30.")
    assert told.ts == posted.ts


async def test_what_was_found_before_a_run_died_can_be_acted_on(demo: Demo, store: Store) -> None:
    await begin_run(demo.workspace, await listed(demo, "crowd00"))
    await summary_of(demo)
    await store.edit("UPDATE test_runs SET status = 'running', done = 5, alive_at = alive_at - 100")
    await demo.bot.housekeeping.tidy()
    told = await demo.workspace.wait_message(GRACE, "was interrupted after 10")
    await demo.workspace.press(GRACE, "Show these", message=told)
    shown = await demo.workspace.wait_message(GRACE, "Only who was found to fail")
    assert set(users(shown)) == BAD
