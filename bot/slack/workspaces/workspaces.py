"""The workspaces that the bot serves: the one of its own token, or all in which it was installed through OAuth."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.errors import UserError
from bot.profiles.people.access import Member
from bot.profiles.people.retention import Retention
from bot.slack.web_api.clients import Clients


class NotInstalledError(UserError):
    """The bot is not installed (any more) where it is asked to do something."""

    def __init__(self, install_url: str | None) -> None:
        """`install_url` is where the app is installed, if that is known."""
        where = f" at {install_url}" if install_url else ""
        super().__init__(
            "This app is not installed here any more, so nothing was done. Ask an admin of your workspace to install "
            f"it again{where}. What was stored is kept for 30 days."
        )


class Workspaces(Protocol):
    """The workspaces that the bot serves, each under its key: a workspace's id, or an organisation's."""

    def key_of(self, context: AsyncBoltContext) -> str:
        """Return the key of the workspace that a request comes from; empty when it names none."""
        ...

    def as_seen(self, member: Member, user: Mapping[str, Any]) -> Member:
        """Return a member with the rights that count here, `user` being what Slack says of them."""
        ...

    async def client_for(self, workspace: str) -> AsyncWebClient:
        """Return a client with the bot's token in a workspace, without retries.

        Raises:
            NotInstalledError: the bot is not installed there.
            UserError: its token is just being renewed.
        """
        ...

    async def name_of(self, workspace: str) -> str:
        """Return what people call a workspace; its key where that is not known.

        Raises:
            NotInstalledError: the bot is not installed there.
            UserError: its token is just being renewed.
        """
        ...

    async def keys(self) -> Sequence[str]:
        """Return the keys of all workspaces."""
        ...

    async def teams_of(self, workspace: str) -> Sequence[str | None]:
        """Return the teams whose people make up a workspace; None is the token's own."""
        ...

    async def removed(self, workspace: str) -> bool:
        """Store that Slack reports the bot's removal; return whether it is gone."""
        ...

    async def refused(self, workspace: str) -> bool:
        """Store that Slack refuses the token although no removal was reported; return whether the bot is gone."""
        ...

    async def note_present(self) -> None:
        """Store, at the start, where the bot is known to be installed."""
        ...


class OneWorkspace:
    """The one workspace (or organisation) that the bot's own token belongs to."""

    def __init__(self, identity: AuthorizeResult, *, clients: Clients, token: str | None, retention: Retention) -> None:
        """`identity` is what Slack says of the bot's `token`."""
        self._workspace = identity.enterprise_id or identity.team_id or ""
        self._name = identity.team or self._workspace
        self._client = clients.without_retries(token)
        self._retention = retention

    def key_of(self, context: AsyncBoltContext) -> str:
        """Return the organisation's id, or else the workspace's."""
        return context.enterprise_id or context.team_id or ""

    def as_seen(self, member: Member, user: Mapping[str, Any]) -> Member:  # noqa: ARG002 - it matters to many workspaces
        """Return whoever does not belong to the bot's own workspace as a stranger."""
        belongs = member.person.workspace == self._workspace
        return member if belongs else replace(member, is_stranger=True)

    async def client_for(self, workspace: str) -> AsyncWebClient:  # noqa: ARG002 - there is one
        """Return the one client with the bot's own token, whatever the workspace."""
        return self._client

    async def name_of(self, workspace: str) -> str:
        """Return the name that Slack told at the start; that of no other workspace is known."""
        return self._name if workspace == self._workspace else workspace

    async def keys(self) -> Sequence[str]:
        """Return the one key."""
        return (self._workspace,)

    async def teams_of(self, workspace: str) -> Sequence[str | None]:  # noqa: ARG002 - there is one
        """Return the token's own team."""
        return (None,)

    async def removed(self, workspace: str) -> bool:
        """Store the removal: records are deleted after 30 days, unless the bot returns."""
        await self._retention.mark_removed(workspace)
        return True

    async def refused(self, workspace: str) -> bool:  # noqa: ARG002 - there is one
        """Do nothing: the operator may have to correct the token."""
        return False

    async def note_present(self) -> None:
        """Store that the bot serves its workspace (again)."""
        await self._retention.mark_present(self._workspace)


def authorize_as(identity: AuthorizeResult) -> Callable[..., Awaitable[AuthorizeResult]]:
    """Make what Bolt asks for the bot of a request's workspace, where there is one workspace."""

    async def authorize(**_: Any) -> AuthorizeResult:
        return identity

    return authorize
