"""How an answer of the bot reads: its verdict, its buttons, and which of its words are its own."""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_SYMBOLS = "white_check_mark|x|warning|heavy_minus_sign|hourglass_flowing_sand"
_STAGE_LINE = re.compile(rf"^:(?:{_SYMBOLS}): \*(?P<stage>[\w-]+)\* (?P<outcome>\w+).*$", re.MULTILINE)
_VERDICT = re.compile(r"Connection test (passed|failed)(?: at ([\w-]+))?")
_QUOTED = re.compile(r"“([^”]*)”|`([^`]*)`")
_CODES = re.compile(r"^\d{3}[- ]?(\d\.\d{1,3}\.\d{1,3})?\s*")
# What is listed below the stages is the server's own.
_FACTS = re.compile(
    r"^(Certificate: for|Cipher:|Ways of signing in offered:|Addresses:|Largest message:|Addresses beyond ASCII:).*$",
    re.MULTILINE,
)
_SHORTEST_QUOTATION = 12


@dataclass(frozen=True)
class Answer:
    """Everything of one message that can be read: its texts in order, and the labels of its buttons."""

    text: str
    buttons: Sequence[str]

    @classmethod
    def of(cls, text: str, blocks: Sequence[dict[str, Any]]) -> "Answer":
        """Read a message."""
        buttons = [element["text"]["text"] for element in _buttons(blocks)]
        words = [text, *_words(blocks)]
        return cls(html.unescape("\n".join(words)), [html.unescape(label) for label in buttons])

    @property
    def shown(self) -> str:
        """All that can be read."""
        return "\n".join([self.text, *self.buttons])

    @property
    def failed_stage(self) -> str | None:
        """Where a test failed by its headline; None where it passed, or is no report."""
        found = _VERDICT.search(self.text)
        return found[2] if found and found[1] == "failed" else None

    @property
    def verdict(self) -> str:
        """ "passed", "failed", or empty where this is no report."""
        found = _VERDICT.search(self.text)
        return found[1] if found else ""

    def outcomes(self, outcome: str) -> list[str]:
        """Return the stages that ended in a way."""
        return [line["stage"] for line in _STAGE_LINE.finditer(self.text) if line["outcome"] == outcome]

    def own_words(self, of_others: Sequence[str]) -> str:
        """Return the bot's own words: without stages, labels of buttons, and what servers said."""
        text = _FACTS.sub("", _STAGE_LINE.sub("", self.text))
        said = [line for reply in of_others for line in _lines(reply)]
        for line in said:
            text = re.sub(re.escape(line).replace(r"\ ", r"\s+"), "", text)
        return _QUOTED.sub(lambda quoted: "" if _is_said(quoted[1] or quoted[2] or "", said) else quoted[0], text)


def _is_said(quotation: str, said: Sequence[str]) -> bool:
    """Whether a quotation is a part of what a server said."""
    plain = _CODES.sub("", quotation).rstrip("… ")
    return len(plain) >= _SHORTEST_QUOTATION and plain.lower() in " ".join(said).lower()


def _lines(reply: str) -> list[str]:
    """Return a reply's lines without their codes, where they are long enough to be known again."""
    plain = (_CODES.sub("", line).strip() for line in re.sub(r"\{[^}]*\}", "", reply).split("\n"))
    return [line for line in plain if len(line) >= _SHORTEST_QUOTATION]


def _buttons(blocks: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for block in blocks:
        for element in [*(block.get("elements") or []), block.get("accessory")]:
            if isinstance(element, dict) and element.get("type") == "button":
                yield element


def _words(blocks: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield every text outside of buttons and menus."""
    for block in blocks:
        for part in (block.get("text"), *(block.get("fields") or []), *(block.get("elements") or [])):
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]
