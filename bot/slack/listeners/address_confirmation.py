"""“Confirm address”: the button that mails a code, and the modal in which it is typed back."""

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.account.own_address import ConfirmationCode
from bot.profiles.people.access import Person
from bot.slack.ids import ActionId, ViewId
from bot.slack.listeners.services import Payload, Services
from bot.slack.replies.modals import open_or_offer
from bot.slack.replies.reply import message_modal
from bot.slack.views import address_confirmation as views


class AddressConfirmationListeners:
    """The button and the modal; whoever presses confirms the address of their own profile."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register(self, app: AsyncApp) -> None:
        """Register them."""
        app.action(ActionId.CONFIRM_ADDRESS)(self.press)
        app.view(ViewId.CONFIRM_ADDRESS)(self.submit)

    async def press(self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person) -> None:
        """Open the modal, and mail a code unless one waits to be typed already."""
        await ack()
        asked = await self._services.confirmations.ask(caller=caller)
        status = views.CodeStatus.MAILED_BEFORE if asked.is_mailed else views.CodeStatus.UNDER_WAY
        modal = views.code_modal(asked.address, status)
        opened = await open_or_offer(client, body, modal, again=views.confirm_button())
        if not asked.is_mailed:
            await self._services.code_replies.start(client, body, view_id=opened.view_id, caller=caller)

    async def submit(self, ack: AsyncAck, view: Payload, caller: Person) -> None:
        """Confirm the address; what is wrong is told beside the code, which stays."""
        code = ConfirmationCode.typed(views.typed_code(view))
        address = await self._services.confirmations.confirm(caller=caller, code=code)
        done = message_modal(views.confirmed(address, owner=caller.user), title=views.TITLE)
        await ack(response_action="update", view=done)
