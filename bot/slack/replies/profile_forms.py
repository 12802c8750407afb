"""Opens the form and the list of extra configurations, wherever a button for them is."""

from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.account.changes import form_values
from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.errors import UserError
from bot.profiles.people.access import Directory, Person
from bot.slack.ids import ActionId
from bot.slack.replies.modals import open_or_replace
from bot.slack.replies.response_url import reply_address
from bot.slack.views.extras import list_modal
from bot.slack.views.form import PasswordEntry, PrivateMetadata, profile_form
from bot.slack.views.message import button


@dataclass(frozen=True, kw_only=True)
class ProfileForms:
    """Opens modals about a profile; `entry` is where passwords are typed."""

    profiles: EmailProfiles
    directory: Directory
    entry: PasswordEntry

    async def open_form(self, client: AsyncWebClient, body: dict[str, Any], caller: Person, owner: Person) -> None:
        """Open the form; the first time it begins with the workspace's defaults and the address in Slack."""
        view = await self.profiles.show(caller=caller, owner=owner)
        suggested = None
        if not view.profile.address:
            suggested = await self.profiles.suggest(owner, await self._slack_address(owner))
        began = form_values(suggested or view.profile)
        metadata = PrivateMetadata(
            owner=owner.user, revision=view.revision, reply=reply_address(body), initial_values=began
        )
        modal = profile_form(view, metadata=metadata, reader=caller.user, entry=self.entry, suggested=suggested)
        await open_or_replace(client, body, modal, again=button("Open the form", ActionId.EDIT, value=owner.user))

    async def open_extras(self, client: AsyncWebClient, body: dict[str, Any], caller: Person, owner: Person) -> None:
        """Open the list of extra configurations."""
        view = await self.profiles.show(caller=caller, owner=owner)
        metadata = PrivateMetadata(owner=owner.user, revision=view.revision, reply=reply_address(body))
        again = button("Extra Configurations", ActionId.OPEN_EXTRAS, value=owner.user)
        await open_or_replace(client, body, list_modal(view, metadata=metadata), again=again)

    async def _slack_address(self, owner: Person) -> str:
        try:
            member = await self.directory.member(owner)
        except UserError:
            # The suggest is a convenience; the form opens without it.
            return ""
        return member.address if member else ""
