"""Whatever is typed or sent: an answer, never an error of the program."""

import asyncio
import json
import logging
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.demo.run import Demo
from bot.demo.stand_in.delivery import encoded, signature
from bot.profiles.account.profile import Field
from bot.profiles.people.defaults import DefaultsField
from bot.profiles.people.people_list import ListQuery
from bot.slack.command_text import SUBCOMMANDS
from bot.slack.ids import COMMANDS, ActionId, ViewId
from bot.slack.views.people_list import encode_query
from bot.slack.views.private_metadata import PrivateMetadata
from tests.counts import scaled
from tests.scenario.people import ADA, GRACE

pytestmark = pytest.mark.timeout(900)

MANY = settings(
    max_examples=scaled(quick=40, full=2500),
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(autouse=True, params=range(scaled(quick=1, full=4)))
def part(request: pytest.FixtureRequest) -> int:
    """Return which part of the examples a test tries: workers share what would take one of them too long."""
    number: int = request.param
    return number


WORDS = sorted(
    {word for entries in SUBCOMMANDS.values() for entry in entries for word in (entry.name, *entry.also)}
    | {"TLS", "SSL", "Y", "n", "maybe", "AUTH", "FROM_NAME", "REPLY_TO", "<@U0GRACE|grace>", "<@U0ADA>", "@nobody"}
    | {"<@UNOBODY>", "<@", "<mailto:a@b.example|a@b.example>", "payload", "payload=", "&lt;", "\0", "`", "password"}
    | {"<!here>", "<#C0GENERAL|general>", "<!subteam^S1>", ":rocket:", "TLS=Y", "“", "«", "\u200b", "https://x:1/y"}
    | {"<!channel>", "“TLS”", "\u202e", "x" * 4000}
)
command_texts = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="\x00\n\t <>@|&;`'\"UW0AZaz*_~", max_size=60),
    st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=12)), max_size=6).map(" ".join),
)


async def answered(demo: Demo, answer: Any) -> bool:
    """Whether something came of a command: an answer at once, a view, or a message soon after."""
    if isinstance(answer, dict) and answer.get("text") and answer.get("blocks"):
        return True
    async with asyncio.timeout(10):
        while not demo.workspace.view(ADA) and not demo.workspace.messages(ADA):
            await asyncio.sleep(0.001)
    return True


async def finished(demo: Demo) -> None:
    """Wait until nothing runs any more, and clean the screen."""
    while demo.bot.jobs.running:
        await asyncio.sleep(0.001)
    demo.workspace.all_messages.clear()
    demo.workspace.stacks.clear()
    demo.workspace.received.clear()
    # Who is asked for by a made-up id is unknown, and that is no fault.
    demo.workspace.refusals[:] = [one for one in demo.workspace.refusals if one[1] != "user_not_found"]


@MANY
@given(command=st.sampled_from(COMMANDS), text=command_texts)
async def test_any_command_text_is_answered(
    http_demo: Demo, caplog: pytest.LogCaptureFixture, command: str, text: str
) -> None:
    workspace = http_demo.workspace
    with caplog.at_level(logging.ERROR):
        await workspace.command(ADA, command, text)
        assert await answered(http_demo, workspace.received[-1])
        assert all(message.text for message in workspace.messages(ADA))
        assert not any("operation_timeout" in message.text for message in workspace.messages(ADA))
        await finished(http_demo)
    assert caplog.records == []
    assert workspace.refusals == []


anything = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(st.characters(), max_size=40)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=10), inner, max_size=3)),
    max_leaves=8,
)
typed = st.one_of(
    st.text(st.characters(), max_size=50),
    st.sampled_from(
        ["ada@demo.example", "mail.demo.example", "587", "0", "99999", "９", "²", "9" * 3000, " ", "a@b", "x" * 3000]
    ),
)
inputs = st.one_of(
    st.fixed_dictionaries({"value": typed}),
    st.fixed_dictionaries({"selected_options": st.one_of(anything, st.just([{"value": "sign_in"}]))}),
    st.fixed_dictionaries({"selected_option": st.fixed_dictionaries({"value": st.sampled_from(["TLS", "AUTH", "Y"])})}),
    anything,
)
blocks = st.one_of(st.dictionaries(st.sampled_from([ActionId.VALUE, ActionId.CHOOSE_EXTRA, "else"]), inputs), anything)
states = st.one_of(
    st.dictionaries(
        st.sampled_from([*Field, *DefaultsField, "keep_port", "configuration", "value_TLS", "else"]), blocks
    ),
    anything,
)
metadata = st.one_of(
    st.just(PrivateMetadata(owner=ADA, revision=0).encode()),
    st.text(st.characters(), max_size=30),
    anything.map(json.dumps),
)
modals = st.fixed_dictionaries(
    {
        "id": st.just("V1"),
        "root_view_id": st.just("V1"),
        "previous_view_id": st.none(),
        # The list of extra configurations has nothing to submit.
        "callback_id": st.sampled_from([ViewId.PROFILE, ViewId.ADD_EXTRA, ViewId.DEFAULTS]),
        "private_metadata": metadata,
        "state": st.fixed_dictionaries({"values": states}),
        "blocks": st.just([{"type": "input", "block_id": "address"}]),
    }
)
wishes = st.one_of(
    st.just(encode_query(ListQuery())),
    st.text(st.characters(), max_size=40),
    anything.map(json.dumps),
    st.sampled_from(
        ['["",9,0,1,null,null]', '["",null,0,1,[0,99999999999999999999,"U"],null]', '["x",-1,7,"1",[],[]]', "1e400"]
    ),
)
values = st.one_of(
    wishes, st.sampled_from([ADA, "U0GRACE:7", "edit:U0ADA", "remove:", "TLS", "0", "9" * 30]), st.text(max_size=20)
)
presses = st.fixed_dictionaries(
    {
        "action_id": st.sampled_from([action for action in ActionId if action is not ActionId.VALUE]),
        "block_id": wishes.map(lambda wish: f"row1|{wish}"),
    },
    optional={
        "value": st.one_of(values, anything),
        "selected_option": st.one_of(values.map(lambda value: {"value": value}), anything),
    },
)


def sent_by(demo: Demo, user: str, kind: str) -> dict[str, Any]:
    return {
        "type": kind,
        "team": {"id": "T0DEMO"},
        "user": {"id": user, "team_id": "T0DEMO"},
        "api_app_id": "A0DEMO",
        "trigger_id": demo.workspace.new_trigger(user),
    }


def pressed_in_modal(demo: Demo, user: str, view: dict[str, Any], press: dict[str, Any]) -> dict[str, Any]:
    """What Slack would send of a press in a modal that is really open, with this state in it."""
    opened = demo.workspace.push(user, {"blocks": [], "title": {"text": "open"}})
    return {
        **sent_by(demo, user, "block_actions"),
        "view": {"type": "modal", **view, "id": opened.id, "root_view_id": opened.root_id},
        "container": {"type": "view", "view_id": opened.id},
        "actions": [{"type": "button", **press}],
    }


def pressed_in_message(demo: Demo, user: str, press: dict[str, Any]) -> dict[str, Any]:
    """What Slack would send of a press in a message."""
    url, _ = demo.workspace.new_response_url(user, "C0GENERAL")
    return {
        **sent_by(demo, user, "block_actions"),
        "response_url": url,
        "container": {"type": "message", "message_ts": "1.2", "channel_id": "C0GENERAL"},
        "channel": {"id": "C0GENERAL"},
        "actions": [{"type": "button", **press}],
    }


people = st.sampled_from([ADA, GRACE])


@MANY
@given(user=people, view=modals)
async def test_any_modal_state_is_answered(
    http_demo: Demo, caplog: pytest.LogCaptureFixture, user: str, view: dict[str, Any]
) -> None:
    sent = {**sent_by(http_demo, user, "view_submission"), "view": {"type": "modal", **view}}
    with caplog.at_level(logging.ERROR):
        answer = await http_demo.workspace.delivery.send("interactive", sent)
        if view["callback_id"] == ViewId.PROFILE:
            assert answer["response_action"] in ("errors", "clear", "update")
        if answer and answer["response_action"] == "errors":
            assert all(answer["errors"].values())
        await finished(http_demo)
    assert caplog.records == []


@MANY
@given(user=people, view=modals, press=presses)
async def test_any_button_in_any_modal_is_answered(
    http_demo: Demo, caplog: pytest.LogCaptureFixture, user: str, view: dict[str, Any], press: dict[str, Any]
) -> None:
    with caplog.at_level(logging.ERROR):
        await http_demo.workspace.delivery.send("interactive", pressed_in_modal(http_demo, user, view, press))
        await finished(http_demo)
    assert caplog.records == []


@MANY
@given(user=people, press=presses)
async def test_any_button_in_a_message_is_answered(
    http_demo: Demo, caplog: pytest.LogCaptureFixture, user: str, press: dict[str, Any]
) -> None:
    with caplog.at_level(logging.ERROR):
        await http_demo.workspace.delivery.send("interactive", pressed_in_message(http_demo, user, press))
        await finished(http_demo)
    assert caplog.records == []


@pytest.mark.parametrize("action", [ActionId.STOP_TEST, ActionId.RUN_STOP])
async def test_a_value_with_a_nul_names_nothing(
    http_demo: Demo, caplog: pytest.LogCaptureFixture, action: ActionId
) -> None:
    press = {"action_id": action, "block_id": "row1", "value": "\0"}
    await http_demo.workspace.delivery.send("interactive", pressed_in_message(http_demo, GRACE, press))
    await finished(http_demo)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@MANY
@given(body=st.one_of(anything.map(json.dumps), st.text(max_size=200)), form=st.booleans())
async def test_any_signed_body_is_answered_without_a_fault_of_the_server(
    http_demo: Demo, body: str, form: bool
) -> None:
    text, content_type = encoded("slash_commands", {"payload": body}) if form else (body, "application/json")
    headers = {"Content-Type": content_type, **signature(http_demo.workspace.signing_secret, text)}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{http_demo.bot_url}/slack/events", data=text.encode(), headers=headers) as answer,
    ):
        assert answer.status < 500
