"""Five posts in half an hour are all that a command or a press may be answered with; the last word is never lost."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.demo.platform import RESPONSE_URL_POSTS, searchable
from bot.demo.run import Demo, running_demo
from tests.fakes.smtp_server import OneServerNetwork, ScriptedServer, Silence
from tests.scenario.people import ADA, set_up

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
async def slow_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Demo]:
    """A demo whose mail server says nothing, so that tests take their whole time and show how far they are."""
    async with (
        ScriptedServer(acts={"greeting": Silence()}) as server,
        running_demo(tmp_path, network=OneServerNetwork(server.port), smtp_timeout=1) as demo,
    ):
        await set_up(demo, ADA)
        demo.workspace.all_messages.clear()
        demo.workspace.response_urls.clear()
        yield demo


async def test_progress_however_often_it_is_shown_leaves_the_posts_that_the_end_needs(
    slow_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.replies.connection_tests.PROGRESS_AFTER_SECONDS", (0.02,) * 20)
    await slow_demo.workspace.command(ADA, "/email-test")
    await slow_demo.workspace.wait_message(ADA, "Connection test failed at Greeting")
    (message,) = slow_demo.workspace.messages(ADA)
    (answers,) = slow_demo.workspace.response_urls.values()
    assert answers.posts < RESPONSE_URL_POSTS
    assert message.revision == answers.posts
    assert slow_demo.workspace.refusals == []


@pytest.mark.parametrize("why", ["used_url", "expired_url"])
async def test_the_end_of_a_test_is_said_in_the_channel_when_its_answer_takes_no_more(
    slow_demo: Demo, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = slow_demo.workspace
    monkeypatch.setattr("bot.slack.replies.connection_tests.PROGRESS_AFTER_SECONDS", (0.02,) * 20)
    await workspace.command(ADA, "/email-test")
    await workspace.wait_message(ADA, "Testing")
    (answers,) = workspace.response_urls.values()
    if why == "used_url":
        answers.posts = RESPONSE_URL_POSTS
    else:
        answers.until = 0.0
    told = await workspace.wait_message(ADA, "Connection test failed at Greeting")
    assert told.reader == ADA
    assert len([m for m in workspace.messages(ADA) if "Connection test failed" in searchable(m)]) == 1
    assert {refused for _, refused in workspace.refusals} == {why}
    # The progress that was refused, and the end; neither is tried again.
    assert 1 <= len(workspace.refusals) <= 3


async def test_the_end_is_said_by_direct_message_where_the_bot_is_not_in_the_channel(
    slow_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = slow_demo.workspace
    monkeypatch.setattr("bot.demo.web_api.CHANNEL", "C0ELSEWHERE")
    await workspace.command(ADA, "/email-test")
    await workspace.wait_message(ADA, "Testing")
    for answers in workspace.response_urls.values():
        answers.posts = RESPONSE_URL_POSTS
    told = await workspace.wait_message(ADA, "Connection test failed at Greeting")
    assert told.channel == "D0ADA"
    await asyncio.sleep(0)
