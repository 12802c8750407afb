"""Many Slack workspaces and organisations at the edge: OAuth, tokens that end, people, and signed requests.

What is served here is what https://docs.slack.dev/reference/methods tells of each method; which workspace an answer
is about is decided by the token alone, as Slack does.
"""

import asyncio
import itertools
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from aiohttp import web

from bot.demo.stand_in.block_kit import MOST_MESSAGE_CHARACTERS, characters, message_problems, view_problems
from bot.demo.stand_in.delivery import encoded, signature
from bot.demo.stand_in.sign_ins import Account, SignIns
from bot.demo.stand_in.views import PlatformError
from bot.slack.ids import OPTIONAL_SCOPES, SCOPES
from tests.fakes.slack_places import Call, Grant, Place, Team, User, as_slack

_TEAMS_A_PAGE = 2


class RefusedError(Exception):
    """What Slack answers with `"ok": false`."""


class ManySlacks:
    """All of Slack, as far as one app sees it."""

    def __init__(self) -> None:
        """Know no workspace yet."""
        self.signing_secret = secrets.token_hex(16)
        self.client_id = f"{secrets.randbelow(10**10)}.{secrets.randbelow(10**10)}"
        self.client_secret = secrets.token_hex(16)
        self.rotates = False
        self.token_seconds = 43_200
        self.scopes = [*SCOPES, *OPTIONAL_SCOPES]
        self.teams: dict[str, Team] = {}
        self.granted: dict[str, list[str]] = {}
        self.tokens: dict[str, Grant] = {}
        self.refresh_tokens: dict[str, Place] = {}
        self.codes: dict[str, Place] = {}
        self.secrets: list[str] = [self.client_secret]
        self.sign_ins = SignIns(client_id=self.client_id, client_secret=self.client_secret, clock=time.time)
        self.calls: list[Call] = []
        self.problems: list[str] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.answers: dict[str, Callable[[web.Request], Any]] = {}
        self.base_url = ""
        self._numbers = itertools.count(1)
        self._session: aiohttp.ClientSession | None = None
        self._acknowledged: asyncio.Future[Any]

    def team(self, key: str, *users: User, organisation: str | None = None) -> Team:
        """Make a workspace."""
        team = Team(id=key, name=f"Team {key}", organisation=organisation).add(*users)
        self.teams[key] = team
        if organisation:
            self.granted.setdefault(organisation, []).append(key)
        return team

    # What people do at Slack

    def allow(self, place: Place) -> str:
        """Press “Allow”; return the code that the browser carries back."""
        code = secrets.token_hex(12)
        self.codes[code] = place
        self.secrets.append(code)
        return code

    def sign_in(self, url: str, team: Team, user: str) -> str:
        """Follow a link to “Sign in with Slack” and press “Allow”; return where Slack sends the browser back to."""
        account = Account(
            user=user,
            name=team.users[user].name,
            team=team.id,
            team_name=team.name,
            organisation=team.organisation or "",
        )
        return self.sign_ins.allow(dict(parse_qsl(urlsplit(url).query)), account)

    def remove(self, place: Place) -> None:
        """Remove the app: every token of the place is dead at once."""
        for grant in self.tokens.values():
            if grant.place.key == place.key:
                grant.works = False
        for token, of in list(self.refresh_tokens.items()):
            if of.key == place.key:
                del self.refresh_tokens[token]

    def end_tokens_in(self, seconds: float) -> None:
        """Let every token end so soon."""
        for grant in self.tokens.values():
            grant.ends_at = time.time() + seconds

    # What Slack sends

    async def command(
        self, url: str, place: Place, user: str, command: str, text: str = "", **also: str
    ) -> dict[str, Any]:
        """Send a slash command; return the acknowledgement."""
        form = {
            "command": command,
            "text": text,
            "team_id": place.team.id,
            "team_domain": "x",
            "channel_id": "C0GENERAL",
            "user_id": user,
            "trigger_id": self.trigger(),
            "response_url": f"{self.base_url}/respond/{place.key}",
            "is_enterprise_install": "true" if place.whole else "false",
            **({"enterprise_id": place.team.organisation} if place.team.organisation else {}),
            **also,
        }
        return await self.send(url, "slash_commands", form)

    async def interact(self, url: str, place: Place, user: str, kind: str, **what: Any) -> dict[str, Any]:
        """Send a press or a submission; return the acknowledgement."""
        organisation = place.team.organisation
        payload = {
            "type": kind,
            # With org-wide installations Slack names no team.
            "team": None if place.whole else {"id": place.team.id, "domain": "x"},
            "enterprise": {"id": organisation, "name": "Org"} if organisation else None,
            "is_enterprise_install": place.whole,
            "user": {"id": user, "name": "x", "team_id": place.team.id},
            "trigger_id": self.trigger(),
            **what,
        }
        return await self.send(url, "interactive", payload)

    async def event(self, url: str, place: Place, event: dict[str, Any]) -> dict[str, Any]:
        """Send an event; return the acknowledgement."""
        authorization = {
            "enterprise_id": place.team.organisation,
            "team_id": None if place.whole else place.team.id,
            "user_id": "U0BOT",
            "is_bot": True,
            "is_enterprise_install": place.whole,
        }
        payload = {
            "type": "event_callback",
            "team_id": place.team.id,
            "enterprise_id": place.team.organisation,
            "event": event,
            "event_id": f"Ev{next(self._numbers)}",
            "event_time": int(time.time()),
            "authorizations": [authorization],
        }
        return await self.send(url, "events_api", payload)

    def trigger(self) -> str:
        """Make a trigger id, which Slack never gives twice."""
        return f"{next(self._numbers)}.{secrets.token_hex(8)}"

    async def send(self, url: str, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send any payload, signed."""
        assert self._session is not None
        if self.sockets:
            return await self._over_socket(kind, payload)
        body, content_type = encoded(kind, payload)
        headers = {"Content-Type": content_type, **signature(self.signing_secret, body)}
        async with self._session.post(f"{url}/slack/events", data=body.encode(), headers=headers) as answer:
            text = await answer.text()
            assert answer.status == 200, (answer.status, text)
            if text.startswith("{"):
                acknowledged: dict[str, Any] = json.loads(text)
                self._check(kind, acknowledged)
                return acknowledged
            return {"text": text} if text else {}

    def calls_of(self, method: str, place: Place | None = None) -> list[Call]:
        """Return the calls of a method, of one place if one is named."""
        return [call for call in self.calls if call.method == method and (place is None or call.key == place.key)]

    # The Web API

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["ManySlacks"]:
        """Serve on the loopback until the block ends."""
        application = web.Application()
        application.router.add_route("*", "/api/{method}", self._call)
        application.router.add_post("/respond/{key}", self._respond)
        application.router.add_get("/socket", self._socket)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as self._session:
                yield self
            assert self.problems == []
        finally:
            await runner.cleanup()

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method, arguments = request.match_info["method"], await _arguments(request)
        grant = self.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        self.calls.append(Call(method, grant.place if grant else None, arguments))
        if method in self.answers:
            given = self.answers[method](request)
            given = await given if asyncio.iscoroutine(given) else given
            if given is not None:
                return given if isinstance(given, web.StreamResponse) else web.json_response(given)
        try:
            if method == "apps.connections.open":
                answer = {"ok": True, "url": f"{self.base_url.replace('http', 'ws', 1)}/socket"}
            elif method == "oauth.v2.access":
                answer = self._access(request, arguments)
            elif method == "openid.connect.token":
                answer = self._signed_in(request, arguments)
            else:
                answer = self._answer(method, _usable(grant), arguments)
                self._check(method, arguments)
        except RefusedError as error:
            answer = {"ok": False, "error": str(error)}
        return web.json_response(answer, headers={"x-oauth-scopes": ",".join(self.scopes)})

    async def _respond(self, request: web.Request) -> web.Response:
        key = request.match_info["key"]
        place = next((grant.place for grant in self.tokens.values() if grant.place.key == key), None)
        arguments = await _arguments(request)
        self.calls.append(Call("response_url", place, arguments))
        self._check("response_url", arguments)
        return web.Response(text="ok")

    def _check(self, method: str, arguments: dict[str, Any]) -> None:
        """Check what Slack would refuse; the block that serves fails at its end when anything was."""
        for name, problems in (("view", view_problems), ("blocks", message_problems)):
            given = arguments.get(name)
            content = json.loads(given) if isinstance(given, str) and given else given
            self.problems += [f"{method}: {problem}" for problem in problems(content)] if content else []
            if name == "blocks" and characters(content) > MOST_MESSAGE_CHARACTERS:
                self.problems.append(f"{method}: msg_blocks_too_long")
        if method in ("chat.postMessage", "chat.update", "response_url") and not _says_something(arguments):
            self.problems.append(f"{method}: no text")

    async def _over_socket(self, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        accepts = kind != "events_api"
        envelope_id = f"E{next(self._numbers)}"
        envelope = {"type": kind, "envelope_id": envelope_id, "accepts_response_payload": accepts, "payload": payload}
        self._acknowledged = asyncio.get_running_loop().create_future()
        await self.sockets[-1].send_json(envelope)
        return await asyncio.wait_for(self._acknowledged, 5) or {}

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": 1})
        self.sockets.append(socket)
        try:
            async for frame in socket:
                self._acknowledged.set_result(json.loads(frame.data).get("payload"))
        finally:
            self.sockets.remove(socket)
        return socket

    def _access(self, request: web.Request, arguments: dict[str, Any]) -> dict[str, Any]:
        who = aiohttp.BasicAuth.decode(request.headers.get("Authorization", "Basic Og=="))
        if (who.login, who.password) != (self.client_id, self.client_secret):
            raise RefusedError("bad_client_secret")
        if arguments.get("grant_type") == "refresh_token":
            place = self.refresh_tokens.pop(arguments.get("refresh_token", ""), None)
            if place is None:
                raise RefusedError("invalid_refresh_token")
            return self._token(place)
        place = self.codes.pop(arguments.get("code", ""), None)
        if place is None:
            raise RefusedError("invalid_code")
        # A person's own token comes along with some apps; this one has no use for it.
        own = f"xoxp-{secrets.token_hex(12)}"
        self.secrets.append(own)
        return {**self._token(place), "authed_user": {"id": "U0INSTALLER", "access_token": own, "scope": ""}}

    def _signed_in(self, request: web.Request, arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self.sign_ins.exchange(arguments, request.headers.get("Authorization", ""))
        except PlatformError as error:
            raise RefusedError(error.error) from None
        self.secrets += [answer["access_token"], answer["id_token"]]
        return {"ok": True, **answer}

    def _token(self, place: Place) -> dict[str, Any]:
        kind = "xoxe.xoxb" if self.rotates else "xoxb"
        token = f"{kind}-{place.key}-{secrets.token_hex(12)}"
        self.secrets.append(token)
        self.tokens[token] = Grant(place, time.time() + self.token_seconds if self.rotates else None)
        answer: dict[str, Any] = {
            "ok": True,
            "access_token": token,
            "token_type": "bot",
            "scope": ",".join(self.scopes),
            "bot_user_id": "U0BOT",
            "app_id": "A0APP",
            "team": None if place.whole else {"id": place.team.id, "name": place.team.name},
            "enterprise": {"id": place.team.organisation, "name": "The <b>Org</b>"}
            if place.team.organisation
            else None,
            "is_enterprise_install": place.whole,
        }
        if self.rotates:
            refresh = f"xoxe-1-{secrets.token_hex(12)}"
            self.secrets.append(refresh)
            self.refresh_tokens[refresh] = place
            answer |= {"refresh_token": refresh, "expires_in": self.token_seconds}
        return answer

    def _answer(self, method: str, place: Place, arguments: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "auth.test":
                known = {"team_id": place.key, "enterprise_id": place.team.organisation, "team": place.team.name}
                return {"ok": True, "user_id": "U0BOT", "bot_id": "B0BOT", "url": "https://x.slack.com/", **known}
            case "auth.teams.list":
                ids = self.granted[str(place.team.organisation)]
                first = int(arguments.get("cursor") or 0)
                more = str(first + _TEAMS_A_PAGE) if first + _TEAMS_A_PAGE < len(ids) else ""
                teams = [{"id": key, "name": key} for key in ids[first : first + _TEAMS_A_PAGE]]
                return {"ok": True, "teams": teams, "response_metadata": {"next_cursor": more}}
            case "users.info":
                return {"ok": True, "user": self._user(place, arguments["user"])}
            case "users.list":
                return {"ok": True, "members": self._members(place, arguments)}
            case "views.open" | "views.push" | "views.update" | "views.publish":
                return {"ok": True, "view": {"id": f"V{next(self._numbers)}", "hash": "x"}}
            case "chat.postMessage" | "chat.update":
                return {"ok": True, "channel": str(arguments.get("channel")), "ts": f"{next(self._numbers)}.0"}
        raise RefusedError("unknown_method")

    def _teams_of(self, place: Place) -> list[Team]:
        if place.whole:
            return [self.teams[key] for key in self.granted[str(place.team.organisation)]]
        return [place.team]

    def _user(self, place: Place, user: str) -> dict[str, Any]:
        for team in self._teams_of(place):
            if user in team.users:
                return as_slack(team, team.users[user])
        raise RefusedError("user_not_found")

    def _members(self, place: Place, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        team = place.team
        if place.whole:
            if arguments.get("team_id") not in self.granted[str(place.team.organisation)]:
                raise RefusedError("missing_argument")
            team = self.teams[arguments["team_id"]]
        return [as_slack(team, user) for user in team.users.values()]


def _usable(grant: Grant | None) -> Place:
    if grant is None:
        raise RefusedError("invalid_auth")
    if not grant.works:
        raise RefusedError("account_inactive")
    if grant.ends_at is not None and grant.ends_at <= time.time():
        raise RefusedError("token_expired")
    return grant.place


def _says_something(arguments: dict[str, Any]) -> bool:
    """Whether a message has a text, which is what screen readers and notifications say; a deletion needs none."""
    return bool(arguments.get("text") or arguments.get("delete_original"))


async def _arguments(request: web.Request) -> dict[str, Any]:
    if request.content_type == "application/json":
        body = await request.json()
        return body if isinstance(body, dict) else {}
    form = await request.post() if request.method == "POST" else {}
    return {**request.query, **form}
