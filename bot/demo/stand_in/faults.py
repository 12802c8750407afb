"""Faults on demand: what a bot meets when Slack is busy, broken, silent or gone."""

import asyncio
import math
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

FaultKind = Literal["ratelimited", "error500", "silence", "close", "garbled", "refused"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault, for one request; `seconds` is how long to wait (ratelimited) or how long it is silent (silence).

    After a silence the request is answered as usual, unless the bot has given up on it meanwhile. `error` is what is
    refused with (refused).
    """

    kind: FaultKind
    seconds: float = 0.0
    error: str = ""


async def apply_fault(fault: Fault, request: web.Request) -> web.Response | None:
    """Apply a fault to a request; return what to answer, or None to answer as usual."""
    match fault.kind:
        case "ratelimited":
            headers = {"Retry-After": str(math.ceil(fault.seconds))}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        case "error500":
            return web.Response(status=500, text="Internal Server Error")
        case "silence":
            await asyncio.sleep(fault.seconds)
            return None if _is_open(request) else web.Response()
        case "garbled":
            return web.Response(text='{"ok": tr', content_type="application/json")
        case "refused":
            return _refusal(fault.error, request)
        case "close":
            if request.transport is not None:
                request.transport.close()
            return web.Response()


def _refusal(error: str, request: web.Request) -> web.Response:
    if request.path.startswith("/api/"):
        return web.json_response({"ok": False, "error": error})
    return web.Response(status=404, text=error)


def _is_open(request: web.Request) -> bool:
    return request.transport is not None and not request.transport.is_closing()
