"""Reading a workspace's people from Slack, and following what happens to them and to the installation."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.changes import OnChange
from bot.profiles.people import Member, Person
from bot.profiles.roster import meet, take_in
from bot.profiles.upkeep import Upkeep
from bot.slack.directory import SlackDirectory
from storage.database import Database

log = logging.getLogger(__name__)

PEOPLE_A_PAGE = 500
"""https://docs.slack.dev/reference/methods/users.list advises to stay well under 1000."""


class Roster:
    """Keeps the list of people up to date."""

    def __init__(
        self,
        *,
        database: Database,
        client: AsyncWebClient,
        directory: SlackDirectory,
        upkeep: Upkeep,
        clock: Callable[[], Awaitable[datetime]],
        on_change: OnChange,
    ) -> None:
        """Read through `client`; `clock` gives the time now, the same to all instances."""
        self._database = database
        self._client = client
        self._directory = directory
        self._upkeep = upkeep
        self._clock = clock
        self._on_change = on_change
        self._heard_while_reading: dict[str, set[Person]] = {}

    def register(self, app: AsyncApp) -> None:
        """Register the events of people and of the installation."""
        app.event("user_change")(self.user_changed)
        app.event("app_uninstalled")(self.uninstalled)
        app.event("tokens_revoked")(self.uninstalled)

    async def read_everybody(self, workspace: str) -> None:
        """Read all people of a workspace, and bring the list up to date; who is deactivated is noted too."""
        # What an event tells from now on is newer than what is read.
        heard = self._heard_while_reading.setdefault(workspace, set())
        try:
            members = await self._members(workspace)
            await take_in(self._database, workspace, members, at=await self._clock(), newer=heard)
        finally:
            self._heard_while_reading.pop(workspace, None)
        self._on_change(Person(workspace=workspace, user=""))

    async def _members(self, workspace: str) -> list[Member]:
        members: list[Member] = []
        cursor = ""
        while True:
            answer = await self._client.users_list(limit=PEOPLE_A_PAGE, cursor=cursor or None)
            for user in answer["members"]:
                members.append(self._directory.read(Person(workspace=workspace, user=str(user["id"])), user))
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return members

    async def user_changed(self, event: dict[str, Any], context: AsyncBoltContext) -> None:
        """Learn what changed of a person: lost rights count at once, and deactivation is noted."""
        user = event.get("user") or {}
        workspace = context.enterprise_id or context.team_id
        if not (isinstance(user.get("id"), str) and user["id"] and workspace):
            return
        member = self._directory.read(Person(workspace=workspace, user=user["id"]), user)
        self._directory.forget(member.person)
        self._heard_while_reading.get(workspace, set()).add(member.person)
        if await meet(self._database, member, at=await self._clock()):
            self._on_change(member.person)

    async def uninstalled(self, event: dict[str, Any], context: AsyncBoltContext) -> None:
        """Note that the bot was removed: without a token it can no longer answer, and records go after their grace."""
        workspace = context.enterprise_id or context.team_id
        tokens = event.get("tokens") or {}
        # tokens_revoked also tells of people's own tokens, which this bot does not use.
        if workspace and (event.get("type") == "app_uninstalled" or tokens.get("bot")):
            log.warning("Slack reports %s: the bot token no longer works.", event.get("type"))
            await self._upkeep.left(workspace)
