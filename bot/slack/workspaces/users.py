"""Looks up a workspace's users at Slack: who is an admin, a guest, an app, deactivated, a stranger."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.errors import DirectoryError
from bot.profiles.people.access import Member, Person
from bot.slack.web_api.errors import error_code
from bot.slack.workspaces.workspaces import Workspaces

CACHE_SECONDS = 60.0
"""How long an answer of users.info may be used: a demoted admin is stopped within a minute."""

LOOKUP_TIMEOUT_SECONDS = 0.8
"""For one answer of users.info, asked at most twice: Slack itself waits 3 s for ours."""

PAUSE_SECONDS = 5.0
"""How long nobody is looked up after Slack did not answer."""

_SILENT = "Slack did not say who that is. Please try again in a minute."
_MOST_REMEMBERED = 1000

_PICTURES = ("image_72", "image_192", "image_48")
"""The sizes of somebody's picture that fit a page, the best first (https://docs.slack.dev/reference/objects/user-object)."""

log = logging.getLogger(__name__)


class SlackDirectory:
    """Looks people up with users.info (https://docs.slack.dev/reference/methods/users.info)."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces
        self._known: dict[Person, tuple[float, Member]] = {}
        self._silent_until: dict[str, float] = {}

    async def member(self, person: Person) -> Member | None:
        """Look one person up; None when the workspace does not know them.

        Raises:
            DirectoryError: Slack does not answer.
            NotInstalledError: the bot is not installed in their workspace.
        """
        asked, known = self._known.get(person, (0.0, None))
        if known is not None and time.monotonic() - asked < CACHE_SECONDS:
            return known
        answer = await self._ask(person)
        if answer is None:
            return None
        member = self.read(person, answer)
        self.cache(member)
        return member

    def read(self, person: Person, user: Mapping[str, Any]) -> Member:
        """Parse what Slack says of a person; whoever does not belong to their workspace is a stranger."""
        return self._workspaces.as_seen(_member(person, user), user)

    def cache(self, member: Member) -> None:
        """Cache what Slack just said of somebody."""
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[member.person] = (time.monotonic(), member)

    def forget(self, person: Person) -> None:
        """Drop somebody from the cache: Slack said that something about them changed."""
        self._known.pop(person, None)

    async def _ask(self, person: Person) -> Mapping[str, Any] | None:
        if time.monotonic() < self._silent_until.get(person.workspace, 0.0):
            raise DirectoryError(_SILENT)
        client = await self._workspaces.client_for(person.workspace)
        try:
            return await _users_info_twice(client, person)
        except SlackApiError as error:
            if error_code(error) in ("user_not_found", "user_not_visible"):
                return None
            failure: Exception = error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            failure = error
        # Asking again at once would make one person wait, and Slack busier.
        self._silent_until[person.workspace] = time.monotonic() + PAUSE_SECONDS
        log.warning("Slack does not say who people are (%s).", type(failure).__name__)
        raise DirectoryError(_SILENT) from failure


async def _users_info_twice(client: AsyncWebClient, person: Person) -> Mapping[str, Any]:
    try:
        return await _users_info(client, person)
    except TimeoutError:
        # A lost connection needs no second try of ours: aiohttp retries a GET.
        return await _users_info(client, person)


async def _users_info(client: AsyncWebClient, person: Person) -> Mapping[str, Any]:
    async with asyncio.timeout(LOOKUP_TIMEOUT_SECONDS):
        answer = await client.users_info(user=person.user)
    user: Mapping[str, Any] = answer["user"]
    return user


def _member(person: Person, user: Mapping[str, Any]) -> Member:
    # https://docs.slack.dev/reference/objects/user-object
    profile = user.get("profile") or {}
    organisation = user.get("enterprise_user") or {}
    home = {user.get("team_id"), organisation.get("enterprise_id"), *(organisation.get("teams") or ())}
    return Member(
        person=person,
        name=str(profile.get("real_name") or user.get("real_name") or user.get("name") or person.user),
        address=str(profile.get("email") or ""),
        # Sent with every person, and false until they have followed the link that Slack mails to a new address.
        is_address_confirmed=user.get("is_email_confirmed") is not False,
        picture=next((str(profile[size]) for size in _PICTURES if profile.get(size)), ""),
        is_admin=any(bool(user.get(flag)) for flag in ("is_admin", "is_owner", "is_primary_owner"))
        or any(bool(organisation.get(flag)) for flag in ("is_admin", "is_owner")),
        is_guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
        is_bot=bool(user.get("is_bot")) or person.user == "USLACKBOT",
        is_deactivated=bool(user.get("deleted")),
        is_stranger=bool(user.get("is_stranger")) or person.workspace not in home,
    )
