"""“Test these”: a test of many profiles, with its progress in one message to the admin."""

import asyncio
import logging
import time
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from bot.profiles.tests.bulk_tests import BulkTestCounts
from bot.slack.ids import ActionId
from bot.slack.listeners.services import Services, caller_of, pressed
from bot.slack.middleware.request_log import log_undelivered
from bot.slack.replies.direct_message import say
from bot.slack.replies.reply import answer_beside
from bot.slack.views import bulk_tests as views
from bot.slack.views.message import Message, notice
from bot.slack.views.people_list import TITLE, decode_query
from bot.slack.web_api.clients import hurried
from bot.slack.web_api.errors import SLACK_FAILS, wait_asked_for
from storage.tables.bulk_runs import DONE, INTERRUPTED, StoredRun

log = logging.getLogger(__name__)

BEGIN_SECONDS = 2.0

SECONDS = 5.0
"""For one change of a run's message; after one that Slack did not take, so long none is tried."""


def register(app: AsyncApp, services: Services) -> None:
    """Register the list's button and the one that stops a run."""
    room = _BulkListeners(services)
    app.action(ActionId.PEOPLE_TEST)(room.press_test)
    app.action(ActionId.RUN_STOP)(room.press_stop)


class _BulkListeners:
    def __init__(self, services: Services) -> None:
        self._bulk = services.bulk
        self._jobs = services.jobs

    async def press_test(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Begin to test those that the list shows."""
        await ack()
        caller = caller_of(context)
        wish = decode_query(str(body["actions"][0].get("block_id") or ""))
        users = await self._bulk.select_users(caller=caller, query=wish)
        # Slack waits for the acknowledgement meanwhile, however long it asks to wait itself.
        async with asyncio.timeout(BEGIN_SECONDS):
            posted = await client.chat_postMessage(channel=caller.user, **notice("The test begins …").payload())
        shown = RunMessage(client, channel=posted["channel"], ts=posted["ts"])
        try:
            run = await self._bulk.create_run(
                caller=caller, users=users, channel=posted["channel"], message_ts=posted["ts"]
            )
        except UserError as error:
            await shown.show(notice(str(error)))
            raise

        async def tell(sentence: str) -> None:
            await shown.end(notice(sentence))

        async def work() -> None:
            await self._run(run, users, caller, shown)

        try:
            self._jobs.start(f"run for {caller.user}", work, tell=tell)
        except UserError as error:
            await self._bulk.finish_run(run, INTERRUPTED)
            await shown.show(notice(str(error)))
            raise
        count = f"{len(users)} email {'profile' if len(users) == 1 else 'profiles'}"
        told = notice(f"Testing {count}. Follow it in your messages with the bot.")
        await answer_beside(body, client, title=TITLE, first=told)

    async def _run(self, run: StoredRun, users: tuple[str, ...], caller: Person, shown: "RunMessage") -> None:
        async def show(tally: BulkTestCounts) -> None:
            await shown.show(views.progress(tally, run_id=run.run_id))

        try:
            tally = await self._bulk.run(run, users, caller=caller, show=show)
        except BaseException:
            # Stopped with the process, or broken: whichever it is, nobody goes on with it.
            await self._bulk.finish_run(run, INTERRUPTED)
            raise
        await self._bulk.finish_run(run, DONE)
        await shown.end(views.finished(tally))

    async def press_stop(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Stop a run; its message shows how far it came."""
        await ack()
        run_id = pressed(body["actions"][0])
        stopped = await self._bulk.cancel_run(caller=caller_of(context), run_id=run_id)
        told = notice("The test stops in a moment." if stopped else "This test is over already.")
        await answer_beside(body, client, title=TITLE, first=told)


class RunMessage:
    """The one message that shows a run."""

    def __init__(self, client: AsyncWebClient, *, channel: str, ts: str) -> None:
        """Show a run where it was begun."""
        self._client = client
        self._channel = channel
        self._ts = ts
        self._silent_until = 0.0

    async def show(self, message: Message) -> None:
        """Replace the message; one that Slack does not take now is no reason to stop testing."""
        if time.monotonic() < self._silent_until:
            return
        try:
            await self._replace(message)
        except SLACK_FAILS as error:
            wait = wait_asked_for(error) if isinstance(error, SlackApiError) else 0.0
            self._silent_until = time.monotonic() + max(wait, SECONDS)
            log_undelivered(log, "The progress of a run could not be shown", error)

    async def end(self, message: Message) -> None:
        """Replace the message for the last time; where Slack does not take that, as a new one below.

        Raises:
            SlackApiError, aiohttp.ClientError, TimeoutError, OSError: Slack took neither.
        """
        try:
            await self._replace(message)
        except SLACK_FAILS as error:
            log.info("The message of a run was not changed (%s).", type(error).__name__)
            await say(self._client, self._channel, "", message)

    async def _replace(self, message: Message) -> None:
        async with asyncio.timeout(SECONDS):
            await hurried(self._client).chat_update(channel=self._channel, ts=self._ts, **message.payload())
