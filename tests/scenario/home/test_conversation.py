"""A person's conversation with the bot: a welcome, a short answer to a plain message, each once; and commands."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.people import BOT_USER, CHANNEL
from bot.demo.stand_in.platform import Message, direct_channel, searchable
from bot.demo.stand_in.views import PlatformError
from tests.databases import KINDS
from tests.scenario.people import ADA, GRACE, open_form, set_up, settled
from tests.store import Store

ANSWER = "I only understand commands."
HERE = direct_channel(ADA)


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    """The demo over signed HTTP, whose operator has changed the app as the manifest says."""
    async with running_demo(tmp_path) as opened:
        yield opened
    assert not opened.workspace.refusals


async def answered(demo: Demo) -> list[Message]:
    """Return the bot's messages in Ada's conversation with it, once all is quiet."""
    await settled(demo)
    return [one for one in demo.workspace.messages(ADA) if one.author == BOT_USER and one.channel == HERE]


async def test_a_plain_message_gets_a_short_answer_that_says_what_to_type(demo: Demo) -> None:
    await demo.workspace.say(ADA, "hello, set up my mail please", channel=HERE)
    (answer,) = await answered(demo)
    assert answer.text.startswith(ANSWER)
    assert "`/email-profile`" in searchable(answer)
    await demo.workspace.press(ADA, "Edit my email profile", message=answer)
    await demo.workspace.wait_view(ADA, "Email profile")


async def test_what_is_said_to_the_bot_is_neither_kept_nor_logged(
    demo: Demo, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="bot")
    secret = "correct horse battery staple"
    await demo.workspace.say(ADA, secret, channel=HERE)
    (answer,) = await answered(demo)
    assert answer.text.startswith(ANSWER)
    kept = {**await store.everything(), "log": caplog.text.encode(), "answer": searchable(answer).encode()}
    assert [place for place, content in kept.items() if secret.encode() in content] == []
    assert "message" in caplog.text


async def test_a_message_that_is_told_twice_is_answered_once(demo: Demo) -> None:
    said = await demo.workspace.say(ADA, "hello", channel=HERE)
    for _ in range(2):
        await demo.workspace.send_message(ADA, said)
    assert len(await answered(demo)) == 1


async def test_many_messages_in_a_row_are_answered_once(demo: Demo) -> None:
    for word in ("hello", "anybody", "there?"):
        await demo.workspace.say(ADA, word, channel=HERE)
    assert len(await answered(demo)) == 1


@pytest.mark.parametrize(
    "event",
    [
        {"bot_id": "B0OTHER"},
        {"user": BOT_USER, "bot_id": "B0DEMO"},
        {"subtype": "message_changed"},
        {"subtype": "bot_message", "bot_id": "B0OTHER"},
        {"channel_type": "channel", "channel": CHANNEL},
        {"ts": "1000000000.000100"},
        {"ts": "soon"},
        {"user": None},
    ],
    ids=["another bot", "itself", "a change", "a bot without a name", "a channel", "old", "no time", "nobody"],
)
async def test_what_no_person_just_typed_to_the_bot_is_not_answered(demo: Demo, event: dict[str, Any]) -> None:
    message = {"type": "message", "channel_type": "im", "channel": HERE, "user": ADA, "text": "hello"}
    await demo.workspace.event({**message, "ts": f"{demo.workspace.clock():.6f}", **event})
    assert await answered(demo) == []


async def test_the_first_visit_to_the_messages_tab_is_welcomed_once(demo: Demo) -> None:
    for _ in range(2):
        await demo.workspace.open_messages(ADA)
    (welcome,) = await answered(demo)
    assert welcome.text.startswith("Welcome! An email profile is the mail account")
    await demo.workspace.open_home(ADA)
    await demo.workspace.open_messages(ADA)
    assert await answered(demo) == [welcome]
    await demo.workspace.press(ADA, "Set up", message=welcome)
    await demo.workspace.wait_view(ADA, "Email profile")


async def test_who_has_a_profile_already_needs_no_welcome(demo: Demo) -> None:
    await set_up(demo, ADA)
    await demo.workspace.open_messages(ADA)
    assert await answered(demo) == []


async def test_a_guest_who_can_have_no_profile_is_not_invited_to_set_one_up(demo: Demo) -> None:
    await demo.workspace.open_messages("U0GUEST")
    await settled(demo)
    assert demo.workspace.messages("U0GUEST") == []


async def test_the_first_visit_to_the_home_tab_begins_with_a_welcome_until_a_profile_is_set_up(demo: Demo) -> None:
    home = await demo.workspace.open_home(ADA)
    assert home is not None
    assert "*Welcome!*" in str(home.blocks)
    await set_up(demo, ADA)
    home = await demo.workspace.open_home(ADA)
    assert home is not None
    assert "Welcome" not in str(home.blocks)


@pytest.mark.databases(*KINDS)
async def test_two_instances_write_a_welcome_and_an_answer_once(demo: Demo, store: Store, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    async with running_demo(other, database_url=store.url, encryption_keys=demo.settings.encryption_keys) as second:
        demos = (demo, second)
        await asyncio.gather(*(one.workspace.open_messages(ADA) for one in demos for _ in range(3)))
        said = await demo.workspace.say(GRACE, "hello", channel=direct_channel(GRACE))
        await asyncio.gather(*(one.workspace.send_message(GRACE, said) for one in demos for _ in range(2)))
        written: list[str] = []
        for one in demos:
            await settled(one)
            written += [message.channel for message in one.workspace.all_messages if message.author == BOT_USER]
    assert sorted(written) == sorted([HERE, direct_channel(GRACE)])


@pytest.mark.parametrize("missing", ["the event", "the scope", "the open tab"])
async def test_an_app_that_was_not_changed_answers_no_messages_and_does_all_else(demo: Demo, missing: str) -> None:
    workspace = demo.workspace
    if missing == "the event":
        workspace.bot_events.discard("message.im")
    elif missing == "the scope":
        workspace.scopes = workspace.scopes.replace(",im:history", "")
    else:
        workspace.is_read_only = True
    if workspace.is_read_only:
        with pytest.raises(PlatformError, match="turned off"):
            await workspace.say(ADA, "hello", channel=HERE)
    else:
        await workspace.say(ADA, "hello", channel=HERE)
    assert await answered(demo) == []
    await workspace.open_messages(ADA)
    (welcome,) = await answered(demo)
    await workspace.press(ADA, "Set up", message=welcome)
    await workspace.wait_view(ADA, "Email profile")
    channel = CHANNEL if workspace.is_read_only else HERE
    await workspace.command(ADA, "/email-profile", channel=channel)
    told = await workspace.wait_message(ADA, "no email profile yet")
    assert (told.author, told.channel) == (BOT_USER, channel)


async def test_commands_in_the_conversation_are_answered_there(demo: Demo) -> None:
    await set_up(demo, ADA)
    demo.workspace.all_messages.clear()
    await demo.workspace.command(ADA, "/email-test", channel=HERE)
    report = await demo.workspace.wait_message(ADA, "Connection test passed")
    assert (report.channel, report.reader) == (HERE, ADA)


async def test_where_too_much_is_under_way_a_greeting_is_left_out(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo.bot.jobs, "_most", 0)
    await demo.workspace.say(ADA, "hello", channel=HERE)
    assert await answered(demo) == []
    monkeypatch.undo()
    await open_form(demo, GRACE)
