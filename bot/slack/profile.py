"""`/email-profile` and its form: show, edit, save, delete."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.errors import ChangedMeanwhileError, InvalidFormError, MendableError
from bot.profiles.people import Person
from bot.profiles.service import Saved
from bot.slack.command import NotUnderstoodError, parse
from bot.slack.ids import EMAIL_PROFILE, ActionId, ViewId
from bot.slack.services import Services, caller_of, owner_of, pressed
from bot.slack.views import card as cards
from bot.slack.views.form import Context, form, typed
from bot.slack.views.help import help_message
from bot.slack.views.message import Message, escaped, notice, section

_NOT_IN_CHANNEL = ("not_in_channel", "channel_not_found", "user_not_in_channel", "is_archived", "invalid_arguments")


def register(app: AsyncApp, services: Services) -> None:
    """Register the command, the form and the card's buttons."""
    room = _ProfileListeners(services)
    app.command(EMAIL_PROFILE)(room.command)
    app.view(ViewId.PROFILE)(room.save)
    app.action(ActionId.EDIT)(room.press_edit)
    app.action(ActionId.DELETE)(room.press_delete)


class _ProfileListeners:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._profiles = services.profiles
        self._directory = services.directory

    async def command(
        self, ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Answer `/email-profile …`."""
        try:
            invocation = parse(EMAIL_PROFILE, body.get("text") or "")
        except NotUnderstoodError as error:
            await ack(help_message(EMAIL_PROFILE, sentence=str(error)).payload())
            return
        caller = caller_of(context)
        owner = owner_of(caller, invocation.owner)
        match invocation.subcommand:
            case "help":
                await ack(help_message(EMAIL_PROFILE).payload())
            case "edit":
                await self._open_form(client, body["trigger_id"], caller, owner, channel=context.channel_id or "")
                await ack()
            case "delete":
                view = await self._profiles.show(caller=caller, owner=owner, directory=self._directory)
                question = cards.delete_question(view, reader=caller.user)
                await ack((question if view.revision else cards.card(view, reader=caller.user)).payload())
            case _:
                view = await self._profiles.show(caller=caller, owner=owner, directory=self._directory)
                await ack(cards.card(view, reader=caller.user).payload())

    async def press_edit(
        self,
        ack: AsyncAck,
        body: dict[str, Any],
        action: dict[str, Any],
        context: AsyncBoltContext,
        client: AsyncWebClient,
    ) -> None:
        """Open the form from a card's button."""
        await ack()
        caller = caller_of(context)
        owner = owner_of(caller, pressed(action))
        await self._open_form(client, body["trigger_id"], caller, owner, channel=context.channel_id or "")

    async def _open_form(
        self, client: AsyncWebClient, trigger_id: str, caller: Person, owner: Person, *, channel: str
    ) -> None:
        view = await self._profiles.show(caller=caller, owner=owner, directory=self._directory)
        suggested = ""
        if not view.profile.address:
            suggested = await self._slack_address(owner)
        known = Context(owner=owner.user, revision=view.revision, channel=channel)
        await client.views_open(
            trigger_id=trigger_id,
            view=form(view, known=known, reader=caller.user, suggested_address=suggested),
        )

    async def _slack_address(self, owner: Person) -> str:
        try:
            member = await self._directory.member(owner)
        except MendableError:
            # The suggestion is a convenience; the form opens without it.
            return ""
        return member.address if member else ""

    async def save(
        self, ack: AsyncAck, view: dict[str, Any], context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Save the form; whatever is wrong keeps it open with everything typed."""
        known = Context.from_metadata(view["private_metadata"])
        caller = caller_of(context)
        owner = owner_of(caller, known.owner)
        try:
            saved = await self._profiles.save(
                caller=caller,
                owner=owner,
                directory=self._directory,
                form=typed(view["state"]["values"]),
                expected_revision=known.revision,
            )
        except InvalidFormError as error:
            await ack(response_action="errors", errors=error.errors)
            return
        except ChangedMeanwhileError as error:
            await ack(response_action="update", view=await self._form_again(caller, owner, known, error))
            return
        await ack(response_action="clear")
        self._tell_afterwards(client, caller, known.channel, saved)

    async def _form_again(self, caller: Person, owner: Person, known: Context, error: ChangedMeanwhileError) -> Any:
        """Keep the form as typed, now on the stored revision: saving again is the person's decision."""
        view = await self._profiles.show(caller=caller, owner=owner, directory=self._directory)
        fresh = Context(owner=known.owner, revision=error.revision, channel=known.channel)
        notes = [section(f":warning: {escaped(str(error))}")]
        return form(view, known=fresh, reader=caller.user, notes=notes)

    def _tell_afterwards(self, client: AsyncWebClient, caller: Person, channel: str, saved: Saved) -> None:
        async def tell(sentence: str) -> None:
            await _say(client, caller, channel, notice(sentence))

        async def show_card() -> None:
            await _say(client, caller, channel, cards.card(saved.view, reader=caller.user))
            if saved.password_dropped and saved.view.owner != caller:
                await client.chat_postMessage(
                    channel=saved.view.owner.user, **cards.password_asked(saved.view, changed_by=caller.user).payload()
                )

        self._services.jobs.start("card after saving", show_card, tell=tell)

    async def press_delete(
        self, ack: AsyncAck, action: dict[str, Any], context: AsyncBoltContext, respond: AsyncRespond
    ) -> None:
        """Delete for good; Slack has asked for confirmation."""
        await ack()
        caller = caller_of(context)
        owner = owner_of(caller, pressed(action))
        existed = await self._profiles.delete(caller=caller, owner=owner, directory=self._directory)
        whose = "Your email profile" if owner == caller else "The email profile"
        sentence = f"{whose} is deleted." if existed else f"{whose} was deleted before."
        await respond(replace_original=True, **notice(sentence).payload())


async def _say(client: AsyncWebClient, person: Person, channel: str, message: Message) -> None:
    """Say something to one person where they are; a form's submission has no response_url.

    Where the bot is not in the channel (a private conversation, say) it becomes a direct message.
    """
    if channel:
        try:
            await client.chat_postEphemeral(channel=channel, user=person.user, **message.payload())
            return
        except SlackApiError as error:
            if error.response.get("error") not in _NOT_IN_CHANNEL:
                raise
    await client.chat_postMessage(channel=person.user, **message.payload())
