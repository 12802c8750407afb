"""Notices about what somebody else did: written with the change, sent once, whatever becomes of Slack or the bot."""

import asyncio
import logging
import re
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import searchable
from bot.profiles.people.access import Person
from bot.profiles.people.notices import Batch, notify_of_deletion, report_batch
from bot.slack.background.outbox import Outbox
from storage.crypto.keyring import generate_key
from storage.tables.outbox import OutboxTable
from tests.scenario.people import ADA, GRACE, notices_sent, set_up
from tests.store import Store

CHANGED, DELETED = "changed your email profile", "deleted your email profile"


async def change(demo: Demo, value: str = "Countess") -> None:
    """Change Ada's profile as Grace."""
    await demo.workspace.command(GRACE, "/email-extra", f"add FROM_NAME {value} @ada")


async def delete(demo: Demo) -> None:
    workspace = demo.workspace
    await workspace.command(GRACE, "/email-profile", "delete @ada")
    await workspace.press(GRACE, "Delete …", message=workspace.messages(GRACE)[-1])


def told(demo: Demo, user: str = ADA, containing: str = CHANGED) -> list[str]:
    """Return what somebody was told by direct message, oldest first."""
    direct = [message for message in demo.workspace.messages(user) if message.reader is None]
    return [text for text in map(searchable, direct) if containing in text]


async def outcomes(store: Store) -> list[tuple[str, str]]:
    rows = await store.ask("SELECT kind, outcome FROM outbox ORDER BY created_at")
    return [(row.kind, row.outcome) for row in rows]


async def until(store: Store, outcome: str) -> None:
    await store.until(f"SELECT 1 FROM outbox WHERE outcome = '{outcome}'")


async def hurried(store: Store) -> None:
    """Let what waits be due now, and every pause be over."""
    await store.edit("UPDATE outbox SET due_at = due_at - 4000 WHERE outcome = ''", "DELETE FROM leases")


async def test_a_change_and_its_notice_are_stored_together_or_not_at_all(
    http_demo: Demo, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_up(http_demo, ADA)

    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr("storage.tables.outbox.OutboxTable.add", broken)
        await change(http_demo)
    ((revision,),) = await store.ask("SELECT revision FROM email_profiles")
    assert await store.ask("SELECT 1 FROM outbox") == []
    await change(http_demo)
    ((after,),) = await store.ask("SELECT revision FROM email_profiles")
    assert (after, len(await store.ask("SELECT 1 FROM outbox"))) == (revision + 1, 1)


async def test_nobody_is_told_of_their_own_doing_or_of_nothing(http_demo: Demo, store: Store) -> None:
    await set_up(http_demo, ADA)
    await http_demo.workspace.command(ADA, "/email-extra", "add FROM_NAME Ada")
    await change(http_demo, "Ada")
    assert await store.ask("SELECT 1 FROM outbox") == []


async def test_what_is_told_is_sealed_holds_no_password_and_is_gone_when_it_is_sent(
    http_demo: Demo, store: Store
) -> None:
    await set_up(http_demo, ADA)
    http_demo.workspace.faults["chat.postMessage"] = [Fault(kind="error500")]
    await change(http_demo, "Sealed-canary")
    await store.until("SELECT 1 FROM outbox WHERE tries = 1")
    assert b"Sealed-canary" not in b"".join((await store.everything()).values())
    ((before,),) = await store.ask("SELECT sealed FROM outbox")
    await hurried(store)
    await notices_sent(http_demo)
    assert "Sealed-canary" in told(http_demo)[0]
    (after,) = await store.ask("SELECT sealed, outcome FROM outbox")
    assert after.outcome == "sent"
    assert len(after.sealed) < len(before)


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [(Fault(kind="error500"), (900, 900, 900)), (Fault(kind="refused", error="service_unavailable"), (5, 10, 20))],
)
async def test_while_slack_is_broken_a_notice_waits_and_then_comes_once(
    http_demo: Demo, store: Store, fault: Fault, seconds: tuple[int, ...], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="bot.slack")
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    for number in range(3):
        workspace.faults["chat.postMessage"] = [fault]
        await (hurried(store) if number else change(http_demo))
        http_demo.bot.outbox.wake(Person(TEAM, ADA))
        await store.until(f"SELECT 1 FROM outbox WHERE tries = {number + 1}")
        assert told(http_demo) == []
    assert tuple(map(int, re.findall(r"A changed notice waits for (\d+) s", caplog.text))) == seconds
    await hurried(store)
    await notices_sent(http_demo)
    assert len(told(http_demo)) == 1


async def test_while_there_is_no_connection_to_slack_a_notice_waits_and_then_comes_once(
    http_demo: Demo, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_up(http_demo, ADA)

    async def nowhere(self: AsyncWebClient, **arguments: Any) -> None:
        lost = copy(self)
        lost.base_url = "http://127.0.0.1:9/api/"
        await lost.api_call("chat.postMessage", json=arguments)

    with monkeypatch.context() as patched:
        patched.setattr(AsyncWebClient, "chat_postMessage", nowhere)
        for number in range(3):
            await (hurried(store) if number else change(http_demo))
            http_demo.bot.outbox.wake(Person(TEAM, ADA))
            await store.until(f"SELECT 1 FROM outbox WHERE tries = {number + 1}")
    await hurried(store)
    await notices_sent(http_demo)
    assert len(told(http_demo)) == 1


async def test_a_notice_that_slack_takes_and_answers_too_late_comes_twice_at_most(
    http_demo: Demo, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="bot.slack")
    await set_up(http_demo, ADA)
    monkeypatch.setattr("bot.slack.background.outbox.SEND_TIMEOUT_SECONDS", 0.3)
    post = AsyncWebClient.chat_postMessage

    async def late(self: AsyncWebClient, **arguments: Any) -> None:
        await post(self, **arguments)
        await asyncio.sleep(5)

    monkeypatch.setattr(AsyncWebClient, "chat_postMessage", late)
    await change(http_demo)
    await store.until("SELECT 1 FROM outbox WHERE tries = 1")
    await hurried(store)
    http_demo.bot.outbox.wake(Person(TEAM, ADA))
    # At once after the second time: it keeps nothing else that the person is to be told.
    await until(store, "uncertain")
    assert len(told(http_demo)) == 2
    assert caplog.text.count("A changed notice may have been sent (TimeoutError); it waits for 3600 s.") == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="close"),
        Fault(kind="garbled"),
        # Slack may have done it all the same, it says.
        Fault(kind="refused", error="internal_error"),
        Fault(kind="refused", error="fatal_error"),
    ],
)
async def test_a_notice_is_sent_once_more_where_nothing_tells_whether_slack_took_it_and_no_third_time(
    http_demo: Demo, store: Store, fault: Fault
) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    workspace.faults["chat.postMessage"] = [fault]
    await change(http_demo)
    await store.until("SELECT 1 FROM outbox WHERE tries = 1")
    await hurried(store)
    await notices_sent(http_demo)
    assert len(told(http_demo)) == 1
    workspace.faults["chat.postMessage"] = [fault, fault]
    await change(http_demo, "Augusta")
    await store.until("SELECT 1 FROM outbox WHERE tries = 1 AND outcome = ''")
    await hurried(store)
    http_demo.bot.outbox.wake(Person(TEAM, ADA))
    await until(store, "uncertain")
    assert len(told(http_demo)) == 1


async def test_a_pause_that_slack_asks_for_holds_for_the_whole_workspace(http_demo: Demo, store: Store) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    workspace.faults["chat.postMessage"] = [Fault(kind="ratelimited", seconds=95)]
    await change(http_demo)
    await store.until("SELECT 1 FROM outbox WHERE tries = 1")
    calls = workspace.calls("chat.postMessage")
    await change(http_demo, "Augusta")
    await http_demo.bot.outbox._round()
    async with http_demo.bot.database.reading() as tx:
        assert 85 < await tx.leases.seconds_left(f"outbox of {TEAM}") <= 95
    assert workspace.calls("chat.postMessage") == calls
    assert told(http_demo) == []
    await hurried(store)
    await notices_sent(http_demo)
    assert ["Augusta" in text for text in told(http_demo)] == [False, True]


@pytest.mark.parametrize("error", ["user_disabled", "cannot_dm_bot", "user_not_found", "new_error"])
async def test_who_cannot_be_told_for_good_stops_nobody_and_is_counted(
    http_demo: Demo, store: Store, caplog: pytest.LogCaptureFixture, error: str
) -> None:
    caplog.set_level(logging.INFO, logger="bot.slack")
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    workspace.faults["chat.postMessage"] = [Fault(kind="refused", error=error)]
    await change(http_demo)
    await change(http_demo, "Augusta")
    await notices_sent(http_demo)
    assert await outcomes(store) == [("changed", error), ("changed", "sent")]
    assert len(told(http_demo)) == 1
    metrics = (await http_demo.bot.metrics.text()).decode()
    assert 'email_profile_bot_notices_total{ended="refused",kind="changed"} 1.0' in metrics
    assert 'email_profile_bot_notices_total{ended="sent",kind="changed"} 1.0' in metrics
    (line,) = [record for record in caplog.records if "refused for good" in record.getMessage()]
    assert error in line.getMessage()
    assert "Countess" not in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        "invalid_auth",
        "token_revoked",
        "missing_scope",
        "account_inactive",
        "message_limit_exceeded",
        "rate_limited",
        "ratelimited",
    ],
)
async def test_what_is_wrong_with_the_app_ends_no_notice(http_demo: Demo, store: Store, error: str) -> None:
    await set_up(http_demo, ADA)
    http_demo.workspace.faults["chat.postMessage"] = [Fault(kind="refused", error=error)]
    await change(http_demo)
    await store.until("SELECT 1 FROM outbox WHERE tries = 1")
    assert await outcomes(store) == [("changed", "")]
    await hurried(store)
    await notices_sent(http_demo)
    assert len(told(http_demo)) == 1


async def test_what_was_written_before_a_restart_is_sent_after_it(tmp_path: Path, store: Store) -> None:
    keys = generate_key()
    async with running_demo(tmp_path, encryption_keys=keys) as demo:
        await set_up(demo, ADA)
        demo.workspace.faults["chat.postMessage"] = [Fault(kind="error500")]
        await change(demo)
        await store.until("SELECT 1 FROM outbox WHERE tries = 1")
    await hurried(store)
    async with running_demo(tmp_path, encryption_keys=keys) as demo:
        await demo.workspace.wait_message(ADA, CHANGED)
        await until(store, "sent")


async def test_a_message_that_is_on_its_way_when_the_bot_stops_is_marked_before_it_ends(
    tmp_path: Path, store: Store
) -> None:
    async with running_demo(tmp_path) as demo:
        await set_up(demo, ADA)
        demo.workspace.faults["chat.postMessage"] = [Fault(kind="silence", seconds=0.3)]
        await change(demo)
        await store.until("SELECT 1 FROM outbox WHERE unknown = 1")
    assert await outcomes(store) == [("changed", "sent")]
    assert len(told(demo)) == 1


async def test_after_crashes_between_sending_and_marking_a_message_comes_twice_at_most(
    http_demo: Demo, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_up(http_demo, ADA)

    async def crashes(*_: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr("bot.slack.background.outbox.Outbox._end", crashes)
        await change(http_demo)
        for times in (1, 2):
            async with asyncio.timeout(5):
                while len(told(http_demo)) < times:
                    await asyncio.sleep(0.01)
            await store.until(f"SELECT 1 FROM outbox WHERE unknown = {times}")
            await hurried(store)
            http_demo.bot.outbox.wake(Person(TEAM, ADA))
        await asyncio.sleep(0)
    await hurried(store)
    http_demo.bot.outbox.wake(Person(TEAM, ADA))
    await until(store, "uncertain")
    assert len(told(http_demo)) == 2


async def test_two_instances_send_each_message_once(http_demo: Demo, store: Store) -> None:
    await set_up(http_demo, ADA)
    here = http_demo.bot.outbox
    there = Outbox(
        database=here.database, workspaces=here.workspaces, notices=here.notices, entry=here.entry, count=here.count
    )
    for outbox in (here, there):
        outbox.pace = outbox.person_pace = 0.0
    running = asyncio.create_task(there.run())
    try:
        for number in range(20):
            await change(http_demo, f"Name-{number:02}")
            there.wake(Person(TEAM, ADA))
        await notices_sent(http_demo)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    names = [name for text in told(http_demo) for name in re.findall(r"→ (Name-\d+)", text)]
    assert names == [f"Name-{number:02}" for number in range(20)]


async def test_messages_in_a_workspace_are_paced(http_demo: Demo, store: Store) -> None:
    await set_up(http_demo, ADA)
    slept: list[float] = []
    enough = asyncio.Event()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await store.edit("UPDATE leases SET ends_at = ends_at - 100", "UPDATE outbox SET ended_at = ended_at - 100")
        enough.set()

    http_demo.bot.outbox.sleep = sleep
    http_demo.bot.outbox.pace, http_demo.bot.outbox.person_pace = 50.0, 50.0
    await change(http_demo)
    await change(http_demo, "Augusta")
    async with asyncio.timeout(5):
        while len(told(http_demo)) < 2:
            await enough.wait()
            await asyncio.sleep(0.01)
    assert slept[0] == 50.0


async def test_with_the_profile_go_all_notices_about_it_but_the_one_that_tells_of_it(
    http_demo: Demo, store: Store
) -> None:
    await set_up(http_demo, ADA)
    http_demo.workspace.faults["chat.postMessage"] = [Fault(kind="error500")]
    await change(http_demo)
    await store.until("SELECT 1 FROM outbox WHERE tries = 1")
    await delete(http_demo)
    await notices_sent(http_demo)
    assert await outcomes(store) == [("changed", "profile_deleted"), ("deleted", "sent")]
    assert told(http_demo) == []
    assert len(told(http_demo, containing=DELETED)) == 1


@pytest.mark.parametrize("lost", ["is_deactivated", "is_guest"])
async def test_who_is_no_member_any_more_is_told_nothing(http_demo: Demo, store: Store, lost: str) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    workspace.faults["chat.postMessage"] = [Fault(kind="error500")]
    await change(http_demo)
    await store.until("SELECT 1 FROM outbox WHERE tries = 1")
    flags: dict[str, Any] = {lost: True}
    await workspace.change_person(replace(workspace.people[ADA], **flags))
    assert await outcomes(store) == [("changed", "no_member")]
    assert told(http_demo) == []


async def test_when_the_bot_is_removed_nothing_waits_for_its_return(http_demo: Demo, store: Store) -> None:
    await set_up(http_demo, ADA)
    http_demo.workspace.faults["chat.postMessage"] = [Fault(kind="error500")]
    await change(http_demo)
    await store.until("SELECT 1 FROM outbox WHERE tries = 1")
    await http_demo.workspace.event({"type": "app_uninstalled"})
    assert await store.ask("SELECT 1 FROM outbox") == []


async def test_a_notice_that_does_not_open_or_is_of_another_version_ends(http_demo: Demo, store: Store) -> None:
    async with http_demo.bot.database.writing() as tx:
        await tx.outbox.add(TEAM, ADA, kind="of_a_newer_version", document=b"{}")
        await tx.outbox.add(TEAM, ADA, kind="changed", document=b'{"no": "such thing"}')
        await notify_of_deletion(tx, Person(TEAM, GRACE), Person(TEAM, ADA))
    http_demo.bot.outbox.wake(Person(TEAM, ADA))
    await notices_sent(http_demo)
    found = dict(await outcomes(store))
    # The deletion ended what waited before it.
    assert found == {"of_a_newer_version": "profile_deleted", "changed": "profile_deleted", "deleted": "sent"}
    async with http_demo.bot.database.writing() as tx:
        await tx.outbox.add(TEAM, ADA, kind="of_a_newer_version", document=b"{}")
        await tx.outbox.add(TEAM, GRACE, kind="changed", document=b'{"no": "such thing"}')
    http_demo.bot.outbox.wake(Person(TEAM, ADA))
    await notices_sent(http_demo)
    assert (await outcomes(store))[-2:] == [("of_a_newer_version", "unreadable"), ("changed", "unreadable")]
    assert 'ended="dropped",kind="other"' in (await http_demo.bot.metrics.text()).decode()


async def test_an_error_that_nobody_expects_is_logged_and_ends_no_sending(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await set_up(http_demo, ADA)
    failed = asyncio.Event()

    async def broken(_: OutboxTable) -> dict[str, float]:
        failed.set()
        raise RuntimeError("unexpected")

    with monkeypatch.context() as patched:
        patched.setattr(OutboxTable, "waiting", broken)
        await change(http_demo)
        async with asyncio.timeout(5):
            await failed.wait()
    http_demo.bot.outbox.wake(Person(TEAM, ADA))
    await http_demo.workspace.wait_message(ADA, CHANGED)
    assert "unexpected" in caplog.text


async def test_of_a_batch_of_which_nothing_is_left_nobody_is_told(http_demo: Demo, store: Store) -> None:
    async with http_demo.bot.database.writing() as tx:
        await report_batch(tx, Person(TEAM, GRACE), Batch.REMINDED, batch="purged meanwhile")
    http_demo.bot.outbox.wake(Person(TEAM, GRACE))
    await notices_sent(http_demo)
    assert await outcomes(store) == [("batch", "no_longer_true")]
    assert told(http_demo, GRACE, "have been told") == []


async def test_a_message_that_waits_for_long_shows_in_readyz_and_in_the_metrics(http_demo: Demo, store: Store) -> None:
    await set_up(http_demo, ADA)
    http_demo.workspace.faults["chat.postMessage"] = [Fault(kind="error500")]
    await change(http_demo)
    await store.until("SELECT 1 FROM outbox WHERE tries = 1")
    assert await http_demo.bot.health.faults() == {}
    await store.edit("UPDATE outbox SET created_at = created_at - 1200")
    assert list((await http_demo.bot.health.faults()).values()) == [
        "messages to people have been waiting for 20 minutes (thousands were written at once, or Slack asks "
        "for a pause, refuses the token, or is away: see the log)"
    ]
    (line,) = [
        line
        for line in (await http_demo.bot.metrics.text()).decode().splitlines()
        if line.startswith("email_profile_bot_notice_wait_seconds ")
    ]
    assert 1200 <= float(line.split()[1]) < 1260


async def test_what_has_waited_for_three_days_is_given_up_and_counted(http_demo: Demo, store: Store) -> None:
    await set_up(http_demo, ADA)
    http_demo.workspace.faults["chat.postMessage"] = [Fault(kind="error500")]
    await change(http_demo)
    await store.until("SELECT 1 FROM outbox WHERE tries = 1")
    await store.edit("UPDATE outbox SET created_at = created_at - 3 * 86400")
    http_demo.bot.outbox.wake(Person(TEAM, ADA))
    await until(store, "too_late")
    assert 'ended="lost",kind="changed"' in (await http_demo.bot.metrics.text()).decode()
    assert told(http_demo) == []
