"""Reading a workspace's people from Slack, and following what happens to them and to the installation."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.account.changes import OnChange
from bot.profiles.people.access import Member, Person
from bot.profiles.people.members import sync_members, upsert_member
from bot.slack.web_api.clients import patient
from bot.slack.workspaces.users import SlackDirectory
from bot.slack.workspaces.workspaces import Workspaces, workspace_of
from storage.database import Database

log = logging.getLogger(__name__)

PEOPLE_A_PAGE = 500
"""https://docs.slack.dev/reference/methods/users.list advises to stay well under 1000."""


class UserSync:
    """Keeps the list of people up to date."""

    def __init__(
        self,
        *,
        database: Database,
        workspaces: Workspaces,
        directory: SlackDirectory,
        clock: Callable[[], Awaitable[datetime]],
        on_change: OnChange,
    ) -> None:
        """Read each workspace's own people; `clock` gives the time now, the same to all instances."""
        self._database = database
        self._workspaces = workspaces
        self._directory = directory
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
            await sync_members(self._database, workspace, members.values(), at=await self._clock(), newer=heard)
        finally:
            self._heard_while_reading.pop(workspace, None)
        self._on_change(Person(workspace=workspace, user=""))

    async def _members(self, workspace: str) -> dict[str, Member]:
        client = patient(await self._workspaces.client_for(workspace))
        members: dict[str, Member] = {}
        for team in await self._workspaces.teams_of(workspace):
            async for user in _users_of(client, team):
                member = self._directory.read(Person(workspace=workspace, user=str(user["id"])), user)
                known = members.get(member.person.user)
                # Who left one team of an organisation counts as deactivated in that team alone.
                if known is None or known.is_deactivated:
                    members[member.person.user] = member
        return members

    async def user_changed(self, event: dict[str, Any], context: AsyncBoltContext) -> None:
        """Learn what changed of a person: lost rights count at once, and deactivation is noted."""
        user = event.get("user") or {}
        workspace = workspace_of(context)
        if not (isinstance(user.get("id"), str) and user["id"] and workspace):
            return
        member = self._directory.read(Person(workspace=workspace, user=user["id"]), user)
        self._directory.forget(member.person)
        self._heard_while_reading.get(workspace, set()).add(member.person)
        if await upsert_member(self._database, member, at=await self._clock()):
            self._on_change(member.person)

    async def uninstalled(self, event: dict[str, Any], context: AsyncBoltContext) -> None:
        """Note that the bot was removed: without a token it can no longer answer, and records go after their grace."""
        workspace = workspace_of(context)
        tokens = event.get("tokens") or {}
        # tokens_revoked also tells of people's own tokens, which this bot does not use.
        if (
            workspace
            and (event.get("type") == "app_uninstalled" or tokens.get("bot"))
            and await self._workspaces.removed(workspace)
        ):
            log.warning("Slack reports %s in %s: the bot token no longer works.", event.get("type"), workspace)


async def _users_of(client: AsyncWebClient, team: str | None) -> AsyncIterator[dict[str, Any]]:
    cursor = ""
    while True:
        answer = await client.users_list(limit=PEOPLE_A_PAGE, cursor=cursor or None, team_id=team)
        for user in answer["members"]:
            yield user
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return
