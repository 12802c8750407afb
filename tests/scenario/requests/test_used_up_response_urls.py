"""Five posts in half an hour are all that a command or a press may be answered with; the last word is never lost."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.people import CHANNEL
from bot.demo.stand_in.platform import RESPONSE_URL_POSTS, Message, direct_channel, searchable
from tests.fakes.smtp_server import OneServerNetwork, ScriptedServer, Silence
from tests.scenario.people import ADA, fill_form, open_form, set_up

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
async def slow_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Demo]:
    """A demo whose mail server says nothing, so that tests take their whole time and show how far they are."""
    monkeypatch.setattr("bot.slack.replies.connection_tests.PROGRESS_AFTER_SECONDS", (0.02,) * 20)
    monkeypatch.setattr("bot.slack.middleware.held_ack.HOLD_SECONDS", 0.1)
    async with (
        ScriptedServer(acts={"greeting": Silence()}) as server,
        running_demo(tmp_path, network=OneServerNetwork(server.port), smtp_timeout=1) as demo,
    ):
        await set_up(demo, ADA)
        demo.workspace.all_messages.clear()
        yield demo


async def pressed(demo: Demo) -> Message:
    """Press “Test connection” under the card, and return that message, in which the test is shown."""
    await demo.workspace.command(ADA, "/email-profile")
    demo.workspace.response_urls.clear()
    (card,) = demo.workspace.messages(ADA)
    await demo.workspace.press(ADA, "Test connection", message=card)
    return card


def use_up(demo: Demo, why: str) -> None:
    (answers,) = demo.workspace.response_urls.values()
    if why == "used_url":
        answers.posts = RESPONSE_URL_POSTS
    else:
        answers.until = 0.0


def refused(demo: Demo) -> list[str]:
    return [error for _, error in demo.workspace.refusals]


async def test_progress_however_often_it_is_shown_leaves_the_posts_that_the_end_needs(slow_demo: Demo) -> None:
    card = await pressed(slow_demo)
    await slow_demo.workspace.wait_message(ADA, "Connection test failed at Greeting")
    assert slow_demo.workspace.messages(ADA) == [card]
    (answers,) = slow_demo.workspace.response_urls.values()
    assert 2 < answers.posts < RESPONSE_URL_POSTS
    assert card.revision == answers.posts + 1
    assert slow_demo.workspace.refusals == []


@pytest.mark.parametrize("why", ["used_url", "expired_url"])
async def test_the_end_of_a_test_is_said_by_direct_message_when_its_answer_takes_no_more(
    slow_demo: Demo, why: str
) -> None:
    workspace = slow_demo.workspace
    await pressed(slow_demo)
    await workspace.wait_message(ADA, "Testing")
    use_up(slow_demo, why)
    told = await workspace.wait_message(ADA, "Connection test failed at Greeting")
    assert told.channel == direct_channel(ADA)
    assert len([m for m in workspace.messages(ADA) if "Connection test failed" in searchable(m)]) == 1
    # The progress that was refused, and the end; neither is tried again.
    assert refused(slow_demo) == [why] * len(refused(slow_demo))
    assert 1 <= len(refused(slow_demo)) <= 3


@pytest.mark.parametrize("why", ["used_url", "expired_url"])
async def test_the_report_of_a_command_is_said_by_direct_message_when_its_answer_takes_no_more(
    slow_demo: Demo, why: str
) -> None:
    workspace = slow_demo.workspace
    workspace.response_urls.clear()
    await workspace.command(ADA, "/email-test")
    use_up(slow_demo, why)
    told = await workspace.wait_message(ADA, "Connection test failed at Greeting")
    assert told.channel == direct_channel(ADA)
    assert refused(slow_demo) == [why]


@pytest.mark.parametrize("why", ["used_url", "expired_url"])
async def test_the_card_after_saving_comes_by_direct_message_when_the_answer_takes_no_more(
    slow_demo: Demo, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    workspace = slow_demo.workspace
    workspace.response_urls.clear()
    await open_form(slow_demo, ADA)
    await fill_form(slow_demo, ADA)
    use_up(slow_demo, why)
    with caplog.at_level(logging.INFO):
        assert await workspace.submit(ADA) == {}
        card = await workspace.wait_message(ADA, "Your email profile")
    assert card.channel == direct_channel(ADA)
    assert refused(slow_demo) == [why]
    assert "An answer was not taken (404)." in caplog.text
    (secret,) = workspace.response_urls
    assert secret not in caplog.text


async def test_the_card_after_saving_is_not_tried_where_it_cannot_be_any_more(
    slow_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = slow_demo.workspace
    monkeypatch.setattr("bot.slack.replies.response_url.VALID_SECONDS", -1.0)
    await open_form(slow_demo, ADA)
    await fill_form(slow_demo, ADA)
    assert await workspace.submit(ADA) == {}
    assert (await workspace.wait_message(ADA, "Your email profile")).channel == direct_channel(ADA)
    assert refused(slow_demo) == []


@pytest.mark.parametrize("way", ["command", "button"])
async def test_the_card_after_saving_appears_where_the_form_was_opened(slow_demo: Demo, way: str) -> None:
    workspace = slow_demo.workspace
    if way == "command":
        await open_form(slow_demo, ADA)
    else:
        await workspace.command(ADA, "/email-profile")
        (card,) = workspace.messages(ADA)
        await workspace.press(ADA, "Edit", message=card)
    await fill_form(slow_demo, ADA, port="2525")
    assert await workspace.submit(ADA) == {}
    card = await workspace.wait_message(ADA, "2525")
    assert (card.channel, card.reader, card.revision) == (CHANNEL, ADA, 1)
    assert refused(slow_demo) == []
    assert workspace.calls("chat.postMessage") == workspace.calls("chat.postEphemeral") == 0
