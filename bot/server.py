"""Serves HTTP and Socket Mode, health and metrics, and stops after finishing what was started."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from socket import socket

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.app import Bot, StartError, open_bot
from bot.encryption_keys import reload_keys
from bot.health import DEGRADED, describe
from bot.observability import tracing
from bot.observability.clock_skew import ClockSkew
from bot.observability.log import Outcome
from bot.observability.server_log import ServerLog
from bot.profiles.connection_tests.limits import INSTALLATION_PAGES, RateLimitedError, count
from bot.settings import Settings, misspelt_settings, settings_file
from bot.slack.middleware.held_ack import is_held
from bot.slack.request import busy_response, looks_like_command
from bot.slack.workspaces.oauth import INSTALL_PATH, REDIRECT_PATH, InstallFlow
from bot.socket_mode import SocketMode
from bot.web.pages import Pages, client_address
from storage.database import Database

log = logging.getLogger(__name__)

DRAIN_SECONDS = 20.0
"""How long a stop waits for running jobs; with closing, well inside the usual 30 s of a supervisor."""

LAST_REQUESTS_SECONDS = 3.0
"""How long a stop waits for requests that are being answered, once no job is under way; Slack waits no longer."""

TIMESTAMP = "X-Slack-Request-Timestamp"
LONGEST_TIMESTAMP = 12
"""Digits of a time in seconds since 1970, for the next thirty thousand years."""


class HttpHandlers:
    """The aiohttp handlers: Slack's requests, health and metrics."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._skew = ClockSkew()

    def application(self, *, events: bool) -> web.Application:
        """Return the web application; `events` says whether Slack's requests come this way."""
        application = web.Application()
        if events:
            application.router.add_post("/slack/events", self.slack_events)
        application.router.add_get("/healthz", self.healthz)
        application.router.add_get("/readyz", self.readyz)
        application.router.add_get("/metrics", self.metrics)
        if self._bot.page is not None:
            self._bot.page.add_routes(application)
        if self._bot.installing is not None:
            InstallHandlers(self._bot.installing, self._bot.pages, self._bot.database).add_routes(application)
        if self._bot.page is not None or self._bot.installing is not None:
            self._bot.pages.add_routes(application)
        return application

    async def slack_events(self, request: web.Request) -> web.Response:
        """Answer one request of Slack's; Bolt verifies its signature."""
        # slack_sdk raises on a timestamp that is no number, or a huge one, which Bolt would answer with an error.
        timestamp = request.headers.get(TIMESTAMP, "0")
        if not timestamp.isdecimal() or len(timestamp) > LONGEST_TIMESTAMP:
            return web.Response(status=401, text="The request's timestamp is not a number.")
        began = time.perf_counter()
        held = False
        try:
            answer, held = await self._answer(request)
        finally:
            if not held:
                self._bot.metrics.observe_ack("http", time.perf_counter() - began)
        return answer

    async def _answer(self, request: web.Request) -> tuple[web.Response, bool]:
        """Return the answer, and whether it was held on purpose."""
        overload = self._bot.slack.overload
        if overload.is_full and await looks_like_command(request):
            overload.log_refused()
            self._bot.metrics.observe_request("other", Outcome.BUSY, 0.0)
            return busy_response(), False
        try:
            bolt_request = await to_bolt_request(request)
        except (ValueError, LookupError):
            text = "The request cannot be read: it is no form, no JSON or not UTF-8."
            return web.Response(status=400, text=text), False
        response = await self._bot.slack.serve(bolt_request)
        if response.status == 401:
            self._skew.check(request.headers.get(TIMESTAMP, ""))
        return await to_aiohttp_response(response), is_held(bolt_request.context)

    async def healthz(self, _request: web.Request) -> web.Response:
        """Answer 200 while the process serves."""
        return web.Response(text="ok")

    async def readyz(self, _request: web.Request) -> web.Response:
        """Answer 200 when the instance can serve, else 503; either way with what is wrong, in words."""
        faults = await self._bot.health.faults()
        return web.Response(status=200 if DEGRADED.issuperset(faults) else 503, text=describe(faults))

    async def metrics(self, _request: web.Request) -> web.Response:
        """Answer with the metrics in the Prometheus text format."""
        return web.Response(
            body=await self._bot.metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )


class InstallHandlers:
    """The aiohttp handlers of an installation."""

    def __init__(self, flow: InstallFlow, pages: Pages, database: Database) -> None:
        self._flow = flow
        self._pages = pages
        self._database = database

    def add_routes(self, application: web.Application) -> None:
        """Serve the page that begins, and the one that Slack sends people back to."""
        for path, handler in ((INSTALL_PATH, self.begin), (REDIRECT_PATH, self.end)):
            pages = self._pages.sub_application(f"There is nothing here. An installation begins at {INSTALL_PATH}.")
            # Programs that preview links shall not begin anything.
            pages.router.add_get("", handler, allow_head=False)
            application.add_subapp(path, pages)

    async def begin(self, request: web.Request) -> web.Response:
        """Show what will happen, with the link to Slack."""
        return await self._answer(self._flow.handle_installation, request)

    async def end(self, request: web.Request) -> web.Response:
        """Store what Slack sends with the person, and show what came of it."""
        return await self._answer(self._flow.handle_callback, request)

    async def _answer(
        self, handle: Callable[[AsyncBoltRequest], Awaitable[BoltResponse]], request: web.Request
    ) -> web.Response:
        try:
            async with self._database.writing() as tx:
                await count(tx, INSTALLATION_PAGES, client_address(request))
        except RateLimitedError as error:
            return self._pages.rate_limited(error)
        answer = await to_aiohttp_response(await handle(await to_bolt_request(request)))
        answer.headers.update(self._pages.headers)
        for cookie in answer.cookies.values():
            # Slack sends people back by a link, with which browsers send such cookies.
            cookie["samesite"] = "Lax"
        return answer


@asynccontextmanager
async def serving(bot: Bot, settings: Settings, *, listening: socket | None = None) -> AsyncIterator[str]:
    """Serve `bot` until the block ends, then drain; yields the base address of the HTTP side.

    `listening` is a bound socket to serve on instead of HOST and PORT.
    """
    socket_mode = settings.slack_app_token is not None
    handlers = HttpHandlers(bot)
    # A client that sends or reads too slowly does not keep the process.
    application = handlers.application(events=not socket_mode)
    runner = web.AppRunner(application, access_log=None, logger=ServerLog(), shutdown_timeout=LAST_REQUESTS_SECONDS)
    async with AsyncExitStack() as stack:
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.SockSite(runner, listening) if listening else web.TCPSite(runner, settings.host, settings.port)
        try:
            await site.start()
        except OSError as error:
            where, why = f"{settings.host}:{settings.port}", os.strerror(error.errno or 0)
            raise StartError(f"PORT: nothing can be served on {where} ({why}). Example: PORT=3000") from None
        if socket_mode:
            socket_client = SocketMode(bot, settings)
            stack.push_async_callback(socket_client.close)
            await socket_client.open()
            bot.health.watch_socket(socket_client.connected)
            bot.metrics.watch_socket(socket_client.connected)
        # While jobs end, requests are still answered: a test is refused in words, everything else is done.
        stack.push_async_callback(bot.jobs.drain, DRAIN_SECONDS)
        host, port = runner.addresses[0][:2]
        try:
            yield f"http://{f'[{host}]' if ':' in host else host}:{port}"
        finally:
            bot.health.draining = True


@asynccontextmanager
async def reading_keys_anew(settings: Settings, bot: Bot, wanted: asyncio.Event) -> AsyncIterator[None]:
    """Read the keys anew whenever that is wanted, one time after the other, until the block ends."""

    async def keep_reading() -> None:
        while await wanted.wait():
            wanted.clear()
            await reload_keys(settings, bot.database)

    reading = asyncio.create_task(keep_reading(), name="reading keys anew")
    try:
        yield
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading


async def run(settings: Settings) -> None:
    """Serve Slack until SIGTERM or SIGINT, then drain and return; on SIGHUP read the keys anew."""
    stop, keys_wanted = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, keys_wanted.set)
    async with (
        tracing.open_traces(os.environ) as traces,
        open_bot(settings, traces=traces) as bot,
        serving(bot, settings) as address,
        reading_keys_anew(settings, bot, keys_wanted),
    ):
        for name, near in misspelt_settings().items():
            log.warning("%s in %s is no setting, so nothing reads it. Did you mean %s?", name, settings_file(), near)
        mode = "Socket Mode" if settings.slack_app_token else "HTTP"
        log.info("Serving Slack over %s; health and metrics at %s", mode, address)
        await stop.wait()
        for number in (signal.SIGTERM, signal.SIGINT):
            # Whoever asks again gets nothing sooner; up to the very end it must not break what is being closed.
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
        log.info("Stopping: no new tests, running ones may finish.")
    log.info("Stopped.")
