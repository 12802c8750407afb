"""Slack's requests over HTTP: from aiohttp's request to Bolt's, and from Bolt's response to aiohttp's."""

import json

from aiohttp import web
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.slack.middleware.overload import BusyError
from bot.slack.views.message import notice

TIMESTAMP = "X-Slack-Request-Timestamp"

_COMMAND = b"command=%2F"


async def read_request(request: web.Request) -> AsyncBoltRequest:
    """Return Bolt's request.

    Raises:
        ValueError, LookupError: the body is no form, no JSON, or not UTF-8.
    """
    body = await request.text()
    return AsyncBoltRequest(body=body, query=request.query_string, headers=request.headers)  # type: ignore[arg-type]


def web_response(response: BoltResponse) -> web.Response:
    """Return Bolt's response as aiohttp's; answers to Slack carry no cookies."""
    kind = response.headers["content-type"][0]
    return web.Response(status=response.status, body=response.body.encode(), headers={"Content-Type": kind})


async def looks_like_command(request: web.Request) -> bool:
    """Whether a request is a slash command by its first looks, signed or not."""
    return _COMMAND in await request.read()


def busy_response() -> web.Response:
    """Answer a command that is too much, without parsing it: there may be many."""
    message = notice(str(BusyError())).payload()
    return web.Response(text=json.dumps(message), content_type="application/json", charset="utf-8")
