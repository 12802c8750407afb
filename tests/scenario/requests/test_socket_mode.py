"""Socket Mode: replaced without a deaf moment, built anew without a storm, and every request carried out once."""

import asyncio
import gc
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.app import StartError
from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.faults import Fault, FaultKind
from bot.demo.stand_in.platform import searchable
from tests.counts import scaled
from tests.scenario.people import ADA, GRACE, set_up, settled

KINDS: list[FaultKind] = ["error500", "silence", "ratelimited", "close", "garbled", "refused"]

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
async def socket_demo(tmp_path: Path) -> AsyncIterator[Demo]:
    async with running_demo(tmp_path, slack_app_token="xapp-demo") as opened:
        yield opened


@pytest.fixture(autouse=True)
def brief_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.socket_mode.FIRST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr("bot.socket_mode.LAST_ANSWERS_SECONDS", 0.3)
    monkeypatch.setattr("bot.socket_mode.CHECK_INTERVAL_SECONDS", 0.1)
    monkeypatch.setattr("bot.socket_mode.CONNECT_TIMEOUT_SECONDS", 0.3)


async def readiness(demo: Demo) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{demo.bot_url}/readyz") as answer:
        return answer.status, await answer.text()


async def connected(demo: Demo, *, besides: web.WebSocketResponse | None = None) -> web.WebSocketResponse:
    """Wait until there is one connection, another than `besides`."""
    async with asyncio.timeout(10):
        while demo.workspace.delivery.sockets in ([], [besides]):
            await asyncio.sleep(0.01)
    return demo.workspace.delivery.sockets[-1]


@pytest.mark.parametrize("reason", scaled(quick=["refresh_requested"], full=["refresh_requested", "warning"]))
async def test_a_connection_that_slack_is_going_to_end_is_replaced_before_it_ends(
    socket_demo: Demo, reason: str
) -> None:
    workspace = socket_demo.workspace
    old = await connected(socket_demo)
    await old.send_json({"type": "disconnect", "reason": reason})
    fewest = 1
    async with asyncio.timeout(10):
        while workspace.delivery.sockets in ([old], []) or old in workspace.delivery.sockets:
            fewest = min(fewest, len(workspace.delivery.sockets))
            await workspace.command(ADA, "/email-profile", "help")
    assert fewest == 1
    assert len(workspace.delivery.sockets) == 1
    assert not any("failed with the error" in message.text for message in workspace.messages(ADA))
    assert workspace.calls("apps.connections.open") == 2


async def test_where_too_many_are_connected_the_old_connection_goes_first(socket_demo: Demo) -> None:
    old = await connected(socket_demo)
    await old.send_json({"type": "disconnect", "reason": "too_many_websockets"})
    await connected(socket_demo, besides=old)
    assert old not in socket_demo.workspace.delivery.sockets
    await socket_demo.workspace.command(ADA, "/email-profile")
    assert "no email profile yet" in searchable(socket_demo.workspace.messages(ADA)[-1])


async def test_slack_hanging_up_again_and_again_is_met_with_growing_pauses(socket_demo: Demo) -> None:
    workspace = socket_demo.workspace
    closed = 0
    try:
        async with asyncio.timeout(0.9):
            while closed < 50:
                socket = await connected(socket_demo)
                await socket.close()
                closed += 1
    except TimeoutError:
        pass
    # At once, and after 0.1, 0.2 and 0.4 seconds, of which chance takes up to half.
    assert 2 <= workspace.calls("apps.connections.open") - 1 <= 6
    await connected(socket_demo)
    await workspace.command(ADA, "/email-profile")
    assert "no email profile yet" in searchable(workspace.messages(ADA)[-1])


@pytest.mark.parametrize("kind", scaled(quick=KINDS[:2], full=KINDS))
async def test_while_slack_gives_no_connection_it_is_asked_ever_more_slowly_and_readiness_says_so(
    socket_demo: Demo, kind: FaultKind, caplog: pytest.LogCaptureFixture
) -> None:
    workspace = socket_demo.workspace
    workspace.faults["apps.connections.open"] = [Fault(kind=kind, seconds=0.4, error="internal_error")] * 50
    old = await connected(socket_demo)
    await old.close()
    await asyncio.sleep(0.4)
    assert workspace.calls("apps.connections.open") - 1 <= 6
    status, words = await readiness(socket_demo)
    assert (status, words.split(";")[0]) == (503, "Socket Mode is not connected")
    assert "Socket Mode could not connect" in caplog.text
    assert "Traceback" not in caplog.text
    workspace.faults.clear()
    await connected(socket_demo)
    await workspace.command(ADA, "/email-profile")
    assert "no email profile yet" in searchable(workspace.messages(ADA)[-1])
    assert await readiness(socket_demo) == (200, "ready")


async def test_a_request_that_comes_again_over_another_connection_is_carried_out_once_and_answered(
    socket_demo: Demo,
) -> None:
    workspace = socket_demo.workspace
    await set_up(socket_demo, ADA)
    workspace.faults["users.info"] = [Fault(kind="silence", seconds=0.4)]
    payload = {
        "command": "/email-extra",
        "text": f"add FROM_NAME Countess <@{ADA}|ada>",
        "team_id": "T0DEMO",
        "channel_id": "C0GENERAL",
        "user_id": GRACE,
        "trigger_id": workspace.new_trigger(GRACE),
    }
    envelope = {"type": "slash_commands", "envelope_id": "again", "accepts_response_payload": True, "payload": payload}
    old = await connected(socket_demo)
    await old.send_json(envelope)
    await asyncio.sleep(0.05)
    await old.close()
    new = await connected(socket_demo, besides=old)
    await new.send_json(envelope)
    async with asyncio.timeout(10):
        while not (answers := acknowledgements(workspace.received, "again")):
            await asyncio.sleep(0.02)
    assert "FROM_NAME" in json.dumps(answers[-1])
    await workspace.wait_message(ADA, "changed your email profile")
    assert len([message for message in workspace.messages(ADA) if "changed your" in searchable(message)]) == 1


def acknowledgements(received: list[Any], envelope_id: str) -> list[Any]:
    return [one for one in received if isinstance(one, dict) and one.get("envelope_id") == envelope_id]


async def test_what_was_typed_is_not_kept_once_it_is_answered(socket_demo: Demo) -> None:
    await set_up(socket_demo, ADA)
    await settled(socket_demo)
    async with asyncio.timeout(5):
        while any(isinstance(thing, AsyncBoltRequest | SocketModeRequest) for thing in gc.get_objects()):
            await asyncio.sleep(0.05)
            gc.collect()


async def test_a_stop_answers_what_was_asked_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.socket_mode.LAST_ANSWERS_SECONDS", 5.0)
    async with running_demo(tmp_path, slack_app_token="xapp-demo") as demo:
        workspace = demo.workspace
        workspace.faults["users.info"] = [Fault(kind="silence", seconds=0.2)]
        asked = asyncio.create_task(workspace.command(GRACE, "/email-profile", "show @ada"))
        async with asyncio.timeout(5):
            while workspace.faults["users.info"]:
                await asyncio.sleep(0.01)
        opened = demo
    await asked
    assert "failed with the error" not in searchable(opened.workspace.messages(GRACE)[-1])


async def test_a_token_that_slack_refuses_ends_the_start_with_one_line(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"^SLACK_APP_TOKEN: Slack refuses this token \(invalid_auth\)"):
        async with running_demo(tmp_path, slack_app_token="xapp-of-another"):
            pass


async def test_a_switched_off_socket_mode_is_named_in_the_log(
    socket_demo: Demo, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        old = await connected(socket_demo)
        await old.send_json({"type": "disconnect", "reason": "link_disabled"})
        await connected(socket_demo, besides=old)
    assert "Socket Mode is switched off for this app" in caplog.text
