"""Slack's requests over HTTP: what is refused before it is parsed, and how the rest gets to Bolt."""

import json
import logging
import time

from aiohttp import HttpVersion11, web
from pydantic import SecretStr
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request

from bot.observability.clock_skew import ClockSkew
from bot.observability.log import Outcome
from bot.observability.log_pace import LogPace
from bot.observability.metrics import Metrics
from bot.slack.app import SlackApp
from bot.slack.middleware.held_ack import is_held
from bot.slack.middleware.overload import BusyError
from bot.slack.signature import MAX_AGE_SECONDS, SlackSignature, age_seconds
from bot.slack.views.message import notice

log = logging.getLogger(__name__)

MOST_BODY_BYTES = 256 * 1024
"""Of one request. Slack's are smaller, and a form of the private pages is a line."""

_COMMAND = b"command=%2F"


class SlackRequests:
    """The aiohttp handlers of Slack's requests. What Slack did not sign just now is refused before it is parsed.

    Bolt verifies the signature once more, as it does whoever hands it a request.
    """

    def __init__(self, slack: SlackApp, secret: SecretStr, metrics: Metrics) -> None:
        self._slack = slack
        self._metrics = metrics
        self._signature = SlackSignature(secret)
        self._skew = ClockSkew()
        self._pace = LogPace()

    def add_routes(self, application: web.Application) -> None:
        """Add the one route that takes them all."""
        application.router.add_post("/slack/events", self.serve, expect_handler=self.go_on)

    async def serve(self, request: web.Request) -> web.Response:
        """Answer one request."""
        began = time.perf_counter()
        refusal = self._refusal_unread(request)
        if refusal is None and not self._signature.fits(request.headers, await self._read(request, began)):
            refusal = _unsigned()
        if refusal is not None:
            return self._refused(request, refusal, began)
        held = False
        try:
            answer, held = await self._answer(request)
        finally:
            if not held:
                self._metrics.observe_ack("http", time.perf_counter() - began)
        return answer

    async def go_on(self, request: web.Request) -> web.Response | None:
        """Answer who asks before they send a body (RFC 9110, 10.1.1), as curl does from 1 MiB."""
        refusal = self._refusal_unread(request)
        if refusal is not None:
            return self._refused(request, refusal, time.perf_counter())
        if request.version >= HttpVersion11 and request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # aiohttp takes what was written for the beginning of the answer otherwise.
            request.writer.output_size = 0
        return None

    def _refusal_unread(self, request: web.Request) -> web.Response | None:
        if (request.content_length or 0) > MOST_BODY_BYTES:
            return web.Response(status=413, text=f"A request has {MOST_BODY_BYTES:,} bytes at most.")
        return None if self._signature.may_fit(request.headers) else _unsigned()

    async def _read(self, request: web.Request, began: float) -> bytes:
        try:
            return await request.read()
        except web.HTTPRequestEntityTooLarge:
            self._count_refused(began)
            raise

    def _refused(self, request: web.Request, refusal: web.Response, began: float) -> web.Response:
        self._count_refused(began)
        if (age := age_seconds(request.headers)) is not None and abs(age) > MAX_AGE_SECONDS:
            self._skew.warn(age)
        if not request.content.is_eof():
            refusal.force_close()
        return refusal

    def _count_refused(self, began: float) -> None:
        if times := self._pace.count():
            fields = {"command": "a request without Slack's signature", "outcome": str(Outcome.REFUSED)}
            log.warning(
                "Refused: requests without Slack's signature, %d since the last such line.", times, extra=fields
            )
        self._metrics.observe_request("other", Outcome.REFUSED, time.perf_counter() - began)

    async def _answer(self, request: web.Request) -> tuple[web.Response, bool]:
        """Return the answer, and whether it was held on purpose."""
        overload = self._slack.overload
        if overload.is_full and await looks_like_command(request):
            overload.log_refused()
            self._metrics.observe_request("other", Outcome.BUSY, 0.0)
            return busy_response(), False
        try:
            bolt_request = await to_bolt_request(request)
        except (ValueError, LookupError):
            text = "The request cannot be read: it is no form, no JSON or not UTF-8."
            return web.Response(status=400, text=text), False
        response = await self._slack.serve(bolt_request)
        return await to_aiohttp_response(response), is_held(bolt_request.context)


def _unsigned() -> web.Response:
    return web.Response(status=401, text="Slack did not sign this request, or not within the last five minutes.")


async def looks_like_command(request: web.Request) -> bool:
    """Whether a request is a slash command by its first looks."""
    return _COMMAND in await request.read()


def busy_response() -> web.Response:
    """Return the answer to a command that is too much."""
    message = notice(str(BusyError())).payload()
    return web.Response(text=json.dumps(message), content_type="application/json", charset="utf-8")
