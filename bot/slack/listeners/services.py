"""What listeners work with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.profiles.account.address_confirmations import AddressConfirmations
from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.account.private_links import PrivateLinks
from bot.profiles.account.records import ProfileView
from bot.profiles.account.settings_finder import SettingsFinder
from bot.profiles.connection_tests.bulk_fixes import BulkFixes
from bot.profiles.connection_tests.bulk_tests import BulkTests
from bot.profiles.connection_tests.connection_tests import ConnectionTests
from bot.profiles.connection_tests.running_tests import RunningTests
from bot.profiles.people.access import Person
from bot.profiles.people.history import History
from bot.profiles.people.people_list import PeopleList
from bot.profiles.people.reminders import Reminders
from bot.profiles.people.workspace_defaults import WorkspaceDefaults
from bot.profiles.sending.emailed_messages import EmailedMessages
from bot.profiles.tokens.program_tokens import ProgramTokens
from bot.programs.program_settings import Endpoints
from bot.slack.replies.address_confirmation import CodeReplies
from bot.slack.replies.connection_tests import ConnectionTestReplies
from bot.slack.replies.form_searches import FormSearches
from bot.slack.replies.jobs import Jobs
from bot.slack.replies.profile_forms import ProfileForms
from bot.slack.views.card import card
from bot.slack.views.message import Block, Message
from bot.slack.views.password_entry import PasswordEntry

Payload = dict[str, Any]
"""What Slack sends: a request's body, or the action, view or event in it."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """The rules, and where their answers appear; `links` is None without a public address.

    `programs` is None where programs are switched off; `endpoints` is how programs reach the bot.
    """

    profiles: EmailProfiles
    connections: ConnectionTests
    running: RunningTests
    finder: SettingsFinder
    listing: PeopleList
    reminders: Reminders
    bulk: BulkTests
    bulk_fixes: BulkFixes
    history: History
    defaults: WorkspaceDefaults
    emails: EmailedMessages
    links: PrivateLinks | None
    jobs: Jobs
    test_replies: ConnectionTestReplies
    confirmations: AddressConfirmations
    code_replies: CodeReplies
    forms: ProfileForms
    form_searches: FormSearches
    entry: PasswordEntry
    programs: ProgramTokens | None
    endpoints: Endpoints

    async def card(
        self, view: ProfileView, caller: Person, *, notes: Sequence[str] = (), below: Sequence[Block] = ()
    ) -> Message:
        """Return a profile's card as a caller sees it who may; `notes` and `below` as in the view."""
        programs = None
        if self.programs is not None and view.profile.is_complete:
            programs = await self.programs.list_for_card(caller=caller, owner=view.owner)
        return card(view, reader=caller.user, entry=self.entry, programs=programs, notes=notes, below=below)
