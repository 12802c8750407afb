"""The button "Test connection" in the form: tests what is typed, before it is saved."""

import logging
from collections.abc import Callable
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.models.blocks import Block
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.account.profile import parse_port
from bot.profiles.account.records import ProfileView
from bot.profiles.errors import InvalidFormError
from bot.profiles.people.access import Person
from bot.slack.ids import ActionId
from bot.slack.listeners.services import Services, caller_of, modal_of, owner_of
from bot.slack.replies.connection_tests import follow
from bot.slack.replies.direct_message import say
from bot.slack.replies.modals import show_in
from bot.slack.views import report as reports
from bot.slack.views.form import PasswordEntry, PrivateMetadata, errors_section, profile_form, read_form
from bot.slack.views.message import Message, escape, section
from bot.slack.web_api.errors import SLACK_FAILS
from bot.smtp.account import Account
from bot.smtp.check.report import Report

log = logging.getLogger(__name__)


def register(app: AsyncApp, services: Services) -> None:
    """Register the form's button."""
    app.action(ActionId.FORM_TEST)(_FormTestListener(services).press_form_test)


class _FormTestListener:
    def __init__(self, services: Services) -> None:
        self._jobs = services.jobs
        self._profiles = services.profiles
        self._connections = services.connections
        self._entry = services.entry

    async def press_form_test(
        self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Test what stands in the form, before it is saved, and show the report inside it."""
        await ack()
        shown = modal_of(body)
        known = PrivateMetadata.decode(shown["private_metadata"])
        caller = caller_of(context)
        owner = owner_of(caller, known.owner)
        view = await self._profiles.show(caller=caller, owner=owner)
        within = _OpenForm(client, shown["id"], known, caller, view, self._entry)

        async def tell(sentence: str) -> None:
            await within.say([section(escape(sentence))])

        async def test() -> None:
            await self._test_in_form(within, shown["state"]["values"], caller, owner)

        self._jobs.start(f"form test of {owner.user} for {caller.user}", test, tell=tell)

    async def _test_in_form(self, within: "_OpenForm", values: dict[str, Any], caller: Person, owner: Person) -> None:
        filled = read_form(values)
        account = Account(
            address=filled.address.strip(),
            host=filled.host.strip(),
            port=parse_port(filled.port),
            encryption=within.view.encryption,
            authenticate=filled.authenticate,
            login=filled.login.strip(),
        )

        async def show(report: Report) -> None:
            await within.note(reports.report_blocks(account, report))

        async def test(progress: Callable[[Report], None]) -> Report:
            return await self._connections.test_form(caller=caller, owner=owner, form=filled, progress=progress)

        await within.note([section(":hourglass_flowing_sand: Testing what stands in the form …")])
        try:
            report = await follow(test, show)
        except InvalidFormError as error:
            await within.say(errors_section(error.errors))
        else:
            await within.say(reports.report_blocks(account, report))


class _OpenForm:
    """A form that a person has open; notes are shown at its end."""

    def __init__(  # noqa: PLR0917 - each is of its own kind
        self,
        client: AsyncWebClient,
        view_id: str,
        known: PrivateMetadata,
        caller: Person,
        view: ProfileView,
        entry: PasswordEntry,
    ) -> None:
        self._client = client
        self._view_id = view_id
        self._known = known
        self._caller = caller
        self._entry = entry
        self._takes_notes = True
        self.view = view

    async def note(self, blocks: list[Block]) -> None:
        """Show how far something is below the form; what Slack does not take is left out."""
        if not self._takes_notes:
            return
        try:
            await self._show(blocks)
        except SLACK_FAILS as error:
            self._takes_notes = False
            log.info("A form was not changed (%s).", type(error).__name__)

    async def say(self, blocks: list[Block]) -> None:
        """Show the last word below the form, or else outside of it; a form that was closed meanwhile needs none."""
        try:
            await self._show(blocks)
        except SLACK_FAILS as error:
            log.info("A form was not changed (%s).", type(error).__name__)
            told = Message(text="The test of what stands in the form has ended.", blocks=blocks)
            await say(self._client, self._caller.user, self._known.channel, told)

    async def _show(self, blocks: list[Block]) -> None:
        view = profile_form(self.view, metadata=self._known, reader=self._caller.user, entry=self._entry, notes=blocks)
        await show_in(self._client, self._view_id, view)
