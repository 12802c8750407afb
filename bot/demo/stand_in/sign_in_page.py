"""Slack's page of “Sign in with Slack”, as the stand-in serves it, and people's pictures."""

from collections.abc import Mapping
from html import escape
from urllib.parse import urlencode

from aiohttp import web

from bot.demo.stand_in.people import DemoPerson
from bot.demo.stand_in.platform import Platform
from bot.demo.stand_in.views import PlatformError

_AUTHORIZE = "/openid/connect/authorize"
_HEADERS = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


class SignInPage:
    """In front of this browser sits whoever is chosen: in the demo everybody uses the same one."""

    def __init__(self, workspace: Platform) -> None:
        self._workspace = workspace

    def add_routes(self, application: web.Application) -> None:
        """Serve the page, what is chosen on it, and pictures."""
        application.router.add_get(_AUTHORIZE, self._ask)
        application.router.add_get(f"{_AUTHORIZE}/{{user}}", self._choose)
        application.router.add_get("/pictures/{user}", self._picture)

    async def _ask(self, request: web.Request) -> web.Response:
        query = request.query
        try:
            self._workspace.sign_ins.check(query)
        except PlatformError as error:
            return _page("Something went wrong", f"<p>{escape(error.error)}</p>", status=400)
        people = (person for person in self._workspace.people.values() if not (person.is_bot or person.is_deactivated))
        links = [_link(query, person.id, f"Continue as {person.name}") for person in people]
        name = escape(self._workspace.team_name)
        asked = f"<p>Email profiles wants to know who you are in {name}. Who sits in front of this browser?</p>"
        return _page(f"Sign in to {name}", asked + "".join([*links, _link(query, "-", "Cancel")]))

    async def _choose(self, request: web.Request) -> web.Response:
        person = self._workspace.people.get(request.match_info["user"])
        sign_ins = self._workspace.sign_ins
        try:
            back = sign_ins.allow(request.query, self._workspace.account(person)) if person else None
            raise web.HTTPFound(back or sign_ins.deny(request.query))
        except PlatformError as error:
            return _page("Something went wrong", f"<p>{escape(error.error)}</p>", status=400)

    async def _picture(self, request: web.Request) -> web.Response:
        person = self._workspace.people.get(request.match_info["user"])
        if person is None:
            raise web.HTTPNotFound
        return web.Response(text=_drawing(person), content_type="image/svg+xml")


def _link(query: Mapping[str, str], user: str, words: str) -> str:
    address = f"{_AUTHORIZE}/{user}?{urlencode(query)}"
    return f'<p><a href="{escape(address)}">{escape(words)}</a></p>'


def _page(title: str, body: str, *, status: int = 200) -> web.Response:
    style = "<style>body { max-width: 30rem; margin: 8vh auto; padding: 1rem; font: 1rem/1.5 system-ui }</style>"
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>{style}'
    text = f'<!doctype html><html lang="en"><head>{head}</head><body><h1>{title}</h1>{body}</body></html>'
    return web.Response(text=text, content_type="text/html", status=status, headers=_HEADERS)


def _drawing(person: DemoPerson) -> str:
    initials = escape("".join(word[:1] for word in person.name.split())[:2])
    text = f'<text x="36" y="46" text-anchor="middle" font-family="sans-serif" font-size="28">{initials}</text>'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="72" height="72">'
        f'<rect width="72" height="72" fill="#cfd9e8"/>{text}</svg>'
    )
