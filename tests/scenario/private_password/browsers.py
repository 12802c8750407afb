"""Browsers before the private page, and the ways to it."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any, NamedTuple

import aiohttp

from bot.demo.run import Demo
from bot.demo.stand_in.views import OpenView
from tests.scenario.people import ADA, profile_of, set_up

BUTTON = "Set the password privately"
PASSWORD = "analytical engine 1843"
CONTENT = "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; "
SAFE = {
    "Content-Security-Policy": f"{CONTENT}frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Reply(NamedTuple):
    status: int
    text: str
    headers: dict[str, str]


@dataclass
class Browser:
    """Somebody's browser; each answer it gets is held to what the page promises of all of them.

    `also_shown` is what the policy of a page with a picture allows besides.
    """

    session: aiohttp.ClientSession
    also_shown: str = ""

    async def ask(self, method: str, url: str, **given: Any) -> Reply:
        async with self.session.request(method, url, allow_redirects=False, **given) as answer:
            safe = {**SAFE, "Content-Security-Policy": SAFE["Content-Security-Policy"] + self.also_shown}
            shown = safe if "<img" in await answer.text() else SAFE
            assert {name: answer.headers.getall(name, []) for name in SAFE} == {n: [v] for n, v in shown.items()}
            for cookie in answer.headers.getall("Set-Cookie", []):
                # Slack sends people back by a link, with which browsers send lax cookies alone.
                site = "Lax" if cookie.startswith(("sign-in=", "__Host-sign-in=")) else "Strict"
                assert "; HttpOnly;" in cookie, cookie
                assert f"; SameSite={site}" in cookie, cookie
            return Reply(answer.status, await answer.text(), dict(answer.headers))

    async def mark(self, url: str) -> str:
        return str(re.findall(r'name="mark" value="([0-9a-f]{32})"', (await self.ask("GET", url)).text)[0])

    async def set(self, url: str, password: str) -> Reply:
        """Open the page and submit its form, as a person does."""
        return await self.ask("POST", url, data={"mark": await self.mark(url), "password": password})


async def new_link(demo: Demo) -> str:
    """Return a link for Ada, whose profile holds a wrong password, from her card."""
    card = await set_up(demo, ADA, password="wrong")
    await demo.workspace.press(ADA, BUTTON, message=card)
    message = await demo.workspace.wait_message(ADA, "Open the private page to set your password.")
    return await demo.workspace.press_url(ADA, "Open the private page", message=message)


async def link_from_form(demo: Demo) -> str:
    await demo.workspace.press(ADA, BUTTON)
    await demo.workspace.wait_view(ADA, "Password")
    return await demo.workspace.press_url(ADA, "Open the private page")


async def open_form(demo: Demo, user: str = ADA, text: str = "edit") -> OpenView:
    await demo.workspace.command(user, "/email-profile", text)
    return await demo.workspace.wait_view(user, "Email profile")


async def password_of_ada(demo: Demo) -> str | None:
    """What is stored as Ada's password."""
    password = (await profile_of(demo)).password
    return password.get_secret_value() if password else None


def sign_in_link(page: str) -> str:
    """Find the link to Slack on a page."""
    (link,) = re.findall(r'href="([^"]*/openid/connect/authorize[^"]*)">Sign in with Slack<', page)
    return unescape(link)


async def sign_in(demo: Demo, browser: Browser, url: str, user: str = ADA) -> Reply:
    """Open a private page, follow its link to Slack, press “Allow” there, and come back."""
    page = await browser.ask("GET", url)
    return await browser.ask("GET", demo.workspace.sign_in(user, sign_in_link(page.text)))
