"""The button "Test connection" in the form: tests what is typed, before it is saved."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.account.profile import parse_port
from bot.profiles.account.records import ProfileView
from bot.profiles.errors import InvalidFormError
from bot.profiles.people.access import Person
from bot.slack.ids import ActionId
from bot.slack.listeners.services import Payload, Services
from bot.slack.replies.connection_tests import show_progress
from bot.slack.replies.modals import modal_of, update_modal
from bot.slack.replies.response_url import post_where_opened
from bot.slack.views import report as reports
from bot.slack.views.form import PasswordEntry, PrivateMetadata, errors_section, profile_form, read_form
from bot.slack.views.message import Block, Message, escape, section
from bot.slack.web_api.errors import SLACK_ERRORS
from bot.smtp.account import Account
from bot.smtp.check.report import Report

log = logging.getLogger(__name__)


class FormTestListeners:
    """The form's button."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register(self, app: AsyncApp) -> None:
        """Register the button."""
        app.action(ActionId.FORM_TEST)(self.press_test)

    async def press_test(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Test the values typed in the form, and show the report inside it."""
        await ack()
        shown = modal_of(body)
        metadata = PrivateMetadata.decode(shown["private_metadata"])
        view = await self._services.profiles.show(caller=caller, owner=owner)
        open_form = _OpenForm(client, shown["id"], metadata, caller, view, self._services.entry)

        async def notify(sentence: str) -> None:
            await open_form.finish([section(escape(sentence))])

        async def test() -> None:
            await self._test(open_form, shown["state"]["values"], caller, owner)

        self._services.jobs.start(f"form test of {owner.user} for {caller.user}", test, notify=notify)

    async def _test(self, open_form: "_OpenForm", values: Payload, caller: Person, owner: Person) -> None:
        filled = read_form(values)
        account = Account(
            address=filled.address.strip(),
            host=filled.host.strip(),
            port=parse_port(filled.port),
            encryption=open_form.view.encryption,
            authenticate=filled.authenticate,
            login=filled.login.strip(),
        )

        async def show(report: Report) -> None:
            await open_form.progress(reports.report_blocks(account, report))

        async def test(progress: Callable[[Report], None]) -> Report:
            return await self._services.connections.test_form(
                caller=caller, owner=owner, form=filled, progress=progress
            )

        await open_form.progress([section(":hourglass_flowing_sand: Testing what stands in the form …")])
        try:
            report = await show_progress(test, show)
        except InvalidFormError as error:
            await open_form.finish(errors_section(error.errors))
        else:
            await open_form.finish(reports.report_blocks(account, report))


@dataclass
class _OpenForm:
    """A form that a person has open; notes are shown at its end."""

    client: AsyncWebClient
    view_id: str
    metadata: PrivateMetadata
    caller: Person
    view: ProfileView
    entry: PasswordEntry
    takes_progress: bool = True

    async def progress(self, blocks: list[Block]) -> None:
        """Show how far something is, until Slack once does not take it."""
        self.takes_progress = self.takes_progress and await self._update(blocks)

    async def finish(self, blocks: list[Block]) -> None:
        """Show the last word, or else post it; a form that was closed meanwhile needs none."""
        if not await self._update(blocks):
            message = Message(text="The test of what stands in the form has ended.", blocks=blocks)
            await post_where_opened(self.client, self.caller.user, self.metadata.reply, message)

    async def _update(self, blocks: list[Block]) -> bool:
        view = profile_form(self.view, metadata=self.metadata, reader=self.caller.user, entry=self.entry, notes=blocks)
        try:
            await update_modal(self.client, self.view_id, view)
        except SLACK_ERRORS as error:
            log.info("A form was not changed (%s).", type(error).__name__)
            return False
        return True
