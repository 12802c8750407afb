"""What is refused: by Slack's Web API to the bot, and by the bot to people."""

import logging

from slack_sdk.errors import SlackApiError

log = logging.getLogger(__name__)


def note_refusal(what: str) -> None:
    """Log that somebody may not do something; `what` is made of the program's own names and of ids."""
    log.info("Refused: %s.", what)


def refusal(error: SlackApiError) -> str:
    """Name what Slack refuses with, such as `not_found`; empty when the answer names nothing."""
    data = getattr(error.response, "data", error.response)
    name = data.get("error") if isinstance(data, dict) else None
    return name if isinstance(name, str) else ""


def is_busy(error: SlackApiError) -> bool:
    """Whether the same may well be taken a little later: too many requests, or trouble inside Slack."""
    status = getattr(error.response, "status_code", 0)
    return refusal(error) in ("", "ratelimited", "internal_error", "fatal_error") or status >= 500
