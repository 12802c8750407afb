"""What the stand-in alone is tried with: a clock set by hand, a bot that only listens, calls that have to fail."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError

SECRET = "s" * 32


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class ListeningBot:
    """Takes signed requests, keeps their payloads, and acknowledges each."""

    def __init__(self) -> None:
        self.payloads: list[dict[str, Any]] = []
        self.answer: dict[str, Any] | None = None

    async def take(self, request: web.Request) -> web.Response:
        body = await request.text()
        signed = f"v0:{request.headers['X-Slack-Request-Timestamp']}:{body}".encode()
        wanted = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert request.headers["X-Slack-Signature"] == f"v0={wanted}"
        form = dict(parse_qsl(body))
        is_json = request.content_type == "application/json"
        self.payloads.append(json.loads(body if is_json else form.get("payload") or json.dumps(form)))
        return web.json_response(self.answer) if self.answer else web.Response()

    @property
    def action(self) -> dict[str, Any]:
        """The action of the last interaction."""
        (action,) = self.payloads[-1]["actions"]
        assert isinstance(action, dict)
        return action


async def refused(call: Any) -> str:
    """Return the error that a call of the Web API ends with."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])
