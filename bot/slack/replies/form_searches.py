"""Searches for the settings of an open form: it says that they are looked for, and then what was found is put into it.

What somebody types meanwhile is sent at once (`views/form.py`), so that nothing is put over that; whatever else is
pressed in the form ends its search.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakValueDictionary

from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.discovery.findings import Findings
from bot.profiles.account.settings_finder import SettingsFinder
from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from bot.slack.replies.jobs import Jobs
from bot.slack.replies.modals import OpenModal, drawing_of, update_modal
from bot.slack.views.discovery import Proposal, or_type_server
from bot.slack.views.form_state import Form
from bot.slack.views.found_form import NONE_FOUND, changed_form, found_form, looking_form, missing_form, told_form
from bot.slack.web_api.errors import SLACK_ERRORS, is_drawn_anew, is_unanswered

log = logging.getLogger(__name__)

MAX_ENDED = 200
"""Searches that are remembered once they have ended, and drawings of such."""

DrawForm = Callable[[Form], View]

ReadForm = Callable[[Mapping[str, Any]], Awaitable[Form]]
"""Returns the form that a request claims is open, over what is stored now."""


@dataclass(eq=False, kw_only=True)
class FormSearch:
    """A search for a form that `caller` has open; `shown` is the form as it was sent last, once something was typed.

    `ask` is a sentence about what to press once something was found; `errors`, by field, are what else has to be mended
    before that is of use. `crossed` is the search before it in the same form, whose last drawing its own first one may
    cross; `waiting` is its job while others of its person have their turn. `last` is the form as it was sent before the
    last drawing, and how that one is made.
    """

    client: AsyncWebClient
    modal: OpenModal
    caller: Person
    form: Form
    read: ReadForm
    ask: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    # It may hold a password.
    shown: Mapping[str, Any] | None = field(default=None, repr=False)
    crossed: "FormSearch | None" = None
    waiting: asyncio.Task[None] | None = None
    last: tuple[Form, DrawForm] | None = None
    # Whoever has it draws the form.
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def drawn(self) -> OpenModal:
        """Return the form as this search has drawn it last, once no drawing of its own is under way."""
        async with self.lock:
            return self.modal

    @property
    def none_found(self) -> str:
        """What stands below the buttons once nothing was found, where one of them was pressed: the top is far up."""
        return NONE_FOUND if self.ask else ""


@dataclass(frozen=True, kw_only=True)
class FormSearches:
    """The searches for open forms in this process, by the id of the modal."""

    finder: SettingsFinder
    jobs: Jobs
    _under_way: dict[str, FormSearch] = field(default_factory=dict, init=False, repr=False)
    _newest: OrderedDict[str, FormSearch] = field(default_factory=OrderedDict, init=False, repr=False)
    _ended: deque[str | None] = field(default_factory=lambda: deque(maxlen=MAX_ENDED), init=False, repr=False)
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
            await self._draw_last(search, _found_or_missing(search, search.form, known))
            self._leave(search)
            return
        search.form = search.form.redrawn().searching()
        is_shown = await self._draw(search, looking_form(search.form, known))
        # Where Slack was too slow, the last drawing goes over whatever it shows by then.
        if (is_shown or search.modal.drawing is None) and self._is_under_way(search):
            await self._follow(search)
        else:
            self._leave(search)

    async def follow(self, search: FormSearch) -> None:
        """Look for settings in the background, and put them into a form that says already that they are looked for."""
        self._begin(search)
        await self._follow(search)

    async def _follow(self, search: FormSearch) -> None:
        async def notify(sentence: str) -> None:
            await self._end(search, sentence)

        async def work() -> None:
            address = search.form.content.address
            findings = await self._found(search)
            form = await self._latest(search)
            if form is None or findings is None:
                return

            def draw(form: Form) -> View:
                is_asked = form.content.address == address
                return _found_or_missing(search, form, findings) if is_asked else changed_form(form)

            search.last = (form, draw)
            await self._draw_last(search, draw(form))

        try:
            self.jobs.start(f"settings for the form of {search.caller.user}", work, notify=notify)
        except UserError as error:
            await self._end(search, str(error))

    async def _found(self, search: FormSearch) -> Findings | None:
        """Return what is found when it is the person's turn; None where the search was ended before."""
        if not self._is_under_way(search):
            return None
        search.waiting = asyncio.current_task()
        async with self._turns.setdefault(search.caller, asyncio.Lock()):
            search.waiting = None
            return await self.finder.find(search.form.content.address, caller=search.caller)

    def newest(self, view_id: str) -> FormSearch | None:
        """Return the newest search for a form in this process, also where it has ended."""
        return self._newest.get(view_id)

    async def draw_typed(self, client: AsyncWebClient, shown: Mapping[str, Any], view: View) -> None:
        """Draw a form anew after something was typed in it, unless that was done elsewhere.

        Raises:
            SlackApiError, aiohttp.ClientError, TimeoutError, OSError: Slack did not take it.
        """
        view_id = str(shown["id"])
        newest = self._newest.get(view_id)
        async with newest.lock if newest is not None else nullcontext():
            drawing = await update_modal(client, view_id, view, drawing=drawing_of(shown))
            if newest is not None and not self._is_under_way(newest):
                newest.modal = OpenModal(view_id=view_id, drawing=drawing)

    async def note_typed(self, shown: Mapping[str, Any]) -> bool:
        """Note what stands in a form now, so that nothing is put over it; False where another process searches."""
        search = self._under_way.get(str(shown.get("id")))
        if search is not None:
            search.shown = shown
            return True
        if drawing_of(shown) not in self._ended:
            return False
        await self._put_back(shown)
        return True

    async def _put_back(self, shown: Mapping[str, Any]) -> None:
        """Draw the form anew with what was typed while a search drew it for the last time, where that went over it."""
        search = self.newest(str(shown.get("id")))
        if search is None or search.last is None:
            return
        before, draw = search.last
        form = await search.read(shown)
        if form.content != before.content:
            search.last = (form, draw)
            await self._draw(search, draw(form))

    def end(self, view_id: str) -> bool:
        """End the search for a form in which something else is pressed; return whether there was one.

        What it finds is kept by domain for a while, and drawn nowhere; one that waits for its turn asks nothing.
        """
        ended = self._under_way.get(view_id)
        if ended is None:
            return False
        if ended.waiting is not None:
            ended.waiting.cancel()
        self._leave(ended)
        return True

    def _begin(self, search: FormSearch) -> None:
        view_id = search.modal.view_id
        self.end(view_id)
        search.crossed = self._newest.pop(view_id, None)
        self._under_way[view_id] = self._newest[view_id] = search
        if len(self._newest) > MAX_ENDED:
            self._newest.popitem(last=False)

    def _leave(self, search: FormSearch) -> None:
        if self._is_under_way(search):
            del self._under_way[search.modal.view_id]
            search.shown = None

    async def _latest(self, search: FormSearch) -> Form | None:
        """End a search, and return its form with what was typed meanwhile; None where it was ended before.

        Where nobody knows what Slack shows, the form says what its checkbox is.
        """
        form, read = search.form.searched(), None
        # While the form is read, more may be typed in it.
        while search.shown is not read and self._is_under_way(search):
            read = search.shown
            form = form if read is None else await search.read(read)
        if not self._is_under_way(search):
            return None
        self._leave(search)
        return form if search.modal.drawing is not None else form.with_new_checkbox()

    def _is_under_way(self, search: FormSearch) -> bool:
        return self._under_way.get(search.modal.view_id) is search

    async def _end(self, search: FormSearch, sentence: str) -> None:
        """Say in the form why nothing was found."""
        form = await self._latest(search)
        if form is not None:
            await self._draw_last(search, told_form(form, or_type_server(sentence), ended=search.none_found))

    async def _draw_last(self, search: FormSearch, view: View) -> None:
        """Draw a form anew for the last time in a search, as `_draw`; what is typed before it is seen asks for none."""
        drawing = search.modal.drawing
        self._ended.append(drawing)
        if not await self._draw(search, view):
            with suppress(ValueError):
                self._ended.remove(drawing)

    async def _draw(self, search: FormSearch, view: View) -> bool:
        """Draw a form anew unless that was done elsewhere; return whether Slack took it.

        What is drawn first after a press goes also over what the search before it has drawn since.
        """
        crossed, search.crossed = search.crossed, None
        async with search.lock:
            error = await _update(search, view)
            if crossed is not None and is_drawn_anew(error):
                before = search.modal
                search.modal = await crossed.drawn()
                if search.modal != before and self._is_under_way(search):
                    error = await _update(search, view)
        if error is not None:
            log.info("A form was not filled in (%s).", type(error).__name__)
        return error is None


async def _update(search: FormSearch, view: View) -> Exception | None:
    """Draw a form anew, and return why Slack did not take it; where it was too slow, nobody knows the drawing."""
    try:
        drawing = await update_modal(search.client, search.modal.view_id, view, drawing=search.modal.drawing)
    except SLACK_ERRORS as error:
        if is_unanswered(error):
            search.modal = replace(search.modal, drawing=None)
        return error
    search.modal = replace(search.modal, drawing=drawing)
    return None


def _found_or_missing(search: FormSearch, form: Form, findings: Findings) -> View:
    """Return a form with what was found in it, or with all that is missing where that was needed."""
    if findings.best is None and search.errors:
        return missing_form(form, findings, search.errors)
    return found_form(form, findings, ask=search.ask)
