"""The stand-in's menus, inputs, files, faults and people behave as Slack's do."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.demo.run import running_demo
from bot.demo.stand_in.block_kit import message_problems, view_problems
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.people import CHANNEL, PEOPLE, DemoPerson
from bot.demo.stand_in.platform import Message, UploadedFile, direct_channel
from bot.demo.stand_in.views import PlatformError
from bot.demo.stand_in.workspace import Workspace
from tests.databases import KINDS
from tests.scenario.people import ADA, GRACE
from tests.scenario.stand_in.alone import ListeningBot, refused

# The stand-in alone: it keeps everything in memory.
pytestmark = pytest.mark.databases()


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def options(*values: str) -> list[dict[str, Any]]:
    return [{"text": plain(value.title()), "value": value} for value in values]


MORE: dict[str, Any] = {"type": "overflow", "action_id": "more", "options": options("edit", "remove")}
PICK: dict[str, Any] = {"type": "static_select", "action_id": "pick", "options": options("one", "two")}
KIND: dict[str, Any] = {"type": "radio_buttons", "action_id": "kind", "options": options("tls", "ssl")}
ADDRESS = "https://demo.example/profile"
LINK: dict[str, Any] = {"type": "button", "action_id": "go", "text": plain("Open"), "url": ADDRESS}
NOTE: dict[str, Any] = {
    "type": "input",
    "block_id": "note",
    "dispatch_action": True,
    "label": plain("Note"),
    "element": {"type": "plain_text_input", "action_id": "text"},
}


def row(text: str, accessory: dict[str, Any]) -> dict[str, Any]:
    words = {"type": "mrkdwn", "text": f"*{text}*"}
    return {"type": "section", "block_id": f"row {text}", "text": words, "accessory": accessory}


BLOCKS: list[dict[str, Any]] = [
    row("TLS is Y", MORE),
    row("Port", PICK),
    {"type": "actions", "block_id": "acts", "elements": [{**PICK, "action_id": "page"}, KIND, LINK]},
    NOTE,
]
HOME: dict[str, Any] = {"type": "home", "blocks": BLOCKS}
MODAL: dict[str, Any] = {"type": "modal", "title": plain("A form"), "submit": plain("Save"), "blocks": BLOCKS}


async def posted(workspace: Workspace, client: AsyncWebClient) -> Message:
    await client.chat_postMessage(channel=ADA, text="A list", blocks=BLOCKS)
    return workspace.messages(ADA)[-1]


@pytest.mark.parametrize(
    "block",
    [
        row("x", {**MORE, "options": options("one")}),
        row("x", {**MORE, "options": options(*"abcdef")}),
        row("x", {**MORE, "options": [{"text": {"type": "mrkdwn", "text": "x"}, "value": "x"}] * 2}),
        row("x", {**MORE, "options": [*options("edit"), {**options("more")[0], "url": "ftp://demo.example"}]}),
        row("x", {**PICK, "options": [*options(*"ab"), {"text": plain("x"), "value": "x" * 76}]}),
        row("x", {**PICK, "options": [{"text": plain("x" * 76), "value": "x"}]}),
        row("x", {**PICK, "placeholder": plain("x" * 151)}),
        row("x", {**KIND, "options": options(*"abcdefghijk")}),
        row("x", {**KIND, "options": [{**options("a")[0], "url": ADDRESS}]}),
        row("x", {**LINK, "url": "javascript:alert(1)"}),
        row("x", {**LINK, "url": "https://demo.example/" + "x" * 3000}),
        row("x", {"type": "plain_text_input", "action_id": "x"}),
        {**NOTE, "dispatch_action": "yes"},
        {**NOTE, "element": {**NOTE["element"], "multiline": "yes"}},
        {**NOTE, "element": {**NOTE["element"], "max_length": 3001}},
        {**NOTE, "element": {**NOTE["element"], "dispatch_action_config": {"trigger_actions_on": ["on_sight"]}}},
        {**NOTE, "element": {"type": "email_text_input", "action_id": "x"}},
        {**NOTE, "element": MORE},
        {"type": "actions", "elements": [NOTE["element"]]},
    ],
)
def test_a_block_that_slack_would_refuse_in_a_message_or_home_is_refused(block: dict[str, Any]) -> None:
    assert message_problems([block])
    assert view_problems({"type": "home", "blocks": [block]})


def test_menus_inputs_and_links_are_good_in_messages_home_and_modals() -> None:
    assert message_problems(BLOCKS) == []
    assert view_problems(HOME) == []
    assert view_problems(MODAL) == []
    long = {**NOTE, "element": {**NOTE["element"], "multiline": True, "max_length": 3000}}
    assert message_problems([long]) == []
    assert view_problems({**MODAL, "blocks": [{**NOTE, "element": {"type": "email_text_input"}}]}) == []


async def test_choosing_from_a_messages_overflow_menu_sends_the_option(
    workspace: Workspace, bot: ListeningBot, client: AsyncWebClient
) -> None:
    message = await posted(workspace, client)
    await workspace.choose(ADA, "TLS is Y", "Remove", message=message)
    assert [bot.action[name] for name in ("type", "action_id", "block_id")] == ["overflow", "more", "row TLS is Y"]
    assert bot.action["selected_option"] == options("remove")[0]
    assert "options" not in bot.action
    assert bot.payloads[-1]["container"]["message_ts"] == message.ts
    assert bot.payloads[-1]["response_url"]
    with pytest.raises(PlatformError, match="no option"):
        await workspace.choose(ADA, "TLS is Y", "no such", message=message)


async def test_what_is_entered_in_a_message_is_its_readers_own_and_travels_as_state(
    workspace: Workspace, bot: ListeningBot, client: AsyncWebClient
) -> None:
    message = await workspace.post(Message(author="U0BOT", channel=CHANNEL, text="All", blocks=BLOCKS))
    await workspace.enter_in(ADA, "Note", "a word", message=message)
    assert (bot.action["type"], bot.action["value"]) == ("plain_text_input", "a word")
    await workspace.choose(ADA, "Port", "two", message=message)
    assert bot.action["selected_option"]["value"] == "two"
    await workspace.select(ADA, "page", "one", message=message)
    await workspace.select(ADA, "kind", "ssl", message=message)
    assert (bot.action["type"], bot.action["selected_option"]["value"]) == ("radio_buttons", "ssl")
    values = bot.payloads[-1]["state"]["values"]
    assert values["note"]["text"] == {"type": "plain_text_input", "value": "a word"}
    assert values["row Port"]["pick"]["selected_option"]["value"] == "two"
    assert values["acts"]["page"]["selected_option"]["value"] == "one"
    assert "row TLS is Y" not in values
    await workspace.choose(GRACE, "TLS is Y", "edit", message=message)
    assert bot.payloads[-1]["state"]["values"]["note"]["text"]["value"] is None


async def test_an_input_that_does_not_dispatch_waits_for_the_next_action(
    workspace: Workspace, bot: ListeningBot
) -> None:
    quiet = {**NOTE, "dispatch_action": False}
    message = await workspace.post(Message(author="U0BOT", channel=CHANNEL, text="x", blocks=[quiet, BLOCKS[2]]))
    await workspace.enter_in(ADA, "Note", "typed", message=message)
    assert bot.payloads == []
    await workspace.press(ADA, "Open", message=message)
    assert bot.payloads[-1]["state"]["values"]["note"]["text"]["value"] == "typed"


async def test_the_home_tab_sends_its_state_in_the_view_and_keeps_it_when_published_again(
    workspace: Workspace, bot: ListeningBot, client: AsyncWebClient
) -> None:
    first = await client.views_publish(user_id=ADA, view=HOME)
    await workspace.enter_home(ADA, "Note", "kept")
    assert bot.action["value"] == "kept"
    again = await client.views_publish(user_id=ADA, view=HOME, hash=workspace.homes[ADA].hash)
    assert again["view"]["id"] == first["view"]["id"]
    assert await refused(client.views_publish(user_id=ADA, view=HOME, hash=first["view"]["hash"])) == "hash_conflict"
    await workspace.choose_home(ADA, "TLS is Y", "edit")
    assert bot.action["selected_option"]["value"] == "edit"
    await workspace.select(ADA, "page", "two")
    payload = bot.payloads[-1]
    assert payload["view"]["state"]["values"]["note"]["text"]["value"] == "kept"
    assert payload["view"]["state"]["values"]["acts"]["page"]["selected_option"]["value"] == "two"
    assert payload["container"]["type"] == "view"
    assert "state" not in payload


async def test_menus_in_a_modal_are_in_front_of_the_home_tab(
    workspace: Workspace, bot: ListeningBot, client: AsyncWebClient
) -> None:
    await client.views_publish(user_id=ADA, view=HOME)
    await client.views_open(trigger_id=workspace.new_trigger(ADA), view=MODAL)
    await workspace.choose(ADA, "Port", "two")
    await workspace.select(ADA, "page", "two")
    assert [payload["view"]["type"] for payload in bot.payloads] == ["modal", "modal"]
    assert bot.payloads[-1]["view"]["state"]["values"]["row Port"]["pick"]["selected_option"]["value"] == "two"


async def test_a_button_that_opens_an_address_sends_its_action_too(
    workspace: Workspace, bot: ListeningBot, client: AsyncWebClient
) -> None:
    message = await posted(workspace, client)
    assert await workspace.press_url(ADA, "Open", message=message) == ADDRESS
    assert (bot.action["type"], bot.action["action_id"]) == ("button", "go")


async def test_chat_update_replaces_the_bots_own_lasting_message(workspace: Workspace, client: AsyncWebClient) -> None:
    first = await client.chat_postMessage(channel=ADA, text="first", blocks=BLOCKS)
    assert first["channel"] == direct_channel(ADA)
    where = {"channel": first["channel"], "ts": first["ts"]}
    await client.chat_update(**where, text="second")
    (message,) = workspace.messages(ADA)
    assert (message.text, len(message.blocks), message.revision) == ("second", len(BLOCKS), 2)
    await client.chat_update(**where, text="third", blocks=[])
    assert (message.text, message.blocks) == ("third", [])
    assert await refused(client.chat_update(**where, text="x", blocks=[{"type": "section"}])) == "invalid_blocks"
    workspace.joined.add(CHANNEL)
    private = await client.chat_postEphemeral(channel=CHANNEL, user=ADA, text="private")
    gone = client.chat_update(channel=CHANNEL, ts=private["message_ts"], text="x")
    assert await refused(gone) == "message_not_found"
    said = await workspace.post(Message(author=ADA, channel=CHANNEL, text="Ada's own"))
    assert await refused(client.chat_update(channel=CHANNEL, ts=said.ts, text="x")) == "message_not_found"


async def test_people_are_listed_page_by_page_in_the_order_of_their_ids(client: AsyncWebClient) -> None:
    seen: list[str] = []
    cursor: str | None = None
    while cursor != "":
        page = await client.users_list(limit=4, cursor=cursor)
        members = page["members"]
        assert 1 <= len(members) <= 4
        seen += [member["id"] for member in members]
        cursor = page["response_metadata"]["next_cursor"]
    assert seen == sorted(person.id for person in PEOPLE)
    assert await refused(client.users_list(limit=1001)) == "invalid_limit"
    assert await refused(client.users_list(cursor="made up")) == "invalid_cursor"


async def test_what_the_app_has_no_scope_for_and_what_slack_does_not_know_is_refused(client: AsyncWebClient) -> None:
    assert await refused(client.conversations_open(users=ADA)) == "missing_scope"
    assert await refused(client.api_call("users.noSuchMethod")) == "unknown_method"
    granted = (await client.auth_test()).headers["x-oauth-scopes"]
    assert granted == "commands,chat:write,users:read,users:read.email,files:write,im:history"


async def test_files_are_uploaded_as_the_sdk_does_it(workspace: Workspace, client: AsyncWebClient) -> None:
    channel = direct_channel(ADA)
    await client.files_upload_v2(
        channel=channel, filename="a<b>.csv", content="name\nTLS\n", initial_comment="Here it is"
    )
    assert workspace.files == [UploadedFile(name="a<b>.csv", content=b"name\nTLS\n", channel=channel)]
    assert [message.text for message in workspace.messages(ADA)] == ["Here it is\nAttached file: a&lt;b&gt;.csv"]
    assert await refused(client.files_completeUploadExternal(files=[{"id": "F404"}])) == "file_not_found"
    assert await refused(client.files_upload_v2(channel=ADA, filename="x", content="x")) == "channel_not_found"
    assert await refused(client.files_upload_v2(channel=CHANNEL, filename="x", content="x")) == "not_in_channel"
    assert len(workspace.files) == 1
    workspace.joined.add(CHANNEL)
    await client.files_upload_v2(channel=CHANNEL, filename="x", content="x")
    assert workspace.files[-1].channel == CHANNEL


async def test_an_upload_address_takes_the_announced_bytes_once(client: AsyncWebClient) -> None:
    given = await client.files_getUploadURLExternal(filename="x", length=3)
    early = client.files_completeUploadExternal(files=[{"id": given["file_id"]}])
    assert await refused(early) == "file_not_found"
    async with aiohttp.ClientSession() as session:
        for status in (200, 404):
            async with session.post(given["upload_url"], data=b"abc") as answer:
                assert answer.status == status
        other = await client.files_getUploadURLExternal(filename="x", length=3)
        async with session.post(other["upload_url"], data=b"abcd") as answer:
            assert answer.status == 400


async def test_each_fault_strikes_one_request_in_turn(workspace: Workspace, client: AsyncWebClient) -> None:
    client.retry_handlers.clear()
    workspace.faults["auth.test"] = [Fault(kind="ratelimited", seconds=7), Fault(kind="error500"), Fault(kind="close")]
    with pytest.raises(SlackApiError) as caught:
        await client.auth_test()
    assert caught.value.response.status_code == 429
    assert caught.value.response["error"] == "ratelimited"
    assert caught.value.response.headers["Retry-After"] == "7"
    with pytest.raises(SlackApiError) as caught:
        await client.auth_test()
    assert caught.value.response.status_code == 500
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.auth_test()
    assert (await client.auth_test())["ok"]
    assert workspace.calls("auth.test") == 4


async def test_who_gives_up_during_a_silence_has_asked_for_nothing(workspace: Workspace) -> None:
    hasty = AsyncWebClient(token="xoxb-test", base_url=f"{workspace.base_url}/api/", timeout=1)
    workspace.faults["chat.postMessage"] = [Fault(kind="silence", seconds=1.2), Fault(kind="silence", seconds=0.01)]
    with pytest.raises(TimeoutError):
        await hasty.chat_postMessage(channel=ADA, text="unheard")
    await hasty.chat_postMessage(channel=ADA, text="heard")
    assert [message.text for message in workspace.messages(ADA)] == ["heard"]
    assert workspace.calls("chat.postMessage") == 2


async def test_response_urls_suffer_faults_too(workspace: Workspace) -> None:
    url, _ = workspace.new_response_url(ADA, CHANNEL)
    workspace.faults["response_url"] = [Fault(kind="ratelimited", seconds=1)]
    webhook = AsyncWebhookClient(url)
    assert (await webhook.send(text="too soon")).status_code == 429
    assert (await webhook.send(text="in time")).status_code == 200
    assert workspace.calls("response_url") == 2
    assert [message.text for message in workspace.messages(ADA)] == ["in time"]


async def test_a_changed_person_is_told_to_the_bot_and_known_to_the_web_api(
    workspace: Workspace, bot: ListeningBot, client: AsyncWebClient
) -> None:
    ada = workspace.people[ADA]
    await workspace.change_person(replace(ada, is_owner=True))
    assert (await client.users_info(user=ADA))["user"]["is_owner"]
    await workspace.change_person(replace(ada, is_deactivated=True))
    event = bot.payloads[-1]["event"]
    assert (event["type"], event["user"]["id"], event["user"]["deleted"]) == ("user_change", ADA, True)
    await workspace.change_person(DemoPerson(id="U0NEW", handle="new", name="New", address="new@demo.example"))
    assert (await client.users_info(user="U0NEW"))["user"]["profile"]["email"] == "new@demo.example"


async def test_requests_can_name_another_workspace_and_be_forged_whole(workspace: Workspace, bot: ListeningBot) -> None:
    await workspace.command(ADA, "/email-profile", "help", team="T0OTHER")
    assert (bot.payloads[-1]["team_id"], bot.payloads[-1]["text"]) == ("T0OTHER", "help")
    bot.answer = {"text": "taken"}
    assert await workspace.raw("slash_commands", {"command": "/made-up"}) == {"text": "taken"}
    assert await workspace.raw("interactive", {"type": "made_up"}) == {"text": "taken"}
    assert await workspace.raw("events_api", {"type": "event_callback"}) == {"text": "taken"}
    assert [payload.get("type") for payload in bot.payloads[-2:]] == ["made_up", "event_callback"]


@pytest.mark.databases(*KINDS)
async def test_the_demo_opens_with_other_people(tmp_path: Path) -> None:
    owner = DemoPerson(id="U0OWNER", handle="boss", name="The owner", address="boss@demo.example", is_owner=True)
    async with running_demo(tmp_path, people=[*PEOPLE, owner]) as demo:
        assert demo.workspace.people["U0OWNER"] is owner


async def test_the_page_shows_and_sends_what_is_entered_outside_modals(
    workspace: Workspace, bot: ListeningBot, client: AsyncWebClient
) -> None:
    message = await posted(workspace, client)
    await client.views_publish(user_id=ADA, view=HOME)
    values = {"note": {"text": "from the page"}, "row Port": {"pick": "two"}}
    async with aiohttp.ClientSession(workspace.base_url, headers={"X-Demo": "page"}) as session:
        for where in ({"ts": message.ts}, {"home": True}):
            act = {"user": ADA, "act": "press", "block_id": "note", "action_id": "text", "values": values, **where}
            async with session.post("/act", json=act) as answer:
                assert (await answer.json())["ok"]
            assert bot.action["value"] == "from the page"
        more = {"block_id": "row TLS is Y", "action_id": "more", "ts": message.ts, "option": "remove"}
        async with session.post("/act", json={"user": ADA, "act": "press", **more}) as answer:
            assert (await answer.json())["ok"]
        assert bot.action["selected_option"]["value"] == "remove"
        async with session.get("/state", params={"user": ADA}) as answer:
            screen = await answer.json()
    for shown in (screen["messages"][0], screen["home"]):
        assert shown["state"]["values"]["note"]["text"]["value"] == "from the page"
        assert shown["state"]["values"]["row Port"]["pick"]["selected_option"]["value"] == "two"
