"""The history of a profile: who did what, and when."""

from collections.abc import Iterable

from bot.profiles.people.defaults import DEFAULTS_SUBJECT
from bot.profiles.people.history import HistoryPage
from bot.slack.ids import ActionId
from bot.slack.views.message import Block, Message, actions, button, escape, format_time, line_sections, section
from storage.tables.audit import AuditEntry


def history(page: HistoryPage, *, reader: str) -> Message:
    """Return one page, newest first."""
    own = page.owner.user == reader
    title = "Your history" if own else f"History of <@{page.owner.user}>"
    lines = [_line(entry) for entry in page.entries]
    blocks: list[Block] = [section(f"*{title}*"), *line_sections(lines or ["Nothing yet."])]
    if page.older is not None:
        blocks.append(actions(button("Older", ActionId.HISTORY_OLDER, value=f"{page.owner.user}:{page.older}")))
    count = len(lines)
    text = f"The last {count} changes and tests." if count else "There is no history yet."
    return Message(text=text, blocks=blocks)


def changes(entries: Iterable[AuditEntry]) -> list[str]:
    """Return changes of many people, a line each, with whose profile it was."""
    return [f"{_line(entry)}  ({_subject(entry)})" for entry in entries]


def _line(entry: AuditEntry) -> str:
    who = "the bot" if entry.actor == "bot" else f"<@{entry.actor}>"
    what = ", ".join(entry.fields)
    return f"{format_time(entry.at)}  {who}  {escape(f'{entry.action}: {what}' if what else entry.action)}"


def _subject(entry: AuditEntry) -> str:
    return "the workspace" if entry.subject == DEFAULTS_SUBJECT else f"<@{entry.subject}>"


def decode_older(value: str) -> tuple[str, int | None]:
    """Read the value of the button: whose history, and the number of the entry to go on from."""
    user, _, number = value.partition(":")
    return user, int(number) if number.isascii() and number.isdigit() and len(number) < 16 else None
