"""The stand-in refuses what Slack refuses, so that what works in it works in Slack."""

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.demo.stand_in.block_kit import message_problems, view_problems
from bot.demo.stand_in.people import CHANNEL
from bot.demo.stand_in.workspace import Workspace
from tests.scenario.people import ADA, GRACE
from tests.scenario.stand_in.alone import Clock, refused

# The stand-in alone: it keeps everything in memory.
pytestmark = pytest.mark.databases()

MODAL: dict[str, Any] = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "A form"},
    "submit": {"type": "plain_text", "text": "Save"},
    "close": {"type": "plain_text", "text": "Cancel"},
    "blocks": [
        {
            "type": "input",
            "block_id": "a",
            "label": {"type": "plain_text", "text": "A"},
            "element": {"type": "plain_text_input", "action_id": "value"},
        }
    ],
}


async def test_a_trigger_opens_one_view_within_three_seconds(
    workspace: Workspace, client: AsyncWebClient, clock: Clock
) -> None:
    trigger = workspace.new_trigger(ADA)
    await client.views_open(trigger_id=trigger, view=MODAL)
    assert await refused(client.views_open(trigger_id=trigger, view=MODAL)) == "exchanged_trigger_id"
    late = workspace.new_trigger(ADA)
    clock.now += 3.1
    assert await refused(client.views_open(trigger_id=late, view=MODAL)) == "expired_trigger_id"
    assert await refused(client.views_open(trigger_id="made up", view=MODAL)) == "invalid_trigger_id"


async def test_three_modals_are_the_most(workspace: Workspace, client: AsyncWebClient) -> None:
    await client.views_open(trigger_id=workspace.new_trigger(ADA), view=MODAL)
    for _ in range(2):
        await client.views_push(trigger_id=workspace.new_trigger(ADA), view=MODAL)
    pushed = client.views_push(trigger_id=workspace.new_trigger(ADA), view=MODAL)
    assert await refused(pushed) == "push_limit_reached"


async def test_an_update_keeps_what_was_typed_and_checks_its_hash(workspace: Workspace, client: AsyncWebClient) -> None:
    opened = await client.views_open(trigger_id=workspace.new_trigger(ADA), view=MODAL)
    view = workspace.view(ADA)
    assert view is not None
    view.enter(("a", "value"), MODAL["blocks"][0]["element"], "typed")
    old = opened["view"]["hash"]
    await client.views_update(view_id=view.id, view=MODAL, hash=old)
    assert view.values["a", "value"] == "typed"
    assert await refused(client.views_update(view_id=view.id, view=MODAL, hash=old)) == "hash_conflict"
    assert await refused(client.views_update(view_id="V404", view=MODAL)) == "not_found"


async def test_a_response_url_takes_five_posts_in_half_an_hour(workspace: Workspace, clock: Clock) -> None:
    url, _ = workspace.new_response_url(ADA, CHANNEL)
    webhook = AsyncWebhookClient(url)
    for number in range(5):
        answer = await webhook.send(text=f"post {number}")
        assert answer.status_code == 200
    assert (await webhook.send(text="one too many")).status_code != 200
    url, _ = workspace.new_response_url(ADA, CHANNEL)
    clock.now += 1801
    assert (await AsyncWebhookClient(url).send(text="late")).status_code != 200


async def test_an_ephemeral_message_is_its_readers_alone(workspace: Workspace, client: AsyncWebClient) -> None:
    workspace.joined.add(CHANNEL)
    await client.chat_postEphemeral(channel=CHANNEL, user=ADA, text="for Ada")
    await client.chat_postMessage(channel=GRACE, text="for Grace, directly")
    assert [message.text for message in workspace.messages(ADA)] == ["for Ada"]
    assert [message.text for message in workspace.messages(GRACE)] == ["for Grace, directly"]


async def test_a_wrong_token_and_an_unknown_method_are_refused(workspace: Workspace) -> None:
    stranger = AsyncWebClient(token="xoxb-other", base_url=f"{workspace.base_url}/api/")
    assert await refused(stranger.auth_test()) == "invalid_auth"
    known = AsyncWebClient(token="xoxb-test", base_url=f"{workspace.base_url}/api/")
    assert await refused(known.api_call("users.noSuchMethod")) == "unknown_method"


@pytest.mark.parametrize(
    "change",
    [
        {"title": {"type": "plain_text", "text": "x" * 25}},
        {"title": {"type": "mrkdwn", "text": "x"}},
        {"submit": {"type": "plain_text", "text": ""}},
        {"private_metadata": "x" * 3001},
        {"callback_id": "x" * 256},
        {"blocks": MODAL["blocks"] * 2},
        {"blocks": MODAL["blocks"] * 101},
        {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]},
        {"blocks": [{"type": "section"}]},
        {"blocks": [{"type": "no such block"}]},
        {"blocks": [{"type": "actions", "elements": []}]},
        {"submit": None},
        {"type": "window"},
    ],
)
async def test_a_view_that_slack_would_refuse_is_refused_and_noted(
    workspace: Workspace, client: AsyncWebClient, change: dict[str, Any]
) -> None:
    view = {**MODAL, **change}
    assert view_problems(view)
    opened = client.views_open(trigger_id=workspace.new_trigger(ADA), view=view)
    assert await refused(opened) == "invalid_arguments"
    assert workspace.refusals


def button(**changed: Any) -> list[dict[str, Any]]:
    element = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}, **changed}
    return [{"type": "actions", "elements": [element]}]


@pytest.mark.parametrize(
    "blocks",
    [
        button(text={"type": "plain_text", "text": "x" * 76}),
        button(text={"type": "mrkdwn", "text": "x"}),
        button(value="x" * 2001),
        button(style="blue"),
        button(action_id="x" * 256),
        [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}],
        [{"type": "divider"}] * 51,
        [{"type": "divider", "block_id": "same"}] * 2,
    ],
)
async def test_a_message_that_slack_would_refuse_is_refused(
    workspace: Workspace, client: AsyncWebClient, blocks: list[dict[str, Any]]
) -> None:
    assert message_problems(blocks)
    assert await refused(client.chat_postMessage(channel=ADA, text="x", blocks=blocks)) == "invalid_blocks"


def test_good_blocks_have_no_problems() -> None:
    assert view_problems(MODAL) == []
    assert message_problems(button(style="primary", value="x")) == []


def test_command_text_is_escaped_as_slack_does(workspace: Workspace) -> None:
    typed = "add X a@b.example @ada @nobody http://x.example/y <b> & c"
    assert workspace.as_slack_escapes(typed) == (
        "add X <mailto:a@b.example|a@b.example> <@U0ADA|ada> @nobody <http://x.example/y|x.example/y> &lt;b&gt; &amp; c"
    )
