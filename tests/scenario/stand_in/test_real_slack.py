"""The stand-in is no kinder than Slack: what is known of Slack's own ways, one test each."""

from collections.abc import Sequence
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.demo.stand_in.block_kit import MOST_MESSAGE_CHARACTERS, message_problems, view_problems
from bot.demo.stand_in.delivery import DeliveryError
from bot.demo.stand_in.people import CHANNEL, PEOPLE, DemoPerson
from bot.demo.stand_in.platform import Message, direct_channel
from bot.demo.stand_in.views import PlatformError
from bot.demo.stand_in.workspace import Workspace, as_phones_type
from tests.scenario.people import ADA, GRACE
from tests.scenario.stand_in.alone import Clock, ListeningBot, refused
from tests.scenario.stand_in.test_stand_in import MODAL

# The stand-in alone: it keeps everything in memory.
pytestmark = pytest.mark.databases()


@pytest.fixture
def people() -> Sequence[DemoPerson]:
    """A few dozen more."""
    crowd = [DemoPerson(id=f"U1{number:02}", handle=f"u{number}", name="X", address="x@x") for number in range(30)]
    return [*PEOPLE, *crowd]


async def retry_after(call: Any) -> int:
    with pytest.raises(SlackApiError) as caught:
        await call
    assert caught.value.response.status_code == 429
    return int(caught.value.response.headers["Retry-After"])


def sections(*lengths: int) -> list[dict[str, Any]]:
    return [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * length}} for length in lengths]


async def test_the_response_url_of_a_command_never_replaces(workspace: Workspace) -> None:
    url, _ = workspace.new_response_url(ADA, CHANNEL)
    webhook = AsyncWebhookClient(url)
    await webhook.send(text="first", replace_original=True)
    await webhook.send(text="second", replace_original=True)
    assert [message.text for message in workspace.messages(ADA)] == ["first", "second"]


async def test_the_response_url_of_a_press_replaces_the_message_pressed_in_and_no_other(workspace: Workspace) -> None:
    pressed = await workspace.post(Message(author="U0BOT", channel=CHANNEL, text="pressed", reader=ADA))
    await workspace.post(Message(author="U0BOT", channel=CHANNEL, text="other", reader=ADA))
    url, _ = workspace.new_response_url(ADA, CHANNEL, pressed)
    webhook = AsyncWebhookClient(url)
    await webhook.send(text="below")
    await webhook.send(text="replaced", replace_original=True)
    assert [message.text for message in workspace.messages(ADA)] == ["replaced", "other", "below"]
    await webhook.send(text="", delete_original=True)
    assert [message.text for message in workspace.messages(ADA)] == ["other", "below"]


async def test_a_message_for_one_person_needs_the_app_in_the_channel(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    assert await refused(client.chat_postEphemeral(channel=CHANNEL, user=ADA, text="x")) == "not_in_channel"
    assert await refused(client.chat_postMessage(channel=CHANNEL, text="x")) == "not_in_channel"
    assert await refused(client.chat_postMessage(channel="C0NOWHERE", text="x")) == "channel_not_found"
    theirs = client.chat_postEphemeral(channel=direct_channel(GRACE), user=ADA, text="x")
    assert await refused(theirs) == "user_not_in_channel"
    await client.chat_postEphemeral(channel=direct_channel(ADA), user=ADA, text="in their own conversation")
    assert [message.text for message in workspace.messages(ADA)] == ["in their own conversation"]


async def test_a_read_only_conversation_takes_neither_commands_nor_words(
    workspace: Workspace, bot: ListeningBot
) -> None:
    workspace.is_read_only = True
    with pytest.raises(PlatformError, match="turned off"):
        await workspace.command(ADA, "/email-test", channel=direct_channel(ADA))
    with pytest.raises(PlatformError, match="turned off"):
        await workspace.say(ADA, "hello", channel=direct_channel(ADA))
    workspace.is_read_only = False
    await workspace.command(ADA, "/email-test", channel=direct_channel(ADA))
    assert bot.payloads[-1]["channel_id"] == direct_channel(ADA)


async def test_a_command_that_is_not_acknowledged_is_told_to_whoever_typed_it_and_noted(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_late(kind: str, payload: dict[str, Any]) -> None:
        raise DeliveryError("operation_timeout")

    monkeypatch.setattr(workspace.delivery, "send", too_late)
    await workspace.command(ADA, "/email-test")
    (told,) = workspace.messages(ADA)
    assert (told.reader, told.text) == (ADA, '/email-test failed with the error "operation_timeout"')
    assert workspace.refusals == [("slash_commands", "operation_timeout")]


async def test_people_are_listed_twenty_times_a_minute_at_most(client: AsyncWebClient, clock: Clock) -> None:
    for _ in range(20):
        await client.users_list(limit=1)
        clock.now += 1
    assert await retry_after(client.users_list(limit=1)) == 40
    clock.now += 40
    await client.users_list(limit=1)


async def test_messages_go_out_one_a_second_in_a_channel_and_not_many_in_a_row(
    workspace: Workspace, client: AsyncWebClient, clock: Clock
) -> None:
    await client.chat_postMessage(channel=ADA, text="one")
    await client.chat_postMessage(channel=ADA, text="two, while nobody keeps the pace")
    workspace.pace.keep()
    await client.chat_postMessage(channel=ADA, text="three")
    assert await retry_after(client.chat_postMessage(channel=ADA, text="four")) == 1
    for person in list(workspace.people)[-19:]:
        await client.chat_postMessage(channel=person, text="to many")
    assert await retry_after(client.chat_postMessage(channel=GRACE, text="to many")) == 4
    clock.now += 4
    await client.chat_postMessage(channel=GRACE, text="to many")
    file: dict[str, Any] = {"channel": direct_channel(GRACE), "filename": "x", "content": "x"}
    assert await retry_after(client.files_upload_v2(**file)) == 1
    clock.now += 1
    await client.files_upload_v2(**file)


async def test_a_response_url_takes_one_post_a_second(workspace: Workspace, clock: Clock) -> None:
    workspace.pace.keep()
    url, _ = workspace.new_response_url(ADA, CHANNEL)
    webhook = AsyncWebhookClient(url)
    assert (await webhook.send(text="one")).status_code == 200
    assert (await webhook.send(text="at once")).status_code == 429
    clock.now += 1
    assert (await webhook.send(text="two")).status_code == 200


async def test_an_input_that_nobody_touched_may_be_null_after_an_update(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    blocks = [{**MODAL["blocks"][0], "block_id": name} for name in ("a", "b")]
    for block in blocks:
        block["element"] = {**block["element"], "initial_value": "shown"}
    form = {**MODAL, "blocks": blocks}
    opened = await client.views_open(trigger_id=workspace.new_trigger(ADA), view=form)
    view = workspace.view(ADA)
    assert view is not None
    view.enter(("a", "value"), blocks[0]["element"], "typed")
    workspace.sends_nulls = True
    assert view.payload()["state"]["values"]["b"]["value"]["value"] == "shown"
    await client.views_update(view_id=opened["view"]["id"], view=form)
    values = view.payload()["state"]["values"]
    assert (values["a"]["value"]["value"], values["b"]["value"]["value"]) == ("typed", None)
    assert view.missing() == {}
    view.enter(("b", "value"), blocks[1]["element"], "touched")
    assert view.payload()["state"]["values"]["b"]["value"]["value"] == "touched"


async def test_what_was_typed_stays_while_the_ids_stay_and_new_ids_begin_anew(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    await client.views_open(trigger_id=workspace.new_trigger(ADA), view=MODAL)
    view = workspace.view(ADA)
    assert view is not None
    element = MODAL["blocks"][0]["element"]
    view.enter(("a", "value"), element, "typed")
    other = {**MODAL["blocks"][0], "block_id": "other", "element": {**element, "initial_value": "new"}}
    await client.views_update(view_id=view.id, view={**MODAL, "blocks": [MODAL["blocks"][0], other]})
    assert view.values == {("a", "value"): "typed", ("other", "value"): "new"}


async def test_the_texts_of_one_message_are_bounded_all_together(workspace: Workspace, client: AsyncWebClient) -> None:
    most = sections(*[3000] * 4, MOST_MESSAGE_CHARACTERS - 12_000)
    await client.chat_postMessage(channel=ADA, text="x", blocks=most)
    long = client.chat_postMessage(channel=ADA, text="x", blocks=[*most, *sections(1)])
    assert await refused(long) == "msg_blocks_too_long"


async def test_phones_make_quotes_curly(workspace: Workspace, bot: ListeningBot) -> None:
    workspace.types_curly_quotes = True
    await workspace.command(ADA, "/email-extra", 'add FROM_NAME "Ada\'s" x')
    assert bot.payloads[-1]["text"] == "add FROM_NAME “Ada’s” x"
    assert as_phones_type("'a' (\"b\")") == "‘a’ (“b”)"


async def test_messages_for_one_person_vanish_when_they_load_slack_anew(
    workspace: Workspace, client: AsyncWebClient
) -> None:
    workspace.joined.add(CHANNEL)
    for user in (ADA, GRACE):
        await client.chat_postEphemeral(channel=CHANNEL, user=user, text="vanishes")
        await client.chat_postMessage(channel=user, text="lasts")
    await workspace.reload(ADA)
    assert [message.text for message in workspace.messages(ADA)] == ["lasts"]
    assert [message.text for message in workspace.messages(GRACE)] == ["vanishes", "lasts"]
    async with (
        aiohttp.ClientSession(workspace.base_url, headers={"X-Demo": "page"}) as session,
        session.post("/act", json={"user": ADA, "act": "reload"}) as answer,
    ):
        assert (await answer.json())["ok"]
    assert [message.text for message in workspace.messages(GRACE)] == ["lasts"]


async def test_a_word_in_the_apps_conversation_is_told_to_an_app_that_subscribed_and_may_read(
    workspace: Workspace, bot: ListeningBot
) -> None:
    workspace.bot_events.add("message.im")
    await workspace.say(ADA, "in the channel")
    assert bot.payloads == []
    await workspace.say(ADA, "a <word>", channel=direct_channel(ADA))
    event = bot.payloads[-1]["event"]
    assert (event["type"], event["channel_type"], event["user"]) == ("message", "im", ADA)
    assert (event["channel"], event["text"]) == (direct_channel(ADA), "a &lt;word&gt;")
    workspace.scopes = "commands,chat:write"
    await workspace.say(ADA, "not read", channel=direct_channel(ADA))
    workspace.scopes, workspace.bot_events = "im:history", set()
    await workspace.say(ADA, "not subscribed", channel=direct_channel(ADA))
    assert len(bot.payloads) == 1


async def test_opening_the_messages_tab_is_told_without_a_view(workspace: Workspace, bot: ListeningBot) -> None:
    await workspace.open_messages(ADA)
    event = bot.payloads[-1]["event"]
    assert (event["type"], event["tab"], event["channel"]) == ("app_home_opened", "messages", direct_channel(ADA))
    assert "view" not in event


def with_element(**element: Any) -> dict[str, Any]:
    block = {"type": "input", "block_id": "b", "label": {"type": "plain_text", "text": "B"}, "element": element}
    return {**MODAL, "blocks": [block]}


NUMBER: dict[str, Any] = {"type": "number_input", "action_id": "value", "is_decimal_allowed": False}
FOCUSED = {**MODAL["blocks"][0], "element": {**MODAL["blocks"][0]["element"], "focus_on_load": True}}
ALERT: dict[str, Any] = {"type": "alert", "level": "error", "text": {"type": "mrkdwn", "text": "No."}}


def test_numbers_alerts_and_one_focus_are_good_in_modals() -> None:
    assert view_problems(with_element(**NUMBER, initial_value="587", min_value="1", max_value="65535")) == []
    assert view_problems({**MODAL, "blocks": [ALERT, FOCUSED]}) == []


def test_an_alert_is_refused_in_messages_and_on_the_home_tab() -> None:
    assert message_problems([ALERT]) == ["blocks/0: unsupported type 'alert'"]
    assert view_problems({"type": "home", "blocks": [ALERT]}) == ["blocks/0: unsupported type 'alert'"]


@pytest.mark.parametrize(
    "view",
    [
        with_element(type="number_input", action_id="value"),
        with_element(**NUMBER, initial_value=587),
        with_element(**NUMBER, min_value="one"),
        with_element(**NUMBER, dispatch_action_config={"trigger_actions_on": ["on_blur"]}),
        {**MODAL, "private_metadata": "𠮷" * 1501},
        {**MODAL, "blocks": [{**ALERT, "level": "loud"}, *MODAL["blocks"]]},
        {**MODAL, "blocks": [{**ALERT, "text": {"type": "mrkdwn", "text": "x" * 201}}, *MODAL["blocks"]]},
        {**MODAL, "blocks": [{**FOCUSED, "block_id": name} for name in "ab"]},
    ],
    ids=[
        "no decimals named",
        "a number",
        "no number",
        "no trigger",
        "metadata too long",
        "level",
        "alert too long",
        "two with focus",
    ],
)
def test_a_view_that_slack_refuses_is_refused(view: dict[str, Any]) -> None:
    assert view_problems(view)


@pytest.mark.parametrize(
    "block",
    [
        {"type": "divider", "colour": "red"},
        {"type": "section", "text": {"type": "mrkdwn", "text": "x", "size": 12}},
        {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "x"}, "icon": "x"}]},
        {
            "type": "actions",
            "elements": [
                {"type": "button", "text": {"type": "plain_text", "text": "x"}, "accessibility_label": "x" * 76}
            ],
        },
    ],
    ids=["block", "text", "element", "label for screen readers"],
)
def test_a_field_that_slacks_own_models_do_not_know_is_refused(block: dict[str, Any]) -> None:
    assert message_problems([block])
