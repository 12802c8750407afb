"""What a call of Slack's Web API may fail with, and what that means."""

import aiohttp
from slack_sdk.errors import SlackApiError

SLACK_ERRORS = (SlackApiError, aiohttp.ClientError, TimeoutError, OSError)
"""What a call of Slack's may raise: a refusal or no answer that can be read, a lost connection, silence."""

_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)
"""What is raised before a request is sent: there is no connection."""

# "It's possible some aspect of the operation succeeded before the error was raised":
# https://docs.slack.dev/reference/methods/chat.postMessage#errors
_FAILED_INSIDE = ("internal_error", "fatal_error")

LONGEST_RETRY_AFTER_SECONDS = 60.0

# https://docs.slack.dev/reference/methods/views.open#errors, and the older names of the same.
_EXPIRED_TRIGGER = ("expired_trigger_id", "exchanged_trigger_id", "trigger_expired", "trigger_exchanged")

# Slack answers with the first; https://docs.slack.dev/reference/methods/chat.postMessage#errors names the second.
_RATE_LIMITED = ("ratelimited", "rate_limited")


def error_code(error: SlackApiError) -> str:
    """Return the error that Slack names, such as `not_found`; empty when the answer names none."""
    data = getattr(error.response, "data", error.response)
    name = data.get("error") if isinstance(data, dict) else None
    return name if isinstance(name, str) else ""


def is_temporary(error: SlackApiError) -> bool:
    """Whether the same call may well succeed a little later: too many requests, or a failure inside Slack."""
    return error_code(error) in ("", *_RATE_LIMITED, *_FAILED_INSIDE) or _status(error) >= 500


def is_over_soon(error: BaseException) -> bool:
    """Whether what was to be sent may well be taken later: Slack is busy, fails, is silent, or out of reach."""
    if isinstance(error, SlackApiError):
        return is_temporary(error)
    return isinstance(error, SLACK_ERRORS)


def is_unanswered(error: BaseException) -> bool:
    """Whether a call was made, and nothing tells whether Slack did what it asks for.

    Slack was silent, the connection was cut, what came with status 200 cannot be read, or Slack failed inside, where it
    may have done it all the same.
    """
    if isinstance(error, SlackApiError):
        code = error_code(error)
        return code in _FAILED_INSIDE or (_status(error) == 200 and not code)
    return isinstance(error, SLACK_ERRORS) and not isinstance(error, _NOT_SENT)


def is_drawn_anew(error: BaseException | None) -> bool:
    """Whether Slack says that a view was drawn anew since the drawing that a call named."""
    return isinstance(error, SlackApiError) and error_code(error) == "hash_conflict"


def is_of_gateway(error: SlackApiError) -> bool:
    """Whether a gateway answered in Slack's place, which seldom did what it was asked for: a 5xx other than 503."""
    return not error_code(error) and _status(error) >= 500 and _status(error) != 503


def is_expired_trigger(error: BaseException) -> bool:
    """Whether Slack says that a trigger has expired, or was used before."""
    return isinstance(error, SlackApiError) and error_code(error) in _EXPIRED_TRIGGER


def opens_with_new_trigger(error: BaseException) -> bool:
    """Whether a modal that was not opened may open with a new trigger: Slack was busy, silent, or it was late."""
    return is_over_soon(error) or is_expired_trigger(error)


def retry_after_seconds(error: SlackApiError, *, at_most: float = LONGEST_RETRY_AFTER_SECONDS) -> float:
    """Return the Retry-After of an answer, at most a minute where somebody waits for it; 0 where it has none."""
    text = str((getattr(error.response, "headers", None) or {}).get("Retry-After", ""))
    return min(float(text), at_most) if text.isdecimal() else 0.0


def is_ratelimited(error: BaseException) -> bool:
    """Whether Slack says that the method was called too often."""
    return isinstance(error, SlackApiError) and (error_code(error) in _RATE_LIMITED or _status(error) == 429)


def _status(error: SlackApiError) -> int:
    # slack_sdk gives aiohttp's response where its JSON breaks off, else its own.
    return int(getattr(error.response, "status_code", getattr(error.response, "status", 0)))
