"""Logging: text or JSON lines, libraries never below INFO, and a filter that blanks secrets."""

import json
import logging
import re
import time
from datetime import UTC, datetime
from typing import TextIO

# At DEBUG these print request bodies, SQL parameters or SMTP dialogues, which may hold passwords.
TALKATIVE = ("slack_sdk", "slack_bolt", "aiosqlite", "aiosmtplib", "psycopg", "mail", "aiohttp")

# These write down each statement already at INFO, or (urllib3, which sends traces) each connection at DEBUG.
VERBOSE = ("sqlalchemy", "alembic", "urllib3")

_SECRETS = re.compile(
    r"""xox[a-z](?:\.[a-z]+)?-[\w-]+                    # Slack tokens
      | xapp-[\w-]+
      | https://hooks\.slack\.com/\S+                    # a response_url is a bearer capability
      | (?<=AUTH\ PLAIN\ )\S+ | (?<=AUTH\ LOGIN\ )\S+
      | (?<=postgresql://)[^@/\s]+(?=@)
      | (?<="password":\ ")[^"]*""",
    re.VERBOSE | re.IGNORECASE,
)


# One of these stands in every text that `_SECRETS` can match; looking for them is ten times quicker.
_SIGNS = ("xox", "xapp-", "hooks.slack.com", "auth plain", "auth login", "postgresql://", '"password"')


def redacted(text: str) -> str:
    """Blank whatever in `text` looks like a token, a credential or a response_url."""
    lowered = text.lower()
    if any(sign in lowered for sign in _SIGNS):
        return _SECRETS.sub("[redacted]", text)
    return text


FIELDS = ("reference", "command", "workspace", "user", "outcome", "milliseconds")
"""What a line may carry besides its message (`extra`), for machines."""


class RedactingText(logging.Formatter):
    """Lines for people; secrets blanked in message and traceback alike."""

    _second = ("", -1)

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        return redacted(super().format(record))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        """Format a record's time; its second is worded once for all lines of that second."""
        second = int(record.created)
        if self._second[1] != second:
            self._second = (time.strftime(datefmt or self.default_time_format, time.localtime(second)), second)
        return f"{self._second[0]},{record.msecs:03.0f}"


class ColouredText(RedactingText):
    """Lines for people at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        return f"{_COLOURS.get(record.levelno, '')}{super().format(record)}\x1b[0m"


_COLOURS = {logging.DEBUG: "\x1b[2m", logging.WARNING: "\x1b[33m", logging.ERROR: "\x1b[31m"}
"""ECMA-48: faint, yellow, red."""


class RedactingJson(logging.Formatter):
    """One JSON object a line: time, level, logger, message, FIELDS where there are any, and an error's traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redacted(record.getMessage()),
        }
        entry.update({name: record.__dict__[name] for name in FIELDS if name in record.__dict__})
        if record.exc_info:
            entry["traceback"] = redacted(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def _wanted(record: logging.LogRecord) -> bool:
    """Leave out what libraries say too much, whatever levels they give their own loggers."""
    package = record.name.partition(".")[0]
    if record.levelno < (logging.WARNING if package in VERBOSE else logging.INFO if package in TALKATIVE else 0):
        # Bolt copies the root's level to each of its loggers.
        return False
    if record.name == "slack_bolt.RequestVerification":
        # It prints the body of a request whose signature does not fit: with a mistyped secret that is every form.
        return False
    # Bolt finds SLACK_BOT_TOKEN beside the client that it was given: that is meant so.
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
    # What no line tells need not be found out for each (https://docs.python.org/3/howto/logging.html#optimization).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(root.level, logging.INFO))
    for name in VERBOSE:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
