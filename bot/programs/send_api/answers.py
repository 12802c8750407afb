"""What programs are answered: a result as JSON, everything else as a problem (RFC 9457)."""

import json
import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web

TYPE_PREFIX = "urn:problem-type:email-profile-bot:"


class Problem(StrEnum):
    """What is wrong; the end of a problem's `type`, and its member `problem`."""

    INVALID_REQUEST = "invalid_request"
    INVALID_MESSAGE = "invalid_message"
    WRONG_TOKEN = "wrong_token"  # noqa: S105 - the name of a problem
    HTTPS_REQUIRED = "https_required"
    NOT_PERMITTED = "not_permitted"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    PROFILE_NOT_READY = "profile_not_ready"
    KEY_CONFLICT = "key_conflict"
    STILL_RUNNING = "still_running"
    TOO_LARGE = "too_large"
    UNKNOWN_CONTENT_TYPE = "unknown_content_type"
    REFUSED_BY_PROVIDER = "refused_by_provider"
    TOO_MANY = "too_many"
    FAILED = "failed"
    PROVIDER_TRY_LATER = "provider_try_later"
    UNAVAILABLE = "unavailable"
    OUTCOME_UNKNOWN = "outcome_unknown"


STATUSES: dict[Problem, tuple[int, str]] = {
    Problem.INVALID_REQUEST: (400, "The request is not as the API's description says"),
    Problem.INVALID_MESSAGE: (400, "The message breaks a rule of Internet mail"),
    Problem.WRONG_TOKEN: (401, "No program has this token"),
    Problem.HTTPS_REQUIRED: (403, "Tokens are taken over https alone"),
    Problem.NOT_PERMITTED: (403, "The program may not send this"),
    Problem.NOT_FOUND: (404, "There is nothing here"),
    Problem.METHOD_NOT_ALLOWED: (405, "This is asked for in another way"),
    Problem.PROFILE_NOT_READY: (409, "The profile needs its owner"),
    Problem.KEY_CONFLICT: (409, "The Idempotency-Key was used for another message"),
    Problem.STILL_RUNNING: (409, "The message is being sent"),
    Problem.TOO_LARGE: (413, "The message is too large"),
    Problem.UNKNOWN_CONTENT_TYPE: (415, "The body is of an unknown type"),
    Problem.REFUSED_BY_PROVIDER: (422, "The mail provider refused the message"),
    Problem.TOO_MANY: (429, "Too many at the moment"),
    Problem.FAILED: (500, "Something went wrong"),
    Problem.PROVIDER_TRY_LATER: (502, "The mail provider did not take the message now"),
    Problem.UNAVAILABLE: (503, "The bot cannot send at the moment"),
    Problem.OUTCOME_UNKNOWN: (504, "It is not known whether the message was sent"),
}
"""The status of each problem, and its title."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer: its status, its members, and headers besides."""

    status: int
    members: dict[str, Any] = field(repr=False)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def is_kept(self) -> bool:
        """Whether the same request may get this answer and no other: the letter was sent, refused, or nobody knows."""
        return self.status in (200, 422) or self.members.get("problem") == Problem.OUTCOME_UNKNOWN

    def to_document(self) -> bytes:
        """Return what is stored of it."""
        return json.dumps({"status": self.status, "members": self.members}).encode()

    @classmethod
    def from_document(cls, document: bytes) -> "Answer":
        """Read what `to_document` wrote."""
        stored = json.loads(document)
        return cls(status=stored["status"], members=stored["members"])

    def response(self) -> web.Response:
        """Return it as HTTP."""
        kind = "application/json" if self.status < 400 else "application/problem+json"
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **self.headers}
        return web.Response(
            body=json.dumps(self.members, ensure_ascii=False).encode("utf-8", "replace"),
            status=self.status,
            content_type=kind,
            headers=headers,
        )


class ProblemError(Exception):
    """A request ends in a problem."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def problem(kind: Problem, detail: str, *, wait: float | None = None, **members: Any) -> Answer:
    """Return a problem; `detail` is a full sentence, `wait` the seconds after which it may be tried again."""
    status, title = STATUSES[kind]
    known = {"type": TYPE_PREFIX + kind, "title": title, "status": status, "detail": detail, "problem": str(kind)}
    headers = {} if wait is None else {"Retry-After": str(max(math.ceil(wait), 1))}
    given = {name: value for name, value in members.items() if value is not None}
    return Answer(status=status, members=known | given, headers=headers)
