"""Open views and what is entered into blocks: stacks, hashes, and state that survives an update."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from bot.demo.stand_in.people import BOT_USER, TEAM

Key = tuple[str, str]
"""A block id and an action id."""

_TEXTS = {"plain_text_input", "email_text_input", "number_input"}
ENTERED = _TEXTS | {"datepicker", "static_select", "radio_buttons", "checkboxes"}
"""The elements that hold something; buttons and overflow menus hold nothing."""

MOST_STACKED = 3
"""https://docs.slack.dev/surfaces/modals#modal_lifecycle"""


class PlatformError(Exception):
    """What Slack would refuse; `str(error)` is the error's name in the Web API, or says what a person cannot do."""

    def __init__(self, error: str, messages: list[str] | None = None) -> None:
        """Keep the details that Slack gives in response_metadata."""
        super().__init__(error)
        self.error = error
        self.messages = messages or []


def elements(blocks: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield every interactive element with its block."""
    for block in blocks:
        for element in [*(block.get("elements") or []), block.get("accessory"), block.get("element")]:
            if isinstance(element, dict) and block["type"] in ("actions", "section", "input"):
                yield block, element


def key_of(block: dict[str, Any], element: dict[str, Any]) -> Key:
    """Return the ids under which an element's value is kept."""
    return block["block_id"], element.get("action_id", "")


def sends_while_typed(block: dict[str, Any]) -> bool:
    """Whether an input block sends what is entered without Enter: choices do, texts where they send each character.

    See https://docs.slack.dev/reference/block-kit/composition-objects/dispatch-action-configuration-object.
    """
    element = block["element"]
    if not block.get("dispatch_action") or "options" in element:
        return bool(block.get("dispatch_action"))
    return "on_character_entered" in ((element.get("dispatch_action_config") or {}).get("trigger_actions_on") or ())


def number_blocks(blocks: list[dict[str, Any]]) -> None:
    """Set a block id on each block that has none, as Slack does."""
    for number, block in enumerate(blocks):
        block.setdefault("block_id", f"b{number}")


def option_of(element: dict[str, Any], wanted: Any) -> dict[str, Any]:
    """Find an option by its value, or else by its words.

    Raises:
        PlatformError: there is none.
    """
    options: list[dict[str, Any]] = element.get("options") or []
    for option in options:
        if option.get("value") == wanted:
            return option
    for option in options:
        if option["text"]["text"] == wanted:
            return option
    raise PlatformError(f"there is no option {wanted!r}")


def _initial(element: dict[str, Any]) -> Any:
    match element["type"]:
        case "checkboxes":
            return list(element.get("initial_options") or [])
        case "static_select" | "radio_buttons":
            return element.get("initial_option")
        case "datepicker":
            return element.get("initial_date")
        case _:
            return element.get("initial_value")


def _state_of(element: dict[str, Any], value: Any) -> dict[str, Any]:
    match element["type"]:
        case "checkboxes":
            return {"type": "checkboxes", "selected_options": value or []}
        case "static_select" | "radio_buttons":
            return {"type": element["type"], "selected_option": value}
        case "datepicker":
            return {"type": "datepicker", "selected_date": value or None}
        case _:
            return {"type": element["type"], "value": value or None}


def _picked(day: str) -> str:
    """Return a day of the calendar, or nothing where it was emptied."""
    try:
        return date.fromisoformat(day).isoformat() if day else ""
    except ValueError:
        raise PlatformError(f"there is no day {day!r}") from None


class Entries:
    """What one person entered into some blocks. `values` is keyed by block id and action id."""

    def __init__(self, blocks: list[dict[str, Any]]) -> None:
        """Begin with the initial values."""
        self.values: dict[Key, Any] = {}
        self._touched: set[Key] = set()
        self._forgotten: set[Key] = set()
        self.show(blocks)

    def show(self, blocks: list[dict[str, Any]]) -> None:
        """Follow new blocks; elements with the same ids keep what was entered."""
        number_blocks(blocks)
        self.blocks = blocks
        kept = self.values
        self.values = {key: kept.get(key, _initial(element)) for key, element in self.entered()}
        self._touched &= self.values.keys()
        self._forgotten.clear()

    def forget_untouched(self) -> None:
        """Send nulls for what nobody touched, although its value shows, until it is touched or shown anew."""
        self._forgotten = self.values.keys() - self._touched

    def entered(self) -> Iterator[tuple[Key, dict[str, Any]]]:
        """Return everything that holds a value, with its ids: inputs, selects, radio buttons, checkboxes."""
        for block, element in elements(self.blocks):
            if element["type"] in ENTERED:
                yield key_of(block, element), element

    def inputs(self) -> Iterator[tuple[Key, dict[str, Any]]]:
        """Return the elements of input blocks alone, with their ids."""
        for block in self.blocks:
            if block["type"] == "input":
                yield key_of(block, block["element"]), block["element"]

    def labelled(self, label: str) -> tuple[dict[str, Any], Key]:
        """Find an input block by its label.

        Raises:
            PlatformError: there is none.
        """
        for block in self.blocks:
            if block["type"] == "input" and block["label"]["text"] == label:
                return block, key_of(block, block["element"])
        raise PlatformError(f"there is no input {label!r}")

    def enter(self, key: Key, element: dict[str, Any], value: Any) -> None:
        """Store what a person entered: a text, True/False or a list of option values, an option, or a date (ISO 8601).

        Raises:
            PlatformError: there is no such option, or no such day.
        """
        options = {option["value"]: option for option in element.get("options") or []}
        self._touched.add(key)
        self._forgotten.discard(key)
        match element["type"]:
            case "checkboxes" if isinstance(value, bool):
                self.values[key] = list(options.values()) if value else []
            case "checkboxes":
                self.values[key] = [options[name] for name in value if name in options]
            case "static_select" | "radio_buttons":
                self.values[key] = option_of(element, value)
            case "datepicker":
                self.values[key] = _picked(value)
            case _:
                self.values[key] = value

    def missing(self) -> dict[str, str]:
        """Return errors for the required inputs that are empty, as the client does before it submits."""
        empty = {}
        for block in self.blocks:
            required = block["type"] == "input" and not block.get("optional")
            if required and not self.values.get(key_of(block, block["element"])):
                empty[block["block_id"]] = "Please complete this required field."
        return empty

    def state(self) -> dict[str, dict[str, Any]]:
        """Return the values as Slack sends them in `state.values`."""
        values: dict[str, dict[str, Any]] = {}
        for key, element in self.entered():
            block_id, action_id = key
            value = None if key in self._forgotten else self.values[key]
            values.setdefault(block_id, {})[action_id] = _state_of(element, value)
        return values


@dataclass
class OpenView(Entries):
    """One modal (or a Home tab) of one person, and what they entered."""

    user: str
    content: dict[str, Any]
    root_id: str = ""
    previous_id: str | None = None
    id: str = field(default_factory=lambda: f"V{secrets.token_hex(6).upper()}")
    hash: str = field(default_factory=lambda: secrets.token_hex(8))

    def __post_init__(self) -> None:
        """Complete the ids, and begin with the initial values."""
        self.root_id = self.root_id or self.id
        super().__init__(self.content["blocks"])

    def replace(self, content: dict[str, Any]) -> None:
        """Replace the content; inputs with the same ids keep what was typed."""
        self.content = content
        self.hash = secrets.token_hex(8)
        self.show(content["blocks"])

    def payload(self) -> dict[str, Any]:
        """Return the view as Slack sends it in interactions."""
        return {
            "callback_id": "",
            "private_metadata": "",
            "notify_on_close": False,
            "clear_on_close": False,
            **self.content,
            "id": self.id,
            "team_id": TEAM,
            "hash": self.hash,
            "state": {"values": self.state()},
            "root_view_id": self.root_id,
            "previous_view_id": self.previous_id,
            "app_id": "A0DEMO",
            "app_installed_team_id": TEAM,
            "bot_id": BOT_USER,
        }
