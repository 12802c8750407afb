"""What several forms share: inputs, and reading them back whatever shape a request claims they have."""

from collections.abc import Mapping
from typing import Any

from slack_sdk.models.blocks import CheckboxesElement, InputBlock, Option, PlainTextObject

from bot.slack.ids import ActionId

_ON = "on"


def checkbox_input(block_id: str, *, label: str, meaning: str, checked: bool) -> InputBlock:
    """Make an input that is one checkbox."""
    option = Option(value=_ON, label=meaning)
    return InputBlock(
        block_id=block_id,
        label=PlainTextObject(text=label),
        optional=True,
        element=CheckboxesElement(
            action_id=ActionId.VALUE, options=[option], initial_options=[option] if checked else None
        ),
    )


def text_value(values: Mapping[str, Any], block_id: str) -> str:
    """Read a text input; empty for anything else."""
    value = _element(values, block_id, ActionId.VALUE).get("value")
    return value if isinstance(value, str) else ""


def selected_value(values: Mapping[str, Any], block_id: str, action_id: str = ActionId.VALUE) -> str:
    """Read the value of a chosen option; empty when there is none."""
    option = _element(values, block_id, action_id).get("selected_option")
    value = option.get("value") if isinstance(option, Mapping) else None
    return value if isinstance(value, str) else ""


def is_checked(values: Mapping[str, Any], block_id: str) -> bool:
    """Read a checkbox."""
    options = _element(values, block_id, ActionId.VALUE).get("selected_options")
    return bool(options) if isinstance(options, list) else False


def _element(values: Mapping[str, Any], block_id: str, action_id: str) -> Mapping[str, Any]:
    block = values.get(block_id) if isinstance(values, Mapping) else None
    element = block.get(action_id) if isinstance(block, Mapping) else None
    return element if isinstance(element, Mapping) else {}
