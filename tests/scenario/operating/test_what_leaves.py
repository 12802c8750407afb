"""Where the running bot connects to, whatever people do: every socket and every look-up of the process is seen."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.demo.run import running_demo
from tests.scenario.people import ADA, GRACE, open_form, run_test, set_up, settled, typed
from tests.scenario.started_before import StartedBefore

seen: list[set[tuple[str, int]] | None] = [None]
"""What was connected to, sent a datagram or looked up while a test listens; None while none does: a hook stays."""


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    # https://docs.python.org/3/library/audit_events.html
    if seen[0] is None:
        return
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        seen[0].add((str(address[0]), int(address[1])) if isinstance(address, tuple) else (str(address), 0))
    if event == "socket.getaddrinfo" and arguments[0] not in (None, "127.0.0.1"):
        seen[0].add((str(arguments[0]), 0))


@pytest.fixture
def connected() -> Iterator[set[tuple[str, int]]]:
    """Every address that this process connects to during the test."""
    sys.addaudithook(_hook)
    addresses = seen[0] = set()
    yield addresses
    seen[0] = None


@pytest.mark.databases("sqlite")
async def test_nobody_is_connected_to_but_slack_and_the_mail_server(
    started: StartedBefore, tmp_path: Path, connected: set[tuple[str, int]]
) -> None:
    async with running_demo(tmp_path, encryption_keys=started.key) as demo:
        workspace = demo.workspace
        await set_up(demo, ADA)
        await run_test(demo, ADA)
        await run_test(demo, ADA, "send")
        await workspace.open_home(ADA)
        await workspace.command(GRACE, "/email-profile", "list")
        await workspace.wait_message(GRACE, "Work with email")
        await demo.bot.housekeeping.read_people()
        slack = {("127.0.0.1", int(urlsplit(url).port or 0)) for url in (workspace.base_url, demo.bot_url)}
        mail = {("127.0.0.1", port) for port in demo.mail.ports.values()}
    assert slack & connected
    assert mail & connected
    assert connected <= slack | mail


@pytest.mark.databases("sqlite")
async def test_the_demo_looks_for_settings_in_itself_alone(
    started: StartedBefore, tmp_path: Path, connected: set[tuple[str, int]]
) -> None:
    async with running_demo(tmp_path, encryption_keys=started.key, discovery="on") as demo:
        workspace = demo.workspace
        await open_form(demo, ADA)
        await settled(demo)
        assert typed(demo, ADA, "SMTP Server Address") == demo.mail.host
        await workspace.command(GRACE, "/email-profile", "find ada@elsewhere.example")
        await workspace.wait_message(GRACE, "No settings were found for elsewhere.example")
        slack = {("127.0.0.1", int(urlsplit(url).port or 0)) for url in (workspace.base_url, demo.bot_url)}
        mail = {("127.0.0.1", port) for port in demo.mail.ports.values()}
    assert connected <= slack | mail
