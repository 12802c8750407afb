"""The stand-in's Web API, response_urls and Socket Mode, over HTTP on the loopback."""

import base64
import binascii
import json
import math
import secrets
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any

from aiohttp import WSMsgType, web

from bot.demo.stand_in import sign_ins
from bot.demo.stand_in.faults import apply_fault
from bot.demo.stand_in.pace import RateLimitedError
from bot.demo.stand_in.people import BOT_USER, CHANNEL, TEAM
from bot.demo.stand_in.platform import Message, Platform, direct_channel
from bot.demo.stand_in.uploads import Uploads
from bot.demo.stand_in.views import OpenView, PlatformError

Method = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]

MOST_VIEW_BYTES = 250_000
MOST_MEMBERS = 1000


class WebApi:
    """The methods of Slack's Web API that the bot calls (https://docs.slack.dev/reference/methods)."""

    def __init__(self, workspace: Platform) -> None:
        self._workspace = workspace
        self._uploads = Uploads(workspace)
        self._tickets: set[str] = set()
        self._methods: dict[str, Method] = {
            "api.test": self._api_test,
            "auth.test": self._auth_test,
            "users.info": self._users_info,
            "users.list": self._users_list,
            "views.open": self._views_open,
            "views.push": self._views_push,
            "views.update": self._views_update,
            "views.publish": self._views_publish,
            "chat.postMessage": self._post_message,
            "chat.postEphemeral": self._post_ephemeral,
            "chat.update": self._update_message,
            "conversations.open": self._conversations_open,
            "files.getUploadURLExternal": self._uploads.get_url,
            "files.completeUploadExternal": self._uploads.complete,
            "apps.connections.open": self._connections_open,
        }

    def add_routes(self, application: web.Application) -> None:
        """Serve the methods, the response_urls and the socket."""
        application.router.add_route("*", "/api/{method}", self._call)
        application.router.add_post("/respond/{name}", self._respond)
        application.router.add_post("/upload/v1/{address}", self._uploads.take_bytes)
        application.router.add_get("/socket", self._socket)

    async def _call(self, request: web.Request) -> web.Response:
        name = request.match_info["method"]
        arguments = await _arguments(request)
        self._workspace.received.append({"method": name, "arguments": arguments})
        fault = self._workspace.next_fault(name)
        if fault is not None and (broken := await apply_fault(fault, request)) is not None:
            return broken
        try:
            answer = {"ok": True, **await self._answer(name, arguments, request.headers.get("Authorization", ""))}
        except RateLimitedError as error:
            return _rate_limited(error)
        except PlatformError as error:
            self._workspace.refusals.append((name, error.error))
            answer = {"ok": False, "error": error.error, "response_metadata": {"messages": error.messages}}
        date = formatdate(self._workspace.clock(), usegmt=True)
        return web.json_response(answer, headers={"x-oauth-scopes": self._workspace.scopes, "Date": date})

    async def _answer(self, name: str, arguments: dict[str, Any], authorization: str) -> dict[str, Any]:
        if name == sign_ins.METHOD:
            # The app shows its own secret, and no token.
            return self._workspace.sign_ins.exchange(arguments, authorization)
        self._check_token(name, authorization)
        if name not in self._methods:
            raise PlatformError("unknown_method")
        self._workspace.pace.count_call(name)
        return await self._methods[name](arguments)

    def _check_token(self, method: str, authorization: str) -> None:
        wanted = self._workspace.app_token if method == "apps.connections.open" else self._workspace.bot_token
        if authorization != f"Bearer {wanted}":
            raise PlatformError("invalid_auth")

    async def _api_test(self, _arguments: dict[str, Any]) -> dict[str, Any]:
        return {}

    async def _auth_test(self, _arguments: dict[str, Any]) -> dict[str, Any]:
        return {
            "url": f"{self._workspace.base_url}/",
            "team": self._workspace.team_name,
            "user": "email-profile",
            "team_id": TEAM,
            "user_id": BOT_USER,
            "bot_id": "B0DEMO",
            "is_enterprise_install": False,
        }

    async def _users_info(self, arguments: dict[str, Any]) -> dict[str, Any]:
        person = self._workspace.people.get(str(arguments.get("user")))
        if person is None:
            raise PlatformError("user_not_found")
        return {"user": self._workspace.slack_user(person)}

    async def _users_list(self, arguments: dict[str, Any]) -> dict[str, Any]:
        limit = str(arguments.get("limit") or MOST_MEMBERS)
        if not limit.isdecimal() or not 1 <= int(limit) <= MOST_MEMBERS:
            raise PlatformError("invalid_limit")
        first = _read_cursor(str(arguments.get("cursor") or ""))
        people = self._workspace.people
        ids = sorted(user for user in people if user >= first)
        shown, rest = ids[: int(limit)], ids[int(limit) :]
        return {
            "members": [self._workspace.slack_user(people[user]) for user in shown],
            "response_metadata": {"next_cursor": _cursor(rest[0]) if rest else ""},
        }

    async def _views_open(self, arguments: dict[str, Any]) -> dict[str, Any]:
        content = self._view("views.open", arguments)
        user = self._workspace.use_trigger(arguments.get("trigger_id"))
        self._workspace.stacks[user] = []
        return await self._shown(self._workspace.push(user, content))

    async def _views_push(self, arguments: dict[str, Any]) -> dict[str, Any]:
        content = self._view("views.push", arguments)
        user = self._workspace.use_trigger(arguments.get("trigger_id"))
        return await self._shown(self._workspace.push(user, content))

    async def _views_update(self, arguments: dict[str, Any]) -> dict[str, Any]:
        content = self._view("views.update", arguments)
        view = self._workspace.find_view(arguments.get("view_id"))
        if "hash" in arguments and arguments["hash"] != view.hash:
            raise PlatformError("hash_conflict")
        self._workspace.replace_view(view, content)
        return await self._shown(view)

    async def _views_publish(self, arguments: dict[str, Any]) -> dict[str, Any]:
        content = self._view("views.publish", arguments)
        user = str(arguments.get("user_id"))
        if user not in self._workspace.people:
            raise PlatformError("user_not_found")
        home = self._workspace.homes.get(user)
        if home is None:
            home = self._workspace.homes[user] = OpenView(user=user, content=content)
        elif "hash" in arguments and arguments["hash"] != home.hash:
            raise PlatformError("hash_conflict")
        else:
            home.replace(content)
        return await self._shown(home)

    def _view(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        view = arguments.get("view")
        content = json.loads(view) if isinstance(view, str) else view
        if len(json.dumps(content)) > MOST_VIEW_BYTES:
            raise PlatformError("view_too_large")
        return self._workspace.checked_view(method, content)

    async def _shown(self, view: OpenView) -> dict[str, Any]:
        await self._workspace.note_change()
        return {"view": view.payload()}

    async def _post_message(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel = str(arguments.get("channel"))
        if channel in self._workspace.people:
            channel = direct_channel(channel)
        self._workspace.check_member(channel)
        self._workspace.pace.count_message(channel)
        return await self._posted("chat.postMessage", arguments, channel, reader=None)

    async def _post_ephemeral(self, arguments: dict[str, Any]) -> dict[str, Any]:
        channel, reader = str(arguments.get("channel")), str(arguments.get("user"))
        self._workspace.check_member(channel)
        if channel != CHANNEL and channel != direct_channel(reader):
            # https://docs.slack.dev/reference/methods/chat.postEphemeral#errors
            raise PlatformError("user_not_in_channel")
        return await self._posted("chat.postEphemeral", arguments, channel, reader=reader)

    async def _posted(
        self, method: str, arguments: dict[str, Any], channel: str, *, reader: str | None
    ) -> dict[str, Any]:
        blocks, text = _blocks(arguments) or [], arguments.get("text") or ""
        self._workspace.checked_message(method, {"text": text, "blocks": blocks})
        message = await self._workspace.post(
            Message(author=BOT_USER, channel=channel, text=text, blocks=blocks, reader=reader)
        )
        return {"channel": channel, "ts": message.ts, "message_ts": message.ts}

    async def _update_message(self, arguments: dict[str, Any]) -> dict[str, Any]:
        message = self._workspace.own_message(arguments.get("channel"), arguments.get("ts"))
        blocks, text = _blocks(arguments), arguments.get("text") or ""
        # Slack keeps the blocks of a message that is updated without naming any.
        blocks = message.blocks if blocks is None else blocks
        self._workspace.checked_message("chat.update", {"text": text, "blocks": blocks})
        message.replace(text, blocks)
        await self._workspace.note_change()
        return {"channel": message.channel, "ts": message.ts, "text": text}

    async def _conversations_open(self, _arguments: dict[str, Any]) -> dict[str, Any]:
        raise PlatformError("missing_scope", ["needed: im:write", f"provided: {self._workspace.scopes}"])

    async def _connections_open(self, _arguments: dict[str, Any]) -> dict[str, Any]:
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return {"url": f"{self._workspace.base_url.replace('http', 'ws', 1)}/socket?ticket={ticket}"}

    async def _respond(self, request: web.Request) -> web.Response:
        answers = self._workspace.response_urls.get(request.match_info["name"])
        body = await _arguments(request)
        self._workspace.received.append({"response_url": body})
        fault = self._workspace.next_fault("response_url")
        if fault is not None and (broken := await apply_fault(fault, request)) is not None:
            return broken
        try:
            self._workspace.pace.count_answer(request.path)
            if answers is None:
                raise PlatformError("no_service")
            await self._workspace.post_answer(answers, body)
        except RateLimitedError as error:
            return _rate_limited(error)
        except PlatformError as error:
            self._workspace.refusals.append(("response_url", error.error))
            return web.Response(status=404, text=error.error)
        return web.Response(text="ok")

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403)
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        sockets = self._workspace.delivery.sockets
        sockets.append(socket)
        await socket.send_json(
            {
                "type": "hello",
                "num_connections": len(sockets),
                "connection_info": {"app_id": "A0DEMO"},
                "debug_info": {"host": "demo", "approximate_connection_time": 18060},
            }
        )
        try:
            async for frame in socket:
                if frame.type is WSMsgType.TEXT:
                    envelope = json.loads(frame.data)
                    self._workspace.received.append(envelope)
                    self._workspace.delivery.acknowledged(envelope)
        finally:
            sockets.remove(socket)
        return socket


def _rate_limited(error: RateLimitedError) -> web.Response:
    headers = {"Retry-After": str(math.ceil(error.seconds))}
    return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)


async def _arguments(request: web.Request) -> dict[str, Any]:
    """Read arguments as slack_sdk sends them: query, form or JSON."""
    if request.content_type == "application/json":
        body = await request.json()
        return body if isinstance(body, dict) else {}
    form = await request.post() if request.method == "POST" else {}
    return {**request.query, **form}


def _blocks(arguments: dict[str, Any]) -> Any:
    blocks = arguments.get("blocks")
    return json.loads(blocks) if isinstance(blocks, str) else blocks


def _cursor(user: str) -> str:
    return base64.b64encode(f"user:{user}".encode()).decode()


def _read_cursor(cursor: str) -> str:
    try:
        kind, _, user = base64.b64decode(cursor, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        kind, user = "none", ""
    if cursor and kind != "user":
        raise PlatformError("invalid_cursor")
    return user
