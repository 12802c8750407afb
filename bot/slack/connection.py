"""`/email-test`, the buttons under its reports, and the test inside the form: one message that follows the test."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.models.blocks import Block
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.errors import InvalidFormError
from bot.profiles.fixes import Change, opens_form
from bot.profiles.people import Person
from bot.profiles.profile import port_of
from bot.profiles.records import ProfileView
from bot.profiles.service import Fixed
from bot.slack.command import NotUnderstoodError, parse
from bot.slack.ids import EMAIL_TEST, ActionId
from bot.slack.modals import show_in
from bot.slack.services import Services, caller_of, owner_of, pressed
from bot.slack.views import card as cards
from bot.slack.views import report as reports
from bot.slack.views.form import Context, errors_note, form, typed
from bot.slack.views.help import help_message
from bot.slack.views.message import Message, escaped, notice, section
from bot.smtp.account import Account
from bot.smtp.advice import Fix
from bot.smtp.report import Report

LOOKS = (0.8, 3.0)
"""Seconds after which a test under way is shown. With its beginning and its end that makes four posts, and
Slack takes five on one response_url (https://docs.slack.dev/interactivity/handling-user-interaction)."""

Result = TypeVar("Result")
Test = Callable[[Callable[[Report], None]], Coroutine[Any, Any, Result]]
Show = Callable[[Report], Awaitable[object]]


def register(app: AsyncApp, services: Services) -> None:
    """Register the command, the buttons under a report, and the form's button."""
    room = _TestListeners(services)
    app.command(EMAIL_TEST)(room.command)
    app.action(ActionId.TEST)(room.press_test)
    app.action(ActionId.SEND_MESSAGE)(room.press_send)
    app.action(ActionId.TRANSCRIPT)(room.press_transcript)
    app.action(ActionId.APPLY_FIX)(room.press_fix)
    app.action(ActionId.UNDO_FIX)(room.press_undo)
    app.action(ActionId.FORM_TEST)(room.press_form_test)


async def follow(test: Test[Result], show: Show) -> Result:
    """Run a test and show how far it is, now and then; gives what the test gives."""
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
        self._connections = services.connections
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
        caller = caller_of(context)
        owner = owner_of(caller, invocation.owner)
        match invocation.subcommand:
            case "help":
                await ack(help_message(EMAIL_TEST).payload())
            case "transcript":
                await ack((await self._transcript(caller, owner)).payload())
            case "send":
                self._start(respond, owner, lambda: self._send(respond, caller, owner))
                await ack()
            case _:
                self._start(respond, owner, lambda: self._test(respond, caller, owner))
                await ack()

    async def press_test(
        self, ack: AsyncAck, action: dict[str, Any], context: AsyncBoltContext, respond: AsyncRespond
    ) -> None:
        """Test from a button; the report takes the message's place."""
        await ack()
        caller = caller_of(context)
        owner = owner_of(caller, pressed(action))
        self._start(respond, owner, lambda: self._test(respond, caller, owner))

    async def press_send(
        self, ack: AsyncAck, action: dict[str, Any], context: AsyncBoltContext, respond: AsyncRespond
    ) -> None:
        """Send one message from a button, below the report that offered it."""
        await ack()
        caller = caller_of(context)
        owner = owner_of(caller, pressed(action))
        self._start(respond, owner, lambda: self._send(respond, caller, owner))

    async def press_transcript(
        self, ack: AsyncAck, action: dict[str, Any], context: AsyncBoltContext, respond: AsyncRespond
    ) -> None:
        """Show the transcript beside the report."""
        await ack()
        caller = caller_of(context)
        message = await self._transcript(caller, owner_of(caller, pressed(action)))
        await respond(replace_original=False, response_type="ephemeral", **message.payload())

    async def _transcript(self, caller: Person, owner: Person) -> Message:
        lines = await self._connections.transcript(caller=caller, owner=owner, directory=self._directory)
        return reports.transcript(lines)

    async def press_fix(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
        respond: AsyncRespond,
    ) -> None:
        """Make the one change that the report advised and test again, or open the form where something is typed."""
        await ack()
        user, change = reports.read_change(pressed(body["actions"][0]))
        caller = caller_of(context)
        owner = owner_of(caller, user)
        view = await self._profiles.show(caller=caller, owner=owner, directory=self._directory)
        if opens_form(change, view.profile, has_password=view.has_password):
            known = Context(owner=owner.user, revision=view.revision, channel=context.channel_id or "")
            await client.views_open(
                trigger_id=body["trigger_id"], view=_prefilled(view, change, known=known, reader=caller.user)
            )
            return
        fixed = await self._profiles.fix(caller=caller, owner=owner, directory=self._directory, change=change)
        self._start(respond, owner, lambda: self._test(respond, caller, owner, fixed))

    async def press_undo(
        self, ack: AsyncAck, action: dict[str, Any], context: AsyncBoltContext, respond: AsyncRespond
    ) -> None:
        """Put back what was before a fix, and show the card in the report's place."""
        await ack()
        user, revision = reports.read_undo(pressed(action))
        caller = caller_of(context)
        undone = await self._profiles.undo(
            caller=caller, owner=owner_of(caller, user), directory=self._directory, revision=revision
        )
        shown = cards.card(undone.view, reader=caller.user)
        told = section(f"Undone: {escaped('; '.join(undone.told))}")
        await respond(replace_original=True, **Message(text=shown.text, blocks=[told, *shown.blocks]).payload())

    def _start(self, respond: AsyncRespond, owner: Person, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async def tell(sentence: str) -> None:
            await respond(replace_original=True, **notice(sentence).payload())

        self._jobs.start(f"test for {owner.user}", work, tell=tell)

    async def _test(self, respond: AsyncRespond, caller: Person, owner: Person, fixed: Fixed | None = None) -> None:
        account, show = await self._begun(respond, caller, owner)
        tested = await follow(
            lambda progress: self._connections.test(
                caller=caller, owner=owner, directory=self._directory, progress=progress
            ),
            show,
        )
        message = reports.finished(account, tested, owner=owner.user)
        done = reports.changed(fixed.told, owner=owner.user, revision=fixed.view.revision) if fixed else []
        await respond(replace_original=True, **Message(text=message.text, blocks=[*message.blocks, *done]).payload())

    async def _send(self, respond: AsyncRespond, caller: Person, owner: Person) -> None:
        account, show = await self._begun(respond, caller, owner)
        result = await follow(
            lambda progress: self._connections.send(
                caller=caller, owner=owner, directory=self._directory, progress=progress
            ),
            show,
        )
        await respond(replace_original=True, **reports.sent(account, result, owner=owner.user).payload())

    async def _begun(self, respond: AsyncRespond, caller: Person, owner: Person) -> tuple[Account, Show]:
        """Post that a test has begun; gives the account without its password, and how to show progress."""
        view = await self._profiles.show(caller=caller, owner=owner, directory=self._directory)

        async def show(report: Report) -> None:
            await respond(replace_original=True, **reports.testing(view.account, report).payload())

        if view.profile.is_complete:
            await respond(replace_original=True, **reports.testing(view.account, None).payload())
        return view.account, show

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
            port=port_of(filled.port),
            encryption=within.view.encryption,
            authenticate=filled.authenticate,
            login=filled.login.strip(),
        )

        async def show(report: Report) -> None:
            await within.note(reports.short(account, report))

        async def test(progress: Callable[[Report], None]) -> Report:
            return await self._connections.test_form(
                caller=caller, owner=owner, directory=self._directory, form=filled, progress=progress
            )

        await within.note([section(":hourglass_flowing_sand: Testing what stands in the form …")])
        try:
            await show(await follow(test, show))
        except InvalidFormError as error:
            await within.note(errors_note(error.errors))


def _prefilled(view: ProfileView, change: Change, *, known: Context, reader: str) -> Any:
    """Make the form with a fix in it, where the person has to type the password to go with it."""
    if change.fix is Fix.NAME_FROM_CERTIFICATE:
        profile = replace(view.profile, host=change.to)
        told = f"{change.to} is a name from the server's certificate. Type the password again to go with it, and save."
    else:
        profile = replace(view.profile, authenticate=True)
        told = "The server wants you to sign in. Fill login and password, and save."
    notes = [section(escaped(told))]
    return form(replace(view, profile=profile, has_password=False), known=known, reader=reader, notes=notes)


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
