"""Reading a form: what its inputs show, whatever Slack leaves out of their state.

Of an input that was drawn anew and not touched since, Slack may send nothing although a value shows
(https://github.com/slackapi/bolt-js/issues/1258); of an input that a person emptied it sends nothing either. So inputs
that are drawn anew with a value have to be filled (`views/form.py`), and nothing in them means that value.
"""

from collections.abc import Iterator, Mapping
from typing import Any

_GENERATION = ":"


def block_id_of(name: str, generation: int) -> str:
    """Return an input's block id; a new generation is a new input to Slack, which begins at its initial value.

    An input with the same ids keeps what was typed when its modal is updated
    (https://docs.slack.dev/surfaces/modals#updating_views).
    """
    return f"{name}{_GENERATION}{generation}" if generation else name


def name_of(block_id: str) -> str:
    """Return the name that `block_id_of` made a block id of."""
    return block_id.partition(_GENERATION)[0]


def input_blocks(view: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the input blocks of a modal as a request claims it."""
    blocks = view.get("blocks")
    for block in blocks if isinstance(blocks, list) else []:
        if isinstance(block, dict) and block.get("type") == "input" and isinstance(block.get("block_id"), str):
            yield block


def block_ids(view: Mapping[str, Any]) -> dict[str, str]:
    """Return the block ids of a modal's inputs by their names."""
    return {name_of(block["block_id"]): block["block_id"] for block in input_blocks(view)}


class ShownValues:
    """What the inputs of a modal show.

    `view` is the modal as a request claims it; whatever is missing or has another shape is read as empty. With
    `redrawn` it was updated since it was opened.
    """

    def __init__(self, view: Mapping[str, Any], *, redrawn: bool) -> None:
        state = view.get("state")
        values = state.get("values") if isinstance(state, Mapping) else None
        self._values: Mapping[str, Any] = values if isinstance(values, Mapping) else {}
        self._blocks = {name_of(block["block_id"]): block for block in input_blocks(view)}
        self._redrawn = redrawn

    def has(self, name: str) -> bool:
        """Return whether there is such an input."""
        return name in self._blocks

    def text(self, name: str) -> str:
        """Return what stands in a text or number input."""
        typed = self._state(name).get("value")
        if isinstance(typed, str):
            return typed
        initial = self._element(name).get("initial_value")
        has_to_be_filled = name in self._blocks and not self._blocks[name].get("optional")
        return initial if self._redrawn and has_to_be_filled and isinstance(initial, str) else ""

    def choice(self, name: str) -> str:
        """Return the value of the option that a menu shows."""
        return self.decision(name) or _value_of(self._element(name).get("initial_option"))

    def day(self, name: str) -> str:
        """Return the day that a date picker shows, as year-month-day; empty where none was picked."""
        picked = self._state(name).get("selected_date")
        return picked if isinstance(picked, str) else ""

    def decision(self, name: str) -> str:
        """Return the value of the option that a person chose; empty when Slack says nothing of it."""
        return _value_of(self._state(name).get("selected_option"))

    def is_checked(self, name: str) -> bool:
        """Return whether a checkbox is checked; each change of one has to be followed by an update of the modal."""
        options = self._state(name).get("selected_options")
        if isinstance(options, list) and options:
            return True
        return self._redrawn and bool(self._element(name).get("initial_options"))

    def _element(self, name: str) -> Mapping[str, Any]:
        element = self._blocks.get(name, {}).get("element")
        return element if isinstance(element, Mapping) else {}

    def _state(self, name: str) -> Mapping[str, Any]:
        block = self._values.get(self._blocks[name]["block_id"] if name in self._blocks else name)
        if not isinstance(block, Mapping):
            return {}
        # An input block holds one element.
        state = next(iter(block.values()), None)
        return state if isinstance(state, Mapping) else {}


def _value_of(option: Any) -> str:
    value = option.get("value") if isinstance(option, Mapping) else None
    return value if isinstance(value, str) else ""
