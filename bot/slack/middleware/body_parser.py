"""The repair of how Bolt reads form bodies.

Bolt 1.30 looks for the letters "payload" anywhere in a form body, so a slash command whose text, channel or
user name contains them is taken for an interaction without a payload, and the person sees `dispatch_failed`.
https://github.com/slackapi/bolt-python/blob/main/slack_bolt/request/internals.py (parse_body)
"""

import json
from typing import Any

from slack_bolt.request import async_request
from yarl import query_to_pairs


def parse_body(body: str, content_type: str | None) -> dict[str, Any]:
    """Read a request's body: JSON, a form with a `payload` field, or a plain form.

    Raises:
        ValueError: what should be JSON is not.
    """
    if not body:
        return {}
    if content_type == "application/json" or body.startswith("{"):
        return _mapping(body)
    form = dict(query_to_pairs(body))
    return _mapping(form["payload"]) if "payload" in form else form


def _mapping(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("The body is JSON, nested without end.") from None
    if not isinstance(value, dict):
        raise ValueError("The body is JSON, but no object.")  # noqa: TRY004 - the caller answers 400 to ValueError
    return value


def repair_body_parsing() -> None:
    """Let Bolt's requests be read by `parse_body`; doing it again changes nothing."""
    async_request.parse_body = parse_body  # type: ignore[attr-defined]
