"""“Email this message”: the shortcut in a message's menu, and the modal in which the email is written."""

import asyncio

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from bot.profiles.sending.emailed_messages import SentEmail
from bot.profiles.sending.emails import Email, EmailForm, check_email
from bot.slack.ids import ActionId, ShortcutId, ViewId
from bot.slack.listeners.services import Payload, Services
from bot.slack.middleware.held_ack import HeldAck
from bot.slack.replies.jobs import INTERRUPTED
from bot.slack.replies.modals import modal_of, open_modal
from bot.slack.replies.response_url import ResponseUrl, post_where_opened, reply_address
from bot.slack.replies.sent_email import SentEmailReply
from bot.slack.shared_message import shared_message
from bot.slack.views import emailed_message as views
from bot.slack.views.private_metadata import PrivateMetadata

_STOPPED = "The bot was stopped while your email was being sent."


class EmailedMessageListeners:
    """The shortcut, the modal and its button; whoever uses them sends with their own profile."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register(self, app: AsyncApp) -> None:
        """Register them."""
        app.shortcut(ShortcutId.EMAIL_MESSAGE)(self.open)
        app.view(ViewId.EMAIL_MESSAGE)(self.send)
        app.action(ActionId.EMAIL_SET_UP)(self.press_set_up)

    async def open(self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person) -> None:
        """Open the modal with the message in it; without a profile to send with, say so where the message is."""
        await ack()
        shared = shared_message(body)
        new = await self._services.emails.begin(caller=caller, people=shared.people)
        if new.missing:
            message = views.no_profile(new.missing, owner=caller.user)
            await ResponseUrl(client, body).answer(message, replace=False)
            return
        subject = views.subject_of(shared.readable_text(new.names))
        draft = views.EmailDraft(
            form=EmailForm(to="", subject=subject, text=views.text_of(shared.readable(new.names))),
            metadata=PrivateMetadata(owner=caller.user, revision=0, reply=reply_address(body, caller)),
            sender=new.profile.address,
        )
        await open_modal(client, body, views.email_modal(draft))

    async def send(
        self, ack: AsyncAck, view: Payload, client: AsyncWebClient, held_ack: HeldAck, caller: Person
    ) -> None:
        """Send the email and say what became of it; whatever is wrong keeps the modal open with everything typed."""
        await self._services.emails.require_may_send(caller=caller)
        draft = views.shown_draft(view)
        email = check_email(draft.form)
        reply = SentEmailReply(client, caller, view_id=str(view["id"]), reply=draft.metadata.reply)

        async def send() -> None:
            sending = asyncio.ensure_future(self._sent(email, caller))
            try:
                sent = await asyncio.shield(sending)
            except asyncio.CancelledError:
                # What was given to the mail server is waited for even now; who waits for us is told at once.
                sending.cancel()
                raise
            await reply.tell(views.sent_modal(draft, sent), views.sent_message(draft, sent))

        async def notify(sentence: str) -> None:
            why = _STOPPED if sentence == INTERRUPTED else sentence
            await reply.tell(views.unknown_modal(draft, why), views.unknown_message(draft, why))

        self._services.jobs.start(f"email of {caller.user}", send, notify=notify)
        shown = await reply.first(held_ack.hold())
        await ack(response_action="update", view=shown or views.sending_modal(draft))

    async def _sent(self, email: Email, caller: Person) -> SentEmail:
        try:
            return await self._services.emails.send(caller=caller, email=email)
        except UserError as error:
            return SentEmail.not_begun(str(error))

    async def press_set_up(self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person) -> None:
        """Open the profile's form in place of the modal, once what was written in that is posted for its writer."""
        await ack()
        await self._services.emails.require_may_send(caller=caller)
        draft = views.shown_draft(modal_of(body))
        await post_where_opened(client, caller, draft.metadata.reply, views.written_message(draft.form))
        await self._services.forms.open_form(client, body, caller, caller)
