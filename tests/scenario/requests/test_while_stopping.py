"""While the bot stops: whoever asks is answered, what they save is saved, and no test is begun that cannot end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.demo.platform import searchable
from bot.demo.run import Office, open_office
from bot.profiles.account.profile import EmailProfile
from bot.slack.replies.jobs import RESTARTING
from tests.scenario.people import ADA, GRACE, set_up
from tests.soak.failing_sockets import FailingDelivery, SocketFailure

pytestmark = pytest.mark.databases("sqlite")


@asynccontextmanager
async def stopping(office: Office) -> AsyncIterator[None]:
    """Drain as a stop does, which a last job makes last until the block ends."""
    over = asyncio.Event()

    async def wait() -> None:
        await over.wait()

    async def nobody(_sentence: str) -> None:
        raise AssertionError("the last job was interrupted")

    office.bot.jobs.start("the last one", wait, notify=nobody)
    draining = asyncio.create_task(office.bot.jobs.drain(10))
    await asyncio.sleep(0)
    try:
        yield
    finally:
        over.set()
        await draining


async def test_commands_are_answered_and_tests_refused_in_words(office: Office) -> None:
    await set_up(office, ADA)
    async with stopping(office):
        office.workspace.all_messages.clear()
        await office.workspace.command(ADA, "/email-profile")
        assert "Your email profile" in searchable(office.workspace.messages(ADA)[-1])
        await office.workspace.command(ADA, "/email-test")
        assert searchable(office.workspace.messages(ADA)[-1]).startswith(RESTARTING)


async def test_a_form_that_is_saved_closes_and_is_stored_though_no_card_can_follow(office: Office) -> None:
    workspace = office.workspace
    await set_up(office, ADA)
    async with stopping(office):
        await workspace.command(ADA, "/email-profile", "edit")
        await workspace.wait_view(ADA, "Email profile")
        await workspace.fill(ADA, "Port", "465")
        workspace.all_messages.clear()
        assert await workspace.submit(ADA) == {}
        assert workspace.view(ADA) is None
    assert not any("restarted" in searchable(message) for message in workspace.messages(ADA))
    async with office.bot.database.reading() as tx:
        stored = await tx.profiles.get("T0DEMO", ADA)
    assert stored is not None
    assert EmailProfile.from_document(stored.document).port == 465


async def test_a_test_of_many_that_cannot_begin_is_over_at_once(office: Office) -> None:
    workspace = office.workspace
    await set_up(office, ADA)
    await workspace.command(GRACE, "/email-profile", "list")
    shown = await workspace.wait_message(GRACE, "Work with email")
    async with stopping(office):
        await workspace.press(GRACE, "Test these", message=shown)
        told = [searchable(message) for message in workspace.messages(GRACE)]
        assert not any("The test begins" in text for text in told)
        assert any(text.startswith(RESTARTING) for text in told)
    async with office.bot.database.reading() as tx:
        assert not await tx.runs.running("T0DEMO")


async def test_a_request_in_hand_is_answered_before_socket_mode_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, free = asyncio.Event(), asyncio.Event()
    async with open_office(tmp_path, slack_app_token="xapp-demo") as office:
        dispatch = office.bot.slack.bolt.async_dispatch

        async def slowly(request: AsyncBoltRequest) -> BoltResponse:
            begun.set()
            await free.wait()
            return await dispatch(request)

        monkeypatch.setattr(office.bot.slack.bolt, "async_dispatch", slowly)
        asking = asyncio.create_task(office.workspace.command(ADA, "/email-profile", "help"))
        await begun.wait()
        asyncio.get_running_loop().call_later(0.1, free.set)
    await asking
    assert "/email-profile edit" in searchable(office.workspace.messages(ADA)[-1])


@pytest.mark.parametrize("failure", SocketFailure)
async def test_a_new_connection_takes_the_place_of_a_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: SocketFailure
) -> None:
    monkeypatch.setattr("bot.socket_mode.PING_INTERVAL_SECONDS", 0.1)
    async with open_office(tmp_path, slack_app_token="xapp-demo") as office:
        workspace = office.workspace
        delivery = FailingDelivery(workspace.signing_secret)
        delivery.sockets = workspace.delivery.sockets
        delivery._awaited = workspace.delivery._awaited
        assert await delivery.fail(failure)
        await workspace.command(ADA, "/email-profile")
        assert "no email profile yet" in searchable(workspace.messages(ADA)[-1])
