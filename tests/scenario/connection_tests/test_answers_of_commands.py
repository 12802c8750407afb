"""`/email-test` is answered once: in its acknowledgement while Slack waits, else by one message more."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in import delivery
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.people import CHANNEL
from bot.demo.stand_in.platform import Message, direct_channel, searchable
from bot.slack.middleware import held_ack, late_ack, overload
from bot.slack.replies.jobs import INTERRUPTED
from bot.slack.replies.response_url import IN_A_FILE
from tests.fakes.smtp_server import OneServerNetwork, ScriptedServer, Silence
from tests.scenario.people import ADA, GRACE, set_up, settled

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold acknowledgements, and wait for them, however busy the machine is."""
    monkeypatch.setattr(delivery, "ACK_SECONDS", 30.0)
    monkeypatch.setattr(held_ack, "HOLD_SECONDS", 20.0)


@pytest.fixture
async def quick(patient: None, http_demo: Demo) -> Demo:
    """A bot whose tests end at once."""
    await set_up(http_demo, ADA)
    return emptied(http_demo)


@pytest.fixture
async def slow(patient: None, tmp_path: Path) -> AsyncIterator[Demo]:
    """A bot whose mail server says nothing, for a second."""
    async with (
        ScriptedServer(acts={"greeting": Silence()}) as server,
        running_demo(tmp_path, network=OneServerNetwork(server.port), smtp_timeout=1) as demo,
    ):
        await set_up(demo, ADA)
        yield emptied(demo)
    assert not demo.workspace.refusals


def emptied(demo: Demo) -> Demo:
    demo.workspace.all_messages.clear()
    demo.workspace.requests.clear()
    return demo


def answers(demo: Demo) -> list[Message]:
    return demo.workspace.messages(ADA)


async def acknowledged(demo: Demo) -> float:
    # Over a socket the measure is taken when the answer is on its way already.
    await asyncio.sleep(0.02)
    samples = (
        demo.bot.metrics.registry.get_sample_value("email_profile_bot_ack_seconds_count", {"way": way})
        for way in ("http", "socket")
    )
    return sum(value or 0.0 for value in samples)


def test_slack_waits_a_second_longer_than_an_acknowledgement_is_held() -> None:
    assert held_ack.HOLD_SECONDS <= delivery.ACK_SECONDS - 1


@pytest.mark.parametrize("text", ["", "send"])
async def test_a_report_that_is_soon_ready_is_the_acknowledgement(quick: Demo, text: str) -> None:
    await quick.workspace.command(ADA, "/email-test", text)
    (report,) = answers(quick)
    assert report.text.startswith("Connection test passed")
    assert "Testing" not in searchable(report)
    assert quick.workspace.calls("response_url") == 0


async def test_what_is_wrong_is_the_acknowledgement_too(quick: Demo) -> None:
    await quick.workspace.command(GRACE, "/email-test")
    (answer,) = quick.workspace.messages(GRACE)
    assert "no email profile to test yet" in answer.text
    assert quick.workspace.calls("response_url") == 0


@pytest.mark.parametrize("channel", [CHANNEL, direct_channel(ADA)], ids=["channel", "conversation with the app"])
async def test_a_report_that_takes_longer_is_the_one_message_after_its_beginning(
    slow: Demo, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_ack, "HOLD_SECONDS", 0.6)
    monkeypatch.setattr("bot.slack.replies.connection_tests.PROGRESS_AFTER_SECONDS", (0.02,) * 20)
    await slow.workspace.command(ADA, "/email-test", channel=channel)
    (begun,) = answers(slow)
    assert (begun.text, begun.reader) == (f"Testing {slow.mail.host}:587 … (up to 1 s)", ADA)
    await slow.workspace.wait_message(ADA, "Connection test failed at Greeting")
    await settled(slow)
    assert [message.channel for message in answers(slow)] == [channel] * 2
    assert begun.revision == 1
    assert "Greeting" not in searchable(begun)
    assert slow.workspace.calls("response_url") == 1


async def test_a_transcript_that_is_too_long_for_a_message_comes_as_a_file(
    quick: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = quick.workspace
    await workspace.command(ADA, "/email-test")
    (report,) = answers(quick)
    monkeypatch.setattr("bot.slack.views.message.MAX_MESSAGE_LENGTH", 300)
    await workspace.command(ADA, "/email-test", "transcript")
    await settled(quick)
    workspace.faults["files.getUploadURLExternal"] = [Fault(kind="silence", seconds=0.2)]
    await workspace.press(ADA, "Transcript", message=report)
    # The press is acknowledged before the file is there.
    assert len(workspace.files) == 1
    await settled(quick)
    channel = [message.text for message in answers(quick) if message.channel == CHANNEL]
    assert channel == [report.text, IN_A_FILE, IN_A_FILE]
    for file in workspace.files:
        text = file.content.decode()
        assert file.channel == direct_channel(ADA)
        assert "C: EHLO" in text
        assert "```" not in text
        assert quick.mail.account("ada@demo.example").password not in text
    assert len(workspace.files) == 2
    told = [message for message in answers(quick) if "so it is in the file below" in message.text]
    assert [message.text.split(".")[0] for message in told] == [
        "This is the dialogue of the last test, secrets removed"
    ] * 2


async def test_a_long_transcript_for_which_slack_opens_no_modal_comes_as_a_file_after_the_acknowledgement(
    quick: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = quick.workspace
    await workspace.open_home(ADA)
    await workspace.press_home(ADA, "Test connection")
    await workspace.wait_view(ADA, "Connection test", containing="Connection test passed")
    monkeypatch.setattr("bot.slack.views.message.MAX_MESSAGE_LENGTH", 300)
    workspace.faults["views.push"] = [Fault(kind="refused", error="expired_trigger_id")]
    workspace.faults["files.getUploadURLExternal"] = [Fault(kind="silence", seconds=0.2)]
    await workspace.press(ADA, "Transcript")
    assert workspace.files == []
    await settled(quick)
    (file,) = workspace.files
    assert file.channel == direct_channel(ADA)
    assert "C: EHLO" in file.content.decode()


async def test_a_held_acknowledgement_is_no_request_under_way(slow: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overload, "MOST_AT_ONCE", 1)
    asked = asyncio.create_task(slow.workspace.command(ADA, "/email-test"))
    async with asyncio.timeout(5):
        while not slow.bot.jobs.running:
            await asyncio.sleep(0.002)
    await slow.workspace.command(GRACE, "/email-profile")
    assert not slow.bot.slack.overload.is_full
    (card,) = slow.workspace.messages(GRACE)
    assert "no email profile yet" in card.text
    await asked
    assert not slow.bot.slack.overload.is_full


async def test_a_held_acknowledgement_is_not_measured_as_one_that_slack_had_to_wait_for(
    patient: None, demo: Demo
) -> None:
    await set_up(demo, ADA)
    before = await acknowledged(demo)
    await demo.workspace.command(ADA, "/email-test")
    assert await acknowledged(demo) == before
    await demo.workspace.command(ADA, "/email-profile")
    assert await acknowledged(demo) == before + 1


async def test_a_held_acknowledgement_is_not_taken_for_a_late_one(quick: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_ack, "ACK_TIMEOUT_SECONDS", 0.0)
    await quick.workspace.command(ADA, "/email-test")
    (report,) = answers(quick)
    assert report.text == "Connection test passed"
    assert quick.workspace.calls("response_url") == 0


async def test_a_stop_while_the_acknowledgement_is_held_is_said_in_it(slow: Demo) -> None:
    asked = asyncio.create_task(slow.workspace.command(ADA, "/email-test"))
    async with asyncio.timeout(5):
        while not slow.bot.jobs.running:
            await asyncio.sleep(0.002)
    await slow.bot.jobs.drain(0.01)
    await asked
    assert [message.text for message in answers(slow)] == [INTERRUPTED]


async def test_no_more_acknowledgements_are_held_than_tests_may_run(
    slow: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow.bot.jobs, "_most", 0)
    await slow.workspace.command(ADA, "/email-test")
    (answer,) = answers(slow)
    assert answer.text.startswith("Many tests are running right now.")
    assert not slow.bot.slack.overload.is_full
