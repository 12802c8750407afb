"""Logging: text or JSON lines, libraries never below INFO, and a filter that blanks secrets."""

import json
import logging
import re
from datetime import UTC, datetime
from typing import TextIO

# At DEBUG these print request bodies, SQL parameters or SMTP dialogues, which may hold passwords.
TALKATIVE = ("slack_sdk", "slack_bolt", "aiosqlite", "aiosmtplib", "psycopg", "mail", "aiohttp")

# These write down each statement, or whose credentials they found, already at INFO; botocore at DEBUG even an
# unwrapped key.
VERBOSE = ("sqlalchemy", "alembic", "botocore", "urllib3")

_SECRETS = re.compile(
    r"""xox[a-z](?:\.[a-z]+)?-[\w-]+                    # Slack tokens
      | xapp-[\w-]+
      | https://hooks\.slack\.com/\S+                    # a response_url is a bearer capability
      | (?<=AUTH\ PLAIN\ )\S+ | (?<=AUTH\ LOGIN\ )\S+
      | (?<=postgresql://)[^@/\s]+(?=@)
      | (?<="password":\ ")[^"]*""",
    re.VERBOSE | re.IGNORECASE,
)


def redacted(text: str) -> str:
    """Blank whatever in `text` looks like a token, a credential or a response_url."""
    return _SECRETS.sub("[redacted]", text)


class RedactingText(logging.Formatter):
    """Lines for people; secrets blanked in message and traceback alike."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        return redacted(super().format(record))


class RedactingJson(logging.Formatter):
    """One JSON object a line: time, level, logger, message and, for errors, the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redacted(record.getMessage()),
        }
        if record.exc_info:
            entry["traceback"] = redacted(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def _not_needless(record: logging.LogRecord) -> bool:
    """Leave out what Bolt says when it finds SLACK_BOT_TOKEN beside the client that it was given: that is meant so."""
    return "`token` will be unused" not in record.getMessage()


def set_up(*, level: str, form: str, stream: TextIO) -> None:
    """Send all logging to `stream` at `level` in `form` ("text" or "json")."""
    text = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    handler = logging.StreamHandler(stream)
    handler.addFilter(_not_needless)
    handler.setFormatter(RedactingJson() if form == "json" else RedactingText(text))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(root.level, logging.INFO))
    for name in VERBOSE:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
