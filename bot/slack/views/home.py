"""The Home tab: what lasts. The reader's own card, last report and history; for admins the list and recent changes.

Reports, cards and lists that answer a command are gone when Slack reloads; what stands here stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from slack_sdk.models.blocks import DividerBlock
from slack_sdk.models.views import View

from bot.profiles.account.records import ProfileState, ProfileView
from bot.profiles.connection_tests.results import ConnectionTestResult
from bot.profiles.people.defaults import StoredDefaults
from bot.profiles.people.people_list import PeoplePage
from bot.profiles.tokens.program import Program
from bot.slack.ids import ActionId
from bot.slack.views.card import card
from bot.slack.views.conversation import PURPOSE
from bot.slack.views.defaults import summary
from bot.slack.views.history import changes, history_line
from bot.slack.views.message import Block, actions, button, escape, header, line_sections, section
from bot.slack.views.password_entry import PasswordEntry
from bot.slack.views.people_list import home_blocks
from bot.slack.views.report import last_report
from storage.tables.audit import AuditEntry

_NEXT = {
    ProfileState.PASSWORD_MISSING: "Next: set the password, then test the connection.",
    ProfileState.NOT_TESTED: "Next: test the connection, here or with `/email-test` in any channel.",
    ProfileState.FAILS: "Next: change what the report below says, and test again.",
    ProfileState.UNREADABLE: "Next: type everything again.",
}


@dataclass(frozen=True, kw_only=True)
class AdminPart:
    """What only admins see."""

    page: PeoplePage
    defaults: StoredDefaults
    recent: Sequence[AuditEntry]


@dataclass(frozen=True, kw_only=True)
class OwnPart:
    """What only the owner of a profile sees: the last test of it as it is now, and the latest of its history.

    `programs` are those that send with it, None where none can.
    """

    last: ConnectionTestResult | None = None
    history: Sequence[AuditEntry] = ()
    programs: Sequence[Program] | None = None


def home(view: ProfileView, *, reader: str, entry: PasswordEntry, own: OwnPart, admin: AdminPart | None) -> View:
    """Return the Home tab of `reader`."""
    blocks: list[Block] = [header("Email profile")]
    if view.state is ProfileState.NOT_SET_UP:
        blocks.append(section(f"*Welcome!* {PURPOSE}"))
    blocks += card(view, reader=reader, entry=entry, programs=own.programs).blocks
    if view.state in _NEXT:
        blocks.append(section(_NEXT[view.state]))
    if own.last is not None:
        blocks += last_report(view.account, own.last, owner=reader)
    if view.revision:
        blocks += [
            header("History"),
            *line_sections([history_line(entry) for entry in own.history] or ["Nothing yet."]),
            actions(button("History", ActionId.HISTORY_OLDER, value=f"{reader}:"), block_id="own_history"),
        ]
    if admin is not None:
        blocks += [
            DividerBlock(),
            *home_blocks(admin.page),
            header("Workspace defaults"),
            *line_sections(summary(admin.defaults)),
            header("Recent changes"),
            *line_sections(changes(admin.recent) or ["Nothing was changed yet."]),
        ]
    return View(type="home", blocks=blocks)


def refused(sentence: str) -> View:
    """Return the Home tab of somebody who can have no profile."""
    return View(type="home", blocks=[header("Email profile"), section(escape(sentence))])
