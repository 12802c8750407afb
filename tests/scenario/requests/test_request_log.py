"""One line a request: who asked for what, how it ended, under the reference that people are told; nothing typed."""

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.delivery import encoded, signature
from bot.demo.stand_in.platform import searchable
from bot.observability import log
from tests.scenario.people import ADA, fill_form, set_up

pytestmark = pytest.mark.databases("sqlite")

CANARY = "canary-7f3a"


class Lines:
    """What the program wrote, as JSON lines."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [entry for entry in map(json.loads, self.text.splitlines()) if "outcome" in entry]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """The log of a program at the level that debugging needs."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in log.LIBRARY_LEVELS}
    written = Lines()
    log.set_up(level="debug", form="json", stream=written.stream)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)


async def post(demo: Demo, body: str, kind: str, secret: str) -> int:
    headers = {"Content-Type": kind, **signature(secret, body)}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{demo.bot_url}/slack/events", data=body.encode(), headers=headers) as answer,
    ):
        return answer.status


async def test_each_request_is_one_line_with_who_what_and_how_it_ended(demo: Demo, lines: Lines) -> None:
    workspace = demo.workspace
    await workspace.command(ADA, "/email-profile", "edit")
    await workspace.wait_view(ADA, "Email profile")
    await fill_form(demo, ADA, port="no port", password=CANARY)
    assert await workspace.submit(ADA)
    await workspace.command(ADA, "/email-extra", f"add TLS {CANARY}")
    await workspace.command(ADA, "/email-profile", CANARY)
    await workspace.command(ADA, "/email-profile", "list")
    await workspace.open_home(ADA)
    told = [(entry["command"], entry["outcome"]) for entry in lines.requests]
    assert told == [
        ("/email-profile edit", "ok"),
        ("view_submission email_profile", "told an error"),
        ("/email-extra add", "told an error"),
        ("/email-profile", "told an error"),
        ("/email-profile list", "refused"),
        ("event_callback app_home_opened", "ok"),
    ]
    for entry in lines.requests:
        assert (entry["workspace"], entry["user"]) == ("T0DEMO", ADA)
        assert re.fullmatch(r"[0-9A-F]{8}", entry["reference"])
        assert isinstance(entry["milliseconds"], int)
        assert entry["level"] == "info"
        assert entry["reference"] in entry["message"]
    assert len({entry["reference"] for entry in lines.requests}) == len(told)
    assert CANARY not in lines.text


async def test_a_failure_is_one_error_under_the_reference_that_the_person_was_told(
    http_demo: Demo, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr("bot.profiles.account.email_profiles.profile_view", breaks)
    await http_demo.workspace.command(ADA, "/email-profile")
    (entry,) = lines.requests
    assert (entry["outcome"], entry["level"]) == ("failed", "error")
    assert f"(reference {entry['reference']})" in searchable(http_demo.workspace.messages(ADA)[-1])
    assert "broken on purpose" in entry["traceback"]
    assert lines.text.count("broken on purpose") == entry["traceback"].count("broken on purpose")


async def test_a_job_fails_under_the_reference_of_the_request_that_began_it(
    http_demo: Demo, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("broken on purpose")

    await set_up(http_demo, ADA)
    monkeypatch.setattr("bot.profiles.connection_tests.connection_tests.ConnectionTests.test", breaks)
    await http_demo.workspace.command(ADA, "/email-test")
    await http_demo.workspace.wait_message(ADA, "Something went wrong")
    reference = lines.requests[-1]["reference"]
    assert f"(reference {reference})" in searchable(http_demo.workspace.messages(ADA)[-1])
    (failed,) = (entry for entry in map(json.loads, lines.text.splitlines()) if entry["level"] == "error")
    assert failed["reference"] == reference


async def test_a_request_that_slack_did_not_sign_is_told_without_a_word_of_it(http_demo: Demo, lines: Lines) -> None:
    # With a mistyped signing secret this is every request, and every form with a password.
    body, kind = encoded("slash_commands", {"command": "/email-test", "user_id": "UCANARY", "text": CANARY})
    assert await post(http_demo, body, kind, "0" * 32) == 401
    (entry,) = lines.requests
    assert (entry["outcome"], entry["level"]) == ("refused", "warning")
    assert entry["command"] == "a request without Slack's signature"
    assert "canary" not in lines.text.lower()


async def test_names_that_are_none_of_ours_are_not_written_down(http_demo: Demo, lines: Lines) -> None:
    secret = http_demo.workspace.signing_secret
    strange: list[dict[str, Any]] = [
        {"type": CANARY, "user": {"id": f"U\n{CANARY}"}, "team": {"id": "T1"}},
        {"type": "block_actions", "actions": [{"action_id": CANARY, "type": "button", "block_id": "b"}]},
        {"type": "view_submission", "view": {"callback_id": CANARY, "type": "modal"}},
    ]
    for payload in strange:
        body, kind = encoded("interactive", {"team": {"id": "T1"}, "user": {"id": "U1"}, **payload})
        await post(http_demo, body, kind, secret)
    assert [entry["command"] for entry in lines.requests] == ["other", "block_actions", "view_submission"]
    assert not any(CANARY in json.dumps(entry) for entry in lines.requests)
    # Nobody there has these ids, so nobody can be told.
    assert {error for _, error in http_demo.workspace.refusals} == {"channel_not_found"}
    http_demo.workspace.refusals.clear()


async def test_at_level_warning_requests_leave_no_line_and_make_no_reference(
    tmp_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked() -> str:
        raise AssertionError("nobody needs a reference")

    monkeypatch.setattr("bot.observability.log.new_reference", asked)
    log.set_up(level="warning", form="json", stream=lines.stream)
    async with running_demo(tmp_path) as demo:
        await demo.workspace.command(ADA, "/email-profile")
        await demo.workspace.wait_message(ADA, "no email profile yet")
    assert lines.requests == []
