"""Faults on demand: what a bot meets when Slack is busy, broken, silent or gone."""

import asyncio
import math
from dataclasses import dataclass
from typing import Literal

from aiohttp import web


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault, for one request; `seconds` is how long to wait (ratelimited) or how long it is silent (silence).

    After a silence the request is answered as usual, unless the bot has given up on it meanwhile.
    """

    kind: Literal["ratelimited", "error500", "silence", "close"]
    seconds: float = 0.0


async def suffered(fault: Fault, request: web.Request) -> web.Response | None:
    """Let a request suffer a fault; gives what to answer, or None to answer as usual."""
    match fault.kind:
        case "ratelimited":
            headers = {"Retry-After": str(math.ceil(fault.seconds))}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        case "error500":
            return web.Response(status=500, text="Internal Server Error")
        case "silence":
            await asyncio.sleep(fault.seconds)
            return None if _is_open(request) else web.Response()
        case "close":
            if request.transport is not None:
                request.transport.close()
            return web.Response()


def _is_open(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()
