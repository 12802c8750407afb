"""`/email-test`, its buttons, and the test inside the form: one message, or one view, that follows the test."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.models.blocks import Block
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.errors import InvalidFormError
from bot.profiles.people import Person
from bot.profiles.service import ProfileView
from bot.slack.command import NotUnderstoodError, parse
from bot.slack.ids import EMAIL_TEST, ActionId
from bot.slack.modals import show_in
from bot.slack.services import Services, caller_of, owner_of, pressed
from bot.slack.views import report as reports
from bot.slack.views.form import Context, errors_note, form, typed
from bot.slack.views.help import help_message
from bot.slack.views.message import escaped, notice, section
from bot.smtp.account import Account
from bot.smtp.report import Report

LOOKS = (0.8, 3.0)
"""Seconds after which a test under way is shown. With its beginning and its end that makes four posts, and
Slack takes five on one response_url (https://docs.slack.dev/interactivity/handling-user-interaction)."""

Test = Callable[[Callable[[Report], None]], Coroutine[Any, Any, Report]]
Show = Callable[[Report], Awaitable[object]]


def register(app: AsyncApp, services: Services) -> None:
    """Register the command, the buttons under a report, and the form's button."""
    room = _TestListeners(services)
    app.command(EMAIL_TEST)(room.command)
    app.action(ActionId.TEST)(room.press_test)
    app.action(ActionId.FIX_WITH_TLS)(room.press_fix)
    app.action(ActionId.FIX_WITH_SSL)(room.press_fix)
    app.action(ActionId.FORM_TEST)(room.press_form_test)


async def follow(test: Test, show: Show) -> Report:
    """Run a test and show how far it is, now and then; gives the finished report."""
    latest: list[Report] = []
    running = asyncio.create_task(test(latest.append))
    try:
        for pause in LOOKS:
            await asyncio.wait({running}, timeout=pause)
            if running.done():
                break
            if latest:
                await show(latest[-1])
        return await running
    finally:
        if not running.done():
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


class _TestListeners:
    def __init__(self, services: Services) -> None:
        self._jobs = services.jobs
        self._profiles = services.profiles
        self._directory = services.directory

    async def command(
        self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext, respond: AsyncRespond
    ) -> None:
        """Answer `/email-test …` at once, and test in the background."""
        try:
            invocation = parse(EMAIL_TEST, body.get("text") or "")
        except NotUnderstoodError as error:
            await ack(help_message(EMAIL_TEST, sentence=str(error)).payload())
            return
        if invocation.subcommand == "help":
            await ack(help_message(EMAIL_TEST).payload())
            return
        caller = caller_of(context)
        self._start(respond, caller, owner_of(caller, invocation.owner))
        await ack()

    async def press_test(
        self, ack: AsyncAck, action: dict[str, Any], context: AsyncBoltContext, respond: AsyncRespond
    ) -> None:
        """Test from a button; the report takes the message's place."""
        await ack()
        caller = caller_of(context)
        self._start(respond, caller, owner_of(caller, pressed(action)))

    async def press_fix(
        self, ack: AsyncAck, action: dict[str, Any], context: AsyncBoltContext, respond: AsyncRespond
    ) -> None:
        """Make the one change that the report advised, and test again."""
        await ack()
        caller = caller_of(context)
        owner = owner_of(caller, pressed(action))
        await self._profiles.switch_encryption(
            caller=caller,
            owner=owner,
            directory=self._directory,
            to="SSL" if action["action_id"] == ActionId.FIX_WITH_SSL else "TLS",
        )
        self._start(respond, caller, owner)

    def _start(self, respond: AsyncRespond, caller: Person, owner: Person) -> None:
        async def tell(sentence: str) -> None:
            await respond(replace_original=True, **notice(sentence).payload())

        async def test() -> None:
            await self._test_in_message(respond, caller, owner)

        self._jobs.start(f"test for {owner.user}", test, tell=tell)

    async def _test_in_message(self, respond: AsyncRespond, caller: Person, owner: Person) -> None:
        view = await self._profiles.show(caller=caller, owner=owner, directory=self._directory)
        account = view.account

        async def show(report: Report) -> None:
            await respond(replace_original=True, **reports.testing(account, report).payload())

        if view.profile.is_complete:
            await respond(replace_original=True, **reports.testing(account, None).payload())
        report = await follow(
            lambda progress: self._profiles.test(
                caller=caller, owner=owner, directory=self._directory, progress=progress
            ),
            show,
        )
        await respond(replace_original=True, **reports.finished(account, report, owner=owner.user).payload())

    async def press_form_test(
        self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Test what stands in the form, before it is saved, and show the report inside it."""
        await ack()
        shown = body["view"]
        known = Context.from_metadata(shown["private_metadata"])
        caller = caller_of(context)
        owner = owner_of(caller, known.owner)
        view = await self._profiles.show(caller=caller, owner=owner, directory=self._directory)
        within = _OpenForm(client, shown["id"], known, caller, view)

        async def tell(sentence: str) -> None:
            await within.note([section(escaped(sentence))])

        async def test() -> None:
            await self._test_in_form(within, shown["state"]["values"], caller, owner)

        self._jobs.start(f"form test for {owner.user}", test, tell=tell)

    async def _test_in_form(self, within: "_OpenForm", values: dict[str, Any], caller: Person, owner: Person) -> None:
        filled = typed(values)
        account = Account(
            address=filled.address.strip(),
            host=filled.host.strip(),
            port=int(filled.port) if filled.port.strip().isdecimal() else 0,
            encryption=within.view.encryption,
            authenticate=filled.authenticate,
            login=filled.login.strip(),
        )

        async def show(report: Report) -> None:
            await within.note(reports.short(account, report))

        async def test(progress: Callable[[Report], None]) -> Report:
            return await self._profiles.test_form(
                caller=caller, owner=owner, directory=self._directory, form=filled, progress=progress
            )

        await within.note([section(":hourglass_flowing_sand: Testing what stands in the form …")])
        try:
            await show(await follow(test, show))
        except InvalidFormError as error:
            await within.note(errors_note(error.errors))


class _OpenForm:
    """A form that a person has open; notes are shown at its end."""

    def __init__(self, client: AsyncWebClient, view_id: str, known: Context, caller: Person, view: ProfileView) -> None:
        self._client = client
        self._view_id = view_id
        self._known = known
        self._caller = caller
        self.view = view

    async def note(self, blocks: list[Block]) -> None:
        """Show blocks below the form; a form that was closed meanwhile needs none."""
        view = form(self.view, known=self._known, reader=self._caller.user, notes=blocks)
        await show_in(self._client, self._view_id, view)
