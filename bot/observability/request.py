"""The request under way: its reference, and how it ends. Jobs that it starts belong to it too."""

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum


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
