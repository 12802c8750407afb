"""A bot of many workspaces, served on the loopback, and browsers that install it."""

import asyncio
import json
import re
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp

from bot.app import Bot, open_bot
from bot.server import serving
from bot.settings import GivenSettings, Settings
from storage.crypto.keyring import generate_key
from tests.fakes.many_slacks import ManySlacks
from tests.fakes.slack_places import Place

COOKIE = "slack-app-oauth-state"


@dataclass(frozen=True)
class Many:
    """A running bot, and all of Slack around it."""

    slacks: ManySlacks
    bot: Bot
    settings: Settings
    url: str

    async def command(self, place: Place, user: str, command: str, text: str = "") -> str:
        """Type a slash command; return what the person sees at once."""
        return said(await self.slacks.command(self.url, place, user, command, text))

    async def settled(self) -> None:
        """Wait for what goes on in the background."""
        async with asyncio.timeout(10):
            while self.bot.jobs.running:
                await asyncio.sleep(0.002)

    async def list_is_read(self, *places: Place) -> None:
        """Read the people of places, as the bot does by itself within a round."""
        for place in places:
            await self.bot.housekeeping.user_sync.read_everybody(place.key)

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Look at a page as anybody."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}{path}", headers=headers) as answer:
            return answer.status, await answer.text()


def said(answer: Any) -> str:
    """Return everything that a piece of an answer says, as one text."""
    if isinstance(answer, dict):
        return "\n".join(said(value) for value in answer.values())
    if isinstance(answer, list):
        return "\n".join(said(value) for value in answer)
    return str(answer)


def many_settings(slacks: ManySlacks, database_url: str, **given: Any) -> Settings:
    """Make settings that know only these workspaces."""
    values: dict[str, Any] = {
        "slack_client_id": slacks.client_id,
        "slack_client_secret": slacks.client_secret,
        "slack_signing_secret": slacks.signing_secret,
        "slack_api_url": f"{slacks.base_url}/api/",
        "database_url": database_url,
        "encryption_keys": generate_key(),
        "port": 0,
        # Browsers come through a proxy that names the network of each.
        "trusted_proxies": "127.0.0.1",
    }
    return GivenSettings(**{**values, **given})


@asynccontextmanager
async def open_many(slacks: ManySlacks, settings: Settings) -> AsyncIterator[Many]:
    """Run one instance until the block ends."""
    # No mail server is there to be trusted; reading the system's authorities takes longer than all the rest.
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with open_bot(settings, trust=nobody) as bot, serving(bot, settings) as url:
        yield Many(slacks=slacks, bot=bot, settings=settings, url=url)


@dataclass
class Browser:
    """A browser that keeps cookies, those for https too, and follows no redirect by itself."""

    many: Many
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    network: str = field(default_factory=lambda: f"192.0.2.{secrets.randbelow(250)}:{secrets.token_hex(4)}")

    async def get(self, path: str) -> tuple[int, str]:
        """Look at a page; return status and text."""
        sent = {"X-Forwarded-For": self.network}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.get(f"{self.many.url}{path}", headers=sent, allow_redirects=False) as answer,
        ):
            self.headers = dict(answer.headers)
            for name, morsel in answer.cookies.items():
                self.cookies[name] = morsel.value
            return answer.status, await answer.text()

    async def begin(self) -> str:
        """Open the page that begins; return the state that goes to Slack."""
        status, page = await self.get("/slack/install")
        assert status == 200, page
        return parse_qs(urlsplit(slack_link(page)).query)["state"][0]

    async def end(self, **query: str) -> tuple[int, str]:
        """Come back from Slack."""
        text = "&".join(f"{name}={value}" for name, value in query.items())
        return await self.get(f"/slack/oauth_redirect?{text}")


def slack_link(page: str) -> str:
    """Find the link to Slack on a page."""
    (link,) = re.findall(r'href="([^"]*/oauth/v2/authorize[^"]*)"', page)
    return unescape(link)


async def install(many: Many, place: Place) -> str:
    """Install the app in a place, as an admin does; return the last page."""
    browser = Browser(many)
    state = await browser.begin()
    status, page = await browser.end(code=many.slacks.allow(place), state=state)
    assert status == 200, page
    return page


async def opened_form(many: Many, place: Place, user: str, text: str = "edit") -> dict[str, Any]:
    """Open the form; return the view that Slack was sent for it."""
    before = len(many.slacks.calls)
    await many.command(place, user, "/email-profile", text)
    (view,) = [call.arguments["view"] for call in many.slacks.calls[before:] if call.method == "views.open"]
    return dict(view)


async def submit(many: Many, place: Place, user: str, view: dict[str, Any], **typed: str) -> dict[str, Any]:
    """Submit the form without signing in, with whatever its private_metadata says; return the acknowledgement."""
    texts = {"address": "", "login": "", "host": "smtp.example.com", "port": "25", **typed}
    values: dict[str, Any] = {
        name: {"value": {"type": "plain_text_input", "value": text}} for name, text in texts.items()
    }
    values["encryption"] = {"value": {"type": "static_select", "selected_option": {"value": "none"}}}
    values["authenticate"] = {"value": {"type": "checkboxes", "selected_options": []}}
    shown = {**view, "id": "V0", "state": {"values": values}}
    answer = await many.slacks.interact(many.url, place, user, "view_submission", view=shown)
    await many.settled()
    return answer


async def save(many: Many, place: Place, user: str, address: str) -> dict[str, Any]:
    """Open the form, type an address and save; return the acknowledgement."""
    return await submit(many, place, user, await opened_form(many, place, user), address=address)


async def addresses(many: Many, key: str) -> dict[str, str]:
    """Return what is stored of a workspace: user id to address."""
    async with many.bot.database.reading() as tx:
        stored = {user: await tx.profiles.get(key, user) for user in await tx.profiles.users(key)}
    return {user: json.loads(one.document)["address"] for user, one in stored.items() if one}
