"""What people see in Slack when their password was set on the private page: the open form, or the card."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, replace

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.account.drafts import FormBasis
from bot.profiles.account.private_links import PasswordSet, PrivateLink
from bot.profiles.errors import UserError
from bot.slack.replies.direct_message import post_to_person
from bot.slack.replies.jobs import Jobs
from bot.slack.replies.modals import MODAL_TIMEOUT_SECONDS
from bot.slack.views.card import card
from bot.slack.views.form import profile_form
from bot.slack.views.form_state import form_below
from bot.slack.views.message import Message, alert, notice, section
from bot.slack.views.password_entry import PasswordEntry
from bot.slack.views.private_metadata import OutdatedFormError, PrivateMetadata
from bot.slack.web_api.clients import with_retries
from bot.slack.web_api.errors import SLACK_ERRORS, error_code
from bot.slack.workspaces.workspaces import Workspaces

log = logging.getLogger(__name__)

_DONE = "Your password is set."


@dataclass(frozen=True)
class PasswordSetNotice:
    """Shows people in Slack that their password is set; with `finds` settings can be found in forms."""

    workspaces: Workspaces
    jobs: Jobs
    entry: PasswordEntry
    finds: bool

    def show(self, done: PasswordSet) -> None:
        """Update the open form, or else show the card."""
        link = done.link

        async def notify(sentence: str) -> None:
            await post_to_person(await self._client_for(link), link.owner.user, notice(sentence))

        async def work() -> None:
            client = await self._client_for(link)
            if not await self._in_form(client, done):
                blocks = card(done.view, reader=link.owner.user, entry=self.entry, notes=done.notes).blocks
                message = Message(text=_DONE, blocks=[section(_DONE), *blocks])
                await post_to_person(client, link.owner.user, message)

        try:
            self.jobs.start(f"password of {link.owner.user}", work, notify=notify)
        except UserError:
            # The password is set, and the page says so; Slack shows it the next time somebody looks.
            log.warning("A new password could not be shown in Slack: too much is under way.")

    async def _client_for(self, link: PrivateLink) -> AsyncWebClient:
        return with_retries(await self.workspaces.client_for(link.owner.workspace))

    async def _in_form(self, client: AsyncWebClient, done: PasswordSet) -> bool:
        """Update the open form; return False when there is none, or when somebody else saved since it was opened."""
        link, owner = done.link, done.link.owner.user
        if not link.view_id or done.view.revision - link.revision > 1:
            # A form that has not seen what another saved stays on its revision, so that saving it asks.
            return False
        metadata = PrivateMetadata(owner=owner, revision=link.revision)
        with suppress(OutdatedFormError):
            metadata = replace(PrivateMetadata.decode(link.form), owner=owner)
        basis = FormBasis(view=done.view, defaults=done.defaults)
        metadata = metadata.after_own_change(done.view.revision)
        form = form_below(metadata, basis, reader=owner, entry=self.entry, finds=self.finds)
        notes = [
            *alert(f"{_DONE} Save the form to go on.", "success"),
            *(block for note in done.notes for block in alert(note, "warning")),
        ]
        # The link remembers the checkbox as it was; what it shows has to be what is saved.
        view = profile_form(form.with_new_checkbox().redrawn(), notes=notes)
        try:
            async with asyncio.timeout(MODAL_TIMEOUT_SECONDS):
                await client.views_update(view_id=link.view_id, view=view)
        except SLACK_ERRORS as error:
            if not (isinstance(error, SlackApiError) and error_code(error) == "not_found"):
                log.info("A form was not changed (%s).", type(error).__name__)
            return False
        return True
