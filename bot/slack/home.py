"""The Home tab: published on a visit, and again after changes, whoever made them; the same content only once."""

import asyncio
import hashlib
import json
import logging
from typing import Any

import aiohttp
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.errors import DirectoryError, NotAllowedError
from bot.profiles.listing import Wish
from bot.profiles.people import Person
from bot.slack.refusals import is_busy, refusal
from bot.slack.services import Services, caller_of
from bot.slack.views import home as views
from bot.slack.workspaces import NotInstalledError, Workspaces
from storage.database import Database

log = logging.getLogger(__name__)

SETTLE_SECONDS = 1.0
"""Changes within so long are shown by one publication: a test of many profiles makes hundreds."""

MOST_TABS = 200
"""Home tabs brought up to date after a change; whoever has theirs behind these sees it on the next visit."""

_TRIES = 3
BETWEEN_TRIES = 2.0
"""Seconds between tries; Slack's own Retry-After is rarely longer for this method."""


def _wait_asked_for(error: SlackApiError) -> float:
    """Read a Retry-After; nobody waits for a Home tab longer than a minute."""
    text = (getattr(error.response, "headers", None) or {}).get("Retry-After", "")
    return min(float(text), 60.0) if text.isdigit() else 0.0


def register(app: AsyncApp, tabs: "HomeTabs") -> None:
    """Register the event that Slack sends on every visit."""
    app.event("app_home_opened")(tabs.opened)


class HomeTabs:
    """Publishes Home tabs."""

    def __init__(self, *, services: Services, database: Database, workspaces: Workspaces) -> None:
        """Publish in each reader's own workspace; what was published is noted in `database`."""
        self._services = services
        self._database = database
        self._workspaces = workspaces
        self._stale: dict[str, set[str]] = {}
        self._changed = asyncio.Event()

    async def opened(self, event: dict[str, Any], context: AsyncBoltContext) -> None:
        """Publish on a visit; the messages tab needs nothing."""
        if event.get("tab") == "home":
            # Slack sends the view it shows; without one nothing is there, whatever was published once.
            await self.publish(caller_of(context), shown=bool(event.get("view")))

    def changed(self, owner: Person) -> None:
        """Note that a person's profile changed; the tabs that show it follow soon."""
        self._stale.setdefault(owner.workspace, set()).add(owner.user)
        self._changed.set()

    async def keep_up(self) -> None:
        """Publish after changes, for ever."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            self._changed.clear()
            stale, self._stale = self._stale, {}
            # A workspace in which Slack is slow shall not keep the others waiting.
            await asyncio.gather(*(self._refresh(workspace, owners) for workspace, owners in stale.items()))

    async def _refresh(self, workspace: str, owners: set[str]) -> None:
        try:
            async with self._database.reading() as tx:
                users = await tx.homes.users(workspace, owners=owners, limit=MOST_TABS)
            for user in users:
                await self.publish(Person(workspace=workspace, user=user), shown=True)
        except NotInstalledError:
            log.info("No Home tabs are shown in %s any more.", workspace)
        except Exception:
            # The next change or visit tries again; only a stop ends this.
            log.exception("Home tabs could not be brought up to date.")

    async def publish(self, reader: Person, *, shown: bool) -> None:
        """Publish a person's tab when its content differs from what is `shown` there."""
        try:
            admin = await self._admin_part(reader)
        except DirectoryError:
            if shown:
                # Who is no admin only because Slack is silent shall not lose what they see.
                return
            admin = None
        view = await self._view(reader, admin)
        digest = hashlib.sha256(json.dumps(view.to_dict(), sort_keys=True).encode()).hexdigest()
        async with self._database.reading() as tx:
            known = await tx.homes.digest(reader.workspace, reader.user)
        if shown and known == digest:
            return
        # Home tabs count their tries themselves.
        client = await self._workspaces.client_for(reader.workspace)
        if await self._published(client, reader.user, view):
            async with self._database.writing() as tx:
                await tx.homes.note(reader.workspace, reader.user, digest, shows_everybody=admin is not None)

    async def _published(self, client: AsyncWebClient, user: str, view: View) -> bool:
        for attempt in range(_TRIES):
            pause = BETWEEN_TRIES
            try:
                await client.views_publish(user_id=user, view=view)
                return True
            except SlackApiError as error:
                if not is_busy(error):
                    log.warning("A Home tab was not taken (%s).", refusal(error))
                    return False
                pause = max(pause, _wait_asked_for(error))
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                log.info("Slack did not take a Home tab (%s).", type(error).__name__)
            if attempt + 1 < _TRIES:
                await asyncio.sleep(pause)
        log.warning("A Home tab could not be published in %d tries; the next visit tries again.", _TRIES)
        return False

    async def _view(self, reader: Person, admin: views.AdminPart | None) -> View:
        services = self._services
        try:
            view = await services.profiles.show(caller=reader, owner=reader, directory=services.directory)
        except NotAllowedError as error:
            return views.refused(str(error))
        return views.home(view, reader=reader.user, entry=services.entry, admin=admin)

    async def _admin_part(self, reader: Person) -> views.AdminPart | None:
        services = self._services
        who: dict[str, Any] = {"caller": reader, "directory": services.directory}
        try:
            page = await services.listing.page(**who, wish=Wish())
            stored = await services.defaults.show(**who)
            recent = await services.history.recent_changes(**who)
        except NotAllowedError:
            return None
        return views.AdminPart(page=page, defaults=stored.defaults, recent=recent)
