"""`/email-profile list`: the list of everybody's accounts, its search, its rows, and the table to take away."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.people.access import Person
from bot.profiles.people.people_list import ListQuery, PersonLine, to_csv
from bot.slack.commands import Commands, SlashCommand
from bot.slack.ids import EMAIL_PROFILE, ActionId
from bot.slack.listeners.services import Services, caller_of, pressed
from bot.slack.replies.direct_message import say
from bot.slack.replies.reply import Answer, Beside, answer_beside, answer_to
from bot.slack.replies.response_url import ResponseUrl
from bot.slack.views import card as cards
from bot.slack.views import history as history_views
from bot.slack.views import people_list as views
from bot.slack.views.form import OutdatedFormError
from bot.slack.views.message import Message, notice


def register(app: AsyncApp, commands: Commands, services: Services) -> None:
    """Register the subcommand, the list's menus and buttons, and its rows."""
    room = _ListListeners(services)
    commands.on(EMAIL_PROFILE, "list", listener=room.command)
    app.action(ActionId.PEOPLE_SEARCH)(room.search)
    app.action(ActionId.PEOPLE_STATE)(room.choose_state)
    app.action(ActionId.PEOPLE_ORDER)(room.choose_order)
    app.action(ActionId.PEOPLE_PAGE)(room.turn)
    app.action(ActionId.PEOPLE_BACK)(room.turn)
    app.action(ActionId.PEOPLE_OPEN)(room.open)
    app.action(ActionId.PEOPLE_EXPORT)(room.export)
    app.action(ActionId.PEOPLE_ROW)(room.press_row)


class _ListListeners:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._listing = services.listing
        self._profiles = services.profiles

    async def command(self, command: SlashCommand) -> Message:
        """Answer `/email-profile list`."""
        return await self._page(command.caller, ListQuery())

    async def _page(self, caller: Person, wish: ListQuery) -> Message:
        return views.list_message(await self._listing.page(caller=caller, query=wish))

    async def search(
        self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Show whom the typed words find."""
        await ack()
        action = body["actions"][0]
        wish = replace(_wish(action).first_page(), search=pressed(action).strip()[: views.MAX_SEARCH_LENGTH])
        await self._show(body, client, caller_of(context), wish)

    async def choose_state(
        self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Show those in one state, or all."""
        await ack()
        action = body["actions"][0]
        wish = replace(_wish(action).first_page(), state=views.decode_state(_chosen(action)))
        await self._show(body, client, caller_of(context), wish)

    async def choose_order(
        self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Order by name, or what is wrong first."""
        await ack()
        action = body["actions"][0]
        wish = replace(_wish(action).first_page(), by_name=views.decode_order(_chosen(action)))
        await self._show(body, client, caller_of(context), wish)

    async def turn(
        self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Turn to the next page, or back."""
        await ack()
        wish = views.decode_query(pressed(body["actions"][0]))
        await self._show(body, client, caller_of(context), wish)

    async def _show(self, body: dict[str, Any], client: AsyncWebClient, caller: Person, wish: ListQuery) -> None:
        if not body.get("response_url"):
            # The list with its search is a message; a modal would want a button to submit it.
            raise OutdatedFormError
        await ResponseUrl(client, body).answer(await self._page(caller, wish), replace=True)

    async def open(self, ack: AsyncAck, context: AsyncBoltContext, client: AsyncWebClient) -> None:
        """Send the whole list to the admin's own conversation with the bot, from the Home tab."""
        await ack()
        caller = caller_of(context)
        message = await self._page(caller, ListQuery())
        await say(client, caller.user, "", message)

    async def export(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Send the wished lines as a table to the admin alone."""
        await ack()
        caller = caller_of(context)
        wish = _wish(body["actions"][0])
        await self._listing.require_admin(caller)
        answer = await answer_beside(body, client, title=views.TITLE, first=notice("Writing the table …"))

        async def tell(sentence: str) -> None:
            await answer.show(notice(sentence))

        async def send() -> None:
            lines: list[PersonLine] = []
            async for batch in self._listing.stream_lines(caller=caller, query=wish):
                lines.extend(batch)
            told = notice(views.export_comment(len(lines)))
            posted = await client.chat_postMessage(channel=caller.user, **told.payload())
            await client.files_upload_v2(
                # A conversation of two: nobody else can open the file.
                channel=posted["channel"],
                filename="work-with-email.csv",
                content=to_csv(lines),
                title="Work with email",
            )
            await answer.show(notice("The table is in your messages with the bot."))

        self._services.jobs.start(f"export for {caller.user}", send, tell=tell)

    async def press_row(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Do with one person what the row's menu offers."""
        await ack()
        caller = caller_of(context)
        action = body["actions"][0]
        act, user = views.decode_row_action(_chosen(action))
        owner = Person(workspace=caller.workspace, user=user)
        match act:
            case "edit":
                await self._services.opening.form(client, body, caller, owner, channel=context.channel_id or "")
            case "extras":
                await self._services.opening.extras(client, body, caller, owner, channel=context.channel_id or "")
            case "test":
                await self._test(client, body, caller, owner)
            case "history":
                page = await self._services.history.page(caller=caller, owner=owner)
                shown = history_views.history(page, reader=caller.user)
                await answer_beside(body, client, title=views.TITLE, first=shown)
            case _:
                view = await self._profiles.show(caller=caller, owner=owner)
                nothing = notice("There is no email profile to remove.")
                question = cards.delete_question(view, reader=caller.user) if view.revision else nothing
                await answer_beside(body, client, title=views.TITLE, first=question)

    async def _test(
        self,
        client: AsyncWebClient,
        body: dict[str, Any],
        caller: Person,
        owner: Person,
    ) -> None:
        """Test below the list, and then show the list as it is after that."""
        url = ResponseUrl(client, body)
        answer: Answer = Beside(url)
        if not body.get("response_url"):
            answer = await answer_to(body, client, title=views.TITLE, first=notice("Testing …"))
        wish = _wish(body["actions"][0]) if body.get("response_url") else None

        async def work() -> None:
            await self._services.testing.tested(answer, caller, owner)
            if wish is not None:
                await url.answer(await self._page(caller, wish), replace=True)

        self._services.testing.start(answer, caller, owner, work)


def _wish(action: Mapping[str, Any]) -> ListQuery:
    return views.decode_query(str(action.get("block_id") or ""))


def _chosen(action: Mapping[str, Any]) -> str:
    option = action.get("selected_option")
    value = option.get("value") if isinstance(option, Mapping) else None
    return value if isinstance(value, str) else ""
