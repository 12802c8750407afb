"""What every view is made of: messages, escaped text, blocks and inputs."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from slack_sdk.models.blocks import Block as SlackBlock
from slack_sdk.models.blocks import (
    CheckboxesElement,
    ConfirmObject,
    InputBlock,
    InteractiveElement,
    MarkdownTextObject,
    Option,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from bot.profiles.connection_tests.limits import duration_words
from bot.slack.ids import ActionId

Block = SlackBlock | dict[str, Any]
"""A block: plain JSON where it has few parts, which is made for every answer; slack_sdk's class where it has many."""

Button = dict[str, Any]
"""A button (https://docs.slack.dev/reference/block-kit/block-elements/button-element)."""

MAX_SECTION_LENGTH = 3000
"""Characters of a section's text (https://docs.slack.dev/reference/block-kit/blocks/section-block)."""

MAX_MESSAGE_LENGTH = 12_000
"""Characters of all texts in a message's blocks. Slack documents no limit, and has refused from 13,200 on, now and then
below (https://github.com/slackapi/bolt-js/issues/2509)."""

MAX_OPTION_LENGTH = 75
"""Characters of an option's text (https://docs.slack.dev/reference/block-kit/composition-objects/option-object)."""

MAX_ALERT_LENGTH = 200
"""Characters of an alert, which is one line or two."""
_SOON_SECONDS = 120.0
_FAR_SECONDS = 6 * 3600.0

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message: a full sentence for screen readers and notifications, and its blocks."""

    text: str
    blocks: Sequence[Block] = field(default_factory=tuple)

    def payload(self) -> dict[str, Any]:
        """Return the arguments of `ack`, response_urls and chat.postMessage; Slack reads `text` as mrkdwn too."""
        return {"text": escape(self.text), "blocks": [as_json(block) for block in self.blocks]}

    @property
    def is_too_long(self) -> bool:
        """Whether Slack may refuse it for its length, so that it has to go as a file."""
        return sum(map(len, _texts(self.payload()["blocks"]))) > MAX_MESSAGE_LENGTH

    def plain_text(self) -> str:
        """Return what its blocks say, without marks, for a file."""
        lines = (unescape(text.replace("```", "")) for text in _texts(self.payload()["blocks"]))
        return "\n".join(lines) + "\n"


def _texts(part: Any) -> Iterator[str]:
    """Yield every text in blocks as Slack gets it."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "text" and isinstance(value, str):
                yield value
            else:
                yield from _texts(value)
    elif isinstance(part, list):
        for value in part:
            yield from _texts(value)


def as_json(part: Any) -> dict[str, Any]:
    """Return a block or an element as Slack takes it."""
    return part if isinstance(part, dict) else dict(part.to_dict())


def escape(text: str) -> str:
    """Escape the three characters that control mrkdwn."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """Return a text as it was before `escape`."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def code(text: str) -> str:
    """Return a value between backticks, where Slack makes no link, mention or emoji of it; a dash when it is empty."""
    inert = escape(text.replace("`", "'"))
    return f"`{inert}`" if inert.strip() else "—"


def truncate(text: str, max_length: int) -> str:
    """Cut a text to `max_length` characters, the last one an ellipsis."""
    return text if len(text) <= max_length else f"{text[: max_length - 1]}…"


def format_date(at: datetime) -> str:
    """Return mrkdwn that Slack shows as a day in the reader's time zone."""
    return f"<!date^{int(at.timestamp())}^{{date_short}}|{_day(at)}>"


def format_time(at: datetime) -> str:
    """Return mrkdwn that Slack shows as a time in the reader's time zone, near days in words such as "today"."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} at {{time}}|{_day(at)} {at.hour:02}:{at.minute:02} UTC>"


def format_ago(at: datetime) -> str:
    """Return mrkdwn that Slack shows as how long ago something was, in words.

    `{ago}` is in https://docs.slack.dev/messaging/formatting-message-text#date-formatting.
    """
    return f"<!date^{int(at.timestamp())}^{{ago}}|on {_day(at)} at {at.hour:02}:{at.minute:02} UTC>"


def format_clock(at: datetime) -> str:
    """Return mrkdwn that Slack shows as a time of day with seconds in the reader's time zone."""
    return f"<!date^{int(at.timestamp())}^{{time_secs}}|{at.hour:02}:{at.minute:02}:{at.second:02} UTC>"


def format_end(at: datetime, seconds: float) -> str:
    """Return mrkdwn that says when something ends, `seconds` from now: in the reader's zone, with the day if it is far.

    The next two minutes are told in seconds, because a time of day has none.
    """
    if seconds <= _SOON_SECONDS:
        return f"in {duration_words(seconds)}"
    # "at 14:32", and "tomorrow at 14:32".
    at_time, shown = ("at ", "{time}") if seconds < _FAR_SECONDS else ("", "{date_short_pretty} at {time}")
    return f"{at_time}<!date^{math.ceil(at.timestamp())}^{shown}|{_day(at)} {at.hour:02}:{at.minute:02} UTC>"


def _day(at: datetime) -> str:
    # strftime would name the month in the language of the machine.
    return f"{at.day:02} {_MONTHS[at.month - 1]} {at.year}"


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": truncate(text, MAX_SECTION_LENGTH), "verbatim": True}


def mrkdwn(text: str) -> MarkdownTextObject:
    """Return a text object of escaped mrkdwn in which Slack makes no links of its own."""
    return MarkdownTextObject(text=truncate(text, MAX_SECTION_LENGTH), verbatim=True)


def section(text: str) -> Block:
    """Return a paragraph of mrkdwn; `text` is escaped already."""
    return {"type": "section", "text": _mrkdwn(text)}


def line_sections(lines: Iterable[str]) -> list[Block]:
    """Return as few paragraphs as hold all lines, each line whole."""
    return [section(paragraph) for paragraph in _paragraphs(lines, MAX_SECTION_LENGTH)]


def preformatted(lines: Iterable[str]) -> list[Block]:
    """Return lines in a fixed-width font, in as few paragraphs as hold them."""
    fence = "```"
    inert = (escape(line.replace("`", "'")) for line in lines)
    return [section(f"{fence}{text}{fence}") for text in _paragraphs(inert, MAX_SECTION_LENGTH - 2 * len(fence))]


def _paragraphs(lines: Iterable[str], max_length: int) -> list[str]:
    paragraphs: list[str] = []
    for line in lines:
        if paragraphs and len(paragraphs[-1]) + 1 + len(line) <= max_length:
            paragraphs[-1] += f"\n{line}"
        else:
            paragraphs.append(line)
    return paragraphs


def alert(text: str, level: str) -> list[Block]:
    """Return an alert of plain text, for modals, with the whole text below it where it is too long for one.

    `level` is "info", "warning", "error" or "success". See https://docs.slack.dev/reference/block-kit/blocks/alert-block.
    """
    brief = {"type": "plain_text", "text": truncate(text, MAX_ALERT_LENGTH), "emoji": False}
    whole = [section(escape(text))] if len(text) > MAX_ALERT_LENGTH else []
    return [{"type": "alert", "level": level, "text": brief}, *whole]


def context(text: str) -> Block:
    """Return a small line of mrkdwn; `text` is escaped already."""
    return {"type": "context", "elements": [_mrkdwn(text)]}


def header(text: str) -> Block:
    """Return a headline, plain text of at most 150 characters."""
    return {"type": "header", "text": {"type": "plain_text", "text": truncate(text, 150)}}


def button(
    text: str,
    action_id: str,
    *,
    value: str | None = None,
    style: str | None = None,
    confirm: ConfirmObject | None = None,
) -> Button:
    """Return a button; `style` is "primary", "danger" or None."""
    made: Button = {
        "type": "button",
        "text": {"type": "plain_text", "text": truncate(text, 75)},
        "action_id": action_id,
    }
    given = {"value": value, "style": style, "confirm": confirm and confirm.to_dict()}
    return made | {name: part for name, part in given.items() if part is not None}


def actions(*elements: Button | InteractiveElement, block_id: str | None = None) -> Block:
    """Return a row of buttons and menus."""
    row = {"type": "actions", "elements": [as_json(element) for element in elements]}
    return row | ({"block_id": block_id} if block_id else {})


def option(value: str, label: str) -> Option:
    """Return an option of a menu or a set of radio buttons."""
    return Option(value=value, text=truncate(label, MAX_OPTION_LENGTH))


def menu(
    action_id: str, labels: Mapping[str, str], *, selected: str, placeholder: str | None = None
) -> StaticSelectElement:
    """Return a menu; `labels` maps the value of each option to its text, `selected` is the value chosen at first."""
    options = {value: option(value, label) for value, label in labels.items()}
    return StaticSelectElement(
        action_id=action_id, placeholder=placeholder, options=list(options.values()), initial_option=options[selected]
    )


def checkbox_input(block_id: str, *, label: str, meaning: str, checked: bool, sent_as: ActionId) -> InputBlock:
    """Return an input that is one checkbox; each change of it is sent at once, under the action `sent_as`."""
    on = option("on", meaning)
    return InputBlock(
        block_id=block_id,
        label=label,
        optional=True,
        dispatch_action=True,
        element=CheckboxesElement(action_id=sent_as, options=[on], initial_options=[on] if checked else None),
    )


def people(count: int) -> str:
    """Return "15 people"."""
    return f"{count} {'person' if count == 1 else 'people'}"


def notice(sentence: str) -> Message:
    """Return a message of one sentence."""
    return Message(text=sentence, blocks=[section(escape(sentence))])


def notice_view(sentence: str) -> View:
    """Return a small modal of one sentence."""
    return View(type="modal", title="Please note", close="Close", blocks=[section(escape(sentence))])
