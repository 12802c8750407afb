"""Serves HTTP and Socket Mode, health and metrics, and stops after finishing what was started."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from socket import socket

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.app import Bot, StartError, open_bot
from bot.encryption_keys import reload_keys
from bot.health import DEGRADED, describe
from bot.http_server import HttpServer, allow_body
from bot.observability import tracing
from bot.process import allow_many_files
from bot.profiles.connection_tests.limits import INSTALLATION_PAGES, RateLimitedError, count
from bot.programs.send_api.admission import Admission
from bot.programs.send_api.idempotency import IdempotentSends
from bot.programs.send_api.routes import SendApi
from bot.programs.submission.server import PortError, SubmissionServer
from bot.settings import EXAMPLES, Settings, misspelt_settings, settings_file
from bot.slack.request import MOST_BODY_BYTES, SlackRequests
from bot.slack.workspaces.oauth import INSTALL_PATH, REDIRECT_PATH, InstallFlow
from bot.socket_mode import SocketMode
from bot.web.network_address import ADDRESSES, NetworkAddresses
from bot.web.pages import Pages, client_address
from storage.database import Database

log = logging.getLogger(__name__)

DRAIN_SECONDS = 20.0
"""How long a stop waits for running jobs; with closing, well inside the usual 30 s of a supervisor."""

LAST_REQUESTS_SECONDS = 3.0
"""How long a stop waits for requests that are being answered, once no job is under way; Slack waits no longer."""


class HealthHandlers:
    """The aiohttp handlers for supervisors, balancers and Prometheus."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    def add_routes(self, application: web.Application) -> None:
        """Add everything: for an address that only those reach who run the bot."""
        application.router.add_get("/healthz", self.healthz)
        application.router.add_get("/readyz", self.readyz)
        application.router.add_get("/metrics", self.metrics)

    def add_bare_routes(self, application: web.Application) -> None:
        """Add what may be told to everybody: whether the instance serves, without what is wrong."""
        application.router.add_get("/healthz", self.healthz)
        application.router.add_get("/readyz", self.bare_readyz)

    async def healthz(self, _request: web.Request) -> web.Response:
        """Answer 200 while the process serves."""
        return web.Response(text="ok")

    async def readyz(self, _request: web.Request) -> web.Response:
        """Answer 200 when the instance can serve, else 503; either way with what is wrong, in words."""
        faults = await self._bot.health.faults()
        return web.Response(status=200 if DEGRADED.issuperset(faults) else 503, text=describe(faults))

    async def bare_readyz(self, request: web.Request) -> web.Response:
        """Answer as `readyz`, without the words."""
        status = (await self.readyz(request)).status
        return web.Response(status=status, text="ready" if status == 200 else "not ready")

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
        # Browsers send no body with these, and what anybody else sends is not read.
        asked = AsyncBoltRequest(body="", query=request.query_string, headers=dict(request.headers))
        answer = await to_aiohttp_response(await handle(asked))
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
    api = _send_api(bot)
    async with AsyncExitStack() as stack:
        address = monitoring = await _open_public(bot, settings, api, listening, stack)
        if settings.monitoring_address is not None:
            monitoring = await _open_monitoring(bot, settings, settings.monitoring_address, stack)
        if socket_mode:
            socket_client = SocketMode(bot, settings)
            stack.push_async_callback(socket_client.close)
            await socket_client.open()
            bot.health.watch_socket(socket_client.connected)
            bot.metrics.watch_socket(socket_client.connected)
        drains = [bot.jobs.drain]
        if api is not None:
            drains.append(api.drain)
        if bot.submission is not None:
            await _open_submission(bot.submission, bot)
            drains.append(bot.submission.close)
        # While jobs end, requests are still answered: a test is refused in words, everything else is done.
        stack.push_async_callback(_drain, drains)
        mode = "Socket Mode" if socket_mode else "HTTP"
        where = mode if monitoring == address else f"{mode}, everybody else at {address}"
        log.info("Serving Slack over %s; health and metrics at %s", where, monitoring)
        try:
            yield address
        finally:
            bot.health.draining = True


async def _drain(drains: Sequence[Callable[[float], Awaitable[None]]]) -> None:
    """Let everything that is under way come to its end, all at the same time."""
    await asyncio.gather(*(drain(DRAIN_SECONDS) for drain in drains))


async def _open_submission(server: SubmissionServer, bot: Bot) -> None:
    try:
        await server.open()
    except PortError as error:
        raise StartError(f"{error.setting}: {error} Example: {error.setting}={EXAMPLES[error.setting]}") from None
    bot.metrics.watch_submission(lambda: server.sessions)


def _send_api(bot: Bot) -> SendApi | None:
    if bot.programs is None:
        return None
    admission = Admission(tokens=bot.programs, address_of=client_address, is_proxy=_came_by_proxy)
    idempotent = IdempotentSends(database=bot.database)
    return SendApi(admission=admission, sending=bot.sending, idempotent=idempotent, allow_body=allow_body)


def _came_by_proxy(request: web.Request) -> bool:
    return request.config_dict[ADDRESSES].is_trusted(request.remote or "")


async def _open_public(
    bot: Bot, settings: Settings, api: SendApi | None, listening: socket | None, stack: AsyncExitStack
) -> str:
    application = web.Application(client_max_size=MOST_BODY_BYTES)
    if settings.slack_app_token is None and settings.slack_signing_secret is not None:
        SlackRequests(bot.slack, settings.slack_signing_secret, bot.metrics).add_routes(application)
    if bot.page is not None:
        bot.page.add_routes(application)
    if bot.installing is not None:
        InstallHandlers(bot.installing, bot.pages, bot.database).add_routes(application)
    if bot.page is not None or bot.installing is not None:
        bot.pages.add_routes(application)
    if api is not None:
        api.add_routes(application)
    health = HealthHandlers(bot)
    if settings.monitoring_address is None:
        health.add_routes(application)
    else:
        health.add_bare_routes(application)
    where = listening or (settings.host, settings.port)
    return await _opened(bot, settings, application, stack, where=where, setting="PORT")


async def _open_monitoring(bot: Bot, settings: Settings, where: tuple[str, int], stack: AsyncExitStack) -> str:
    application = web.Application()
    HealthHandlers(bot).add_routes(application)
    return await _opened(bot, settings, application, stack, where=where, setting="METRICS_PORT")


async def _opened(
    bot: Bot,
    settings: Settings,
    application: web.Application,
    stack: AsyncExitStack,
    *,
    where: tuple[str, int] | socket,
    setting: str,
) -> str:
    """Serve an application until `stack` is closed; returns its base address."""
    addresses = application[ADDRESSES] = NetworkAddresses(settings.trusted_proxies)
    server = HttpServer(
        application,
        addresses=addresses,
        # A client that sends or reads too slowly does not keep the process.
        shutdown_timeout=LAST_REQUESTS_SECONDS,
        on_closed=bot.metrics.count_closed,
    )
    stack.push_async_callback(server.close)
    try:
        await server.open(where)
    except OSError as error:
        place = f"{where[0]}:{where[1]}" if isinstance(where, tuple) else "the socket"
        why = f"nothing can be served on {place} ({os.strerror(error.errno or 0)})."
        raise StartError(f"{setting}: {why} Example: {setting}={EXAMPLES[setting]}") from None
    return server.address


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
    allow_many_files()
    stop, keys_wanted = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, keys_wanted.set)
    async with (
        tracing.open_traces(os.environ) as traces,
        open_bot(settings, traces=traces) as bot,
        serving(bot, settings),
        reading_keys_anew(settings, bot, keys_wanted),
    ):
        for name, near in misspelt_settings().items():
            log.warning("%s in %s is no setting, so nothing reads it. Did you mean %s?", name, settings_file(), near)
        await stop.wait()
        for number in (signal.SIGTERM, signal.SIGINT):
            # Whoever asks again gets nothing sooner; up to the very end it must not break what is being closed.
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
        log.info("Stopping: no new tests, running ones may finish.")
    log.info("Stopped.")
