"""Each request that is served: one line in the log, one reference, and what the metrics learn of it."""

import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier

from bot.slack.command_text import SUBCOMMANDS, NotUnderstoodError, parse
from bot.slack.ids import COMMANDS, EVENTS, ActionId, ViewId
from bot.slack.middleware.overload import Load
from bot.slack.web_api import errors as refusals
from bot.slack.workspaces.workspaces import workspace_of

log = logging.getLogger(__name__)

KINDS = (*COMMANDS, "block_actions", "view_submission", "view_closed", "event_callback")
"""What a request can be: a command, or one of these types of payload."""

_NAMES = (*ActionId, *ViewId, *EVENTS)

_UNSIGNED = "a request without Slack's signature"

LONGEST_ID = 40

Observer = Callable[[str, "Outcome", float], None]
"""Takes a request's kind, how it ended, and the seconds until its answer was ready."""


Tell = Callable[[str, "Outcome", str], None]
"""Takes what a request asked for, how it ended, and its reference."""

Serve = Callable[[AsyncBoltRequest], Awaitable[BoltResponse]]


class Outcome(StrEnum):
    """How a request ended."""

    OK = "ok"
    REFUSED = "refused"
    """The caller may not do this, or the request is none of Slack's."""
    TOLD = "told an error"
    """The person was told what they can mend."""
    BUSY = "busy"
    """More was under way than the process carries; the person was asked to come back."""
    FAILED = "failed"
    """The program or its database failed; a person can only try again."""


@dataclass
class ServedRequest:
    """One request under way: what it asks for and how it ends as far as is known, and an error that nobody expected."""

    outcome: Outcome = Outcome.OK
    error: BaseException | None = None
    asked: str = ""
    _reference: str = ""

    @property
    def reference(self) -> str:
        """The request's short name, made when somebody asks for it first."""
        self._reference = self._reference or new_reference()
        return self._reference


_SERVED: ContextVar[ServedRequest | None] = ContextVar("served request", default=None)


def new_reference() -> str:
    """Make a short reference that a person can read out and an operator can find in the log."""
    return secrets.token_hex(4).upper()


def reference_now() -> str:
    """Give the reference of the request under way, also to jobs that it began; outside of one, a new one."""
    served = _SERVED.get()
    return served.reference if served else new_reference()


def log_undelivered(logger: logging.Logger, what: str, error: BaseException) -> None:
    """Log that something did not reach anybody, under the reference of the request that it belongs to."""
    reference = reference_now()
    logger.warning("%s (%s, reference %s).", what, type(error).__name__, reference, extra={"reference": reference})


def note_outcome(outcome: Outcome, error: BaseException | None = None) -> None:
    """Note how the request under way ends; `error` is one whose traceback belongs in the log."""
    served = _SERVED.get()
    if served is not None:
        served.outcome, served.error = outcome, error


def note_asked(asked: str) -> None:
    """Note what the request under way asks for, in the program's own names."""
    served = _SERVED.get()
    if served is not None:
        served.asked = asked


def kind_of(body: Mapping[str, Any]) -> str:
    """Tell a request's kind, one of KINDS or "other"."""
    kind = body.get("command") or body.get("type")
    return kind if kind in KINDS else "other"


class ServedApp(AsyncApp):
    """Bolt's app, which also tells of each request how it ended.

    Bolt's middleware ends before the listener begins, so only around the whole dispatch can an outcome be seen.
    """

    def __init__(self, *, signing_secret: str | None, **how: Any) -> None:
        """Make Bolt's app; without a signing secret requests come over a connection that is trusted."""
        super().__init__(signing_secret=signing_secret, request_verification_enabled=signing_secret is not None, **how)
        self.verifier = SignatureVerifier(signing_secret) if signing_secret is not None else None
        self.load = Load()
        self._observer: Observer | None = None
        self._tracer: Callable[[], AbstractContextManager[Tell]] | None = None
        self._commands: Serve | None = None

    def observe(self, observer: Observer) -> None:
        """Let `observer` know of every request from now on."""
        self._observer = observer

    def serve_commands(self, serve: Serve) -> None:
        """Let `serve` serve the bot's slash commands from now on, in place of Bolt."""
        self._commands = serve

    def trace(self, tracer: Callable[[], AbstractContextManager[Tell]]) -> None:
        """Serve every request from now on within what `tracer` gives, and tell that how it ended."""
        self._tracer = tracer

    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        """Serve a request, and write down how it ended."""
        if self._tracer is None:
            return await self._serve(req, None)
        with self._tracer() as tell:
            return await self._serve(req, tell)

    async def _serve(self, req: AsyncBoltRequest, tell: Tell | None) -> BoltResponse:
        served = ServedRequest()
        token = _SERVED.set(served)
        began = time.perf_counter()
        self.load.under_way += 1
        try:
            if self._commands is not None and req.body.get("command") in COMMANDS:
                response = await self._commands(req)
            else:
                response = await super().async_dispatch(req)
        finally:
            self.load.under_way -= 1
            _SERVED.reset(token)
        seconds = time.perf_counter() - began
        if response.status >= 400:
            served.outcome = Outcome.FAILED if response.status >= 500 else Outcome.REFUSED
        if self._observer is not None:
            # What nobody signed may call itself anything.
            kind = "other" if response.status == 401 else kind_of(req.body)
            self._observer(kind, served.outcome, seconds)
        if tell is not None:
            tell(_asked(req.body) if response.status != 401 else _UNSIGNED, served.outcome, served.reference)
        _write(req, response.status, served, seconds)
        return response


def _write(request: AsyncBoltRequest, status: int, served: ServedRequest, seconds: float) -> None:
    level = _level(served.outcome, status)
    logger = refusals.log if served.outcome is Outcome.REFUSED else log
    if not logger.isEnabledFor(level):
        return
    context = request.context
    signed = status != 401
    fields = {
        "reference": served.reference,
        "command": served.asked or _asked(request.body) if signed else _UNSIGNED,
        "workspace": _id(workspace_of(context) or context.team_id) if signed else "",
        "user": _id(context.user_id) if signed else "",
        "outcome": str(served.outcome),
        "milliseconds": round(seconds * 1000),
    }
    whose = f" for {fields['user'] or 'nobody'} of {fields['workspace'] or 'no workspace'}" if signed else ""
    logger.log(
        level,
        "%s: %s%s, %d ms (reference %s).",
        _BEGINNINGS[served.outcome],
        fields["command"],
        whose,
        fields["milliseconds"],
        served.reference,
        extra=fields,
        exc_info=served.error,
    )


_BEGINNINGS = {
    Outcome.OK: "Served",
    Outcome.REFUSED: "Refused",
    Outcome.TOLD: "Told an error",
    Outcome.BUSY: "Asked to come back",
    Outcome.FAILED: "Failed",
}


def _level(outcome: Outcome, status: int) -> int:
    """A failure is an ERROR; what no listener knows or nobody signed, a WARNING; the rest is daily life.

    Of the many who come back later the load itself tells now and then.
    """
    if outcome is Outcome.FAILED:
        return logging.ERROR
    if outcome is Outcome.BUSY:
        return logging.DEBUG
    return logging.WARNING if status >= 400 else logging.INFO


def _asked(body: Mapping[str, Any]) -> str:
    """Name what was asked for by the program's own names; never by what a person typed."""
    kind = kind_of(body)
    if kind in SUBCOMMANDS:
        return f"{kind} {_subcommand(kind, str(body.get('text') or ''))}".strip()
    actions = body.get("actions")
    first = actions[0] if isinstance(actions, list) and actions else None
    for part, name in ((first, "action_id"), (body.get("view"), "callback_id"), (body.get("event"), "type")):
        if isinstance(part, dict) and part.get(name) in _NAMES:
            return f"{kind} {part[name]}"
    return kind


def _subcommand(command: str, text: str) -> str:
    try:
        return parse(command, text).subcommand
    except NotUnderstoodError:
        return ""


def _id(value: Any) -> str:
    """Give an id of Slack's; what does not look like one, not at all."""
    looks_like_one = isinstance(value, str) and len(value) <= LONGEST_ID and value.isascii() and value.isalnum()
    return value if looks_like_one else ""
