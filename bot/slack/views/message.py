"""The pieces that every view is made of: escaped text, sections, buttons, and a message as a whole."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from slack_sdk.models.blocks import Block, ButtonElement, ConfirmObject, MarkdownTextObject, PlainTextObject
from slack_sdk.models.views import View

from bot.slack.views.blocks import WrittenBlock, WrittenButton, markdown, plain, row_of

MAX_SECTION_LENGTH = 3000
"""Characters of a section's text (https://docs.slack.dev/reference/block-kit/blocks/section-block)."""


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message: a full sentence for screen readers and notifications, and its blocks."""

    text: str
    blocks: Sequence[Block] = field(default_factory=tuple)

    def payload(self) -> dict[str, Any]:
        """Give the message as `ack`, `respond` and chat.postEphemeral take it; its text is mrkdwn too."""
        return {"text": escape(self.text), "blocks": [block.to_dict() for block in self.blocks]}


def escape(text: str) -> str:
    """Make a text inert in mrkdwn: exactly these three characters control it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """Show a value as it is: inside backticks Slack makes no link, mention or emoji of it."""
    inert = escape(text.replace("`", "'"))
    return f"`{inert}`" if inert.strip() else "—"


def truncate(text: str, most: int) -> str:
    """Cut a text to at most `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def format_date(at: datetime) -> str:
    """Show a day in the reader's zone."""
    return f"<!date^{int(at.timestamp())}^{{date_short}}|{_day(at)}>"


def format_time(at: datetime) -> str:
    """Show a time in the reader's zone, near ones in words such as "today"."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} at {{time}}|{_day(at)} {at.hour:02}:{at.minute:02} UTC>"


def _day(at: datetime) -> str:
    # strftime would name the month in the language of the machine.
    return f"{at.day:02} {_MONTHS[at.month - 1]} {at.year}"


def mrkdwn(text: str) -> MarkdownTextObject:
    """Make a mrkdwn text in which Slack links nothing by itself."""
    return MarkdownTextObject(text=truncate(text, MAX_SECTION_LENGTH), verbatim=True)


def section(text: str, *, block_id: str | None = None) -> Block:
    """Make a paragraph of mrkdwn that is escaped already."""
    return WrittenBlock({"type": "section", "text": markdown(truncate(text, MAX_SECTION_LENGTH))}, block_id=block_id)


def line_sections(lines: Iterable[str]) -> list[Block]:
    """Make as few paragraphs as hold all lines, each line whole."""
    paragraphs: list[str] = []
    for line in lines:
        if paragraphs and len(paragraphs[-1]) + 1 + len(line) <= MAX_SECTION_LENGTH:
            paragraphs[-1] += f"\n{line}"
        else:
            paragraphs.append(line)
    return [section(paragraph) for paragraph in paragraphs]


def preformatted(lines: Iterable[str]) -> list[Block]:
    """Show lines as they are, in as few paragraphs as hold them."""
    fence = "```"
    paragraphs: list[str] = []
    for line in lines:
        inert = escape(line.replace("`", "'"))
        if paragraphs and len(paragraphs[-1]) + len(inert) + 1 <= MAX_SECTION_LENGTH - 2 * len(fence):
            paragraphs[-1] += f"\n{inert}"
        else:
            paragraphs.append(inert)
    return [section(f"{fence}{paragraph}{fence}") for paragraph in paragraphs]


def context(text: str) -> Block:
    """Make a small line of mrkdwn that is escaped already."""
    return WrittenBlock({"type": "context", "elements": [markdown(truncate(text, MAX_SECTION_LENGTH))]})


def header(text: str) -> Block:
    """Make a headline, plain text of at most 150 characters."""
    return WrittenBlock({"type": "header", "text": plain(truncate(text, 150))})


def button(
    text: str,
    action_id: str,
    *,
    value: str | None = None,
    style: str | None = None,
    confirm: ConfirmObject | None = None,
) -> ButtonElement:
    """Make a button; `style` is "primary", "danger" or None."""
    return WrittenButton(truncate(text, 75), action_id, value=value, style=style, confirm=confirm)


def actions(*buttons: ButtonElement, block_id: str | None = None) -> Block:
    """Put buttons in a row."""
    return WrittenBlock({"type": "actions", "elements": row_of(buttons)}, block_id=block_id)


def notice(sentence: str) -> Message:
    """Make a message of one sentence."""
    return Message(text=sentence, blocks=[section(escape(sentence))])


def notice_view(sentence: str) -> View:
    """Make a small modal of one sentence."""
    return View(
        type="modal",
        title=PlainTextObject(text="Please note"),
        close=PlainTextObject(text="Close"),
        blocks=[section(escape(sentence))],
    )
