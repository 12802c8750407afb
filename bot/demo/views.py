"""Open modals and what is typed into them: stacks, hashes, and state that survives an update."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.demo.people import BOT_USER, TEAM

MOST_STACKED = 3
"""https://docs.slack.dev/surfaces/modals#modal_lifecycle"""


class PlatformError(Exception):
    """What Slack would refuse; `str(error)` is the error's name in the Web API, or says what a person cannot do."""

    def __init__(self, error: str, messages: list[str] | None = None) -> None:
        """Keep the details that Slack gives in response_metadata."""
        super().__init__(error)
        self.error = error
        self.messages = messages or []


def _initial(element: dict[str, Any]) -> Any:
    match element["type"]:
        case "checkboxes":
            return list(element.get("initial_options") or [])
        case "static_select" | "radio_buttons":
            return element.get("initial_option")
        case _:
            return element.get("initial_value")


def _state_of(element: dict[str, Any], value: Any) -> dict[str, Any]:
    match element["type"]:
        case "checkboxes":
            return {"type": "checkboxes", "selected_options": value or []}
        case "static_select" | "radio_buttons":
            return {"type": element["type"], "selected_option": value}
        case _:
            return {"type": element["type"], "value": value or None}


@dataclass
class OpenView:
    """One modal (or a Home tab) of one person. `values` is keyed by block id and action id."""

    user: str
    content: dict[str, Any]
    root_id: str = ""
    previous_id: str | None = None
    id: str = field(default_factory=lambda: f"V{secrets.token_hex(6).upper()}")
    hash: str = field(default_factory=lambda: secrets.token_hex(8))
    values: dict[tuple[str, str], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Complete the ids, and begin with the initial values."""
        self.root_id = self.root_id or self.id
        self.replace(self.content)

    def replace(self, content: dict[str, Any]) -> None:
        """Take new content; inputs with the same ids keep what was typed."""
        self.content = content
        self.hash = secrets.token_hex(8)
        for number, block in enumerate(content["blocks"]):
            block.setdefault("block_id", f"b{number}")
        kept = self.values
        self.values = {key: kept.get(key, _initial(element)) for key, element in self.inputs()}

    def inputs(self) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
        """Give every input with its (block id, action id)."""
        for block in self.content["blocks"]:
            if block["type"] == "input":
                yield (block["block_id"], block["element"].get("action_id", "")), block["element"]

    def labelled(self, label: str) -> tuple[dict[str, Any], tuple[str, str]]:
        """Find an input block by its label.

        Raises:
            PlatformError: there is none.
        """
        for block in self.content["blocks"]:
            if block["type"] == "input" and block["label"]["text"] == label:
                return block, (block["block_id"], block["element"].get("action_id", ""))
        raise PlatformError(f"there is no input {label!r}")

    def enter(self, key: tuple[str, str], element: dict[str, Any], value: Any) -> None:
        """Take what a person entered: a text, True/False or a list of option values, or an option's value.

        Raises:
            PlatformError: there is no such option.
        """
        options = {option["value"]: option for option in element.get("options") or []}
        match element["type"]:
            case "checkboxes" if isinstance(value, bool):
                self.values[key] = list(options.values()) if value else []
            case "checkboxes":
                self.values[key] = [options[name] for name in value if name in options]
            case "static_select" | "radio_buttons":
                if value not in options:
                    raise PlatformError(f"there is no option {value!r}")
                self.values[key] = options[value]
            case _:
                self.values[key] = value

    def missing(self) -> dict[str, str]:
        """Name the required inputs that are empty, as the client does before it submits."""
        empty = {}
        for block in self.content["blocks"]:
            if block["type"] != "input" or block.get("optional"):
                continue
            key = (block["block_id"], block["element"].get("action_id", ""))
            if not self.values.get(key):
                empty[block["block_id"]] = "Please complete this required field."
        return empty

    def payload(self) -> dict[str, Any]:
        """Give the view as Slack sends it in interactions."""
        values: dict[str, dict[str, Any]] = {}
        for (block_id, action_id), element in self.inputs():
            values.setdefault(block_id, {})[action_id] = _state_of(element, self.values[(block_id, action_id)])
        return {
            "callback_id": "",
            "private_metadata": "",
            "notify_on_close": False,
            "clear_on_close": False,
            **self.content,
            "id": self.id,
            "team_id": TEAM,
            "hash": self.hash,
            "state": {"values": values},
            "root_view_id": self.root_id,
            "previous_view_id": self.previous_id,
            "app_id": "A0DEMO",
            "app_installed_team_id": TEAM,
            "bot_id": BOT_USER,
        }
