"""Logging: libraries that print bodies stay at INFO, and secrets are blanked in text, JSON and tracebacks."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from bot.observability import log


@pytest.fixture(autouse=True)
def _restored_root() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    own = ("slack_bolt.RequestVerification", "slack_bolt.AsyncApp")
    levels = {name: logging.getLogger(name).level for name in (*log.LIBRARY_LEVELS, *own)}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)


def test_libraries_that_print_bodies_never_go_below_info() -> None:
    stream = io.StringIO()
    log.set_up(level="debug", form="text", stream=stream)
    logging.getLogger("slack_sdk.web.async_client").debug("canary in a body")
    logging.getLogger("aiosmtplib").debug("AUTH canary")
    logging.getLogger("sqlalchemy.engine.Engine").info("SELECT canary")
    logging.getLogger("bot.anything").debug("our own line")
    assert "our own line" in stream.getvalue()
    assert "canary" not in stream.getvalue()


@pytest.mark.parametrize(
    "secret",
    [
        "xoxb-1234-abc",
        "xapp-1-A012-345-def",
        "https://hooks.slack.com/commands/T1/2/abc",
        "xoxe.xoxp-1-abc",
        "epb_aB345678_0Aa",
    ],
)
def test_tokens_and_response_urls_are_blanked(secret: str) -> None:
    stream = io.StringIO()
    log.set_up(level="info", form="text", stream=stream)
    logging.getLogger("bot").warning("before %s after", secret)
    assert "before [redacted] after" in stream.getvalue()


def test_credentials_in_smtp_lines_and_database_addresses_are_blanked() -> None:
    text = log.redact("AUTH PLAIN AGFkYQBjYW5hcnk= postgresql://bot:canary@db/x")
    assert text == "AUTH PLAIN [redacted] postgresql://[redacted]@db/x"


def test_json_lines_carry_message_and_redacted_traceback() -> None:
    stream = io.StringIO()
    log.set_up(level="info", form="json", stream=stream)
    try:
        raise RuntimeError("xoxb-canary")
    except RuntimeError:
        logging.getLogger("bot").exception("It broke (reference %s).", "7F3K")
    entry = json.loads(stream.getvalue())
    assert entry["message"] == "It broke (reference 7F3K)."
    assert entry["level"] == "error"
    assert "[redacted]" in entry["traceback"]
    assert "canary" not in stream.getvalue()


def test_a_request_that_bolt_refuses_is_never_printed_with_its_body() -> None:
    stream = io.StringIO()
    log.set_up(level="debug", form="text", stream=stream)
    # As Bolt makes its loggers: each with the level that the root has.
    logger = logging.getLogger("slack_bolt.RequestVerification")
    logger.setLevel(logging.DEBUG)
    logger.info("Invalid request signature detected (body: canary)")
    logging.getLogger("slack_bolt.AsyncApp").setLevel(logging.DEBUG)
    logging.getLogger("slack_bolt.AsyncApp").debug("Responding with canary")
    logging.getLogger("slack_bolt.AsyncApp").warning("something is wrong")
    assert "something is wrong" in stream.getvalue()
    assert "canary" not in stream.getvalue()


def test_json_lines_carry_every_field_that_a_line_of_ours_is_given_and_none_of_a_library() -> None:
    stream = io.StringIO()
    log.set_up(level="info", form="json", stream=stream)
    fields = {"reference": "7F3K", "milliseconds": 3, "unlisted": "xoxb-canary", "level": "canary", "nothing": None}
    logging.getLogger("bot.anything").info("Served.", extra=fields)
    logging.getLogger("storage.anything").info("Stored.", extra={"rows": [1, 2]})
    logging.getLogger("slack_sdk").info("Sent.", extra={"body": "canary"})
    served, stored, sent = map(json.loads, stream.getvalue().splitlines())
    assert (served["reference"], served["milliseconds"], served["nothing"]) == ("7F3K", 3, None)
    assert (served["unlisted"], served["level"]) == ("[redacted]", "info")
    assert stored["rows"] == "[1, 2]"
    assert set(sent) == {"time", "level", "logger", "message"}
    assert "canary" not in stream.getvalue()


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "coloured"),
    [
        (Terminal(), {"TERM": "xterm-256color"}, True),
        (Terminal(), {"TERM": "xterm-256color", "NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"TERM": "xterm-256color", "FORCE_COLOR": "1"}, False),
    ],
)
def test_only_a_terminal_gets_colours(
    stream: io.StringIO, environment: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TERM", "NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    log.set_up(level="info", form="text", stream=stream)
    logging.getLogger("bot").error("It broke.")
    assert ("\x1b[31m" in stream.getvalue()) is coloured
    assert "It broke." in stream.getvalue()
