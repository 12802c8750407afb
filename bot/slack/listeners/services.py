"""What listeners work with, and who is speaking to them."""

from dataclasses import dataclass
from typing import Any

from slack_bolt.context.async_context import AsyncBoltContext

from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.account.private_links import PrivateLinks
from bot.profiles.errors import NotAllowedError
from bot.profiles.people.access import Person
from bot.profiles.people.default_moves import DefaultMoves
from bot.profiles.people.defaults import WorkspaceDefaults
from bot.profiles.people.history import History
from bot.profiles.people.people_list import PeopleList
from bot.profiles.tests.bulk_tests import BulkTests
from bot.profiles.tests.connection_tests import ConnectionTests
from bot.slack.replies.connection_tests import Testing
from bot.slack.replies.jobs import Jobs
from bot.slack.replies.owner_notices import OwnerNotices
from bot.slack.replies.profile_forms import ProfileForms
from bot.slack.views.form import OutdatedFormError, PasswordEntry
from bot.slack.workspaces.users import SlackDirectory
from bot.slack.workspaces.workspaces import workspace_of


@dataclass(frozen=True, kw_only=True)
class Services:
    """The rules, the background jobs, and the workspace's people; `links` is None without a public address."""

    profiles: EmailProfiles
    connections: ConnectionTests
    listing: PeopleList
    bulk: BulkTests
    history: History
    defaults: WorkspaceDefaults
    moves: DefaultMoves
    links: PrivateLinks | None
    jobs: Jobs
    directory: SlackDirectory
    owners: OwnerNotices
    testing: Testing
    opening: ProfileForms
    entry: PasswordEntry


def caller_of(context: AsyncBoltContext) -> Person:
    """Tell who sent a request, from what Slack signed: (the workspace's key, user id).

    Raises:
        NotAllowedError: the request names nobody.
    """
    workspace = workspace_of(context)
    if not workspace or not context.user_id:
        raise NotAllowedError("Slack did not say who you are, so nothing was done.")
    return Person(workspace=workspace, user=context.user_id)


def owner_of(caller: Person, user: str | None) -> Person:
    """Tell whose profile is meant: somebody of the caller's own workspace, or the caller."""
    return Person(workspace=caller.workspace, user=user) if user else caller


def modal_of(body: dict[str, Any]) -> dict[str, Any]:
    """Give the modal that something was pressed in.

    Raises:
        OutdatedFormError: it was pressed elsewhere.
    """
    view = body.get("view")
    if not (isinstance(view, dict) and view.get("type") == "modal"):
        raise OutdatedFormError
    return view


def pressed(action: dict[str, Any]) -> str:
    """Read a button's value; empty for anything else."""
    value = action.get("value")
    return value if isinstance(value, str) else ""
