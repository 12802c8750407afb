"""What the bot does not know: events are taken in silence, and whoever pressed something is told."""

import logging
from typing import Any

import pytest

from bot.demo.run import Demo
from bot.demo.stand_in.people import BOT_USER, CHANNEL, TEAM
from bot.demo.stand_in.platform import Message, searchable
from bot.slack.middleware import overload
from tests.scenario.people import ADA, settled

pytestmark = pytest.mark.databases("sqlite")

UNKNOWN = "The bot does not know this any more, so nothing was done."


def request(demo: Demo, kind: str, **what: Any) -> dict[str, Any]:
    """Word an interaction of Ada's as Slack does."""
    return {
        "type": kind,
        "team": {"id": TEAM, "domain": "x"},
        "user": {"id": ADA, "name": "ada", "team_id": TEAM},
        "api_app_id": "A0DEMO",
        "enterprise": None,
        "is_enterprise_install": False,
        "trigger_id": demo.workspace.new_trigger(ADA),
        **what,
    }


def of_a_message(demo: Demo) -> dict[str, Any]:
    """What a shortcut on a message says of that message: https://docs.slack.dev/interactivity/implementing-shortcuts."""
    url, _ = demo.workspace.new_response_url(ADA, CHANNEL)
    message = {"type": "message", "user": ADA, "ts": "1800000000.000100", "text": "x"}
    return {"response_url": url, "channel": {"id": CHANNEL, "name": "general"}, "message": message}


@pytest.mark.parametrize("kind", ["reaction_added", "team_join", "message", "function_executed"])
async def test_an_event_that_nobody_subscribed_is_taken_without_a_word(
    http_demo: Demo, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    with caplog.at_level(logging.INFO):
        await http_demo.workspace.event({"type": kind, "user": ADA, "event_ts": "1800000000.000100"})
        await settled(http_demo)
    assert [record.levelname for record in caplog.records if record.levelno > logging.INFO] == []
    assert http_demo.workspace.messages(ADA) == []


async def test_a_button_of_another_version_says_so_to_whoever_presses_it(http_demo: Demo) -> None:
    button = {"type": "button", "action_id": "of_old", "text": {"type": "plain_text", "text": "Old"}}
    blocks: list[dict[str, Any]] = [{"type": "actions", "elements": [button]}]
    old = await http_demo.workspace.post(
        Message(author=BOT_USER, channel=CHANNEL, text="Old", blocks=blocks, reader=ADA)
    )
    await http_demo.workspace.press(ADA, "Old", message=old)
    told = await http_demo.workspace.wait_message(ADA, UNKNOWN)
    assert (told.reader, old.revision) == (ADA, 1)


async def test_a_form_of_another_version_stays_open_with_what_is_wrong(http_demo: Demo) -> None:
    label = {"type": "plain_text", "text": "A"}
    field = {"type": "input", "block_id": "a", "label": label, "element": {"type": "plain_text_input"}}
    view = {"id": "V1", "type": "modal", "callback_id": "of_old", "private_metadata": "", "blocks": [field]}
    answer = await http_demo.workspace.raw("interactive", request(http_demo, "view_submission", view=view))
    assert answer["response_action"] == "errors"
    assert answer["errors"]["a"].startswith(UNKNOWN)


async def test_a_shortcut_on_a_message_that_no_version_knows_is_answered(http_demo: Demo) -> None:
    sent = request(http_demo, "message_action", callback_id="of_old", **of_a_message(http_demo))
    await http_demo.workspace.raw("interactive", sent)
    assert UNKNOWN in searchable(await http_demo.workspace.wait_message(ADA, "does not know"))


@pytest.mark.parametrize("kind", ["shortcut", "made_up"])
async def test_what_comes_without_a_message_is_answered_in_a_modal(http_demo: Demo, kind: str) -> None:
    await http_demo.workspace.raw("interactive", request(http_demo, kind, callback_id="of_old"))
    await http_demo.workspace.wait_view(ADA, "Please note", containing="does not know")


async def test_what_comes_without_anything_is_answered_by_direct_message(http_demo: Demo) -> None:
    sent = request(http_demo, "made_up")
    del sent["trigger_id"]
    await http_demo.workspace.raw("interactive", sent)
    assert UNKNOWN in searchable(await http_demo.workspace.wait_message(ADA, "does not know"))


async def test_an_error_with_a_shortcut_on_a_message_is_told(http_demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overload, "MOST_AT_ONCE", 0)
    sent = request(http_demo, "message_action", callback_id="of_old", **of_a_message(http_demo))
    await http_demo.workspace.raw("interactive", sent)
    await http_demo.workspace.wait_message(ADA, "The bot is very busy right now")


async def test_a_form_that_was_closed_needs_no_answer(http_demo: Demo) -> None:
    view = {"id": "V1", "type": "modal", "callback_id": "of_old", "private_metadata": "", "blocks": []}
    assert await http_demo.workspace.raw("interactive", request(http_demo, "view_closed", view=view)) is None
    await settled(http_demo)
    assert http_demo.workspace.messages(ADA) == []
    assert http_demo.workspace.view(ADA) is None
