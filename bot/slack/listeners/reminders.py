"""“Remind” for everybody whom the list shows: one question, and then a message to each."""

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.people.access import Person
from bot.slack.ids import ActionId
from bot.slack.listeners.services import Payload, Services
from bot.slack.middleware.caller import pressed_value
from bot.slack.replies.reply import Paced, begin_below, beginning_if_slow, reply_in_place
from bot.slack.views import reminders as views
from bot.slack.views.message import notice
from bot.slack.views.people_list import TITLE, decode_query

_COUNTING = notice("Counting who needs a reminder …")
_BEGINNING = notice("Reminding people …")


class ReminderListeners:
    """The list's button, and the one that answers its question."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register(self, app: AsyncApp) -> None:
        """Register the buttons."""
        app.action(ActionId.PEOPLE_REMIND)(self.ask)
        app.action(ActionId.REMIND_THESE)(self.remind)

    async def ask(self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person) -> None:
        """Ask once, with the number of those who would be reminded."""
        await ack()
        query = decode_query(str(action.get("block_id") or "")).first_page()
        await self._services.profiles.access.require_admin(caller)
        reply = await begin_below(body, client, title=TITLE, beginning=_COUNTING)

        async def notify(sentence: str) -> None:
            await reply.show(notice(sentence))

        async def count() -> None:
            async with beginning_if_slow(reply, _COUNTING):
                counts = await self._services.reminders.count(caller=caller, query=query)
            await reply.show(views.question(counts, query))

        await self._services.jobs.start_shown_run(f"question for {caller.user}", count, notify=notify)

    async def remind(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Remind them."""
        await ack()
        query = decode_query(pressed_value(action))
        await self._services.profiles.access.require_admin(caller)
        reply = await reply_in_place(body, client, title=TITLE, first=_BEGINNING)
        paced = Paced(reply)

        async def notify(sentence: str) -> None:
            await reply.fail(notice(sentence))

        async def work() -> None:
            counts = await self._services.reminders.remind_all(
                caller=caller, query=query, show=lambda counts: paced.progress(views.progress(counts))
            )
            await reply.show(views.done(counts))

        await self._services.jobs.start_shown_run(f"reminders for {caller.user}", work, notify=notify)
