"""Serving: HTTP and Socket Mode, health and metrics, and a stop that finishes what was begun."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from socket import socket

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.app import Bot, StartError, open_bot
from bot.keys import read_keys_anew
from bot.memory import keeping_memory_small
from bot.profiles.limits import LimitedError, take_installation_page
from bot.settings import Settings
from bot.slack.installing import INSTALL_PATH, REDIRECT_PATH, InstallFlow
from bot.web.pages import Pages, network_of
from storage.database import Database

log = logging.getLogger(__name__)

DRAIN_SECONDS = 20.0
"""How long a stop waits for running jobs; with closing, well inside the usual 30 s of a supervisor."""

IN_HAND_SECONDS = 3.0
"""How long a stop waits for requests that are being answered, once no job is under way; Slack waits no longer."""

GOODBYE_SECONDS = 1.0
"""How long a stop waits for the other end of a Socket Mode connection to say goodbye."""

PING_SECONDS = 2.5
"""How often Socket Mode's line is tried; one that stays silent for half as long again is dead.

Slack gives each request to one connection, so whatever it sends meanwhile on a dead one is lost.
"""

SOCKET_PATIENCE = 60.0
"""Seconds without a working Socket Mode connection after which it is built anew.

slack_sdk's aiohttp client has been seen deaf for hours while its process looked healthy
(https://github.com/slackapi/python-slack-sdk/issues/1922).
"""


class HttpDoor:
    """The aiohttp handlers: Slack's requests, health and metrics."""

    def __init__(self, bot: Bot) -> None:
        """Answer for `bot`."""
        self._bot = bot
        self._connected: Callable[[], Awaitable[bool]] | None = None
        self.draining = False

    def watch_socket(self, connected: Callable[[], Awaitable[bool]]) -> None:
        """Let readiness depend on the Socket Mode connection too."""
        self._connected = connected

    def application(self, *, events: bool) -> web.Application:
        """Make the web application; `events` says whether Slack's requests come this way."""
        application = web.Application()
        if events:
            application.router.add_post("/slack/events", self.slack_events)
        application.router.add_get("/healthz", self.healthz)
        application.router.add_get("/readyz", self.readyz)
        application.router.add_get("/metrics", self.metrics)
        if self._bot.page is not None:
            self._bot.page.add_routes(application)
        if self._bot.installing is not None:
            InstallDoor(self._bot.installing, self._bot.pages, self._bot.database).add_routes(application)
        if self._bot.page is not None or self._bot.installing is not None:
            self._bot.pages.add_routes(application)
        return application

    async def slack_events(self, request: web.Request) -> web.Response:
        """Hand one request of Slack's to Bolt, which checks its signature."""
        # slack_sdk raises on a timestamp that is no number, which Bolt would answer with a 500.
        if not request.headers.get("X-Slack-Request-Timestamp", "0").isdecimal():
            return web.Response(status=401, text="The request's timestamp is not a number.")
        with self._bot.metrics.acknowledging("http"):
            return await self._answered(request)

    async def _answered(self, request: web.Request) -> web.Response:
        try:
            bolt_request = await to_bolt_request(request)
        except (ValueError, LookupError):
            return web.Response(status=400, text="The request cannot be read: it is no form, no JSON or not UTF-8.")
        return await to_aiohttp_response(await self._bot.slack.async_dispatch(bolt_request))

    async def healthz(self, _request: web.Request) -> web.Response:
        """Answer 200 while the process serves."""
        return web.Response(text="ok")

    async def readyz(self, _request: web.Request) -> web.Response:
        """Answer 200 when database and keys work (and the socket is connected), else 503 with the reason."""
        reason = await self._not_ready()
        return web.Response(status=503, text=reason) if reason else web.Response(text="ready")

    async def _not_ready(self) -> str | None:
        if self.draining:
            return "stopping"
        if self._connected is not None and not await self._connected():
            return "Socket Mode is not connected"
        return await self._bot.unready()

    async def metrics(self, _request: web.Request) -> web.Response:
        """Answer with the metrics in the Prometheus text format."""
        return web.Response(
            body=await self._bot.metrics.text(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )


class InstallDoor:
    """The aiohttp handlers of an installation."""

    def __init__(self, flow: InstallFlow, pages: Pages, database: Database) -> None:
        """Let people go through `flow`, not too often."""
        self._flow = flow
        self._pages = pages
        self._database = database

    def add_routes(self, application: web.Application) -> None:
        """Serve the page that begins, and the one that Slack sends people back to."""
        paths = (INSTALL_PATH, REDIRECT_PATH)
        nothing = f"There is nothing here. An installation begins at {INSTALL_PATH}."
        application.middlewares.append(self._pages.guarded(paths, nothing))
        # Programs that preview links shall not begin anything.
        application.router.add_get(INSTALL_PATH, self.begin, allow_head=False)
        application.router.add_get(REDIRECT_PATH, self.end, allow_head=False)

    async def begin(self, request: web.Request) -> web.Response:
        """Show what will happen, with the link to Slack."""
        return await self._answered(self._flow.handle_installation, request)

    async def end(self, request: web.Request) -> web.Response:
        """Take what Slack sends with the person, and say what came of it."""
        return await self._answered(self._flow.handle_callback, request)

    async def _answered(
        self, handle: Callable[[AsyncBoltRequest], Awaitable[BoltResponse]], request: web.Request
    ) -> web.Response:
        try:
            async with self._database.writing() as tx:
                await take_installation_page(tx, network_of(request))
        except LimitedError as error:
            return self._pages.limited(error)
        answer = await to_aiohttp_response(await handle(await to_bolt_request(request)))
        answer.headers.update(self._pages.headers)
        for cookie in answer.cookies.values():
            # Slack sends people back by a link, with which browsers send such cookies.
            cookie["samesite"] = "Lax"
        return answer


class MeasuredHandler(AsyncSocketModeHandler):
    """Bolt's handler of Socket Mode, which also measures how long Slack waits for an answer, and ends politely."""

    def __init__(self, bot: Bot, token: str) -> None:
        """Answer for `bot`, connected by an app-level token."""
        self._metrics = bot.metrics
        self._in_hand: set[asyncio.Task[object]] = set()
        self._ending = False
        super().__init__(
            bot.slack,
            token,
            logger=logging.getLogger("slack_sdk.socket_mode"),
            web_client=bot.slack.client,
            ping_interval=PING_SECONDS,
        )
        self.client.on_error_listeners.append(self._connect_anew)

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        """Answer one request; what comes at the very end is left to whoever is connected next."""
        task = asyncio.current_task()
        if self._ending or task is None:
            return
        self._in_hand.add(task)
        task.add_done_callback(self._in_hand.discard)
        with self._metrics.acknowledging("socket"):
            try:
                await super().handle(client, req)
            except ConnectionError:
                log.warning("An answer was lost with its Socket Mode connection.")

    async def _connect_anew(self, _message: object) -> None:
        # A dead line is told here at once; slack_sdk itself would notice it up to PING_SECONDS later.
        await self.client.connect_to_new_endpoint()

    async def end(self) -> None:
        """Take nothing more, let what is in hand be answered, and disconnect."""
        self._ending = True
        if self._in_hand:
            await asyncio.wait(self._in_hand, timeout=IN_HAND_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self.client.disconnect()
        await self.client.close()


class SocketModeLink:
    """A Socket Mode connection that is watched, and built anew when it has gone deaf."""

    def __init__(self, bot: Bot, settings: Settings, *, patience: float = SOCKET_PATIENCE) -> None:
        """Prepare; `patience` is the number of seconds without a connection that is borne."""
        if settings.slack_app_token is None:
            raise ValueError("Socket Mode needs SLACK_APP_TOKEN.")
        self._bot = bot
        self._token = settings.slack_app_token
        self._patience = patience
        self._handler: MeasuredHandler | None = None
        self._watch: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, and begin to watch."""
        await self._connect()
        self._watch = asyncio.create_task(self._keep_connected(), name="socket mode watchdog")

    async def connected(self) -> bool:
        """Say whether the connection works now."""
        return self._handler is not None and await self._handler.client.is_connected()

    async def close(self) -> None:
        """Stop watching and disconnect."""
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        await self._disconnect()

    async def _connect(self) -> None:
        self._handler = MeasuredHandler(self._bot, self._token.get_secret_value())
        await asyncio.wait_for(self._handler.client.connect(), self._patience)

    async def _disconnect(self) -> None:
        if self._handler is not None:
            handler, self._handler = self._handler, None
            await handler.end()

    async def _keep_connected(self) -> None:
        loop = asyncio.get_running_loop()
        last_good = loop.time()
        while True:
            await asyncio.sleep(self._patience / 12)
            if await self.connected():
                last_good = loop.time()
            elif loop.time() - last_good >= self._patience:
                log.warning("Socket Mode has been silent for %.0f s; connecting anew.", self._patience)
                last_good = loop.time()
                try:
                    await self._disconnect()
                    await self._connect()
                except Exception:
                    # Whatever broke, the next round tries again; only a stop ends the watch.
                    log.exception("Connecting Socket Mode anew failed; trying again.")


@asynccontextmanager
async def serving(bot: Bot, settings: Settings, *, listening: socket | None = None) -> AsyncIterator[str]:
    """Serve `bot` until the block ends, then drain; gives the base address of the HTTP side.

    `listening` is a bound socket to serve on instead of HOST and PORT.
    """
    socket_mode = settings.slack_app_token is not None
    door = HttpDoor(bot)
    # A client that sends or reads too slowly does not keep the process.
    application = door.application(events=not socket_mode)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=IN_HAND_SECONDS)
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
            link = SocketModeLink(bot, settings)
            stack.push_async_callback(link.close)
            await link.open()
            door.watch_socket(link.connected)
            bot.metrics.watch_socket(link.connected)
        # While jobs end, requests are answered still: a test is refused in words, everything else is done.
        stack.push_async_callback(bot.jobs.drain, DRAIN_SECONDS)
        host, port = runner.addresses[0][:2]
        try:
            yield f"http://{f'[{host}]' if ':' in host else host}:{port}"
        finally:
            door.draining = True


@asynccontextmanager
async def reading_keys_anew(settings: Settings, bot: Bot, wanted: asyncio.Event) -> AsyncIterator[None]:
    """Read the keys anew whenever that is wanted, one time after the other, until the block ends."""

    async def keep_reading() -> None:
        while await wanted.wait():
            wanted.clear()
            await read_keys_anew(settings, bot.database)

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
        keeping_memory_small(),
        open_bot(settings) as bot,
        serving(bot, settings) as address,
        reading_keys_anew(settings, bot, keys_wanted),
    ):
        mode = "Socket Mode" if settings.slack_app_token else "HTTP"
        log.info("Serving Slack over %s; health and metrics at %s", mode, address)
        await stop.wait()
        for number in (signal.SIGTERM, signal.SIGINT):
            # Whoever asks again gets nothing sooner; up to the very end it must not break what is being closed.
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
        log.info("Stopping: no new tests, running ones may finish.")
    log.info("Stopped.")
