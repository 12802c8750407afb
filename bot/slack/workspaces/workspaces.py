"""Where the bot works: in the one workspace of its own token, or wherever it was installed through OAuth."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.errors import UserError
from bot.profiles.people.access import Member
from bot.profiles.people.retention import Retention
from bot.slack.web_api.clients import Clients

_WORKSPACE = "workspace"


class NotInstalledError(UserError):
    """The bot is not installed (any more) where it is asked to do something."""

    def __init__(self, install_url: str | None) -> None:
        """Say what to do; `install_url` is where the app is installed, if that is known."""
        where = f" at {install_url}" if install_url else ""
        super().__init__(
            "This app is not installed here any more, so nothing was done. Ask an admin of your workspace to install "
            f"it again{where}. What was stored is kept for 30 days."
        )


class Workspaces(Protocol):
    """The workspaces that the bot works in, each under its key: a workspace's id, or an organisation's."""

    def key_of(self, context: AsyncBoltContext) -> str:
        """Give the key of the workspace that a request comes from; empty when it names none."""
        ...

    def as_seen(self, member: Member, user: Mapping[str, Any]) -> Member:
        """Give a member as the bot may take them, `user` being what Slack says of them."""
        ...

    async def client_for(self, workspace: str) -> AsyncWebClient:
        """Give a client that speaks for the bot in a workspace, and never tries again by itself.

        Raises:
            NotInstalledError: the bot is not installed there.
            UserError: its token is just being renewed.
        """
        ...

    async def keys(self) -> Sequence[str]:
        """Give the keys of all workspaces."""
        ...

    async def teams_of(self, workspace: str) -> Sequence[str | None]:
        """Give the teams whose people make up a workspace; None stands for the token's own."""
        ...

    async def removed(self, workspace: str) -> bool:
        """Take note that Slack tells of the bot's removal; tells whether it is gone."""
        ...

    async def refused(self, workspace: str) -> bool:
        """Take note that Slack refuses the token although nothing told of a removal; tells whether the bot is gone."""
        ...

    async def note_present(self) -> None:
        """Take note, at the start, of where the bot is proved to be installed."""
        ...


class OneWorkspace:
    """The one workspace (or organisation) that the bot's own token belongs to."""

    def __init__(self, workspace: str, *, clients: Clients, token: str | None, upkeep: Retention) -> None:
        """Work in `workspace` with `token`."""
        self._workspace = workspace
        self._client = clients.quick(token)
        self._upkeep = upkeep

    def key_of(self, context: AsyncBoltContext) -> str:
        """Give the organisation's id, or else the workspace's."""
        return context.enterprise_id or context.team_id or ""

    def as_seen(self, member: Member, user: Mapping[str, Any]) -> Member:  # noqa: ARG002 - it matters to many workspaces
        """Take whoever does not belong to the bot's own workspace for a stranger."""
        belongs = member.person.workspace == self._workspace
        return member if belongs else replace(member, is_stranger=True)

    async def client_for(self, workspace: str) -> AsyncWebClient:  # noqa: ARG002 - there is one
        """Give the one client with the bot's own token, whatever the workspace."""
        return self._client

    async def keys(self) -> Sequence[str]:
        """Give the one key."""
        return (self._workspace,)

    async def teams_of(self, workspace: str) -> Sequence[str | None]:  # noqa: ARG002 - there is one
        """Give the token's own team."""
        return (None,)

    async def removed(self, workspace: str) -> bool:
        """Note that records go after their grace, unless the bot returns."""
        await self._upkeep.mark_removed(workspace)
        return True

    async def refused(self, workspace: str) -> bool:  # noqa: ARG002 - there is one
        """Leave everything: the operator may have to correct the token."""
        return False

    async def note_present(self) -> None:
        """Note that the bot works in its workspace (again)."""
        await self._upkeep.mark_present(self._workspace)


def naming(workspaces: Workspaces) -> Callable[..., Awaitable[None]]:
    """Make the middleware that writes the workspace's key into each request's context, once."""

    async def name_and_go_on(context: AsyncBoltContext, next: Callable[[], Awaitable[None]]) -> None:  # noqa: A002 - Bolt's name
        name_workspace(workspaces, context)
        await next()

    return name_and_go_on


def name_workspace(workspaces: Workspaces, context: AsyncBoltContext) -> str:
    """Write the workspace's key into a request's context, and give it."""
    key = workspaces.key_of(context)
    context[_WORKSPACE] = key
    return key


def workspace_of(context: AsyncBoltContext) -> str:
    """Give the key of the workspace that a request comes from; empty when it names none."""
    return str(context.get(_WORKSPACE) or "")
