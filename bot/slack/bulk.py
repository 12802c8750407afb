"""“Test these”: a test of many profiles, with its progress in one message to the admin."""

import logging
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.bulk import Tally
from bot.profiles.errors import MendableError
from bot.profiles.people import Person
from bot.slack.answers import answer_beside
from bot.slack.ids import ActionId
from bot.slack.services import Services, caller_of, pressed
from bot.slack.views import bulk as views
from bot.slack.views.listing import TITLE, read_wish
from bot.slack.views.message import Message, notice
from storage.test_runs import DONE, INTERRUPTED, StoredRun

log = logging.getLogger(__name__)


def register(app: AsyncApp, services: Services) -> None:
    """Register the list's button and the one that stops a run."""
    room = _BulkListeners(services)
    app.action(ActionId.PEOPLE_TEST)(room.press_test)
    app.action(ActionId.RUN_STOP)(room.press_stop)


class _BulkListeners:
    def __init__(self, services: Services) -> None:
        self._bulk = services.bulk
        self._jobs = services.jobs
        self._directory = services.directory

    async def press_test(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
        respond: AsyncRespond,
    ) -> None:
        """Begin to test those that the list shows."""
        await ack()
        caller = caller_of(context)
        wish = read_wish(str(body["actions"][0].get("block_id") or ""))
        users = await self._bulk.choose(caller=caller, directory=self._directory, wish=wish)
        posted = await client.chat_postMessage(channel=caller.user, **notice("The test begins …").payload())
        shown = RunMessage(client, channel=posted["channel"], ts=posted["ts"])
        try:
            run = await self._bulk.begin(caller=caller, users=users, channel=posted["channel"], message_ts=posted["ts"])
        except MendableError as error:
            await shown.show(notice(str(error)))
            raise

        async def tell(sentence: str) -> None:
            await shown.show(notice(sentence))

        async def work() -> None:
            await self._run(run, users, caller, shown)

        try:
            self._jobs.start(f"run for {caller.user}", work, tell=tell)
        except MendableError as error:
            await self._bulk.end(run, INTERRUPTED)
            await shown.show(notice(str(error)))
            raise
        count = f"{len(users)} email {'profile' if len(users) == 1 else 'profiles'}"
        told = notice(f"Testing {count}. Follow it in your messages with the bot.")
        await answer_beside(body, client, respond, title=TITLE, first=told)

    async def _run(self, run: StoredRun, users: tuple[str, ...], caller: Person, shown: "RunMessage") -> None:
        async def show(tally: Tally) -> None:
            await shown.show(views.progress(tally, run_id=run.run_id))

        try:
            tally = await self._bulk.run(run, users, caller=caller, show=show)
        except BaseException:
            # Stopped with the process, or broken: whichever it is, nobody goes on with it.
            await self._bulk.end(run, INTERRUPTED)
            raise
        await self._bulk.end(run, DONE)
        await shown.show(views.finished(tally))

    async def press_stop(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
        respond: AsyncRespond,
    ) -> None:
        """Stop a run; its message shows how far it came."""
        await ack()
        run_id = pressed(body["actions"][0])
        stopped = await self._bulk.cancel(caller=caller_of(context), directory=self._directory, run_id=run_id)
        told = notice("The test stops in a moment." if stopped else "This test is over already.")
        await answer_beside(body, client, respond, title=TITLE, first=told)


class RunMessage:
    """The one message that shows a run."""

    def __init__(self, client: AsyncWebClient, *, channel: str, ts: str) -> None:
        """Show a run where it was begun."""
        self._client = client
        self._channel = channel
        self._ts = ts

    async def show(self, message: Message) -> None:
        """Replace the message; one that Slack does not take now is no reason to stop testing."""
        try:
            await self._client.chat_update(channel=self._channel, ts=self._ts, **message.payload())
        except (SlackApiError, TimeoutError, OSError) as error:
            log.warning("The progress of a run could not be shown (%s).", type(error).__name__)
