"""`/email-profile list`: the list of everybody's accounts, its search, its rows, and its export as a table."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.people.access import Person
from bot.profiles.people.people_list import ListQuery, PersonLine, to_csv
from bot.slack.command_text import subcommand
from bot.slack.ids import EMAIL_PROFILE, ActionId
from bot.slack.listeners.services import Payload, Services
from bot.slack.middleware.caller import pressed_value
from bot.slack.replies.direct_message import post_file, post_to_person
from bot.slack.replies.reply import FollowUpReply, Reply, begin_below, beginning_if_slow, reply_below, reply_in_place
from bot.slack.replies.response_url import ResponseUrl
from bot.slack.views import card as cards
from bot.slack.views import history as history_views
from bot.slack.views import people_list as views
from bot.slack.views import reminders as reminder_views
from bot.slack.views import report as reports
from bot.slack.views.message import Message, notice
from bot.slack.views.private_metadata import OutdatedFormError

_TABLE = "work-with-email.csv"
_WRITING = notice("Writing the table …")


class PeopleListListeners:
    """The subcommand, the list's menus and buttons, and its rows."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register_commands(self, app: AsyncApp) -> None:
        """Register the subcommand."""
        app.command(EMAIL_PROFILE, matchers=[subcommand("list")])(self.show)

    def register(self, app: AsyncApp) -> None:
        """Register the menus and the buttons."""
        app.action(ActionId.PEOPLE_SEARCH)(self.search)
        app.action(ActionId.PEOPLE_STATE)(self.choose_state)
        app.action(ActionId.PEOPLE_CAUSE)(self.choose_cause)
        app.action(ActionId.PEOPLE_ORDER)(self.choose_order)
        app.action(ActionId.PEOPLE_PAGE)(self.change_page)
        app.action(ActionId.PEOPLE_BACK)(self.change_page)
        app.action(ActionId.PEOPLE_ALL)(self.change_page)
        app.action(ActionId.PEOPLE_OPEN)(self.open_from_home)
        app.action(ActionId.PEOPLE_EXPORT)(self.export)
        app.action(ActionId.PEOPLE_ROW)(self.press_row)

    async def show(self, ack: AsyncAck, caller: Person) -> None:
        """Answer `/email-profile list`."""
        await ack((await self._page(caller, ListQuery())).payload())

    async def search(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Show whom the typed words find."""
        await ack()
        words = pressed_value(action).strip()[: views.MAX_SEARCH_LENGTH]
        await self._replace(body, client, caller, replace(_query(action).first_page(), search=words))

    async def choose_state(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Show those in one state, or who fail at one stage, or all."""
        await ack()
        state, stage = views.decode_state(pressed_value(action))
        shown = replace(_query(action).first_page(), state=state, stage=stage, cause="")
        await self._replace(body, client, caller, shown)

    async def choose_cause(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Show those who fail by one cause, or by any."""
        await ack()
        cause = views.decode_cause(pressed_value(action))
        await self._replace(body, client, caller, replace(_query(action).first_page(), cause=cause))

    async def choose_order(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Order by name, or problems first."""
        await ack()
        by_name = views.decode_order(pressed_value(action))
        await self._replace(body, client, caller, replace(_query(action).first_page(), by_name=by_name))

    async def change_page(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Show the next page, or the one before."""
        await ack()
        await self._replace(body, client, caller, views.decode_query(pressed_value(action)))

    async def open_from_home(self, ack: AsyncAck, client: AsyncWebClient, caller: Person) -> None:
        """Send the whole list to the admin's own conversation with the bot, from the Home tab."""
        await ack()
        await post_to_person(client, caller.user, await self._page(caller, ListQuery()))

    async def export(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Send the lines of the query as a table to the admin alone."""
        await ack()
        query = _query(action)
        await self._services.profiles.access.require_admin(caller)
        reply = await begin_below(body, client, title=views.TITLE, beginning=_WRITING)

        async def notify(sentence: str) -> None:
            await reply.show(notice(sentence))

        async def send() -> None:
            lines: list[PersonLine] = []
            async with beginning_if_slow(reply, _WRITING):
                async for batch in self._services.listing.stream_lines(caller=caller, query=query):
                    lines.extend(batch)
                comment = views.export_comment(len(lines))
                table = to_csv(lines)
                await post_file(client, caller.user, comment, filename=_TABLE, content=table, title=views.TITLE)
            await reply.show(notice("The table is in your messages with the bot."))

        self._services.jobs.start(f"export for {caller.user}", send, notify=notify)

    async def press_row(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Do with one person what the row's menu offers."""
        await ack()
        act, user = views.decode_row_action(pressed_value(action))
        owner = Person(workspace=caller.workspace, user=user)
        match act:
            case "edit":
                await self._services.forms.open_form(client, body, caller, owner)
            case "extras":
                await self._services.forms.open_extras(client, body, caller, owner)
            case "test":
                await self._test(client, body, caller, owner)
            case "report":
                await self._show_report(client, body, caller, owner)
            case "remind":
                await self._services.reminders.remind(caller=caller, owner=owner)
                await reply_below(body, client, title=views.TITLE, first=notice(reminder_views.REMINDED))
            case "history":
                page = await self._services.history.page(caller=caller, owner=owner)
                shown = history_views.history(page, reader=caller.user)
                await reply_below(body, client, title=views.TITLE, first=shown)
            case _:
                view = await self._services.profiles.show(caller=caller, owner=owner)
                nothing = notice("There is no email profile to remove.")
                question = cards.delete_question(view, reader=caller.user) if view.revision else nothing
                await reply_below(body, client, title=views.TITLE, first=question)

    async def _show_report(self, client: AsyncWebClient, body: Payload, caller: Person, owner: Person) -> None:
        view = await self._services.profiles.show(caller=caller, owner=owner)
        last = await self._services.connections.last_result(reader=caller, owner=owner)
        shown = notice("There is no report: the profile was changed since its last test.")
        if last is not None:
            shown = reports.finished(view.account, last, owner=owner.user)
        await reply_below(body, client, title=views.TITLE, first=shown)

    async def _page(self, caller: Person, query: ListQuery) -> Message:
        return views.list_message(await self._services.listing.page(caller=caller, query=query))

    async def _replace(self, body: Payload, client: AsyncWebClient, caller: Person, query: ListQuery) -> None:
        if not body.get("response_url"):
            # The list with its search is a message; a modal would want a button to submit it.
            raise OutdatedFormError
        await ResponseUrl(client, body).answer(await self._page(caller, query), replace=True)

    async def _test(self, client: AsyncWebClient, body: Payload, caller: Person, owner: Person) -> None:
        """Test below the list, and then show the list as it is after that."""
        url = ResponseUrl(client, body)
        reply: Reply = FollowUpReply(url)
        query = _query(body["actions"][0]) if body.get("response_url") else None
        if query is None:
            reply = await reply_in_place(body, client, title=views.TITLE, first=notice("Testing …"))

        async def work() -> None:
            await self._services.test_replies.test(reply, caller, owner)
            if query is not None:
                await url.answer(await self._page(caller, query), replace=True)

        tests = self._services.test_replies
        await tests.start_pressed(reply, lambda: tests.start(reply, caller, owner, work))


def _query(action: Mapping[str, Any]) -> ListQuery:
    """Read the query of the list that something was pressed in."""
    return views.decode_query(str(action.get("block_id") or ""))
