"""Opens the form and the list of extra configurations, wherever a button for them is, and draws open forms anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.errors import UserError
from bot.profiles.people.access import Directory, Person
from bot.slack.ids import ActionId
from bot.slack.replies.modals import open_or_replace
from bot.slack.replies.response_url import reply_address
from bot.slack.views.extras import list_modal
from bot.slack.views.form import profile_form
from bot.slack.views.form_state import Form, form_below, new_form, shown_form
from bot.slack.views.message import button
from bot.slack.views.password_entry import PasswordEntry
from bot.slack.views.private_metadata import PrivateMetadata, ReplyAddress


@dataclass(frozen=True, kw_only=True)
class ProfileForms:
    """Opens modals about a profile; `entry` is where passwords are typed."""

    profiles: EmailProfiles
    directory: Directory
    entry: PasswordEntry

    async def open_form(self, client: AsyncWebClient, body: dict[str, Any], caller: Person, owner: Person) -> None:
        """Open the form; the first time it begins with the workspace's defaults and the address in Slack."""
        form = await self.new(caller, owner, reply=reply_address(body, caller))
        modal = profile_form(form)
        await open_or_replace(client, body, modal, again=button("Open the form", ActionId.EDIT, value=owner.user))

    async def new(self, caller: Person, owner: Person, *, reply: ReplyAddress | None) -> Form:
        """Return the form as it is opened; `reply` is where the person stands who opens it."""
        basis = await self.profiles.form_basis(caller=caller, owner=owner)
        slack_address = "" if basis.view.profile.address else await self._slack_address(owner)
        return new_form(basis, slack_address=slack_address, reader=caller.user, entry=self.entry, reply=reply)

    async def shown(self, view: Mapping[str, Any], caller: Person, owner: Person) -> Form:
        """Return the form that a request claims is open, over what is stored now."""
        basis = await self.profiles.form_basis(caller=caller, owner=owner)
        return shown_form(view, basis, reader=caller.user, entry=self.entry)

    async def below(self, metadata: PrivateMetadata, caller: Person, owner: Person) -> Form | None:
        """Return the form that lies below a modal, over what is stored now; None where there is none."""
        if metadata.form is None:
            return None
        basis = await self.profiles.form_basis(caller=caller, owner=owner)
        return form_below(metadata, basis, reader=caller.user, entry=self.entry)

    async def open_extras(self, client: AsyncWebClient, body: dict[str, Any], caller: Person, owner: Person) -> None:
        """Open the list of extra configurations."""
        view = await self.profiles.show(caller=caller, owner=owner)
        metadata = PrivateMetadata(owner=owner.user, revision=view.revision, reply=reply_address(body, caller))
        again = button("Extra Configurations", ActionId.OPEN_EXTRAS, value=owner.user)
        await open_or_replace(client, body, list_modal(view.profile.extras, metadata=metadata), again=again)

    async def _slack_address(self, owner: Person) -> str:
        try:
            member = await self.directory.member(owner)
        except UserError:
            # The address is a convenience; the form opens without it.
            return ""
        return member.address if member else ""
