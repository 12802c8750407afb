"""While the bot stops: whoever asks is answered, what they save is saved, and no test is begun that cannot end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.platform import searchable
from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.account.records import ProfileView
from bot.slack.replies.jobs import RESTARTING
from tests.scenario.people import ADA, GRACE, profile_of, set_up, typed
from tests.soak.failing_sockets import FailingDelivery, SocketFailure

pytestmark = pytest.mark.databases("sqlite")


@asynccontextmanager
async def stopping(demo: Demo) -> AsyncIterator[None]:
    """Drain as a stop does, which a last job makes last until the block ends."""
    over = asyncio.Event()

    async def wait() -> None:
        await over.wait()

    async def nobody(_sentence: str) -> None:
        raise AssertionError("the last job was interrupted")

    demo.bot.jobs.start("the last one", wait, notify=nobody)
    draining = asyncio.create_task(demo.bot.jobs.drain(10))
    await asyncio.sleep(0)
    try:
        yield
    finally:
        over.set()
        await draining


async def test_commands_are_answered_and_tests_refused_in_words(demo: Demo) -> None:
    await set_up(demo, ADA)
    async with stopping(demo):
        demo.workspace.all_messages.clear()
        await demo.workspace.command(ADA, "/email-profile")
        assert "Your email profile" in searchable(demo.workspace.messages(ADA)[-1])
        await demo.workspace.command(ADA, "/email-test")
        assert searchable(demo.workspace.messages(ADA)[-1]).startswith(RESTARTING)


async def test_a_test_that_cannot_begin_is_not_shown_as_if_it_had(demo: Demo) -> None:
    workspace = demo.workspace
    await set_up(demo, ADA)
    await workspace.open_home(ADA)
    async with stopping(demo):
        workspace.all_messages.clear()
        await workspace.press_home(ADA, "Test connection")
        shown = await workspace.wait_view(ADA, "Connection test", containing=RESTARTING)
        assert "Testing" not in str(shown.content)
        assert workspace.messages(ADA) == []


async def test_a_form_that_is_saved_closes_and_is_stored_though_no_card_can_follow(demo: Demo) -> None:
    workspace = demo.workspace
    await set_up(demo, ADA)
    async with stopping(demo):
        await workspace.command(ADA, "/email-profile", "edit")
        await workspace.wait_view(ADA, "Email profile")
        await workspace.fill(ADA, "Port", "465")
        workspace.all_messages.clear()
        assert await workspace.submit(ADA) == {}
        assert workspace.view(ADA) is None
    assert not any("restarted" in searchable(message) for message in workspace.messages(ADA))
    assert (await profile_of(demo)).port == 465


async def test_defaults_that_are_saved_close_their_form_though_no_differences_can_be_counted(demo: Demo) -> None:
    workspace = demo.workspace
    async with stopping(demo):
        await workspace.command(GRACE, "/email-profile", "defaults")
        await workspace.wait_view(GRACE, "Workspace defaults")
        await workspace.fill(GRACE, "SMTP Server Address", demo.mail.host)
        assert await workspace.submit(GRACE) == {}
        assert workspace.view(GRACE) is None
    assert not any("restarted" in searchable(message) for message in workspace.messages(GRACE))
    await workspace.command(GRACE, "/email-profile", "defaults")
    await workspace.wait_view(GRACE, "Workspace defaults")
    assert typed(demo, GRACE, "SMTP Server Address") == demo.mail.host


async def test_a_test_of_many_that_cannot_begin_is_over_at_once(demo: Demo) -> None:
    workspace = demo.workspace
    await set_up(demo, ADA)
    await workspace.command(GRACE, "/email-profile", "list")
    shown = await workspace.wait_message(GRACE, "Work with email")
    async with stopping(demo):
        await workspace.press(GRACE, "Test these", message=shown)
        told = [searchable(message) for message in workspace.messages(GRACE)]
        assert not any("The test begins" in text for text in told)
        assert any(text.startswith(RESTARTING) for text in told)
    async with demo.bot.database.reading() as tx:
        assert not await tx.runs.running("T0DEMO")


async def test_a_request_in_hand_is_answered_before_socket_mode_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, free = asyncio.Event(), asyncio.Event()
    show = EmailProfiles.show

    async def slowly(self: EmailProfiles, **who: Any) -> ProfileView:
        begun.set()
        await free.wait()
        return await show(self, **who)

    async with running_demo(tmp_path, slack_app_token="xapp-demo") as demo:
        monkeypatch.setattr(EmailProfiles, "show", slowly)
        asking = asyncio.create_task(demo.workspace.command(ADA, "/email-profile"))
        await begun.wait()
        asyncio.get_running_loop().call_later(0.1, free.set)
    await asking
    assert "no email profile yet" in searchable(demo.workspace.messages(ADA)[-1])


@pytest.mark.parametrize("failure", SocketFailure)
async def test_a_new_connection_takes_the_place_of_a_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: SocketFailure
) -> None:
    monkeypatch.setattr("bot.socket_mode.PING_INTERVAL_SECONDS", 0.1)
    async with running_demo(tmp_path, slack_app_token="xapp-demo") as demo:
        workspace = demo.workspace
        delivery = FailingDelivery(workspace.signing_secret)
        delivery.sockets = workspace.delivery.sockets
        delivery._awaited = workspace.delivery._awaited
        assert await delivery.fail(failure)
        await workspace.command(ADA, "/email-profile")
        assert "no email profile yet" in searchable(workspace.messages(ADA)[-1])
