"""Socket Mode: one working connection, replaced before it ends where Slack says so, without a storm where it breaks.

https://docs.slack.dev/apis/events-api/using-socket-mode. slack_sdk's client speaks the protocol; its reconnecting is
not used: it closes the old connection before it has a new one, reconnects at once whenever Slack hangs up, and has been
seen to receive nothing for hours while it looked healthy (https://github.com/slackapi/python-slack-sdk/issues/1922).
"""

import asyncio
import logging
import random
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.async_internals import send_async_response
from slack_bolt.adapter.socket_mode.internals import build_headers
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import Bot, StartError
from bot.settings import EXAMPLES, Settings
from bot.slack.middleware.held_ack import is_held
from bot.slack.web_api.clients import without_retries
from bot.slack.web_api.errors import SLACK_ERRORS, error_code, is_temporary, retry_after_seconds

log = logging.getLogger(__name__)

PING_INTERVAL_SECONDS = 2.5
"""A connection that leaves a ping unanswered is closed within one and a half of these.

Slack gives each request to one connection, so whatever it sends meanwhile on a dead one is lost.
"""

CONNECT_TIMEOUT_SECONDS = 15.0
"""For one try to connect."""

CHECK_INTERVAL_SECONDS = 1.0
"""Between two checks whether a connection is still open whose end was never reported."""

STEADY_SECONDS = 10.0
"""A connection that lived so long is replaced at once; after a shorter one a growing pause is made."""

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0

LAST_ANSWERS_SECONDS = 3.0
"""How long a replaced connection stays open for answers under way: longer Slack waits for none."""

_CLOSE_TIMEOUT_SECONDS = 2.0
_REMEMBERED_ENVELOPES = 500


class Connection(SocketModeClient):
    """One connection, from its beginning to its end; it never reconnects."""

    def __init__(self, token: str, web_client: AsyncWebClient, on_end: Callable[["Connection", str], None]) -> None:
        """`on_end` is called, with Slack's reason if it gives one, when another connection is needed."""
        super().__init__(
            app_token=token,
            logger=logging.getLogger("slack_sdk.socket_mode"),
            web_client=web_client,
            auto_reconnect_enabled=False,
            ping_interval=PING_INTERVAL_SECONDS,
            on_close_listeners=[self._closed],
        )
        self._on_end = on_end

    async def connect(self) -> None:
        """Connect, with one try.

        Raises:
            SlackApiError, aiohttp.ClientError, OSError: it failed.
        """
        answer = await self.web_client.apps_connections_open(app_token=self.app_token)
        self.current_session = await self.aiohttp_client_session.ws_connect(
            answer["url"],
            autoping=False,
            # It goes by the machine's own pace, whatever its wall clock does.
            heartbeat=self.ping_interval,
            timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_TIMEOUT_SECONDS),
            proxy=self.proxy,
            ssl=self.web_client.ssl if self.web_client.ssl is not None else True,
        )
        self.message_receiver = asyncio.ensure_future(self.receive_messages())

    async def run_message_listeners(self, message: dict[str, Any], raw_message: str) -> None:
        """Handle one message; Slack's notice that it will hang up only means that another connection is needed."""
        if message.get("type") == "disconnect":
            self._on_end(self, str(message.get("reason") or ""))
            return
        await super().run_message_listeners(message, raw_message)

    async def _closed(self, _message: aiohttp.WSMessage) -> None:
        self._on_end(self, "")


class SocketMode:
    """Receives Slack's requests over Socket Mode, through as many connections as it takes."""

    def __init__(self, bot: Bot, settings: Settings) -> None:
        if settings.slack_app_token is None:
            raise ValueError("Socket Mode needs SLACK_APP_TOKEN.")
        self._bot = bot
        self._token = settings.slack_app_token
        self._connection: Connection | None = None
        self._needed = asyncio.Event()
        self._reason = ""
        self._since = 0.0
        self._retiring: set[asyncio.Task[None]] = set()
        self._answering: set[asyncio.Task[Any]] = set()
        self._answers: OrderedDict[str, asyncio.Task[tuple[BoltResponse, bool]]] = OrderedDict()
        self._keeping: asyncio.Task[None] | None = None
        self._ending = False

    async def open(self) -> None:
        """Connect, and stay connected from now on; when Slack does not answer yet, keep trying.

        Raises:
            StartError: Slack refuses the token.
        """
        try:
            await self._connect()
        except SLACK_ERRORS as error:
            if isinstance(error, SlackApiError) and not is_temporary(error):
                why = f"Slack refuses this token ({error_code(error)}); copy it again."
                raise StartError(f"SLACK_APP_TOKEN: {why} Example: {EXAMPLES['SLACK_APP_TOKEN']}") from None
            log.warning("Socket Mode could not connect (%s); trying again.", _cause(error))
        self._keeping = asyncio.create_task(self._keep_connected(), name="socket mode")

    async def connected(self) -> bool:
        """Whether the connection works now."""
        return self._connection is not None and await self._connection.is_connected()

    async def close(self) -> None:
        """Answer the requests under way, accept no more, and disconnect for good."""
        self._ending = True
        if self._answering:
            await asyncio.wait(self._answering, timeout=LAST_ANSWERS_SECONDS)
        for task in (self._keeping, *self._retiring):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        if self._connection is not None:
            await self._connection.close()

    async def _keep_connected(self) -> None:
        """Connect whenever that is needed, until cancelled; slower after failures and short connections."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            await self._until_needed()
            if loop.time() - self._since >= STEADY_SECONDS:
                failures = 0
            pause = _pause_after(failures)
            if pause:
                await asyncio.sleep(pause)
            failures += 1
            try:
                await self._connect()
            except Exception as error:  # noqa: BLE001 - whatever broke, the next round tries again; only a stop ends this
                retry_after = retry_after_seconds(error) if isinstance(error, SlackApiError) else 0.0
                log.warning("Socket Mode could not connect (%s); trying again.", _cause(error))
                await asyncio.sleep(retry_after)
                self._since = loop.time()

    async def _until_needed(self) -> None:
        while not self._needed.is_set() and await self.connected():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._needed.wait(), CHECK_INTERVAL_SECONDS)

    def _ended(self, connection: Connection, reason: str) -> None:
        """Note that a connection has ended, or soon will."""
        if connection is not self._connection:
            return
        if reason == "link_disabled":
            log.warning("Socket Mode is switched off for this app, at https://api.slack.com/apps under Socket Mode.")
        self._reason = reason
        self._needed.set()

    async def _connect(self) -> None:
        """Open a connection in place of the old one, which answers its requests before it closes."""
        old = self._connection
        if old is not None and self._reason == "too_many_websockets":
            # Only here the old one has to go first.
            await old.close()
        connection = Connection(
            self._token.get_secret_value(), without_retries(self._bot.slack.bolt.client), self._ended
        )
        connection.socket_mode_request_listeners.append(self._answer)  # type: ignore[arg-type]
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                await connection.connect()
        except BaseException:
            await connection.close()
            raise
        self._connection, self._reason = connection, ""
        self._needed.clear()
        self._since = asyncio.get_running_loop().time()
        if old is not None:
            retiring = asyncio.create_task(_retire(old), name="last answers over an old connection")
            self._retiring.add(retiring)
            retiring.add_done_callback(self._retiring.discard)

    async def _answer(self, connection: Connection, request: SocketModeRequest) -> None:
        """Answer one request over the connection that it came by; at the end, leave it to whoever is connected next."""
        if self._ending:
            return
        began = time.time()
        answering = asyncio.current_task()
        if answering is not None:
            self._answering.add(answering)
            answering.add_done_callback(self._answering.discard)
        held = False
        try:
            response, held = await asyncio.shield(self._served_once(request))
            await send_async_response(connection, request, response, began)
        except ConnectionError:
            log.info("A connection ended before an answer; Slack asks again over another.")
        finally:
            if not held:
                self._bot.metrics.observe_ack("socket", time.time() - began)

    def _served_once(self, request: SocketModeRequest) -> asyncio.Task[tuple[BoltResponse, bool]]:
        """Serve a request once: Slack sends again what it did not see answered, over whatever connection.

        The answer alone is remembered, which holds no password.
        """
        known = self._answers.get(request.envelope_id)
        if known is None:
            known = asyncio.create_task(self._serve(request), name="socket mode request")
            self._answers[request.envelope_id] = known
            if len(self._answers) > _REMEMBERED_ENVELOPES:
                self._answers.popitem(last=False)
        return known

    async def _serve(self, request: SocketModeRequest) -> tuple[BoltResponse, bool]:
        """Return the answer to a request, and whether it was held on purpose."""
        bolt_request = AsyncBoltRequest(mode="socket_mode", body=request.payload, headers=build_headers(request))
        response = await self._bot.slack.serve(bolt_request)
        return response, is_held(bolt_request.context)


async def _retire(connection: Connection) -> None:
    try:
        await asyncio.sleep(LAST_ANSWERS_SECONDS)
    finally:
        await connection.close()


def _pause_after(failures: int) -> float:
    """Return the seconds to wait before the next try; random, because all instances were cut off at once."""
    if not failures:
        return 0.0
    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 16))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - it guards nothing


def _cause(error: BaseException) -> str:
    return (error_code(error) if isinstance(error, SlackApiError) else "") or type(error).__name__
