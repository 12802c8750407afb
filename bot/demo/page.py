"""What the demo's page asks of the stand-in: the state of one person's screen, and what that person does."""

import asyncio
from importlib import resources
from typing import Any

from aiohttp import web

from bot.demo.label_program import EmailInformation, LabelError, send_label
from bot.demo.mail import DemoMail
from bot.demo.stand_in.delivery import DeliveryError
from bot.demo.stand_in.people import CHANNEL, ON_THE_PAGE
from bot.demo.stand_in.platform import Message, direct_channel
from bot.demo.stand_in.requests import Holder, entries_of
from bot.demo.stand_in.views import OpenView, PlatformError
from bot.demo.stand_in.workspace import Workspace, message_shortcuts, slash_commands
from bot.demo.story import Progress, begin

_FILES = {
    "index.html": "text/html",
    "style.css": "text/css",
    "app.js": "text/javascript",
    "blocks.js": "text/javascript",
    "guide.js": "text/javascript",
    "inputs.js": "text/javascript",
    "keep.js": "text/javascript",
    "mail.js": "text/javascript",
    "mrkdwn.js": "text/javascript",
    "overflow.js": "text/javascript",
    "program.js": "text/javascript",
}
_PAUSE_SECONDS = 0.05
"""Between two numbers of a stream: many changes at once lead to one new screen."""
_POLICY = "default-src 'self'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"


class Page:
    """The page's routes. Only requests for this very host, from this very page, are answered."""

    def __init__(self, workspace: Workspace, mail: DemoMail) -> None:
        self._workspace = workspace
        self._mail = mail
        self._commands = slash_commands()
        self._shortcuts = message_shortcuts()
        self._streams: set[asyncio.Task[Any]] = set()
        self._stories: dict[str, Progress] = {}

    def add_routes(self, application: web.Application) -> None:
        """Serve the page, its files, its state and its acts."""
        application.router.add_get("/", self._file)
        application.router.add_get("/page/{file}", self._file)
        application.router.add_get("/state", self._state)
        application.router.add_get("/changes", self._changes)
        application.router.add_post("/act", self._act)
        application.router.add_post("/label", self._label)

    async def close_streams(self) -> None:
        """End the streams of changes, so that stopping waits for none."""
        for stream in list(self._streams):
            stream.cancel()

    def _check_origin(self, request: web.Request) -> None:
        # A foreign site can neither name this host (DNS rebinding) nor set this header without being asked.
        if request.host.partition(":")[0] not in ("127.0.0.1", "localhost"):
            raise web.HTTPForbidden(text="This page answers on the loopback only.")
        if request.method == "POST" and request.headers.get("X-Demo") != "page":
            raise web.HTTPForbidden(text="Only the demo's own page may do this.")

    def _check_persona(self, user: str) -> None:
        if user not in ON_THE_PAGE or user not in self._workspace.people:
            raise web.HTTPNotFound

    async def _file(self, request: web.Request) -> web.Response:
        self._check_origin(request)
        name = request.match_info.get("file", "index.html")
        if name not in _FILES:
            raise web.HTTPNotFound
        text = resources.files("bot.demo").joinpath("page", name).read_text(encoding="utf-8")
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
        return web.Response(text=text, content_type=_FILES[name], headers=headers)

    async def _state(self, request: web.Request) -> web.Response:
        self._check_origin(request)
        user = request.query.get("user", "")
        self._check_persona(user)
        return web.json_response(self._screen(user))

    def _screen(self, user: str) -> dict[str, Any]:
        workspace = self._workspace
        home = workspace.homes.get(user)
        messages, stack = workspace.messages(user), workspace.stacks.get(user, [])
        return {
            "change": workspace.changes,
            "team": workspace.team_name,
            "user": user,
            "people": [
                {"id": person.id, "name": person.name, "handle": person.handle, "role": person.role}
                for person in workspace.people.values()
            ],
            "personas": [persona for persona in ON_THE_PAGE if persona in workspace.people],
            "commands": self._commands,
            "shortcuts": self._shortcuts,
            "messages": [_message(message, user) for message in messages],
            "stack": [_view(view) for view in stack],
            "home": _view(home) if home else None,
            "mail": self._mail_panel(user),
            "story": self._told(user, [*messages, *stack]),
        }

    def _story(self, user: str) -> Progress:
        if user not in self._stories:
            self._stories[user] = begin(is_admin=self._workspace.people[user].is_admin)
        return self._stories[user]

    def _told(self, user: str, shown: list[Holder]) -> dict[str, Any]:
        story = self._story(user)
        story.seen(shown)
        return {
            "steps": [
                {"line": step.line, "shows": step.shows, "done": step.line in story.done} for step in story.steps
            ],
            "over": story.is_over,
        }

    def _mail_panel(self, user: str) -> dict[str, Any]:
        account = self._mail.account(self._workspace.people[user].address)
        return {
            "host": self._mail.host,
            "address": account.address,
            "login": account.login,
            "password": account.password,
            "mailbox": [
                {
                    "at": message.at.timestamp(),
                    "from": message.sender,
                    "to": list(message.recipients),
                    "subject": message.subject,
                    "text": message.text,
                }
                for message in self._mail.mailbox
            ],
            "traffic": [
                {"at": line.at.timestamp(), "port": line.port, "speaker": line.speaker, "text": line.text}
                for line in self._mail.traffic
            ],
        }

    async def _changes(self, request: web.Request) -> web.StreamResponse:
        """Stream a number whenever something changed (server-sent events)."""
        self._check_origin(request)
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await answer.prepare(request)
        task = asyncio.current_task()
        if task is not None:
            self._streams.add(task)
        try:
            seen = -1
            while True:
                seen = await self._workspace.wait_change(seen)
                await answer.write(f"data: {seen}\n\n".encode())
                await asyncio.sleep(_PAUSE_SECONDS)
        except (asyncio.CancelledError, ConnectionError):
            return answer
        finally:
            if task is not None:
                self._streams.discard(task)

    async def _act(self, request: web.Request) -> web.Response:
        self._check_origin(request)
        try:
            act = await request.json()
            user = act["user"]
        except (ValueError, TypeError, KeyError):
            raise web.HTTPBadRequest(text="This is no act.") from None
        self._check_persona(user)
        try:
            errors = await self._done(user, act)
        except (PlatformError, DeliveryError) as error:
            return web.json_response({"ok": False, "error": str(error)})
        except (KeyError, TypeError, AttributeError):
            raise web.HTTPBadRequest(text="Something is missing in this act.") from None
        return web.json_response({"ok": not errors, "errors": errors})

    async def _label(self, request: web.Request) -> web.Response:
        """Let the label program send; it has no part in the workspace, so it is nobody's act there."""
        self._check_origin(request)
        try:
            typed = await request.json()
            information = EmailInformation.typed(typed["information"])
            to, crate = str(typed["to"]), str(typed["crate"])
        except (ValueError, TypeError, KeyError, AttributeError):
            raise web.HTTPBadRequest(text="Something is missing in this label.") from None
        try:
            answer = await asyncio.to_thread(send_label, information, to=to, crate=crate, trust=self._mail.trust())
        except LabelError as error:
            return web.json_response({"ok": False, "answer": str(error)})
        await self._workspace.note_change()
        return web.json_response({"ok": True, "answer": answer})

    async def _done(self, user: str, act: dict[str, Any]) -> dict[str, str]:
        self._take_typed(user, act)
        match act.get("act"):
            case "command":
                command, text = str(act["command"]), str(act.get("text", ""))
                await self._workspace.command(user, command, text, channel=self._channel(user, act))
                self._story(user).typed(f"{command} {text}")
            case "say":
                await self._workspace.say(user, str(act["text"])[:4000], channel=self._channel(user, act))
            case "shortcut":
                await self._workspace.shortcut(user, str(act["name"]), self._pointed_at(user, act["ts"]))
            case "press":
                await self._workspace.press_at(user, act)
            case "submit":
                return await self._submit(user)
            case "cancel":
                await self._workspace.cancel(user)
            case looked:
                await self._look(user, looked)
        return {}

    async def _look(self, user: str, looked: Any) -> None:
        """Open a tab of the app, or load the page anew."""
        match looked:
            case "home":
                await self._workspace.open_home(user)
            case "messages":
                await self._workspace.open_messages(user)
            case "reload":
                # The page is the client of everybody on it.
                for persona in ON_THE_PAGE:
                    await self._workspace.reload(persona)

    def _pointed_at(self, user: str, ts: Any) -> Message:
        for message in self._workspace.messages(user):
            if message.ts == ts:
                return message
        raise PlatformError("there is no such message")

    async def _submit(self, user: str) -> dict[str, str]:
        view = self._workspace.view(user)
        errors = await self._workspace.submit_by_block(user)
        if view is not None and not errors:
            self._story(user).submitted(view.content["title"]["text"])
        return errors

    @staticmethod
    def _channel(user: str, act: dict[str, Any]) -> str:
        """Return the channel that the page's person types in."""
        return direct_channel(user) if act.get("direct") else CHANNEL

    def _take_typed(self, user: str, act: dict[str, Any]) -> None:
        """Copy what the page's inputs hold into the message, Home tab or modal that it acts on."""
        holder, values = self._workspace.holder_at(user, act), act.get("values") or {}
        if holder is None:
            return
        entries = entries_of(user, holder)
        for (block_id, action_id), element in entries.entered():
            if action_id in values.get(block_id, {}):
                entries.enter((block_id, action_id), element, values[block_id][action_id])


def _message(message: Message, user: str) -> dict[str, Any]:
    return {
        "ts": message.ts,
        "author": message.author,
        "channel": message.channel,
        "text": message.text,
        "blocks": message.blocks,
        "files": message.files,
        "state": {"values": message.entries_of(user).state()},
        "private": message.reader is not None,
        "direct": message.channel.startswith("D"),
        "revision": message.revision,
    }


def _view(view: OpenView) -> dict[str, Any]:
    payload = view.payload()
    shown = ("id", "type", "title", "submit", "close", "blocks", "state", "hash")
    return {name: payload[name] for name in shown if name in payload}
