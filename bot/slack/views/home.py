"""The Home tab: the reader's own card and, for admins, the list, the defaults and recent changes."""

from collections.abc import Sequence
from dataclasses import dataclass

from slack_sdk.models.blocks import DividerBlock
from slack_sdk.models.views import View

from bot.profiles.account.records import ProfileState, ProfileView
from bot.profiles.people.defaults import Defaults
from bot.profiles.people.people_list import PeoplePage
from bot.slack.ids import ActionId
from bot.slack.views.card import card
from bot.slack.views.conversation import PURPOSE
from bot.slack.views.defaults import summary
from bot.slack.views.form import PasswordEntry
from bot.slack.views.history import changes
from bot.slack.views.message import Block, actions, button, escape, header, line_sections, section
from bot.slack.views.people_list import home_blocks
from storage.tables.audit import AuditEntry

_NEXT = {
    ProfileState.PASSWORD_MISSING: "Next: set the password, then test the connection.",
    ProfileState.NOT_TESTED: "Next: test the connection.",
    ProfileState.FAILS: "Next: test the connection again; the report says what to change.",
    ProfileState.UNREADABLE: "Next: type everything again.",
}


@dataclass(frozen=True, kw_only=True)
class AdminPart:
    """What only admins see."""

    page: PeoplePage
    defaults: Defaults
    recent: Sequence[AuditEntry]


def home(view: ProfileView, *, reader: str, entry: PasswordEntry, admin: AdminPart | None) -> View:
    """Return the Home tab of `reader`."""
    blocks: list[Block] = [header("Email profile")]
    if view.state is ProfileState.NOT_SET_UP:
        blocks.append(section(f"*Welcome!* {PURPOSE}"))
    blocks += card(view, reader=reader, entry=entry).blocks
    if view.state in _NEXT:
        blocks.append(section(_NEXT[view.state]))
    if view.revision:
        blocks.append(actions(button("History", ActionId.HISTORY_OLDER, value=f"{reader}:"), block_id="own_history"))
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
