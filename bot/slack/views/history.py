"""The history: who did what to a profile, and when."""

from collections.abc import Iterable

from slack_sdk.models.blocks import Block

from bot.profiles.people.defaults import DEFAULTS_SUBJECT
from bot.profiles.people.history import HistoryPage
from bot.slack.ids import ActionId
from bot.slack.views.message import Message, actions, button, escape, format_time, line_sections, section
from storage.tables.audit import AuditEntry


def history(page: HistoryPage, *, reader: str) -> Message:
    """Show one page, newest first."""
    own = page.owner.user == reader
    title = "Your history" if own else f"History of <@{page.owner.user}>"
    lines = [line(entry) for entry in page.entries]
    blocks: list[Block] = [section(f"*{title}*"), *line_sections(lines or ["Nothing yet."])]
    if page.older is not None:
        blocks.append(actions(button("Older", ActionId.HISTORY_OLDER, value=f"{page.owner.user}:{page.older}")))
    count = len(page.entries)
    text = f"The last {count} changes and tests." if count else "There is no history yet."
    return Message(text=text, blocks=blocks)


def line(entry: AuditEntry) -> str:
    """Write one entry: when, who, what."""
    who = "the bot" if entry.actor == "bot" else f"<@{entry.actor}>"
    what = ", ".join(entry.fields)
    return f"{format_time(entry.at)}  {who}  {escape(f'{entry.action}: {what}' if what else entry.action)}"


def changes(entries: Iterable[AuditEntry]) -> list[str]:
    """Write changes of many people: whose, too."""
    return [f"{line(entry)}  ({_whose(entry)})" for entry in entries]


def _whose(entry: AuditEntry) -> str:
    return "the workspace" if entry.subject == DEFAULTS_SUBJECT else f"<@{entry.subject}>"


def decode_older(value: str) -> tuple[str, int | None]:
    """Read the button's value: whose history, and older than which entry."""
    user, _, number = value.partition(":")
    return user, int(number) if number.isascii() and number.isdigit() and len(number) < 16 else None
