"""What listeners work with."""

from dataclasses import dataclass
from typing import Any

from bot.profiles.account.address_confirmations import AddressConfirmations
from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.account.private_links import PrivateLinks
from bot.profiles.account.settings_finder import SettingsFinder
from bot.profiles.connection_tests.bulk_fixes import BulkFixes
from bot.profiles.connection_tests.bulk_tests import BulkTests
from bot.profiles.connection_tests.connection_tests import ConnectionTests
from bot.profiles.connection_tests.running_tests import RunningTests
from bot.profiles.people.history import History
from bot.profiles.people.people_list import PeopleList
from bot.profiles.people.reminders import Reminders
from bot.profiles.people.workspace_defaults import WorkspaceDefaults
from bot.profiles.sending.emailed_messages import EmailedMessages
from bot.slack.replies.address_confirmation import CodeReplies
from bot.slack.replies.connection_tests import ConnectionTestReplies
from bot.slack.replies.form_searches import FormSearches
from bot.slack.replies.jobs import Jobs
from bot.slack.replies.profile_forms import ProfileForms
from bot.slack.views.password_entry import PasswordEntry

Payload = dict[str, Any]
"""What Slack sends: a request's body, or the action, view or event in it."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """The rules, and where their answers appear; `links` is None without a public address."""

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
