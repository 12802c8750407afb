"""What is refused: by Slack's Web API to the bot, and by the bot to people."""

import logging

import aiohttp
from slack_sdk.errors import SlackApiError

log = logging.getLogger(__name__)

SLACK_FAILS = (SlackApiError, aiohttp.ClientError, TimeoutError, OSError)
"""What a call of Slack's may raise: a refusal or no answer that can be read, a lost connection, silence."""

# https://docs.slack.dev/reference/methods/views.open#errors, and the older names of the same.
_TOO_LATE = ("expired_trigger_id", "exchanged_trigger_id", "trigger_expired", "trigger_exchanged")


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


def is_too_late(error: BaseException) -> bool:
    """Whether Slack says that a trigger has ended, or was used already."""
    return isinstance(error, SlackApiError) and refusal(error) in _TOO_LATE


def is_passing(error: BaseException) -> bool:
    """Whether a modal that was not opened may well open with a new trigger: Slack was busy, silent, or it was late."""
    if isinstance(error, SlackApiError):
        return is_too_late(error) or is_busy(error)
    return isinstance(error, SLACK_FAILS)


def wait_asked_for(error: SlackApiError) -> float:
    """Read a Retry-After, in seconds; more than a minute nobody waits."""
    text = str((getattr(error.response, "headers", None) or {}).get("Retry-After", ""))
    return min(float(text), 60.0) if text.isdecimal() else 0.0
