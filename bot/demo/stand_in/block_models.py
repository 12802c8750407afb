"""What slack_sdk's own models say of blocks and views: the second opinion, made by those who run Slack.

They know each field of each block, and many limits (https://github.com/slackapi/python-slack-sdk, slack_sdk/models).
"""

import json
from functools import lru_cache
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

_REMEMBERED = 4096


def block_problems(block: dict[str, Any]) -> list[str]:
    """List what the models refuse or do not know in a block; empty when nothing is."""
    return list(_problems_of(json.dumps(block, sort_keys=True)))


# Most blocks come again and again, and a model takes longer than all other checks.
@lru_cache(maxsize=_REMEMBERED)
def _problems_of(text: str) -> tuple[str, ...]:
    block = json.loads(text)
    try:
        model = Block.parse(block)
        known = model.to_dict() if model is not None else {}
    except (SlackObjectFormationError, TypeError, AttributeError, ValueError) as error:
        return (f"slack_sdk: {error}",)
    return tuple(_unknown(block, known, str(block.get("type"))))


def view_problems(view: dict[str, Any]) -> list[str]:
    """List what the models refuse in a view apart from its blocks; empty when nothing is."""
    try:
        # A view without any block is none.
        View(**{**view, "blocks": [{"type": "divider"}]}).to_dict()
    except (SlackObjectFormationError, TypeError, AttributeError, ValueError) as error:
        return [f"slack_sdk: {error}"]
    return []


def _unknown(given: Any, known: Any, where: str) -> list[str]:
    """List what was given and the models did not keep: a field that they do not know."""
    if isinstance(given, dict) and isinstance(known, dict):
        return [
            problem
            for name, value in given.items()
            if value or isinstance(value, bool)
            for problem in _unknown(value, known.get(name), f"{where}/{name}")
        ]
    if isinstance(given, list) and isinstance(known, list) and len(given) == len(known):
        pairs = enumerate(zip(given, known, strict=True))
        return [problem for number, (one, other) in pairs for problem in _unknown(one, other, f"{where}/{number}")]
    return [] if given == known or (given is False and known is None) else [f"slack_sdk: {where} is not known"]
