"""Bolt's app, as this bot uses it."""

from typing import Any

from pydantic import SecretStr
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.commands import CommandDoor, Commands
from bot.slack.middleware.deduplication import Deduplicator
from bot.slack.middleware.late_ack import PunctualApp
from bot.slack.middleware.request_log import ServedApp
from bot.slack.workspaces.installations import Installations, InstalledAuthorize
from bot.slack.workspaces.workspaces import OneWorkspace, Workspaces, naming


def app_of_one(
    workspace: OneWorkspace, identity: AuthorizeResult, *, client: AsyncWebClient, signing_secret: SecretStr | None
) -> ServedApp:
    """Make the app of one workspace, where the bot is `identity`; see `_app` for the rest."""

    async def authorize(**_: Any) -> AuthorizeResult:
        return identity

    return _app(workspace, client=client, signing_secret=signing_secret, authorize=authorize)


def app_of_many(
    installations: Installations, flow: AsyncOAuthFlow, *, client: AsyncWebClient, signing_secret: SecretStr | None
) -> ServedApp:
    """Make the app of many workspaces, installed through `flow`; see `_app` for the rest."""
    return _app(
        installations,
        client=client,
        signing_secret=signing_secret,
        authorize=InstalledAuthorize(installations),
        oauth_flow=flow,
        # Without them Bolt would make its own from the environment, with stores that keep tokens in files.
        oauth_settings=flow.settings,
    )


def _app(workspaces: Workspaces, *, client: AsyncWebClient, signing_secret: SecretStr | None, **how: Any) -> ServedApp:
    """Make an app; `client` has no token of its own: each request's client gets the one that `authorize` gives.

    Without a signing secret requests come over Socket Mode: they carry no signature, their trust is the connection's.
    """
    return PunctualApp(
        # Without a name Bolt looks for one in the source of every frame below, which takes longer than all the rest.
        name="email-profile-bot",
        client=client,
        before_authorize=naming(workspaces),
        signing_secret=signing_secret.get_secret_value() if signing_secret else None,
        # Listeners acknowledge and hand slow work to `Jobs`, so waiting for them is short; it also
        # spares Bolt's 10 ms ack poll.
        process_before_response=True,
        **how,
    )


def complete(app: ServedApp, commands: Commands, *, workspaces: Workspaces, once: Deduplicator) -> None:
    """Let `app` serve what is registered: commands through their own door, all else through Bolt."""
    app.middleware(app.load.let_in)
    app.middleware(once.let_through)
    door = CommandDoor(
        commands, workspaces=workspaces, once=once, load=app.load, verifier=app.verifier, client=app.client
    )
    app.serve_commands(door.serve)
