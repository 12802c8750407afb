"""Above what one process carries people are asked to come back; nobody waits in silence, and nothing is half done."""

import asyncio
from pathlib import Path

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.platform import searchable, texts
from tests.scenario.people import ADA, set_up

# Which database it is makes no difference.
pytestmark = pytest.mark.databases("sqlite")

BUSY = "The bot is very busy right now, so nothing was done. Please try again in a minute."


async def test_a_command_is_told_to_come_back_and_does_nothing(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    monkeypatch.setattr("bot.slack.middleware.overload.MOST_AT_ONCE", 0)
    for text in ("add FROM_NAME Ada", "add FROM_NAME Ada again"):
        await workspace.command(ADA, "/email-extra", text)
        assert BUSY in searchable(await workspace.wait_message(ADA, "very busy"))
    # However many there are, the log tells it once in a while.
    assert [record.message for record in caplog.records if record.name == "bot.slack.middleware.overload"] == [
        "Too many requests at once: 1 were asked to come back (now 0)."
    ]
    assert b'command="other",outcome="busy"} 2.0' in await http_demo.bot.metrics.text()
    monkeypatch.undo()
    await workspace.command(ADA, "/email-extra", "list")
    assert "FROM_NAME" not in searchable(await workspace.wait_message(ADA, "TLS"))


async def test_a_form_stays_open_with_everything_typed(http_demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await workspace.command(ADA, "/email-profile", "edit")
    await workspace.wait_view(ADA, "Email profile")
    await workspace.fill(ADA, "User/Login", "countess")
    monkeypatch.setattr("bot.slack.middleware.overload.MOST_AT_ONCE", 0)
    assert BUSY in (await workspace.submit(ADA)).values()
    monkeypatch.undo()
    assert await workspace.submit(ADA) == {}
    await workspace.wait_message(ADA, "countess")


async def test_a_press_is_told_and_an_event_is_taken(http_demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = http_demo.workspace
    card = await set_up(http_demo, ADA)
    monkeypatch.setattr("bot.slack.middleware.overload.MOST_AT_ONCE", 0)
    await workspace.press(ADA, "Test connection", message=card)
    assert BUSY in searchable(await workspace.wait_message(ADA, "very busy"))
    await workspace.open_home(ADA)
    async with asyncio.timeout(10):
        while "Your email profile" not in "".join(texts(workspace.home(ADA).content["blocks"])):
            await asyncio.sleep(0.02)


async def test_of_many_at_once_each_is_answered_with_the_card_or_told_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_demo(tmp_path) as demo:
        workspace = demo.workspace
        await set_up(demo, ADA, extra=None)
        monkeypatch.setattr("bot.slack.middleware.overload.MOST_AT_ONCE", 5)
        workspace.all_messages.clear()
        await asyncio.gather(*(workspace.command(ADA, "/email-profile") for _ in range(60)))
        shown = [searchable(message) for message in workspace.all_messages]
    assert len(shown) == 60
    served = [text for text in shown if "Your email profile" in text]
    assert served
    assert len(served) + sum(BUSY in text for text in shown) == 60
