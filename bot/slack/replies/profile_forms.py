"""Opens the form and the list of extra configurations, wherever a button for them is, and draws open forms anew."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.errors import UserError
from bot.profiles.people.access import Directory, Person
from bot.slack.ids import ActionId
from bot.slack.replies.form_search import FormSearch
from bot.slack.replies.form_searches import FormSearches
from bot.slack.replies.modals import OpenModal, drawing_of, open_or_replace, update_modal
from bot.slack.replies.response_url import reply_address
from bot.slack.views.extras import list_modal
from bot.slack.views.form import profile_form
from bot.slack.views.form_state import (
    Form,
    form_below,
    new_form,
    require_decided,
    says_it_searches,
    shown_form,
    typed_password,
)
from bot.slack.views.found_form import ask_again, known_filled, known_form, looking_form
from bot.slack.views.message import button, context
from bot.slack.views.password_entry import PasswordEntry
from bot.slack.views.private_metadata import PrivateMetadata, ReplyAddress
from bot.slack.web_api.errors import SLACK_ERRORS

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ProfileForms:
    """Opens modals about a profile; `entry` is where passwords are typed."""

    profiles: EmailProfiles
    directory: Directory
    entry: PasswordEntry
    searches: FormSearches

    @property
    def finds(self) -> bool:
        """Whether settings can be found for an address."""
        return self.searches.finder.is_on

    async def open_form(self, client: AsyncWebClient, body: dict[str, Any], caller: Person, owner: Person) -> None:
        """Open the form; the first time it begins with the workspace's defaults and the address in Slack.

        What is known of that address stands in it at once; if nothing is, settings are looked for behind it.
        """
        form = await self.new(caller, owner, reply=reply_address(body, caller))
        again = button("Open the form", ActionId.EDIT, value=owner.user)
        if not (form.is_new and form.finds and form.content.address):
            await open_or_replace(client, body, profile_form(form), again=again)
            return
        known = await self.searches.known(form)
        if known.complete or form.content.host:
            await open_or_replace(client, body, known_form(form, known), again=again)
            return
        form = known_filled(form, known).searching()
        opened = await open_or_replace(client, body, looking_form(form, known), again=again)
        await self.searches.follow(self._search(client, opened, form, caller, owner))

    async def search(self, view: Mapping[str, Any], client: AsyncWebClient, caller: Person, owner: Person) -> None:
        """Find settings for the address in a form that a request claims is open, and put them into it."""
        form = await self.shown(view, caller, owner)
        await self.searches.search(self._search(client, _opened(view), form, caller, owner))

    async def search_before(
        self, button: str, view: Mapping[str, Any], client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Find settings for a form that needs them before what a `button` does, and ask to press that again."""
        form = (await self.shown(view, caller, owner)).without_filled_for_another()
        search = self._search(client, _opened(view), form, caller, owner)
        search.ask = ask_again(button)
        typed = form.typed(typed_password(view, form))
        search.errors = await self.profiles.form_errors(caller=caller, owner=owner, form=typed)
        await self.searches.search(search)

    def _search(
        self, client: AsyncWebClient, modal: OpenModal, form: Form, caller: Person, owner: Person
    ) -> FormSearch:
        async def read(view: Mapping[str, Any]) -> Form:
            return await self._read(view, caller, owner)

        return FormSearch(client=client, modal=modal, caller=caller, form=form, read=read)

    async def new(self, caller: Person, owner: Person, *, reply: ReplyAddress | None) -> Form:
        """Return the form as it is opened; `reply` is where the person stands who opens it."""
        basis = await self.profiles.form_basis(caller=caller, owner=owner)
        slack_address = "" if basis.view.profile.address else await self._slack_address(owner)
        return new_form(
            basis, slack_address=slack_address, reader=caller.user, entry=self.entry, reply=reply, finds=self.finds
        )

    async def shown(self, view: Mapping[str, Any], caller: Person, owner: Person) -> Form:
        """Return the form that a request claims is open, over what is stored now; a search for it is over."""
        self.searches.end(str(view.get("id")))
        return await self._read(view, caller, owner)

    async def note_typed(self, view: Mapping[str, Any], client: AsyncWebClient, caller: Person, owner: Person) -> None:
        """Keep what is typed during a search from being replaced by what that finds.

        Where the search is another instance's, the form is drawn anew, so that Slack takes no older drawing's update.
        """
        if await self.searches.note_typed(view):
            return
        form = await self.shown(view, caller, owner)
        again = context("What you type stays. Press Find settings to look for the settings again.")
        try:
            shown = profile_form(form.redrawn(), notes=[again])
            await self.searches.draw_typed(client, view, shown)
        except SLACK_ERRORS as error:
            # The search had ended, and the form was drawn anew then.
            log.info("A form was not changed (%s).", type(error).__name__)

    async def below_another(
        self, view: Mapping[str, Any], client: AsyncWebClient, caller: Person, owner: Person
    ) -> Form:
        """Return the form that a request claims is open, before something opens on top of it.

        It no longer says that settings are looked for: what is on top may draw it anew, and would know nothing of them.

        Raises:
            UserError: something is left to choose in it.
        """
        was_searching = self.searches.end(str(view.get("id"))) or says_it_searches(view)
        form = await self.shown(view, caller, owner)
        if was_searching:
            form = form.redrawn()
            await update_modal(client, str(view["id"]), profile_form(form))
        require_decided(form)
        return form

    async def _read(self, view: Mapping[str, Any], caller: Person, owner: Person) -> Form:
        basis = await self.profiles.form_basis(caller=caller, owner=owner)
        return shown_form(view, basis, reader=caller.user, entry=self.entry, finds=self.finds)

    async def below(self, metadata: PrivateMetadata, caller: Person, owner: Person) -> Form | None:
        """Return the form that lies below a modal, over what is stored now; None where there is none."""
        if metadata.form is None:
            return None
        basis = await self.profiles.form_basis(caller=caller, owner=owner)
        return form_below(metadata, basis, reader=caller.user, entry=self.entry, finds=self.finds)

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


def _opened(view: Mapping[str, Any]) -> OpenModal:
    return OpenModal(view_id=str(view["id"]), drawing=drawing_of(view))
