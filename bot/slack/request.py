"""Slash commands over HTTP that are refused before Bolt parses them, because too many requests are under way."""

import json

from aiohttp import web

from bot.slack.middleware.overload import BusyError
from bot.slack.views.message import notice

_COMMAND = b"command=%2F"


async def looks_like_command(request: web.Request) -> bool:
    """Whether a request is a slash command by its first looks."""
    return _COMMAND in await request.read()


def busy_response() -> web.Response:
    """Return the answer to a command that is too much."""
    message = notice(str(BusyError())).payload()
    return web.Response(text=json.dumps(message), content_type="application/json", charset="utf-8")
