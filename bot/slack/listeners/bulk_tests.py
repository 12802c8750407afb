"""“Test these”: a test of many profiles, with its progress in one message to the admin."""

import asyncio

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.connection_tests.bulk_tests import BulkTestCounts
from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from bot.slack.ids import ActionId
from bot.slack.listeners.services import Payload, Services
from bot.slack.middleware.caller import pressed_value
from bot.slack.replies.bulk_run_message import BulkRunMessage
from bot.slack.replies.reply import reply_below
from bot.slack.views import bulk_tests as views
from bot.slack.views.message import notice
from bot.slack.views.people_list import TITLE, decode_query
from storage.tables.bulk_runs import DONE, INTERRUPTED, StoredRun

START_TIMEOUT_SECONDS = 2.0
"""For posting a run's message: Slack waits for the acknowledgement meanwhile."""


class BulkTestListeners:
    """The list's button and the one that stops a run."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register(self, app: AsyncApp) -> None:
        """Register the buttons."""
        app.action(ActionId.PEOPLE_TEST)(self.press_test)
        app.action(ActionId.RUN_STOP)(self.press_stop)

    async def press_test(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Start to test those that the list shows."""
        await ack()
        query = decode_query(str(action.get("block_id") or ""))
        users = await self._services.bulk.select_users(caller=caller, query=query)
        async with asyncio.timeout(START_TIMEOUT_SECONDS):
            posted = await client.chat_postMessage(channel=caller.user, **notice("The test begins …").payload())
        shown = BulkRunMessage(client, channel=posted["channel"], ts=posted["ts"])
        try:
            run = await self._services.bulk.create_run(
                caller=caller, users=users, channel=posted["channel"], message_ts=posted["ts"]
            )
        except UserError as error:
            await shown.show(notice(str(error)))
            raise

        async def notify(sentence: str) -> None:
            await shown.end(notice(sentence))

        async def work() -> None:
            await self._run(run, users, caller, shown)

        try:
            self._services.jobs.start(f"run for {caller.user}", work, notify=notify)
        except UserError as error:
            await self._services.bulk.finish_run(run, INTERRUPTED)
            await shown.show(notice(str(error)))
            raise
        count = f"{len(users)} email {'profile' if len(users) == 1 else 'profiles'}"
        begun = notice(f"Testing {count}. Follow it in your messages with the bot.")
        await reply_below(body, client, title=TITLE, first=begun)

    async def _run(self, run: StoredRun, users: tuple[str, ...], caller: Person, shown: BulkRunMessage) -> None:
        async def show(tally: BulkTestCounts) -> None:
            await shown.show(views.progress(tally, run_id=run.run_id))

        try:
            tally = await self._services.bulk.run(run, users, caller=caller, show=show)
        except BaseException:
            # Stopped with the process, or broken: whichever it is, nobody goes on with it.
            await self._services.bulk.finish_run(run, INTERRUPTED)
            raise
        await self._services.bulk.finish_run(run, DONE)
        await shown.end(views.finished(tally))

    async def press_stop(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Stop a run; its message shows how far it came."""
        await ack()
        stopped = await self._services.bulk.cancel_run(caller=caller, run_id=pressed_value(action))
        message = notice("The test stops in a moment." if stopped else "This test is over already.")
        await reply_below(body, client, title=TITLE, first=message)
