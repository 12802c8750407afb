"""Searches for the settings of open forms.

The life of a search: it begins with a press in the form (`search`) or behind a form that opens (`follow`), and ends the
one before it in that form. What is known at once is put into the form at once. Else the form says that settings are
looked for, and a job asks for them once it is its person's turn. Meanwhile Slack sends what somebody types
(`views/form.py`), so that nothing is put over that (`note_typed`); whatever else is pressed in the form ends the search
(`end`). Otherwise the form is drawn for the last time, with what was found or why nothing was.

Each drawing names the one that it goes over, so Slack refuses it where the form was drawn elsewhere since.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.discovery.findings import Findings
from bot.profiles.account.settings_finder import SettingsFinder
from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from bot.slack.replies.form_search import FormSearch
from bot.slack.replies.jobs import Jobs
from bot.slack.replies.modals import OpenModal, drawing_of, update_modal
from bot.slack.views.discovery import Proposal
from bot.slack.views.form_state import Form
from bot.slack.views.found_form import looking_form

MAX_SEARCHES = 200
"""Searches that are remembered, also once they have ended."""


@dataclass(frozen=True, kw_only=True)
class FormSearches:
    """The newest search for each open form in this process, by the id of the modal."""

    finder: SettingsFinder
    jobs: Jobs
    _newest: OrderedDict[str, FormSearch] = field(default_factory=OrderedDict, init=False, repr=False)
    # A turn is kept for as long as somebody has it or waits for it.
    _turns: WeakValueDictionary[Person, asyncio.Lock] = field(
        default_factory=WeakValueDictionary, init=False, repr=False
    )

    async def known(self, form: Form) -> Findings:
        """Return what is known at once of the address in a form."""
        return await self.finder.known(form.content.address, workspace=form.basis.view.owner.workspace)

    async def is_for(self, form: Form, proposal: Proposal) -> bool:
        """Whether something was found for the very address that stands in a form now."""
        return (await self.known(form)).address == proposal.address

    async def search(self, search: FormSearch) -> None:
        """Put what is known into an open form, or else look for it in the background.

        What was found before for an address of another domain is gone at once.
        """
        search.form = search.form.without_filled_for_another()
        known = await self.known(search.form)
        self._begin(search)
        if known.complete:
            await search.draw_last(search.form, search.with_found(known))
            search.end()
            return
        search.form = search.form.redrawn().searching()
        is_shown = await search.draw(looking_form(search.form, known))
        # Where Slack was too slow, the last drawing goes over whatever it shows by then.
        if (is_shown or search.modal.drawing is None) and search.is_under_way:
            await self._look(search)
        else:
            search.end()

    async def follow(self, search: FormSearch) -> None:
        """Look for settings in the background, and put them into a form that says already that they are looked for."""
        self._begin(search)
        await self._look(search)

    def newest(self, view_id: str) -> FormSearch | None:
        """Return the newest search for a form in this process, also where it has ended."""
        return self._newest.get(view_id)

    async def note_typed(self, shown: Mapping[str, Any]) -> bool:
        """Note what stands in a form now, so that nothing is put over it; False where another process searches."""
        search = self.newest(str(shown.get("id")))
        return search is not None and await search.note_typed(shown)

    async def draw_typed(self, client: AsyncWebClient, shown: Mapping[str, Any], view: View) -> None:
        """Draw a form anew after something was typed in it, unless that was done elsewhere.

        Raises:
            SlackApiError, aiohttp.ClientError, TimeoutError, OSError: Slack did not take it.
        """
        view_id = str(shown["id"])
        newest = self.newest(view_id)
        async with newest.lock if newest is not None else nullcontext():
            drawing = await update_modal(client, view_id, view, drawing=drawing_of(shown))
            if newest is not None and not newest.is_under_way:
                newest.modal = OpenModal(view_id=view_id, drawing=drawing)

    def end(self, view_id: str) -> bool:
        """End the search for a form in which something else is pressed; return whether there was one.

        What it finds is kept by domain for a while, and drawn nowhere; one that waits for its turn asks nothing.
        """
        search = self.newest(view_id)
        if search is None or not search.is_under_way:
            return False
        search.end()
        return True

    def _begin(self, search: FormSearch) -> None:
        view_id = search.modal.view_id
        self.end(view_id)
        search.crossed = self._newest.pop(view_id, None)
        search.is_under_way = True
        self._newest[view_id] = search
        if len(self._newest) > MAX_SEARCHES:
            self._newest.popitem(last=False)

    async def _look(self, search: FormSearch) -> None:
        async def work() -> None:
            findings = await self._found(search)
            if findings is not None:
                await search.show(findings)

        try:
            self.jobs.start(f"settings for the form of {search.caller.user}", work, notify=search.tell)
        except UserError as error:
            await search.tell(str(error))

    async def _found(self, search: FormSearch) -> Findings | None:
        """Return what is found when it is the person's turn; None where the search was ended before."""
        if not search.is_under_way:
            return None
        search.waiting = asyncio.current_task()
        try:
            async with self._turns.setdefault(search.caller, asyncio.Lock()):
                search.waiting = None
                return await self.finder.find(search.form.content.address, caller=search.caller)
        finally:
            search.waiting = None
