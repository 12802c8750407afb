"""`/email-profile programs`: the list, the modal that adds one, the values shown once, and removing one."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from bot.profiles.tokens.program import Program
from bot.profiles.tokens.program_form import ProgramForm
from bot.profiles.tokens.program_tokens import ProgramTokens
from bot.programs.program_settings import ProgramSettings
from bot.programs.snippets import find_snippet, snippets
from bot.slack.command_text import Invocation, subcommand
from bot.slack.ids import EMAIL_PROFILE, ActionId, ViewId
from bot.slack.listeners.services import Payload, Services
from bot.slack.middleware.caller import pressed_value
from bot.slack.replies.modals import is_in_modal, open_or_offer, update_modal
from bot.slack.replies.reply import message_modal, reply_below, reply_in_place
from bot.slack.replies.response_url import post_where_opened, reply_address
from bot.slack.views import programs as views
from bot.slack.views.message import Message, button, notice
from bot.slack.views.password_entry import PasswordEntry
from bot.slack.views.private_metadata import PrivateMetadata

log = logging.getLogger(__name__)


class ProgramsOffError(UserError):
    """The operator has switched programs off."""

    def __init__(self) -> None:
        super().__init__(
            "Programs are switched off here, so none can send with an email profile. Ask whoever runs the bot to set "
            "PROGRAMS to on."
        )


class ProgramListeners:
    """The subcommands, the modal and the buttons."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register_commands(self, app: AsyncApp) -> None:
        """Register the subcommands."""
        app.command(EMAIL_PROFILE, matchers=[subcommand("programs")])(self.show)
        app.command(EMAIL_PROFILE, matchers=[subcommand("programs add")])(self.open_add)
        app.command(EMAIL_PROFILE, matchers=[subcommand("programs remove")])(self.remove)

    def register(self, app: AsyncApp) -> None:
        """Register the modal and the buttons."""
        app.action(ActionId.PROGRAMS)(self.press_programs)
        app.action(ActionId.PROGRAM_ADD)(self.press_add)
        app.action(ActionId.PROGRAM_REMOVE)(self.press_remove)
        app.action(ActionId.PROGRAM_SETTINGS)(self.press_settings)
        app.view(ViewId.ADD_PROGRAM)(self.add)

    async def show(self, ack: AsyncAck, caller: Person, owner: Person) -> None:
        """Answer `/email-profile programs` with the list."""
        await ack((await self._list(caller, owner)).payload())

    async def press_programs(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Show the list below a message, or in a modal; a modal that was pressed in becomes the list.

        So two more fit on top of it, which are the most that adding a program and its settings take.
        """
        await ack()
        message = await self._list(caller, owner)
        if is_in_modal(body):
            await (await reply_in_place(body, client, title=views.TITLE, first=message)).show(message)
        else:
            await reply_below(body, client, title=views.TITLE, first=message)

    async def open_add(
        self,
        ack: AsyncAck,
        body: Payload,
        client: AsyncWebClient,
        invocation: Invocation,
        caller: Person,
        owner: Person,
    ) -> None:
        """Answer `/email-profile programs add NAME` with the modal, the name in it if there is one."""
        await self._open_modal(client, body, caller, owner, ProgramForm(name="".join(invocation.arguments)))
        await ack()

    async def press_add(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Open the modal that adds one."""
        await ack()
        await self._open_modal(client, body, caller, owner, ProgramForm())

    async def _open_modal(
        self, client: AsyncWebClient, body: Payload, caller: Person, owner: Person, form: ProgramForm
    ) -> None:
        await self._tokens.require_may_add(caller=caller, owner=owner)
        metadata = PrivateMetadata(owner=owner.user, revision=0, reply=reply_address(body, caller))
        again = button(views.ADD_BUTTON, ActionId.PROGRAM_ADD, value=owner.user)
        await open_or_offer(client, body, views.add_modal(form, metadata=metadata), again=again)

    async def add(self, ack: AsyncAck, view: Payload, client: AsyncWebClient, caller: Person, owner: Person) -> None:
        """Add a program, and show its token in place of the form, this once; or lead to the page that does both."""
        metadata, form = PrivateMetadata.decode(view["private_metadata"]), views.read_form(view)
        if self._services.entry is PasswordEntry.PRIVATE and self._services.links is not None:
            await self._tokens.check_form(caller=caller, owner=owner, form=form)
            url = await self._services.links.create_program_link(owner=caller, form=form)
            await ack(response_action="update", view=views.private_modal(form.name, url))
            return
        program, token = await self._tokens.add(caller=caller, owner=owner, form=form)
        settings = await self._settings(caller)
        await ack(response_action="update", view=views.added_modal(program, token, settings, snippets(settings)))
        await self._show_list_anew(client, view, caller, owner, metadata)

    async def remove(self, ack: AsyncAck, invocation: Invocation, caller: Person, owner: Person) -> None:
        """Answer `/email-profile programs remove NAME` with the list as it is then."""
        named = invocation.arguments[0]
        programs = await self._tokens.list(caller=caller, owner=owner)
        program = _find(programs, named)
        await self._tokens.remove(caller=caller, owner=owner, program_id=program.id)
        await ack((await self._list(caller, owner, done=_removed(program))).payload())

    async def press_remove(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Remove a program; Slack has asked for confirmation."""
        await ack()
        user, program_id = views.decode_removal(pressed_value(action))
        owner = Person(workspace=caller.workspace, user=user or caller.user)
        program = await self._tokens.remove(caller=caller, owner=owner, program_id=program_id)
        done = _removed(program) if program else "This program was removed before."
        message = await self._list(caller, owner, done=done)
        reply = await reply_in_place(body, client, title=views.TITLE, first=message)
        await reply.show(message)

    async def press_settings(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Show the settings of a known program, for the caller's own profile."""
        await ack()
        snippet = find_snippet(await self._settings(caller), pressed_value(action))
        if snippet is None:
            raise UserError("How programs reach the bot has changed. Open /email-profile programs again.")
        await reply_below(body, client, title=views.SETTINGS_TITLE, first=views.snippet_message(snippet))

    async def _list(self, caller: Person, owner: Person, *, done: str = "") -> Message:
        programs = await self._tokens.list(caller=caller, owner=owner)
        shown = snippets(await self._settings(caller)) if caller == owner and programs else ()
        page = views.ProgramsPage(
            owner=owner, reader=caller.user, programs=programs, snippets=shown, today=datetime.now(UTC).date()
        )
        return views.programs_message(page, done=done)

    async def _show_list_anew(
        self, client: AsyncWebClient, shown: Payload, caller: Person, owner: Person, metadata: PrivateMetadata
    ) -> None:
        """Show the list with what was added: in the modal below, or else where the form was opened."""
        below = shown.get("previous_view_id")

        async def notify(sentence: str) -> None:
            await post_where_opened(client, caller, metadata.reply, notice(sentence))

        async def show() -> None:
            message = await self._list(caller, owner)
            if below:
                await update_modal(client, str(below), message_modal(message, title=views.TITLE))
            elif metadata.reply is not None:
                await post_where_opened(client, caller, metadata.reply, message)

        try:
            self._services.jobs.start(f"programs of {owner.user}", show, notify=notify)
        except UserError:
            # The program is added, which the modal says.
            log.warning("The list of programs could not be shown anew: too much is under way.")

    async def _settings(self, owner: Person) -> ProgramSettings:
        profile = (await self._services.profiles.show(caller=owner, owner=owner)).profile
        return self._services.endpoints.settings_for(profile.address)

    @property
    def _tokens(self) -> ProgramTokens:
        if self._services.programs is None:
            raise ProgramsOffError
        return self._services.programs


def _find(programs: Sequence[Program], named: str) -> Program:
    """Return the program that a person means, whose quotation marks a command does not keep.

    Raises:
        UserError: none has this name, or it may mean several.
    """
    for alike in (str.casefold, _letters):
        found = [program for program in programs if alike(named) and alike(program.name) == alike(named)]
        if len(found) == 1:
            return found[0]
        if found:
            raise UserError(f"This may be any of: {_names(found)}. Press Remove in /email-profile programs.")
    there = f"There are: {_names(programs)}." if programs else "There are none yet."
    raise UserError(f"There is no program with the name {named}. {there}")


def _names(programs: Sequence[Program]) -> str:
    return ", ".join(program.name for program in programs)


def _letters(name: str) -> str:
    """Return the letters and digits of a name alone, however they are written."""
    return "".join(one for one in name.casefold() if one.isalnum())


def _removed(program: Program) -> str:
    return f"The program {program.name} is removed: its token has ended, and it can no longer send."
