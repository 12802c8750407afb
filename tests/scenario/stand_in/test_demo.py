"""The demo as a newcomer runs it: a page on the loopback, a story to play, and nothing left behind."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.app import Bot, StartError
from bot.demo.colleagues import colleagues
from bot.demo.run import run_demo, running_demo
from bot.demo.stand_in.people import PEOPLE
from bot.settings import Settings
from tests.databases import KINDS
from tests.scenario.people import ADA, GRACE, fill_form
from tests.scenario.starting import RunningProgram, program, running

# The demo as a program: it has its own SQLite file and no other.
pytestmark = pytest.mark.databases("sqlite")

ADAS_PASSWORD = "analytical engine 1843"
GRACES_PASSWORD = "nanoseconds of wire"
FROM_THE_PAGE = {"X-Demo": "page"}


@asynccontextmanager
async def demo_process(
    folder: Path, *options: str, given: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[RunningProgram, str]]:
    """The demo on any free port with a place of its own for temporary files, and the address of its page."""
    (folder / "tmp").mkdir(exist_ok=True)
    known = {"TMPDIR": str(folder / "tmp"), **(given or {})}
    async with running(folder, "demo", "--port", "0", *options, given=known) as process:
        yield process, (await process.writes(r"http://\S+"))[0]


async def ended(process: RunningProgram, number: signal.Signals) -> int:
    """Send a signal, and wait for the end; return the exit code."""
    process.signal(number)
    return await asyncio.to_thread(process.wait)


async def screen(session: aiohttp.ClientSession, user: str = ADA) -> dict[str, Any]:
    async with session.get("/state", params={"user": user}) as answer:
        assert answer.status == 200
        state: dict[str, Any] = await answer.json()
        return state


async def act(session: aiohttp.ClientSession, **what: Any) -> dict[str, Any]:
    async with session.post("/act", json={"user": ADA, **what}, headers=FROM_THE_PAGE) as answer:
        assert answer.status == 200
        outcome: dict[str, Any] = await answer.json()
        return outcome


async def wait_screen(session: aiohttp.ClientSession, shows: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    async with asyncio.timeout(15):
        while not shows(state := await screen(session)):
            await asyncio.sleep(0.02)
        return state


def typed_into(form: dict[str, Any], values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What the page sends for texts typed into inputs, found by their labels."""
    return {
        block["block_id"]: {block["element"]["action_id"]: values[block["label"]["text"]]}
        for block in form["blocks"]
        if block["type"] == "input" and block["label"]["text"] in values
    }


async def test_the_page_and_all_that_it_loads_are_served_under_a_strict_policy(tmp_path: Path) -> None:
    kinds = {".css": "text/css", ".js": "text/javascript"}
    async with running_demo(tmp_path) as demo, aiohttp.ClientSession(demo.workspace.base_url) as session:
        waiting, seen = ["/"], set[str]()
        while waiting:
            path = waiting.pop()
            seen.add(path)
            async with session.get(path) as answer:
                text = await answer.text()
                assert answer.status == 200, path
                assert answer.content_type == kinds.get(Path(path).suffix, "text/html")
                assert answer.charset == "utf-8"
                assert answer.headers["Cache-Control"] == "no-store"
                policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            loaded = re.findall(r'(?:src|href)="(/[^"]+)"', text)
            loaded += [f"/page/{name}" for name in re.findall(r'from "(?:\./|/page/)([^"]+)"', text)]
            assert "http://" not in "".join(loaded)
            waiting += [found for found in loaded if found not in seen]
        assert len(seen) >= 5
        for stranger in ("/page/run.py", "/page/..%2Frun.py", "/page/%2e%2e/run.py", "/page/", "/state?user=U0BOT"):
            async with session.get(stranger) as answer:
                assert answer.status == 404, stranger


async def test_the_demo_listens_on_the_loopback_alone(tmp_path: Path) -> None:
    async with demo_process(tmp_path, "--no-browser") as (process, _):
        own = Path(f"/proc/{process.pid}")
        # What a process that no core may be written of has open, root alone may see.
        if not (own / "net/tcp").exists() or not os.access(own / "fd", os.R_OK):
            pytest.skip("needs Linux's /proc, and root, to see what a process listens on")
        links = {str(entry.readlink()) for entry in (own / "fd").iterdir()}
        places = []
        for table in ("net/tcp", "net/tcp6"):
            for line in (own / table).read_text().splitlines()[1:] if (own / table).exists() else []:
                words = line.split()
                # State 0A is LISTEN; the tenth word is the socket's inode.
                if words[3] == "0A" and f"socket:[{words[9]}]" in links:
                    places.append(words[1].partition(":")[0])
        # The page, the bot, its submission server and the three ports of the mail server.
        assert places == [f"{int.from_bytes(socket.inet_aton('127.0.0.1'), sys.byteorder):08X}"] * 6


async def test_other_sites_and_other_names_of_the_host_are_turned_away(tmp_path: Path) -> None:
    async with running_demo(tmp_path) as demo, aiohttp.ClientSession(demo.workspace.base_url) as session:
        for path in ("/", "/page/app.js", f"/state?user={ADA}", "/changes"):
            async with session.get(path, headers={"Host": "evil.example"}) as answer:
                assert answer.status == 403, path
                assert "password" not in await answer.text()
        spoken: dict[str, Any] = {"user": ADA, "act": "say", "text": "said by a stranger"}
        for headers in ({}, {**FROM_THE_PAGE, "Host": "evil.example"}, {"X-Demo": "other"}):
            async with session.post("/act", json=spoken, headers=headers) as answer:
                assert answer.status == 403
        asked = {"Origin": "https://evil.example", "Access-Control-Request-Headers": "x-demo"}
        async with session.options("/act", headers=asked) as answer:
            assert answer.status == 405
            assert "Access-Control-Allow-Origin" not in answer.headers
        assert (await screen(session))["messages"] == []
        await act(session, act="say", text="said on the page")
        assert [message["text"] for message in (await screen(session))["messages"]] == ["said on the page"]


async def test_each_change_is_streamed_to_the_page(tmp_path: Path) -> None:
    async with running_demo(tmp_path) as demo, aiohttp.ClientSession(demo.workspace.base_url) as session:
        async with session.get("/changes") as stream, asyncio.timeout(10):
            assert stream.content_type == "text/event-stream"
            numbers = []
            for text in ("one", "two"):
                numbers.append((await stream.content.readuntil(b"\n\n")).decode())
                await act(session, act="say", text=text)
            numbers.append((await stream.content.readuntil(b"\n\n")).decode())
        assert numbers == ["data: 0\n\n", "data: 1\n\n", "data: 2\n\n"]
        assert (await screen(session))["change"] == 2


async def test_the_story_on_the_page_ends_with_a_passed_test_and_one_password(tmp_path: Path) -> None:
    async with demo_process(tmp_path, "--no-browser") as (_, address), aiohttp.ClientSession(address) as session:
        told = (await screen(session))["mail"]
        assert told["password"] == ADAS_PASSWORD
        assert await act(session, act="command", command="/email-profile", text="edit") == {"ok": True, "errors": {}}
        (form,) = (await wait_screen(session, lambda state: bool(state["stack"])))["stack"]
        values = {
            "Email Address": told["address"],
            "User/Login": told["login"],
            "Password": told["password"],
            "SMTP Server Address": told["host"],
            "Port": "no port",
        }
        wrong = await act(session, act="submit", values=typed_into(form, values))
        assert not wrong["ok"]
        assert len(wrong["errors"]) == 1
        right = await act(session, act="submit", values=typed_into(form, {"Port": "587"}))
        assert right == {"ok": True, "errors": {}}
        await act(session, act="command", command="/email-extra", text="add TLS Y")
        await act(session, act="command", command="/email-test")
        done = await wait_screen(session, lambda state: "Connection test passed" in json.dumps(state["messages"]))
        assert done["stack"] == []
        assert any(line["text"].endswith("(credentials)") for line in done["mail"]["traffic"])
        everything = json.dumps(done)
        assert everything.count(ADAS_PASSWORD) == 1
        assert GRACES_PASSWORD not in everything
        assert not re.search(r"xox[a-z]-|xapp-", everything)
        graces = json.dumps(await screen(session, GRACE))
        assert ADAS_PASSWORD not in graces
        assert "Connection test passed" not in graces


@pytest.mark.databases(*KINDS)
async def test_no_secret_of_the_bot_and_nothing_typed_stays_on_anybodys_screen(tmp_path: Path) -> None:
    typed = "typed by mistake 77"
    async with running_demo(tmp_path) as demo, aiohttp.ClientSession(demo.workspace.base_url) as session:
        workspace = demo.workspace
        await workspace.command(ADA, "/email-profile", "edit")
        await workspace.wait_view(ADA, "Email profile")
        await fill_form(demo, ADA, password=typed)
        assert typed not in json.dumps(await screen(session, GRACE))
        assert await workspace.submit(ADA) == {}
        await workspace.command(ADA, "/email-extra", "add TLS Y")
        await workspace.command(ADA, "/email-test")
        await workspace.wait_message(ADA, "Connection test failed at Sign-in")
        await workspace.open_home(ADA)
        key = demo.settings.encryption_keys
        assert key is not None
        secrets = [workspace.bot_token, workspace.signing_secret, workspace.app_token, key.get_secret_value(), typed]
        for user in (ADA, GRACE):
            everything = json.dumps(await screen(session, user))
            assert [secret for secret in secrets if secret in everything] == []


async def test_the_demo_tests_real_servers_too_by_the_systems_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    @asynccontextmanager
    async def ends_here(settings: Settings, **given: Any) -> AsyncIterator[Bot]:
        asked.update(given, authorities=settings.smtp_ca_file and settings.smtp_ca_file.read_text())
        raise StartError("this is enough")
        yield

    monkeypatch.setattr("bot.demo.run.open_bot", ends_here)
    with pytest.raises(StartError, match="this is enough"):
        await run_demo(port=0, open_page=None)
    assert asked["trust"] is None
    assert "BEGIN CERTIFICATE" in asked["authorities"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_demo_ends_at_once_although_pages_are_open_and_keeps_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with demo_process(tmp_path, "--no-browser") as (process, address), aiohttp.ClientSession(address) as session:
        async with session.get("/changes") as one, session.get("/changes") as other:
            await one.content.readuntil(b"\n\n")
            await other.content.readuntil(b"\n\n")
            await act(session, act="command", command="/email-profile")
            assert list((tmp_path / "tmp").iterdir())
            async with asyncio.timeout(8):
                assert (await ended(process, number), process.log) == (0, "")
        assert "nothing of it is kept" in process.out
        assert list((tmp_path / "tmp").iterdir()) == []
        assert list(tmp_path.iterdir()) == [tmp_path / "tmp"]


async def test_real_settings_around_the_demo_do_not_reach_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SLACK_BOT_TOKEN=xoxb-real\nLOG_LEVEL=no such level\n")
    real = {"SLACK_API_URL": "http://127.0.0.1:1/", "DATABASE_URL": f"sqlite:///{tmp_path}/real.db", "PORT": "none"}
    async with (
        demo_process(tmp_path, "--no-browser", given=real) as (process, address),
        aiohttp.ClientSession(address) as session,
    ):
        await act(session, act="command", command="/email-profile")
        state = await wait_screen(session, lambda state: "no email profile yet" in json.dumps(state["messages"]))
        assert len(state["people"]) == len(PEOPLE) + len(colleagues())
        async with asyncio.timeout(8):
            assert await ended(process, signal.SIGINT) == 0
    assert {entry.name for entry in tmp_path.iterdir()} == {".env", "tmp"}


async def test_the_page_is_opened_in_the_browser_unless_that_is_declined(tmp_path: Path) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" > "{opened}.part" && mv "{opened}.part" "{opened}"\n')
    browser.chmod(0o755)
    given = {"BROWSER": f"{browser} %s"}
    async with demo_process(tmp_path, given=given) as (_, address), asyncio.timeout(10):
        while not opened.exists():
            await asyncio.sleep(0.02)
        assert opened.read_text().strip() == address
    opened.unlink()
    async with demo_process(tmp_path, "--no-browser", given=given) as (process, _):
        async with asyncio.timeout(8):
            assert await ended(process, signal.SIGINT) == 0
        assert not opened.exists()


def test_a_port_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, _, err = program(tmp_path, "demo", "--no-browser", "--port", port, given={})
    assert code > 0
    assert len(err.strip().splitlines()) == 1
    assert port in err


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_a_port_that_cannot_be_is_refused_as_a_wrong_option(tmp_path: Path, port: str) -> None:
    code, _, err = program(tmp_path, "demo", "--no-browser", f"--port={port}", given={})
    assert code == 2
    assert "Traceback" not in err
    assert "--port" in err


@pytest.mark.databases(*KINDS)
@pytest.mark.parametrize("body", ["{", "[]", '{"user": "U0ADA", "act": "command"}', '{"user": "U0ADA", "act": "say"}'])
async def test_an_act_that_makes_no_sense_is_a_bad_request(tmp_path: Path, body: str) -> None:
    async with (
        running_demo(tmp_path) as demo,
        aiohttp.ClientSession(demo.workspace.base_url) as session,
        session.post("/act", data=body, headers=FROM_THE_PAGE) as answer,
    ):
        assert answer.status == 400
