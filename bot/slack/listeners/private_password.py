"""“Set the password privately”: the buttons that open the way to a page of the bot."""

from dataclasses import replace

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.account.private_links import PrivateLinks
from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from bot.slack.ids import ActionId
from bot.slack.listeners.services import Payload, Services
from bot.slack.replies.modals import NotOpenedError, modal_of, open_modal
from bot.slack.replies.reply import message_modal, reply_below
from bot.slack.replies.response_url import post_where_opened
from bot.slack.views.card import password_link
from bot.slack.views.form import PRIVATE_BUTTON

TITLE = "Password"


class PrivatePasswordListeners:
    """The buttons of the card and of the form; a press on the link itself needs no answer."""

    def __init__(self, services: Services) -> None:
        self._stored_links = services.links
        self._forms = services.forms

    def register(self, app: AsyncApp) -> None:
        """Register the buttons."""
        app.action(ActionId.SET_PRIVATELY)(self.press_card)
        app.action(ActionId.FORM_PRIVATELY)(self.press_form)
        app.action(ActionId.OPEN_LINK)(self.press_link)

    async def press_card(self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person) -> None:
        """Show a link for the stored server, to the one who pressed and to nobody else."""
        await ack()
        url = await self._links.create_link(owner=caller)
        await reply_below(body, client, title=TITLE, first=password_link(url))

    async def press_form(self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person) -> None:
        """Show a link for the server that is typed in the form, on top of it; the form learns of the password."""
        await ack()
        shown = modal_of(body)
        if (await self._forms.shown(shown, caller, caller)).holds_other_domains_server:
            await self._forms.search_before(PRIVATE_BUTTON, shown, client, caller, caller)
            return
        # It is the password of whoever presses, whatever form that is.
        form = await self._forms.below_another(shown, client, caller, caller)
        url = await self._links.create_link(
            owner=caller,
            account=form.account,
            view_id=str(shown["id"]),
            revision=form.metadata.revision,
            # An address that lets others post is written into no database.
            form=replace(form.stacked, reply=None).encode(),
        )
        link = password_link(url)
        try:
            await open_modal(client, body, message_modal(link, title=TITLE))
        except NotOpenedError:
            await post_where_opened(client, caller, form.metadata.reply, link)

    async def press_link(self, ack: AsyncAck) -> None:
        """Acknowledge a press on the link, which the browser follows."""
        await ack()

    @property
    def _links(self) -> PrivateLinks:
        if self._stored_links is None:
            raise UserError("This bot has no private page. Type the password into the form.")
        return self._stored_links
