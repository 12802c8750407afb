"""The everyday blocks, whose JSON is written down when they are made.

slack_sdk's own blocks look themselves over, attribute by attribute, each time they are turned into JSON; for a card
this took longer than reading and opening the profile. What they would find is kept by `message`, which cuts texts
to Slack's limits, and held by a test against every view.
"""

from collections.abc import Sequence
from typing import Any

from slack_sdk.models.blocks import Block, ButtonElement, ConfirmObject


class WrittenBlock(Block):
    """A block of the given JSON (https://docs.slack.dev/reference/block-kit/blocks)."""

    def __init__(self, document: dict[str, Any], *, block_id: str | None = None) -> None:
        """Keep `document`, with its `block_id` where one is given."""
        super().__init__(type=document["type"], block_id=block_id)
        self._document = document if block_id is None else {**document, "block_id": block_id}

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON."""
        return self._document


class WrittenButton(ButtonElement):
    """A button (https://docs.slack.dev/reference/block-kit/block-elements/button-element)."""

    def __init__(
        self, text: str, action_id: str, *, value: str | None, style: str | None, confirm: ConfirmObject | None
    ) -> None:
        """Write down what is given."""
        self._document: dict[str, Any] = {"type": "button", "text": plain(text), "action_id": action_id}
        for name, given in (("value", value), ("style", style), ("confirm", confirm and confirm.to_dict())):
            if given is not None:
                self._document[name] = given

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON."""
        return self._document


def plain(text: str) -> dict[str, Any]:
    """Write a text in which nothing is markup."""
    return {"type": "plain_text", "text": text}


def markdown(text: str) -> dict[str, Any]:
    """Write a mrkdwn text in which Slack links nothing by itself."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def row_of(buttons: Sequence[ButtonElement]) -> list[dict[str, Any]]:
    """Write several buttons."""
    return [button.to_dict() for button in buttons]
