"""Slack is slow, broken or busy: people still get an answer, nothing is lost, and nobody storms."""

import asyncio
from typing import Literal

import pytest

from bot.demo.run import Demo
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.platform import searchable
from tests.scenario.people import ADA, GRACE, fill_form, run_test, set_up, settled
from tests.store import Store

KINDS: list[Literal["ratelimited", "error500", "silence", "close"]] = ["ratelimited", "error500", "silence", "close"]


@pytest.fixture(autouse=True)
def brief_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack is asked again soon after it was silent."""
    monkeypatch.setattr("bot.slack.workspaces.users.PAUSE_SECONDS", 0.25)


def failing(demo: Demo, method: str, kind: Literal["ratelimited", "error500", "silence", "close"]) -> None:
    demo.workspace.faults[method] = [Fault(kind=kind, seconds=5) for _ in range(50)]


@pytest.mark.parametrize("kind", KINDS)
async def test_when_slack_does_not_say_who_people_are_their_own_profile_works_on(
    http_demo: Demo, kind: Literal["ratelimited", "error500", "silence", "close"]
) -> None:
    workspace = http_demo.workspace
    failing(http_demo, "users.info", kind)
    before = workspace.calls("users.info")
    await workspace.command(ADA, "/email-profile", "edit")
    assert 1 <= workspace.calls("users.info") - before <= 3
    await workspace.wait_view(ADA, "Email profile")
    await fill_form(http_demo, ADA)
    assert await workspace.submit(ADA) == {}
    await workspace.command(ADA, "/email-extra", "add TLS Y")
    assert searchable(await run_test(http_demo, ADA)).startswith("Connection test passed")


@pytest.mark.parametrize("kind", KINDS)
async def test_an_admin_is_told_when_slack_does_not_say_who_they_are_and_nothing_is_done(
    http_demo: Demo, kind: Literal["ratelimited", "error500", "silence", "close"]
) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    failing(http_demo, "users.info", kind)
    workspace.all_messages.clear()
    before = workspace.calls("users.info")
    for command, text in (
        ("/email-profile", "show @ada"),
        ("/email-extra", "remove TLS @ada"),
        ("/email-profile", "list"),
    ):
        await workspace.command(GRACE, command, text)
        (told,) = workspace.messages(GRACE)
        assert "Please try again in a minute." in searchable(told)
        workspace.all_messages.clear()
    assert workspace.calls("users.info") - before <= 6
    workspace.faults["users.info"] = []
    # Nobody is asked for a few seconds after Slack was silent.
    await asyncio.sleep(0.3)
    await workspace.command(GRACE, "/email-profile", "show @ada")
    assert "`TLS Y`" in searchable(workspace.messages(GRACE)[-1])


@pytest.mark.parametrize("kind", ["ratelimited", "error500", "close"])
async def test_a_change_is_kept_although_the_card_cannot_be_shown(
    http_demo: Demo, kind: Literal["ratelimited", "error500", "close"]
) -> None:
    workspace = http_demo.workspace
    await workspace.command(ADA, "/email-profile", "edit")
    await workspace.wait_view(ADA, "Email profile")
    await fill_form(http_demo, ADA)
    ways = ("response_url", "chat.postMessage")
    before = {way: workspace.calls(way) for way in ways}
    for way in ways:
        workspace.faults[way] = [Fault(kind=kind, seconds=0) for _ in range(50)]
    assert await workspace.submit(ADA) == {}
    await settled(http_demo)
    # The card, and the sentence that it could not be shown: three tries each at most.
    assert all(1 <= workspace.calls(way) - before[way] <= 6 for way in ways)
    await workspace.command(ADA, "/email-profile")
    assert "`ada@demo.example`" in searchable(workspace.messages(ADA)[-1])


async def test_the_owner_is_told_of_a_change_although_slack_was_busy(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    workspace.faults["chat.postMessage"] = [Fault(kind="ratelimited", seconds=1)]
    await workspace.command(GRACE, "/email-extra", "add FROM_NAME Countess @ada")
    told = searchable(await workspace.wait_message(ADA, "changed your email profile"))
    assert "FROM_NAME" in told
    assert len([message for message in workspace.messages(ADA) if "changed your" in searchable(message)]) == 1


async def test_the_list_of_people_is_read_again_when_slack_was_broken(http_demo: Demo, store: Store) -> None:
    workspace = http_demo.workspace
    await store.edit(*(f"DELETE FROM {table}" for table in ("people", "search_entries", "state_counts", "leases")))
    workspace.faults["users.list"] = [Fault(kind="error500") for _ in range(3)]
    await http_demo.bot.housekeeping.read_people()
    await store.edit("UPDATE leases SET ends_at = ends_at - 60 WHERE name LIKE 'people%'")
    workspace.faults["users.list"] = []
    await http_demo.bot.housekeeping.read_people()
    await workspace.command(GRACE, "/email-profile", "list")
    assert "2 people" in searchable(workspace.messages(GRACE)[-1])
