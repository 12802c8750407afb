"""Many workspaces: those in which the bot was installed through OAuth, each with its own sealed token."""

import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import aiohttp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.people.access import Member
from bot.profiles.people.retention import people_lease
from bot.slack.web_api.clients import Clients
from bot.slack.workspaces.installation import Installed, key_of_bot, parse_installation, read_installed, to_document
from bot.slack.workspaces.token_rotation import TokenRotation
from bot.slack.workspaces.workspaces import NotInstalledError
from storage.database import Database
from storage.tables.table import StaleRevisionError

log = logging.getLogger(__name__)

CACHE_SECONDS = 60.0
"""How long an installation is used without reading it again: a renewed token leaves the old one valid for hours."""

STATE_SECONDS = 600
_STATE_BYTES = 32
_SAVES = 5
_MOST_REMEMBERED = 1000
_TEAMS_A_PAGE = 200


class Installations:
    """The installations, as `Workspaces`."""

    def __init__(
        self, *, database: Database, clients: Clients, rotation: TokenRotation, install_url: str | None
    ) -> None:
        """`install_url` is where people are sent to install the app again."""
        self._database = database
        self._clients = clients
        self._rotation = rotation
        self._install_url = install_url
        self._known: dict[str, tuple[float, Installed]] = {}

    def key_of(self, context: AsyncBoltContext) -> str:
        """Return the organisation's id for an org-wide installation, else the workspace's; never one for the other."""
        return (context.enterprise_id if context.is_enterprise_install else context.team_id) or ""

    def as_seen(self, member: Member, user: Mapping[str, Any]) -> Member:
        """Where the bot is installed org-wide, count only the organisation's own admins as admins.

        An admin of one of its workspaces must not reach the people of all the others.
        """
        organisation = user.get("enterprise_user") or {}
        if organisation.get("enterprise_id") != member.person.workspace:
            return member
        return replace(member, is_admin=bool(organisation.get("is_admin") or organisation.get("is_owner")))

    async def bot_in(self, workspace: str) -> Bot:
        """Return the bot as it is installed in a workspace, with a token that can be used now.

        Raises:
            NotInstalledError: it is not installed there, or has to be installed again.
            TokenExpiredError: its token is just being renewed.
        """
        read_at, known = self._known.get(workspace, (0.0, None))
        if known is not None and time.monotonic() - read_at < CACHE_SECONDS and not known.is_expired:
            return known.bot
        installed = await read_installed(self._database, workspace) if workspace else None
        fresh = await self._rotation.fresh(workspace, installed) if installed else None
        if fresh is None:
            self._known.pop(workspace, None)
            raise NotInstalledError(self._install_url)
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[workspace] = (time.monotonic(), fresh)
        return fresh.bot

    async def client_for(self, workspace: str) -> AsyncWebClient:
        """Return a client with the workspace's own token; raises as `bot_in`."""
        return self._clients.without_retries((await self.bot_in(workspace)).bot_token)

    async def name_of(self, workspace: str) -> str:
        """Return the name that Slack told at the installation, of the workspace or the organisation; as `bot_in`."""
        bot = await self.bot_in(workspace)
        return (bot.enterprise_name if bot.is_enterprise_install else bot.team_name) or workspace

    async def keys(self) -> Sequence[str]:
        """Return the keys of all installations, in order."""
        async with self._database.reading() as tx:
            return await tx.installations.workspaces()

    async def teams_of(self, workspace: str) -> Sequence[str | None]:
        """Return the teams that an org-wide installation was granted; else None for the token's own."""
        bot = await self.bot_in(workspace)
        if not bot.is_enterprise_install:
            return (None,)
        client, cursor = self._clients.with_retries(bot.bot_token), ""
        teams: list[str | None] = []
        while True:
            answer = await client.auth_teams_list(limit=_TEAMS_A_PAGE, cursor=cursor or None)
            teams.extend(str(team["id"]) for team in answer["teams"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return teams

    async def save(self, bot: Bot) -> None:
        """Store an installation, new or in place of an older one; whoever had left has returned.

        Raises:
            StaleRevisionError: others store it again and again at the same moment.
        """
        for _ in range(_SAVES):
            try:
                await self._saved(key_of_bot(bot), to_document(bot))
            except StaleRevisionError as error:
                # A renewal, or the same installation in another window.
                stale = error
            else:
                return
        raise stale

    async def _saved(self, workspace: str, document: bytes) -> None:
        async with self._database.writing() as tx:
            stored = await tx.installations.get(workspace)
            await tx.installations.save(workspace, document, expected_revision=stored.revision if stored else 0)
            await tx.workspaces.set_left(workspace, None)
            # The people are read in the next round.
            await tx.leases.drop(people_lease(workspace))
        self._known.pop(workspace, None)
        log.info("Installed in %s.", workspace)

    async def removed(self, workspace: str) -> bool:
        """Delete an installation with its token; records are deleted 30 days later.

        Slack may report a removal only after the app was installed again, so a token that works is kept.
        """
        self._known.pop(workspace, None)
        async with self._database.reading() as tx:
            stored = await tx.installations.get(workspace)
        if stored is None:
            return False
        installed = parse_installation(stored)
        if installed is not None and await self._works(installed.bot):
            log.info("Slack reports that the bot was removed from %s, where it is installed again already.", workspace)
            return False
        now = await self._database.now()
        async with self._database.writing() as tx:
            gone = await tx.installations.delete(workspace, revision=stored.revision)
            if gone:
                await tx.workspaces.set_left(workspace, now)
        await self._database.forget_deleted()
        return gone

    async def refused(self, workspace: str) -> bool:
        """Delete an installation whose removal was never reported, once Slack confirms that its token is dead."""
        readable = await read_installed(self._database, workspace) is not None
        return readable and await self.removed(workspace)

    async def finish(self) -> None:
        """Wait for renewals under way."""
        await self._rotation.finish()

    async def note_present(self) -> None:
        """Do nothing: each installation stores it when it is made."""

    async def _works(self, bot: Bot) -> bool:
        try:
            await self._clients.with_retries(bot.bot_token).auth_test()
        except (SlackApiError, aiohttp.ClientError, TimeoutError, OSError):
            return False
        return True


class InstallationAuthorize(AsyncAuthorize):
    """Finds the installation that a request belongs to."""

    def __init__(self, installations: Installations) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._installations = installations

    async def __call__(
        self,
        *,
        context: AsyncBoltContext,
        enterprise_id: str | None,  # noqa: ARG002 - Bolt's signature; which of the two counts is decided before
        team_id: str | None,  # noqa: ARG002
        user_id: str | None,  # noqa: ARG002
        actor_enterprise_id: str | None = None,  # noqa: ARG002
        actor_team_id: str | None = None,  # noqa: ARG002
        actor_user_id: str | None = None,  # noqa: ARG002
    ) -> AuthorizeResult:
        """Return the bot of the request's workspace.

        Raises:
            NotInstalledError: it is not installed there; the error handler tells the person.
            TokenExpiredError: its token is just being renewed.
        """
        bot = await self._installations.bot_in(str(context.get("workspace") or ""))
        return AuthorizeResult(
            enterprise_id=bot.enterprise_id,
            team_id=bot.team_id,
            team=bot.team_name,
            bot_id=bot.bot_id,
            bot_user_id=bot.bot_user_id,
            bot_token=bot.bot_token,
        )


class SealedInstallationStore(AsyncInstallationStore):
    """Stores an installation for Bolt's OAuth flow; each of slack_sdk's own stores keeps tokens in clear."""

    def __init__(self, installations: Installations) -> None:
        self._installations = installations

    async def async_save(self, installation: Installation) -> None:
        """Store the bot of an installation; a person's own token, which nothing here needs, is dropped."""
        await self._installations.save(installation.to_bot())


class StateStore(AsyncOAuthStateStore):
    """The states of installations under way: random, hashed in the database, used once, within ten minutes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def async_issue(self, *_: Any, **__: Any) -> str:
        """Store and return a new state."""
        state = secrets.token_urlsafe(_STATE_BYTES)
        async with self._database.writing() as tx:
            await tx.oauth_states.add(state, seconds=STATE_SECONDS)
        return state

    async def async_consume(self, state: str) -> bool:
        """Use a state up; return False when it is used, too old, or never was."""
        async with self._database.writing() as tx:
            return await tx.oauth_states.use(state)
