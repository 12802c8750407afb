"""Keeps the list of a workspace's people in step with Slack."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.people.access import Member, Person
from bot.profiles.people.members import OnChange, sync_members, upsert_member
from bot.slack.web_api.clients import with_retries
from bot.slack.workspaces.users import SlackDirectory
from bot.slack.workspaces.workspaces import Workspaces
from storage.database import Database

log = logging.getLogger(__name__)

USERS_PER_PAGE = 500
"""https://docs.slack.dev/reference/methods/users.list advises to stay well under 1000."""


@dataclass(kw_only=True)
class UserSync:
    """Reads all people of a workspace now and then, and stores what Slack tells meanwhile.

    `clock` returns the time now, the same to all instances.
    """

    database: Database
    workspaces: Workspaces
    directory: SlackDirectory
    clock: Callable[[], Awaitable[datetime]]
    on_change: OnChange
    _heard_while_reading: dict[str, set[Person]] = field(default_factory=dict, init=False)

    async def read_everybody(self, workspace: str) -> None:
        """Read all people of a workspace and store them; who is deactivated is noted too."""
        # An event from now on is newer than what is read.
        heard = self._heard_while_reading.setdefault(workspace, set())
        try:
            members = await self._members(workspace)
            await sync_members(self.database, workspace, members.values(), at=await self.clock(), newer=heard)
        finally:
            self._heard_while_reading.pop(workspace, None)
        self.on_change(Person(workspace=workspace, user=""))

    async def _members(self, workspace: str) -> dict[str, Member]:
        client = with_retries(await self.workspaces.client_for(workspace))
        members: dict[str, Member] = {}
        for team in await self.workspaces.teams_of(workspace):
            async for user in _users_of(client, team):
                member = self.directory.read(Person(workspace=workspace, user=str(user["id"])), user)
                known = members.get(member.person.user)
                # Who left one team of an organisation counts as deactivated in that team alone.
                if known is None or known.is_deactivated:
                    members[member.person.user] = member
        return members

    async def user_changed(self, workspace: str, user: Mapping[str, Any]) -> None:
        """Store what Slack says of a person whose record there changed."""
        member = self.directory.read(Person(workspace=workspace, user=user["id"]), user)
        self.directory.forget(member.person)
        self._heard_while_reading.get(workspace, set()).add(member.person)
        if await upsert_member(self.database, member, at=await self.clock()):
            self.on_change(member.person)

    async def uninstalled(self, workspace: str, event: str) -> None:
        """Note that the bot was removed from a workspace."""
        if await self.workspaces.removed(workspace):
            log.warning("Slack reports %s in %s: the bot token no longer works.", event, workspace)


async def _users_of(client: AsyncWebClient, team: str | None) -> AsyncIterator[dict[str, Any]]:
    cursor = ""
    while True:
        answer = await client.users_list(limit=USERS_PER_PAGE, cursor=cursor or None, team_id=team)
        for user in answer["members"]:
            yield user
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return
