"""A Slack that others wrote: Vercel's `emulate` (https://github.com/vercel-labs/emulate), which npm installs.

It keeps workspaces, people, conversations, files and views, refuses a missing scope as Slack does, and knows triggers
and stacks of modals. What version 0.11.2 lacks:

- it sends nothing: no slash commands, presses, submissions or visits of Home. `People` here sends them, signed;
- it has no response_url. One is served here;
- it takes reading methods by POST alone, where Slack takes GET too. Such calls are passed on as POST;
- users.info tells no guests, strangers or owners, and users.list leaves out who is deactivated;
- it checks no limits of blocks, and answers no x-oauth-scopes header;
- it has no Socket Mode.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.demo.stand_in.controls import button
from bot.demo.stand_in.delivery import encoded, signature
from bot.demo.stand_in.platform import texts
from bot.demo.stand_in.views import Entries
from bot.slack.ids import SCOPES
from tests.fakes import npm_packages

HERE = Path(__file__).parent
TOKEN, OWNER_TOKEN = "xoxb-emulated", "xoxp-emulated"
APP = "A0EMULATED"
SECONDS = 20


def installed() -> Path:
    """Return where the emulator's program is; skips the test by name where it cannot be had."""
    return npm_packages.installed(HERE, "emulate") / "dist" / "index.js"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of the bot, and what the emulator answered."""

    method: str
    arguments: Mapping[str, Any]
    answer: Mapping[str, Any]


class Emulator:
    """The emulator's process, and the way to it, on which every call of the bot is noted."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.posted: list[dict[str, Any]] = []
        self.url = self._upstream = ""
        self._session: aiohttp.ClientSession
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def running(self, folder: Path, people: list[dict[str, Any]]) -> AsyncIterator["Emulator"]:
        """Run it with so many people (users of its seed) until the block ends."""
        program, port = installed(), _free_port()
        seed = folder / "seed.json"
        seed.write_text(json.dumps({"slack": _seed(people)}), encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            *("node", str(program), "start", "--service", "slack", "--port", str(port), "--seed", str(seed)),
            *("--base-url", f"http://127.0.0.1:{port}"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            await _until_listening(process, port)
            self._upstream = f"http://127.0.0.1:{port}"
            async with aiohttp.ClientSession() as self._session, self._serving():
                yield self
        finally:
            process.kill()
            await process.communicate()

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        application = web.Application()
        application.router.add_route("*", "/api/{method}", self._pass_on)
        application.router.add_post("/respond", self._respond)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield
        finally:
            await runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.Response:
        form = await request.post() if request.content_type != "application/json" else await request.json()
        arguments = {**request.query, **form}
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        answer = await self.call(request.match_info["method"], arguments, token=token)
        self.calls.append(Call(method=request.match_info["method"], arguments=arguments, answer=answer))
        await self._note_change()
        return web.json_response(answer)

    async def _respond(self, request: web.Request) -> web.Response:
        self.posted.append(await request.json())
        await self._note_change()
        return web.Response(text="ok")

    async def call(self, method: str, arguments: Mapping[str, Any], *, token: str = TOKEN) -> dict[str, Any]:
        """Call a method of the emulator; what is refused is returned too."""
        form = {name: value if isinstance(value, str) else json.dumps(value) for name, value in arguments.items()}
        headers = {"Authorization": f"Bearer {token}"}
        async with self._session.post(f"{self._upstream}/api/{method}", data=form, headers=headers) as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def download(self, url: str) -> str:
        """Return a file that Grace may read."""
        async with self._session.get(url, headers={"Authorization": f"Bearer {OWNER_TOKEN}"}) as answer:
            assert answer.status == 200
            return await answer.text()

    async def note(self, message: dict[str, Any]) -> None:
        """Note what the bot answered in an acknowledgement."""
        self.posted.append(message)
        await self._note_change()

    async def _note_change(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def wait(self, found: Callable[[], Any]) -> Any:
        """Wait until something is found."""
        async with asyncio.timeout(SECONDS), self._changed:
            while not (thing := found()):
                await self._changed.wait()
            return thing

    async def wait_view(self, user: str, containing: str, *, method: str = "views.") -> dict[str, Any]:
        """Wait for a view of a person, as the emulator keeps it, that says something."""

        def found() -> Any:
            views = [call.answer["view"] for call in self.calls if call.method.startswith(method) and call.answer["ok"]]
            mine = [view for view in views if view.get("user_id", user) == user]
            return next((view for view in reversed(mine) if containing in said(view)), None)

        view: dict[str, Any] = await self.wait(found)
        return view

    async def wait_message(self, containing: str) -> dict[str, Any]:
        """Wait for an answer to a command or a press that says something."""
        message: dict[str, Any] = await self.wait(
            lambda: next((one for one in reversed(self.posted) if containing in said(one)), None)
        )
        return message

    @property
    def refused(self) -> list[tuple[str, str]]:
        """What the emulator refused: method and error."""
        return [(call.method, call.answer.get("error", "")) for call in self.calls if not call.answer.get("ok")]


class People:
    """What the people of the emulated workspace do, sent to the bot as Slack sends it."""

    def __init__(self, emulator: Emulator, *, bot_url: str, secret: str, ids: Mapping[str, str]) -> None:
        """`ids` are user ids by handle."""
        self._emulator = emulator
        self._bot_url = bot_url
        self._secret = secret
        self.ids = ids
        self._entered: dict[str, Entries] = {}

    async def command(self, who: str, command: str, text: str = "") -> None:
        """Type a slash command."""
        payload = {
            "team_id": "T000000001",
            "team_domain": "analytical-engines",
            "channel_id": "C000000001",
            "channel_name": "general",
            "user_id": self.ids[who],
            "user_name": who,
            "command": command,
            "text": text,
            "api_app_id": APP,
            "response_url": f"{self._emulator.url}/respond",
            "trigger_id": await self._trigger(who),
        }
        if answer := await self._send("slash_commands", payload):
            await self._emulator.note(answer)

    async def press(self, who: str, label: str, *, view: dict[str, Any] | None = None, **typed: str) -> None:
        """Press a button of a view, with what was typed by label, or else of the last answer that has one."""
        shown = view or await self._emulator.wait(
            lambda: next((one for one in reversed(self._emulator.posted) if label in said(one)), None)
        )
        blocks: list[dict[str, Any]] = shown["blocks"]
        entries = self._type(view, typed) if view else Entries(blocks)
        block, element = button(blocks, label, None)
        payload: dict[str, Any] = {"type": "block_actions", **self._actor(who), "trigger_id": await self._trigger(who)}
        if view:
            payload |= {"view": _as_sent(view, entries), "container": {"type": "view", "view_id": view["id"]}}
        else:
            message = {"type": "message", "ts": "1.0", "blocks": blocks}
            container = {"type": "message", "message_ts": "1.0", "channel_id": "C000000001", "is_ephemeral": True}
            payload |= {"message": message, "container": container, "channel": {"id": "C000000001", "name": "general"}}
            payload["response_url"] = f"{self._emulator.url}/respond"
        payload["actions"] = [{**element, "block_id": block["block_id"], "action_ts": "1.0"}]
        await self._send("interactive", payload)

    async def submit(self, who: str, view: dict[str, Any], **typed: str) -> Any:
        """Submit a modal; return the acknowledgement."""
        sent = _as_sent(view, self._type(view, typed))
        payload = {"type": "view_submission", **self._actor(who), "view": sent, "response_urls": []}
        return await self._send("interactive", payload)

    async def visit_home(self, who: str) -> None:
        """Open the Home tab of the app."""
        event = {"type": "app_home_opened", "user": self.ids[who], "channel": "D0", "tab": "home", "event_ts": "1.0"}
        payload = {"team_id": "T000000001", "api_app_id": APP, "type": "event_callback", "event_id": f"Ev{who}"}
        await self._send("events_api", {**payload, "event": event, "event_time": 1, "authorizations": []})

    def _type(self, view: dict[str, Any], typed: Mapping[str, str]) -> Entries:
        """Type into a view; as in Slack's clients, what stands in an input outlives an update with the same ids."""
        entries = self._entered.setdefault(view["id"], Entries(view["blocks"]))
        entries.show(view["blocks"])
        for label, value in typed.items():
            block, key = entries.labelled(label)
            entries.enter(key, block["element"], value)
        return entries

    def _actor(self, who: str) -> dict[str, Any]:
        user = {"id": self.ids[who], "username": who, "name": who, "team_id": "T000000001"}
        return {"team": {"id": "T000000001", "domain": "analytical-engines"}, "user": user, "api_app_id": APP}

    async def _trigger(self, who: str) -> str:
        made = await self._emulator.call("views.generateTriggerId", {"user_id": self.ids[who]})
        return str(made["trigger_id"])

    async def _send(self, kind: str, payload: dict[str, Any]) -> Any:
        body, content_type = encoded(kind, payload)
        headers = {"Content-Type": content_type, **signature(self._secret, body)}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self._bot_url}/slack/events", data=body.encode(), headers=headers) as answer,
        ):
            text = await answer.text()
            assert answer.status == 200, text
            return json.loads(text) if answer.content_type == "application/json" else {"text": text} if text else None


def said(shown: Mapping[str, Any]) -> str:
    """Return everything that a message or view says."""
    return "\n".join([str(shown.get("text", "")), *texts(shown.get("blocks")), *texts(shown.get("title"))])


def _as_sent(view: dict[str, Any], entries: Entries) -> dict[str, Any]:
    return {**view, "state": {"values": entries.state()}}


def _seed(people: list[dict[str, Any]]) -> dict[str, Any]:
    app = {"app_id": APP, "client_id": "1.2", "client_secret": "none", "name": "Email profiles", "redirect_uris": []}
    return {
        "team": {"name": "Analytical Engines", "domain": "analytical-engines"},
        "users": people,
        "oauth_apps": [{**app, "scopes": list(SCOPES), "bot_name": "email-profile"}],
        "tokens": [
            {"token": TOKEN, "type": "bot", "user": "email-profile", "app_id": APP, "scopes": list(SCOPES)},
            {"token": OWNER_TOKEN, "type": "user", "user": "grace", "scopes": ["files:read", "users:read"]},
        ],
        "strict_scopes": True,
    }


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def _until_listening(process: asyncio.subprocess.Process, port: int) -> None:
    """Wait until the emulator says where it is; skips the test where this Node.js cannot run it."""
    assert process.stdout is not None
    seen = ""
    async with asyncio.timeout(SECONDS):
        while line := (await process.stdout.readline()).decode():
            seen += line
            if f":{port}" in line:
                return
    pytest.skip(f"needs a Node.js that runs the Slack emulator `emulate`: {seen[-200:]}")
