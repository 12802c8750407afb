"""The slash commands: a command and its subcommand find their listener in one look.

People wait for a command's answer, so it does not go through Bolt, which asks listener after listener whether a request
is theirs, gathers thirty arguments for each and makes a client for every request: more work than the answer itself.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.people.access import Person
from bot.slack.command_text import Invocation, acts, parse
from bot.slack.listeners.services import caller_of, owner_of
from bot.slack.middleware.deduplication import Deduplicator
from bot.slack.middleware.error_handler import answer_error
from bot.slack.middleware.overload import Load
from bot.slack.middleware.request_log import note_asked
from bot.slack.turns import side_by_side
from bot.slack.views.help import help_message
from bot.slack.views.message import Message
from bot.slack.web_api.clients import patient
from bot.slack.workspaces.workspaces import Workspaces, name_workspace


@dataclass(frozen=True, kw_only=True)
class SlashCommand:
    """A command as it was typed: what is asked, by whom, about whom, and where.

    `quick` is a client that never waits; `body` is what Slack sent.
    """

    name: str
    invocation: Invocation
    caller: Person
    owner: Person
    body: dict[str, Any]
    quick: AsyncWebClient

    @property
    def channel(self) -> str:
        """The channel in which it was typed."""
        return str(self.body.get("channel_id") or "")

    @property
    def client(self) -> AsyncWebClient:
        """A client that tries again."""
        return patient(self.quick)


Listener = Callable[[SlashCommand], Awaitable[Message | None]]
"""Carries a command out; gives what only its sender sees, or None when there is nothing to say yet."""


class Commands:
    """The listeners, each for one subcommand of a command."""

    def __init__(self) -> None:
        """Begin without any."""
        self._listeners: dict[tuple[str, str], Listener] = {}

    def on(self, command: str, *subcommands: str, listener: Listener) -> None:
        """Let `listener` carry out subcommands of a command."""
        for subcommand in subcommands:
            self._listeners[command, subcommand] = listener

    async def carry_out(self, command: SlashCommand) -> Message | None:
        """Let the listener of a command carry it out; help is printed from the table of subcommands."""
        if command.invocation.subcommand == "help":
            return help_message(command.name)
        return await self._listeners[command.name, command.invocation.subcommand](command)


class CommandDoor:
    """Where commands come in: their signature is checked, then they are carried out, and errors told."""

    def __init__(
        self,
        commands: Commands,
        *,
        workspaces: Workspaces,
        once: Deduplicator,
        load: Load,
        verifier: SignatureVerifier | None,
        client: AsyncWebClient,
    ) -> None:
        """Let in what `verifier` finds signed; without one requests come over a connection that is trusted.

        `client` has no token: it is for whoever cannot be told as the bot of their workspace.
        """
        self._commands = commands
        self._workspaces = workspaces
        self._once = once
        self._load = load
        self._verifier = verifier
        self._client = client

    async def serve(self, request: AsyncBoltRequest) -> BoltResponse:
        """Serve a request that is a command."""
        if not self._is_signed(request):
            return BoltResponse(status=401, body={"error": "invalid request"})
        workspace = name_workspace(self._workspaces, request.context)
        client = self._client
        try:
            self._load.require_room()
            client = request.context["client"] = await self._workspaces.client_for(workspace)
            response = await self._answered(request, client)
            # What follows writes it down in the log.
            await side_by_side()
            return response
        except Exception as error:  # noqa: BLE001 - whatever it is, the person is told
            return await answer_error(error, request, client)

    def _is_signed(self, request: AsyncBoltRequest) -> bool:
        if self._verifier is None:
            return True
        timestamp, signature = (_header(request, f"x-slack-{name}") for name in ("request-timestamp", "signature"))
        # slack_sdk raises on a timestamp that is not there.
        return bool(timestamp) and self._verifier.is_valid(request.raw_body, timestamp, signature)

    async def _answered(self, request: AsyncBoltRequest, client: AsyncWebClient) -> BoltResponse:
        name = request.body["command"]
        invocation = parse(name, str(request.body.get("text") or ""))
        note_asked(f"{name} {invocation.subcommand}")
        if acts(name, invocation) and not await self._once.takes(request.body, request.context):
            return BoltResponse(status=200)
        caller = caller_of(request.context)
        command = SlashCommand(
            name=name,
            invocation=invocation,
            caller=caller,
            owner=owner_of(caller, invocation.owner),
            body=request.body,
            quick=client,
        )
        await side_by_side()
        message = await self._commands.carry_out(command)
        await side_by_side()
        return BoltResponse(status=200, body="" if message is None else to_json(message.payload()).decode())


def _header(request: AsyncBoltRequest, name: str) -> str:
    values: Mapping[str, Any] = request.headers
    return str(next(iter(values.get(name) or ()), ""))
