"""Who sends a request, from which workspace, about whose profile, and what they ask for.

Bolt hands a listener by name what is in the context: `caller`, `owner`, `invocation`.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.context.async_context import AsyncBoltContext

from bot.profiles.errors import NotAllowedError
from bot.profiles.people.access import Person
from bot.slack.command_text import parse
from bot.slack.ids import COMMANDS, OWNER_IN_VALUE
from bot.slack.views.private_metadata import PrivateMetadata
from bot.slack.workspaces.workspaces import Workspaces

Middleware = Callable[..., Awaitable[None]]

_INTERACTIONS = ("block_actions", "view_submission", "message_action", "shortcut")


def identify_caller(workspaces: Workspaces) -> Middleware:
    """Make the middleware that writes `workspace` and `caller` (None when the request names nobody) into the context.

    It runs behind the signature's verification and before Bolt looks for the bot of the workspace.
    """

    async def middleware(
        context: AsyncBoltContext,
        next: Callable[[], Awaitable[None]],  # noqa: A002 - Bolt's name
    ) -> None:
        workspace = context["workspace"] = workspaces.key_of(context)
        user = context.user_id
        context["caller"] = Person(workspace=workspace, user=user) if workspace and user else None
        await next()

    return middleware


async def identify_owner(
    body: dict[str, Any],
    context: AsyncBoltContext,
    next: Callable[[], Awaitable[None]],  # noqa: A002 - Bolt's name
) -> None:
    """Middleware: write a command's parsed `invocation`, and the `owner` that is asked about.

    Whether the caller may do what they ask for is decided later, by the rules.

    Raises:
        NotUnderstoodError: a command's text is none of its subcommands.
        OutdatedFormError: a modal remembers what another version of the bot wrote.
        NotAllowedError: a command, a press or a submission names nobody.
    """
    caller: Person | None = context["caller"]
    invocation = None
    if body.get("command") in COMMANDS:
        invocation = context["invocation"] = parse(body["command"], str(body.get("text") or ""))
    if caller is None and (invocation or body.get("type") in _INTERACTIONS):
        raise NotAllowedError("Slack did not say who you are, so nothing was done.")
    if caller is not None:
        owner = (invocation.owner if invocation else _owner_of_interaction(body)) or caller.user
        context["owner"] = Person(workspace=caller.workspace, user=owner)
    await next()


def pressed_value(action: Mapping[str, Any]) -> str:
    """Return the value of a button, or of the option that was chosen in a menu; empty for anything else."""
    option = action.get("selected_option")
    value = option.get("value") if isinstance(option, Mapping) else action.get("value")
    # PostgreSQL takes no NUL into a text; no value that the bot gave a button has one.
    return value.replace("\0", " ") if isinstance(value, str) else ""


def _owner_of_interaction(body: Mapping[str, Any]) -> str:
    """Read whose profile a modal remembers, or a button names; empty when neither does."""
    view = body.get("view")
    if isinstance(view, Mapping) and view.get("type") == "modal" and view.get("private_metadata"):
        return PrivateMetadata.decode(str(view["private_metadata"])).owner
    actions = body.get("actions")
    action = actions[0] if isinstance(actions, list) and actions else None
    if isinstance(action, Mapping) and action.get("action_id") in OWNER_IN_VALUE:
        return pressed_value(action)
    return ""
