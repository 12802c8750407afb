"""The door that Slack and operators knock at: signatures, health, metrics, Socket Mode that comes back."""

import asyncio
import re
import time
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.delivery import encoded, signature
from bot.demo.stand_in.platform import searchable
from tests.scenario.people import ADA, set_up
from tests.scenario.raw_http import signed_bytes
from tests.store import Store

FIELDS = {"command": "/email-profile", "text": "help", "team_id": "T0DEMO", "user_id": ADA}


async def post(demo: Demo, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{demo.bot_url}/slack/events", data=body, headers=headers) as answer,
    ):
        return answer.status, await answer.text()


async def get(demo: Demo, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{demo.bot_url}{path}") as answer:
        return answer.status, await answer.text()


def signed(demo: Demo) -> tuple[bytes, dict[str, str]]:
    text, kind = encoded("slash_commands", FIELDS)
    return text.encode(), {"Content-Type": kind, **signature(demo.workspace.signing_secret, text)}


async def test_only_what_slack_signed_just_now_is_answered(http_demo: Demo) -> None:
    body, headers = signed(http_demo)
    assert (await post(http_demo, body, headers))[0] == 200
    old = str(int(time.time()) - 600)
    bad = [
        {**headers, "X-Slack-Signature": "v0=" + "0" * 64},
        {**headers, "X-Slack-Request-Timestamp": old},
        {**headers, "X-Slack-Request-Timestamp": "soon"},
        {**headers, "X-Slack-Request-Timestamp": "9" * 400},
        {name: value for name, value in headers.items() if not name.startswith("X-Slack")},
    ]
    for wrong in bad:
        status, text = await post(http_demo, body, wrong)
        assert status == 401
        assert "email-profile edit" not in text
    assert (await post(http_demo, body + b"&text=delete", headers))[0] == 401


@pytest.mark.parametrize("body", [b"\xff\xfe", b'{"type": ', b"[1]", b"payload=%7B", b'{"a":' * 50_000])
async def test_a_body_that_cannot_be_read_is_a_bad_request(http_demo: Demo, body: bytes) -> None:
    signs = signed_bytes(http_demo.workspace.signing_secret, body)
    kind = "application/x-www-form-urlencoded" if body.startswith(b"payload") else "application/json"
    status, text = await post(http_demo, body, {"Content-Type": kind, **signs})
    assert status == 400
    assert "cannot be read" in text


@pytest.mark.parametrize("text", ["payload", "payload=%7B%7D", "add FROM_NAME payload"])
async def test_a_command_that_holds_the_word_payload_is_answered(http_demo: Demo, text: str) -> None:
    await http_demo.workspace.command(ADA, "/email-extra", text)
    assert http_demo.workspace.messages(ADA)
    assert "dispatch_failed" not in searchable(http_demo.workspace.messages(ADA)[-1])
    assert quote(text)


async def test_healthy_and_ready_until_the_database_cannot_be_trusted(http_demo: Demo, store: Store) -> None:
    assert await get(http_demo, "/healthz") == (200, "ok")
    assert await get(http_demo, "/readyz") == (200, "ready")
    await set_up(http_demo, ADA)
    for table in ("email_profiles", "key_checks"):
        await store.edit(f"UPDATE {table} SET key_id = 'ffffffff'")
    status, reason = await get(http_demo, "/readyz")
    assert status == 503
    assert "ffffffff" in reason
    await store.edit("DROP TABLE key_checks")
    assert await get(http_demo, "/readyz") == (503, "the database does not answer")
    assert await get(http_demo, "/healthz") == (200, "ok")


async def test_metrics_count_requests_and_tests_without_names(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    await http_demo.workspace.command(ADA, "/email-test")
    await http_demo.workspace.wait_message(ADA, "Connection test passed")
    status, text = await get(http_demo, "/metrics")
    assert status == 200
    assert 'email_profile_bot_slack_requests_total{kind="/email-test"} 1.0' in text
    assert 'email_profile_bot_connection_test_seconds_count{ended="passed"} 1.0' in text
    assert not re.search(r"u0ada|\bada\b", text.lower())


async def test_socket_mode_serves_health_but_takes_no_requests_over_http(tmp_path: Path) -> None:
    async with running_demo(tmp_path, slack_app_token="xapp-demo") as demo:
        assert await get(demo, "/readyz") == (200, "ready")
        body, headers = signed(demo)
        assert (await post(demo, body, headers))[0] == 404


async def test_socket_mode_comes_back_when_slack_hangs_up(tmp_path: Path) -> None:
    async with running_demo(tmp_path, slack_app_token="xapp-demo") as demo:
        for socket in list(demo.workspace.delivery.sockets):
            await socket.close()
        async with asyncio.timeout(15):
            while not demo.workspace.delivery.sockets:
                await asyncio.sleep(0.05)
        await demo.workspace.command(ADA, "/email-profile")
        await demo.workspace.wait_message(ADA, "no email profile yet")


async def test_an_unexpected_fault_is_answered_with_a_reference(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr("bot.profiles.account.email_profiles.profile_view", breaks)
    await http_demo.workspace.command(ADA, "/email-profile")
    told = searchable(http_demo.workspace.messages(ADA)[-1])
    assert "Something went wrong (reference " in told
    reference = told.split("(reference ")[1][:8]
    assert reference in caplog.text
    assert "broken on purpose" in caplog.text
