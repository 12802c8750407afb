"""A message that a shortcut was used on, as it reads outside of Slack: names, channels, links and files in words.

https://docs.slack.dev/messaging/formatting-message-text#retrieving-messages says how Slack writes a text, and
https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload what comes with the shortcut.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.slack.escaping import with_emoji
from bot.slack.views.message import unescape

_SPECIAL = re.compile(r"<([^<>|\n]+)(?:\|([^<>\n]*))?>")
_PERSON = re.compile(r"<@([UW][A-Z0-9]{1,30})(?:\|[^<>\n]*)?>")
_UNNAMED_CHANNELS = ("directmessage", "privategroup")
"""What stands in place of a name where the app is no member (https://api.slack.com/methods/conversations.info)."""
_MOST_PEOPLE = 200
"""Different people whose names are looked up for one message."""
_MOST_FILES = 50
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, kw_only=True)
class SharedFile:
    """A file of a message; `link` opens it in Slack, and is empty where Slack gives none."""

    name: str
    link: str


@dataclass(frozen=True, kw_only=True)
class SharedMessage:
    """A message as Slack sends it with a shortcut.

    `text` is mrkdwn. `author` is a user id, or empty where an app wrote it: then `author_name` may say what that calls
    itself. `channels` maps the ids of channels whose names are known to these; `channel` is where it was written.
    """

    text: str
    author: str
    author_name: str
    channel: str
    channels: Mapping[str, str]
    files: Sequence[SharedFile]
    at: datetime | None

    @property
    def people(self) -> frozenset[str]:
        """User ids of whoever wrote it and is mentioned in it."""
        mentioned = list(dict.fromkeys(_PERSON.findall(self.text)))[:_MOST_PEOPLE]
        return frozenset([*mentioned, *([self.author] if self.author else [])])

    def readable_text(self, names: Mapping[str, str]) -> str:
        """Return what the message says, without who wrote it; `names` maps user ids to names."""

        def words(match: re.Match[str]) -> str:
            return _words(match[1], match[2] or "", names, self.channels)

        return with_emoji(unescape(_SPECIAL.sub(words, self.text))).strip()

    def readable(self, names: Mapping[str, str]) -> str:
        """Return the whole message as plain text: who wrote it where and when, what it says, and its files."""
        author = names.get(self.author) or self.author_name or self.author or "An app"
        where = f" in #{self.channel}" if self.channel else ""
        when = f" on {_time(self.at)}" if self.at else ""
        parts = [f"{author} wrote{where}{when}:", self.readable_text(names)]
        if self.files:
            parts.append("\n".join(["Files in Slack:", *map(_file_line, self.files)]))
        return "\n\n".join(part for part in parts if part)


def shared_message(body: Mapping[str, Any]) -> SharedMessage:
    """Read the message of a shortcut's request; whatever is missing or has another shape is read as empty."""
    message, channel = _mapping(body.get("message")), _mapping(body.get("channel"))
    name = _text(channel.get("name"))
    is_named = bool(name) and name not in _UNNAMED_CHANNELS and not name.startswith("mpdm-")
    app = _mapping(message.get("bot_profile"))
    return SharedMessage(
        text=_text(message.get("text")) or _text_of_attachments(message),
        author="" if message.get("bot_id") else _text(message.get("user")),
        author_name=_one_line(_text(message.get("username")) or _text(app.get("name"))),
        channel=name if is_named else "",
        channels={_text(channel.get("id")): name} if is_named else {},
        files=tuple(_files(message))[:_MOST_FILES],
        at=_time_of(_text(message.get("ts"))),
    )


def _words(target: str, label: str, names: Mapping[str, str], channels: Mapping[str, str]) -> str:
    """Return what stands in a text for what Slack wrote between < and >; a link keeps its address."""
    if target.startswith("@"):
        return f"@{names.get(target[1:]) or label or target[1:]}"
    if target.startswith("#"):
        return f"#{label or channels.get(target[1:]) or target[1:]}"
    if target.startswith(("!date^", "!subteam^")):
        return label or target[1:].partition("^")[0]
    if target.startswith("!"):
        return f"@{target[1:].partition('^')[0]}"
    address = target.removeprefix("mailto:").removeprefix("tel:")
    return address if not label or address.endswith(label) else f"{label} ({address})"


def _text_of_attachments(message: Mapping[str, Any]) -> str:
    """Return what an app's message says that has only attachments (https://docs.slack.dev/messaging/formatting-message-text)."""
    parts = []
    for attachment in _list(message.get("attachments")):
        said = [_text(attachment.get(name)) for name in ("pretext", "title", "text")]
        parts.append("\n".join(filter(None, said)) or _text(attachment.get("fallback")))
    return "\n\n".join(filter(None, parts))


def _files(message: Mapping[str, Any]) -> Iterator[SharedFile]:
    for file in _list(message.get("files")):
        name = _one_line(_text(file.get("name")) or _text(file.get("title")) or "a file")
        link = _one_line(_text(file.get("permalink")))
        yield SharedFile(name=name, link=link if link.startswith("https://") else "")


def _file_line(file: SharedFile) -> str:
    return f"- {file.name}: {file.link}" if file.link else f"- {file.name}"


def _time(at: datetime) -> str:
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year} at {at.hour:02}:{at.minute:02} UTC"


def _time_of(ts: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(ts), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Iterator[Mapping[str, Any]]:
    yield from (one for one in value if isinstance(one, Mapping)) if isinstance(value, list) else ()
