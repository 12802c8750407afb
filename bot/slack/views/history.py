"""The history of a profile: who did what, when, and from what to what."""

from collections.abc import Iterable, Mapping

from bot.profiles.people.defaults import DEFAULTS_SUBJECT
from bot.profiles.people.history import HistoryPage
from bot.slack.ids import ActionId
from bot.slack.views.message import (
    Block,
    Message,
    actions,
    button,
    code,
    escape,
    format_time,
    line_sections,
    section,
    truncate,
)
from storage.tables.audit import BY_PROGRAM, TESTS, AuditEntry

MAX_DETAILS = 6
MAX_DETAIL_LENGTH = 100
"""Changes of one entry, and characters of each: a page of fifteen such entries is a message that Slack takes."""

_NO_PERSON: Mapping[str, str] = {"bot": "the bot", BY_PROGRAM: "a program"}
"""Actors that are no people."""


def history(page: HistoryPage, *, reader: str) -> Message:
    """Return one page, newest first."""
    own = page.owner.user == reader
    title = "Your history" if own else f"History of <@{page.owner.user}>"
    lines = [history_line(entry) for entry in page.entries]
    blocks: list[Block] = [section(f"*{title}*"), *line_sections(lines or ["Nothing yet."])]
    if page.older is not None:
        blocks.append(actions(button("Older", ActionId.HISTORY_OLDER, value=f"{page.owner.user}:{page.older}")))
    count = len(lines)
    text = f"The last {count} changes and tests." if count else "There is no history yet."
    return Message(text=text, blocks=blocks)


def history_line(entry: AuditEntry) -> str:
    """Return one entry: when, who, what, and from what to what where that is known."""
    who = _NO_PERSON.get(entry.actor) or f"<@{entry.actor}>"
    return f"{format_time(entry.at)}  {who}  {escape(entry.action)}{_what(entry)}"


def changes(entries: Iterable[AuditEntry]) -> list[str]:
    """Return changes of many people, a line each, with whose profile it was."""
    return [f"{history_line(entry)}  ({_subject(entry)})" for entry in entries]


def _what(entry: AuditEntry) -> str:
    if not entry.details:
        return f": {escape(', '.join(entry.fields))}" if entry.fields else ""
    outcome = f"{escape(', '.join(entry.fields))} · " if entry.action in TESTS and entry.fields else ""
    # The last one says on which server, with which login.
    details, more = entry.details, len(entry.details) - MAX_DETAILS
    if more > 0:
        details = (*details[: MAX_DETAILS - 1], details[-1])
    shown = [code(truncate(detail, MAX_DETAIL_LENGTH)) for detail in details]
    return f": {outcome}{' · '.join(shown)}{f' and {more} more' if more > 0 else ''}"


def _subject(entry: AuditEntry) -> str:
    return "the workspace" if entry.subject == DEFAULTS_SUBJECT else f"<@{entry.subject}>"


def decode_older(value: str) -> tuple[str, int | None]:
    """Read the value of the button: whose history, and the number of the entry to go on from."""
    user, _, number = value.partition(":")
    return user, int(number) if number.isascii() and number.isdigit() and len(number) < 16 else None
