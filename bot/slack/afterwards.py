"""What happens in Slack when a password was set on the private page: the card, and the form that is open."""

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.private_links import PasswordSet
from bot.slack.jobs import Jobs
from bot.slack.refusals import refusal
from bot.slack.saying import say
from bot.slack.views.card import card
from bot.slack.views.form import Context, PasswordEntry, form
from bot.slack.views.message import Message, notice, section


class AfterPassword:
    """Shows people in Slack that their password is set."""

    def __init__(self, client: AsyncWebClient, jobs: Jobs, entry: PasswordEntry) -> None:
        """Speak through `client`, in the background."""
        self._client = client
        self._jobs = jobs
        self._entry = entry

    def show(self, done: PasswordSet) -> None:
        """Bring the open form up to date, or else show the card."""
        link = done.link

        async def tell(sentence: str) -> None:
            await say(self._client, link.owner, link.channel, notice(sentence))

        async def work() -> None:
            if not (link.view_id and await self._in_form(done)):
                shown = card(done.view, reader=link.owner.user, entry=self._entry)
                blocks = [section("Your password is set."), *shown.blocks]
                await say(self._client, link.owner, link.channel, Message(text="Your password is set.", blocks=blocks))

        self._jobs.start(f"password of {link.owner.user}", work, tell=tell)

    async def _in_form(self, done: PasswordSet) -> bool:
        """Put the open form on the new revision; False when nobody has it open any more."""
        owner = done.link.owner.user
        known = Context(owner=owner, revision=done.view.revision, channel=done.link.channel)
        notes = [section(":white_check_mark: Your password is set. Save the form to go on.")]
        view = form(done.view, known=known, reader=owner, entry=self._entry, notes=notes)
        try:
            await self._client.views_update(view_id=done.link.view_id, view=view)
        except SlackApiError as error:
            if refusal(error) == "not_found":
                return False
            raise
        return True
