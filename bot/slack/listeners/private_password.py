"""“Set the password privately”: the buttons that give a link to a page of the bot."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.errors import UserError
from bot.slack.ids import ActionId
from bot.slack.listeners.services import Services, caller_of, modal_of
from bot.slack.replies.direct_message import say
from bot.slack.replies.modals import NotOpenedError, opened
from bot.slack.replies.reply import answer_beside, answer_view
from bot.slack.views.card import password_link
from bot.slack.views.form import PrivateMetadata as FormContext
from bot.slack.views.form import read_form

TITLE = "Password"


def register(app: AsyncApp, services: Services) -> None:
    """Register the buttons of the card and of the form; a press on the link itself needs no answer."""
    room = _PrivateListeners(services)
    app.action(ActionId.SET_PRIVATELY)(room.press_card)
    app.action(ActionId.FORM_PRIVATELY)(room.press_form)
    app.action(ActionId.OPEN_LINK)(room.press_link)


class _PrivateListeners:
    def __init__(self, services: Services) -> None:
        self._links = services.links

    async def press_card(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Give a link for the stored server, to the one who pressed and to nobody else."""
        await ack()
        url = await self._link(context, channel=context.channel_id or "")
        await answer_beside(body, client, title=TITLE, first=password_link(url))

    async def press_form(
        self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Give a link for the server that stands in the form, on top of it; the form learns of the password."""
        await ack()
        shown = modal_of(body)
        known = FormContext.decode(shown["private_metadata"])
        host = read_form(shown["state"]["values"]).host
        url = await self._link(
            context, channel=known.channel, host=host, view_id=str(shown["id"]), revision=known.revision
        )
        link = password_link(url)
        try:
            await opened(client, body, answer_view(link, title=TITLE))
        except NotOpenedError:
            await say(client, caller_of(context).user, known.channel, link)

    async def press_link(self, ack: AsyncAck) -> None:
        """Let Slack know that the press on the link arrived."""
        await ack()

    async def _link(self, context: AsyncBoltContext, **where: Any) -> str:
        if self._links is None:
            raise UserError("This bot has no private page. Type the password into the form.")
        return await self._links.create_link(owner=caller_of(context), **where)
