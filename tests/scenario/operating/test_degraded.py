"""What is the matter with an instance stands in `/readyz` in words and in the metrics, while it lasts."""

import asyncio
import re
from pathlib import Path

import aiohttp
import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.faults import Fault, FaultKind
from bot.health import State
from bot.slack.web_api.call_health import FAILURES, METHODS, OTHER, RESPONSE_URL, UPLOAD, CallOutcome
from tests.counts import scaled
from tests.scenario.crowd import people_read
from tests.scenario.people import ADA, set_up, settled
from tests.store import Store

pytestmark = pytest.mark.databases("sqlite")


async def get(demo: Demo, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{demo.bot_url}{path}") as answer:
        return answer.status, await answer.text()


async def degraded(demo: Demo) -> set[str]:
    """The states that the metrics tell of; each state is always there, as 0 or 1."""
    series = r'^email_profile_bot_degraded{state="(\w+)"} ([01])\.0$'
    told = dict(re.findall(series, (await get(demo, "/metrics"))[1], re.M))
    assert set(told) == set(State)
    return {state for state, value in told.items() if value == "1"}


async def calls(demo: Demo) -> dict[tuple[str, str], float]:
    series = r'^email_profile_bot_slack_calls_total{method="([^"]+)",outcome="([^"]+)"} (\S+)$'
    found = re.findall(series, (await get(demo, "/metrics"))[1], re.M)
    return {(method, outcome): float(count) for method, outcome, count in found}


async def test_all_is_well_until_something_is_the_matter(http_demo: Demo, store: Store) -> None:
    await set_up(http_demo, ADA)
    assert await get(http_demo, "/readyz") == (200, "ready")
    assert await degraded(http_demo) == set()
    for table in ("email_profiles", "key_checks"):
        await store.edit(f"UPDATE {table} SET key_id = 'ffffffff'")
    assert await degraded(http_demo) == {"keys"}
    await store.edit("DROP TABLE key_checks")
    assert await degraded(http_demo) == {"database"}
    http_demo.bot.health.draining = True
    status, words = await get(http_demo, "/readyz")
    assert (status, words) == (503, "stopping; the database does not answer")
    assert await degraded(http_demo) == {"database", "draining"}


async def test_a_database_that_says_nothing_at_all_is_told_in_time(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent() -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(http_demo.bot.database, "ping", silent)
    monkeypatch.setattr("bot.health.DATABASE_TIMEOUT_SECONDS", 0.1)
    async with asyncio.timeout(5):
        assert await get(http_demo, "/readyz") == (503, "the database does not answer")
        assert await degraded(http_demo) == {"database"}


@pytest.mark.parametrize("kind", scaled(quick=["error500"], full=["error500", "close"]))
async def test_while_slack_answers_no_call_the_instance_serves_on_and_says_so(
    http_demo: Demo, kind: FaultKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.workspaces.users.PAUSE_SECONDS", 0.0)
    await people_read(http_demo, 2)
    workspace = http_demo.workspace
    workspace.faults["views.open"] = [Fault(kind=kind)] * FAILURES
    workspace.faults["response_url"] = [Fault(kind=kind)] * 50
    await workspace.command(ADA, "/email-profile", "edit")
    workspace.faults["views.open"] = [Fault(kind=kind)] * 50
    await workspace.command(ADA, "/email-profile", "edit")
    workspace.faults["chat.postMessage"] = [Fault(kind=kind)] * 50
    await workspace.command(ADA, "/email-profile", "edit")
    words = "ready, but degraded: Slack does not answer the bot's calls"
    assert await get(http_demo, "/readyz") == (200, words)
    assert await degraded(http_demo) == {"slack"}
    workspace.faults.clear()
    await workspace.command(ADA, "/email-profile", "edit")
    assert await get(http_demo, "/readyz") == (200, "ready")
    assert await degraded(http_demo) == set()


async def test_being_asked_to_wait_or_refused_is_an_answer_of_slacks(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    for fault in (Fault(kind="ratelimited", seconds=99), Fault(kind="refused", error="expired_trigger_id")):
        workspace.faults["views.open"] = [fault] * 9
        for _ in range(FAILURES):
            await workspace.command(ADA, "/email-profile", "edit")
        assert await get(http_demo, "/readyz") == (200, "ready")


async def test_failures_of_long_ago_say_nothing_of_now(http_demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    await people_read(http_demo, 2)
    workspace = http_demo.workspace
    for method in ("views.open", "response_url", "chat.postMessage"):
        workspace.faults[method] = [Fault(kind="error500")] * 9
    for _ in range(FAILURES):
        await workspace.command(ADA, "/email-profile", "edit")
    assert await degraded(http_demo) == {"slack"}
    monkeypatch.setattr("bot.slack.web_api.call_health.FORGET_SECONDS", 0.0)
    assert await degraded(http_demo) == set()


async def test_socket_mode_that_is_down_is_told(tmp_path: Path) -> None:
    async with running_demo(tmp_path, slack_app_token="xapp-demo") as demo:
        assert await degraded(demo) == set()
        demo.workspace.app_token = "xapp-of-another"
        for socket in list(demo.workspace.delivery.sockets):
            await socket.close()
        assert await degraded(demo) == {"socket_mode"}
        assert await get(demo, "/readyz") == (503, "Socket Mode is not connected")


async def test_calls_to_slack_are_counted_by_method_and_how_they_ended(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    workspace.faults["users.info"] = [Fault(kind="close")] * 9
    workspace.faults["views.open"] = [Fault(kind="ratelimited", seconds=99)]
    await workspace.command("U0GRACE", "/email-profile", "show @ada")
    await workspace.command(ADA, "/email-profile", "edit")
    await workspace.command(ADA, "/email-test")
    await workspace.wait_message(ADA, "Connection test passed")
    await settled(http_demo)
    told = await calls(http_demo)
    assert told["auth.test", CallOutcome.ANSWERED] == 1
    assert told["views.open", CallOutcome.RATELIMITED] == 1
    assert told["users.info", CallOutcome.NO_ANSWER] >= 1
    assert told[RESPONSE_URL, CallOutcome.ANSWERED] >= 1
    assert {method for method, _ in told} <= {*METHODS, UPLOAD, RESPONSE_URL, OTHER}
    assert {outcome for _, outcome in told} <= set(CallOutcome)
