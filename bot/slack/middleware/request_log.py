"""One line in the log for each request, under one reference; metrics and traces learn how it ended.

It goes around Bolt: Bolt's own middleware ends before the listener begins, and never sees how that ends.
"""

import logging
import time
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.observability.log import Observer, Outcome, RequestRecord, Tracer, request_under_way
from bot.slack.ids import COMMANDS, EVENTS, ActionId, ShortcutId, ViewId
from bot.slack.middleware.overload import Dispatch

log = logging.getLogger(__name__)

KINDS = (*COMMANDS, "block_actions", "view_submission", "view_closed", "message_action", "shortcut", "event_callback")
"""What a request can be: a command, or one of these types of payload."""

_NAMES = (*ActionId, *ViewId, *ShortcutId, *EVENTS)
_UNSIGNED = "a request without Slack's signature"
LONGEST_ID = 40


BEGINNINGS = {
    Outcome.OK: "Served",
    Outcome.REFUSED: "Refused",
    Outcome.TOLD: "Told an error",
    Outcome.BUSY: "Asked to come back",
    Outcome.FAILED: "Failed",
}
"""How the log line of each outcome begins."""


def kind_of(body: Mapping[str, Any]) -> str:
    """Return a request's kind, one of KINDS or "other"."""
    kind = body.get("command") or body.get("type")
    return kind if kind in KINDS else "other"


def log_requests(dispatch: Dispatch, *, observer: Observer | None = None, tracer: Tracer | None = None) -> Dispatch:
    """Return a dispatch that logs, counts and traces how each request ended."""

    async def serve(request: AsyncBoltRequest) -> BoltResponse:
        began = time.perf_counter()
        with tracer() if tracer else nullcontext() as report_end, request_under_way() as record:
            response = await dispatch(request)
            seconds = time.perf_counter() - began
            if response.status >= 400:
                record.outcome = Outcome.FAILED if response.status >= 500 else Outcome.REFUSED
            # A request without a signature may call itself anything.
            signed = response.status != 401
            if observer is not None:
                observer(kind_of(request.body) if signed else "other", record.outcome, seconds)
            if report_end is not None:
                report_end(_asked(request) if signed else _UNSIGNED, record.outcome, record.reference)
            _log(request, response.status, record, seconds)
        return response

    return serve


def _log(request: AsyncBoltRequest, status: int, record: RequestRecord, seconds: float) -> None:
    level = _level(record.outcome, status)
    if not log.isEnabledFor(level):
        return
    context, signed = request.context, status != 401
    fields = {
        "reference": record.reference,
        "command": _asked(request) if signed else _UNSIGNED,
        "workspace": _id(context.get("workspace") or context.team_id) if signed else "",
        "user": _id(context.user_id) if signed else "",
        "outcome": str(record.outcome),
        "milliseconds": round(seconds * 1000),
    }
    whose = f" for {fields['user'] or 'nobody'} of {fields['workspace'] or 'no workspace'}" if signed else ""
    log.log(
        level,
        "%s: %s%s, %d ms (reference %s).",
        BEGINNINGS[record.outcome],
        fields["command"],
        whose,
        fields["milliseconds"],
        record.reference,
        extra=fields,
        exc_info=record.error,
    )


def _level(outcome: Outcome, status: int) -> int:
    """A failure is an ERROR; what no listener knows or nobody signed, a WARNING; the rest is daily life.

    Those who were asked to come back are counted in a line of their own, now and then.
    """
    if outcome is Outcome.FAILED:
        return logging.ERROR
    if outcome is Outcome.BUSY:
        return logging.DEBUG
    return logging.WARNING if status >= 400 else logging.INFO


def _asked(request: AsyncBoltRequest) -> str:
    """Return what was asked for by the program's own names; never by what a person typed."""
    body = request.body
    kind = kind_of(body)
    invocation = request.context.get("invocation")
    if invocation is not None:
        return f"{kind} {invocation.subcommand}"
    actions = body.get("actions")
    first = actions[0] if isinstance(actions, list) and actions else None
    view, event = body.get("view"), body.get("event")
    for part, name in ((first, "action_id"), (view, "callback_id"), (event, "type"), (body, "callback_id")):
        if isinstance(part, dict) and part.get(name) in _NAMES:
            return f"{kind} {part[name]}"
    return kind


def _id(value: Any) -> str:
    """Return one of Slack's ids; empty for what does not look like one."""
    looks_like_one = isinstance(value, str) and len(value) <= LONGEST_ID and value.isascii() and value.isalnum()
    return value if looks_like_one else ""
