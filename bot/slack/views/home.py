"""The Home tab: one's own card and, for admins, everybody's."""

from collections.abc import Sequence
from dataclasses import dataclass

from slack_sdk.models.blocks import Block, DividerBlock
from slack_sdk.models.views import View

from bot.profiles.account.records import ProfileView, State
from bot.profiles.people.defaults import Defaults
from bot.profiles.people.people_list import Page
from bot.slack.ids import ActionId
from bot.slack.views.card import card
from bot.slack.views.defaults import summary
from bot.slack.views.form import PasswordEntry
from bot.slack.views.history import changes
from bot.slack.views.message import actions, button, escaped, header, rows, section
from bot.slack.views.people_list import first_lines
from storage.tables.audit import AuditEntry

_NEXT = {
    State.PASSWORD_MISSING: "Next: set the password, then test the connection.",
    State.NOT_TESTED: "Next: test the connection.",
    State.FAILS: "Next: test the connection again; the report says what to change.",
    State.UNREADABLE: "Next: type everything again.",
}


@dataclass(frozen=True, kw_only=True)
class AdminPart:
    """What only admins see."""

    page: Page
    defaults: Defaults
    recent: Sequence[AuditEntry]


def home(view: ProfileView, *, reader: str, entry: PasswordEntry, admin: AdminPart | None) -> View:
    """Make the Home tab of `reader`."""
    blocks: list[Block] = [header("Email profile"), *card(view, reader=reader, entry=entry).blocks]
    if view.state in _NEXT:
        blocks.append(section(_NEXT[view.state]))
    if view.revision:
        blocks.append(actions(button("History", ActionId.HISTORY_OLDER, value=f"{reader}:"), block_id="own_history"))
    if admin is not None:
        blocks += [DividerBlock(), *first_lines(admin.page), *_around(admin)]
    return View(type="home", blocks=blocks)


def refused(sentence: str) -> View:
    """Make the Home tab of somebody who can have no profile."""
    return View(type="home", blocks=[header("Email profile"), section(escaped(sentence))])


def _around(admin: AdminPart) -> list[Block]:
    blocks: list[Block] = [header("Workspace defaults"), *rows(summary(admin.defaults))]
    blocks.append(header("Recent changes"))
    blocks += rows(changes(admin.recent) or ["Nothing was changed yet."])
    return blocks
