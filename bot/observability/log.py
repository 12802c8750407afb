"""The log: text or JSON lines with secrets blanked, and the request under way, whose reference lines bear.

Libraries are never logged below INFO. Jobs that a request starts belong to it too.
"""

import json
import logging
import re
import secrets
from collections.abc import Callable, Container, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO

LIBRARY_LEVELS = {
    # At DEBUG these print request bodies, SQL parameters or SMTP dialogues, which may hold passwords.
    **dict.fromkeys(("slack_sdk", "slack_bolt", "aiosqlite", "aiosmtplib", "psycopg", "aiohttp"), logging.INFO),
    # These print each statement already at INFO; urllib3, which sends traces, each connection at DEBUG.
    **dict.fromkeys(("sqlalchemy", "alembic", "urllib3"), logging.WARNING),
    # aiosmtpd's: at INFO it prints what programs say to the submission server.
    "mail": logging.CRITICAL,
}
"""The lowest level at which a library is logged, whatever LOG_LEVEL is."""

_SECRETS = re.compile(
    r"""xox[a-z](?:\.[a-z]+)?-[\w-]+                    # Slack tokens
      | xapp-[\w-]+
      | epb_[0-9a-z]{8}_\w+                              # tokens of programs
      | https://hooks\.slack\.com/\S+                    # a response_url is a bearer capability
      | (?<=AUTH\ PLAIN\ )\S+ | (?<=AUTH\ LOGIN\ )\S+
      | (?<=postgresql://)[^@/\s]+(?=@)
      | (?<="password":\ ")[^"]*""",
    re.VERBOSE | re.IGNORECASE,
)


def redact(text: str) -> str:
    """Return `text` with everything blanked that looks like a token, a credential or a response_url."""
    return _SECRETS.sub("[redacted]", text)


_OWN_LOGGERS = ("bot", "storage")
_OF_EVERY_RECORD = frozenset({*logging.makeLogRecord({}).__dict__, "message", "asctime"})
"""What logging itself puts into a record; all else was given as `extra`."""


class RedactingText(logging.Formatter):
    """Lines for people; secrets blanked in message and traceback alike."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        return redact(super().format(record))


class ColouredText(RedactingText):
    """Lines for people at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        return f"{_COLOURS.get(record.levelno, '')}{super().format(record)}\x1b[0m"


_COLOURS = {logging.DEBUG: "\x1b[2m", logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m"}
"""ECMA-48: faint, yellow, red."""


class RedactingJson(logging.Formatter):
    """One JSON object a line: time, level, logger, message, fields for machines, and an error's traceback.

    Fields are what our own lines are given as logging's `extra`; what a library adds is not ours to write down.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            entry["traceback"] = redact(self.formatException(record.exc_info))
        return json.dumps({**entry, **_fields(record, known=entry)}, ensure_ascii=False)


def _fields(record: logging.LogRecord, *, known: Container[str]) -> dict[str, object]:
    if record.name.partition(".")[0] not in _OWN_LOGGERS:
        return {}
    given = {name: value for name, value in record.__dict__.items() if name not in _OF_EVERY_RECORD}
    return {
        name: value if isinstance(value, int | float | None) else redact(str(value))
        for name, value in given.items()
        if name not in known
    }


def _wanted(record: logging.LogRecord) -> bool:
    """Whether a record is written, whatever level its library gave its own logger: Bolt copies the root's to each."""
    if record.levelno < LIBRARY_LEVELS.get(record.name.partition(".")[0], logging.NOTSET):
        return False
    if record.name == "slack_bolt.RequestVerification":
        # It prints the body of a request whose signature does not fit: with a mistyped secret that is every form.
        return False
    # Bolt finds SLACK_BOT_TOKEN in the environment beside the client that it was given, which is intended.
    return "`token` will be unused" not in record.getMessage()


def _formatter(form: str, stream: TextIO) -> logging.Formatter:
    if form == "json":
        return RedactingJson()
    text = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    return ColouredText(text) if stream.isatty() and _shows_colour(stream) else RedactingText(text)


def _shows_colour(terminal: TextIO) -> bool:
    from rich.console import Console  # noqa: PLC0415 - a service has no terminal, and it is slow to import

    console = Console(file=terminal)
    return console.color_system is not None and not console.no_color


def set_up(*, level: str, form: str, stream: TextIO) -> None:
    """Send all logging to `stream` at `level` in `form` ("text" or "json")."""
    handler = logging.StreamHandler(stream)
    handler.addFilter(_wanted)
    handler.setFormatter(_formatter(form, stream))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, lowest in LIBRARY_LEVELS.items():
        logging.getLogger(name).setLevel(max(root.level, lowest))


class Outcome(StrEnum):
    """How a request ended."""

    OK = "ok"
    REFUSED = "refused"
    """The caller may not do this, or the request is none of Slack's."""
    TOLD = "told an error"
    """The person was told what they can correct."""
    BUSY = "busy"
    """More was under way than the process carries; the person was asked to come back."""
    FAILED = "failed"
    """The program or its database failed; a person can only try again."""


Observer = Callable[[str, Outcome, float], None]
"""Takes a request's kind, how it ended, and the seconds until its answer was ready."""

ReportEnd = Callable[[str, Outcome, str], None]
"""Takes what a request asked for, how it ended, and its reference."""

Tracer = Callable[[], AbstractContextManager[ReportEnd]]
"""Opens a span around a request."""


@dataclass
class RequestRecord:
    """One request under way: how it ends as far as is known, and an error that nobody expected."""

    outcome: Outcome = Outcome.OK
    error: BaseException | None = None
    _reference: str = ""

    @property
    def reference(self) -> str:
        """The request's short name, made when it is first asked for."""
        self._reference = self._reference or new_reference()
        return self._reference


_CURRENT: ContextVar[RequestRecord | None] = ContextVar("current request", default=None)


@contextmanager
def request_under_way() -> Iterator[RequestRecord]:
    """Let everything in the block, and every task that it starts, belong to one new request."""
    record = RequestRecord()
    token = _CURRENT.set(record)
    try:
        yield record
    finally:
        _CURRENT.reset(token)


def new_reference() -> str:
    """Return a new short reference that a person can read out and an operator can find in the log."""
    return secrets.token_hex(4).upper()


def current_reference() -> str:
    """Return the reference of the request under way; without one, a new reference."""
    record = _CURRENT.get()
    return record.reference if record else new_reference()


def set_outcome(outcome: Outcome, error: BaseException | None = None) -> None:
    """Set how the request under way ends; `error` is one whose traceback belongs in the log."""
    record = _CURRENT.get()
    if record is not None:
        record.outcome, record.error = outcome, error


def log_undelivered(logger: logging.Logger, what: str, error: BaseException) -> None:
    """Log that something did not reach anybody, under the reference of the request that it belongs to."""
    reference = current_reference()
    logger.warning("%s (%s, reference %s).", what, type(error).__name__, reference, extra={"reference": reference})
