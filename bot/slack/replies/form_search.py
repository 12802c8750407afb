"""One search for the settings of an open form: how the form is drawn during it, and what is typed in it meanwhile."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.discovery.findings import Findings
from bot.profiles.people.access import Person
from bot.slack.replies.modals import OpenModal, drawing_of, update_modal
from bot.slack.views.discovery import or_type_server
from bot.slack.views.form_state import Form
from bot.slack.views.found_form import NONE_FOUND, changed_form, found_form, missing_form, told_form
from bot.slack.web_api.errors import SLACK_ERRORS, is_drawn_anew, is_unanswered

log = logging.getLogger(__name__)

DrawForm = Callable[[Form], View]

ReadForm = Callable[[Mapping[str, Any]], Awaitable[Form]]
"""Returns the form that a request claims is open, over what is stored now."""


@dataclass(frozen=True, kw_only=True)
class LastDrawing:
    """How a search has drawn its form last: `draw` made the view of `form`, which went `over` an earlier drawing."""

    over: str | None
    form: Form
    draw: DrawForm


@dataclass(eq=False, kw_only=True)
class FormSearch:
    """A search for a form that `caller` has open; `FormSearches` begins it, and tells its life.

    `ask` is a sentence about what to press once something was found; `errors`, by field, are what else has to be mended
    before that is of use. `waiting` is its job while others of its person have their turn. `shown` is the form as it
    was sent last, once something was typed. `crossed` is the search before it in the same form, whose last drawing its
    own first one may cross. `last` is how it has drawn the form once it ended.
    """

    client: AsyncWebClient
    modal: OpenModal
    caller: Person
    form: Form
    read: ReadForm
    ask: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    is_under_way: bool = field(default=False, init=False)
    waiting: asyncio.Task[None] | None = field(default=None, init=False)
    # It may hold a password.
    shown: Mapping[str, Any] | None = field(default=None, init=False, repr=False)
    crossed: "FormSearch | None" = field(default=None, init=False)
    last: LastDrawing | None = field(default=None, init=False)
    # Whoever has it draws the form.
    lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    def end(self) -> None:
        """End it; while it waits for its turn, it asks nothing any more."""
        self.is_under_way = False
        self.shown = None
        if self.waiting is not None:
            self.waiting.cancel()

    async def draw(self, view: View) -> bool:
        """Draw the form anew unless that was done elsewhere; return whether Slack took it.

        What is drawn first after a press goes also over what the search before it has drawn since.
        """
        crossed, self.crossed = self.crossed, None
        async with self.lock:
            error = await self._update(view)
            if crossed is not None and is_drawn_anew(error):
                before = self.modal
                self.modal = await crossed.drawn()
                if self.modal != before and self.is_under_way:
                    error = await self._update(view)
        if error is not None:
            log.info("A form was not filled in (%s).", type(error).__name__)
        return error is None

    async def drawn(self) -> OpenModal:
        """Return the form as this search has drawn it last, once no drawing of its own is under way."""
        async with self.lock:
            return self.modal

    async def show(self, findings: Findings) -> None:
        """End it, and draw the form with what was found; where it was ended before, draw nothing."""
        draw = self.with_found(findings)
        if (form := await self._finish()) is not None:
            await self.draw_last(form, draw)

    async def tell(self, sentence: str) -> None:
        """End it, and say in the form why nothing was found; where it was ended before, say nothing."""

        def draw(form: Form) -> View:
            # Where a button below was pressed, the top is far up.
            return told_form(form, or_type_server(sentence), ended=NONE_FOUND if self.ask else "")

        if (form := await self._finish()) is not None:
            await self.draw_last(form, draw)

    def with_found(self, findings: Findings) -> DrawForm:
        """Return how the form is drawn with what was found for the address that stands in it now.

        Where nothing was found and more has to be mended, it lists all that.
        """
        address = self.form.content.address

        def draw(form: Form) -> View:
            if form.content.address != address:
                return changed_form(form)
            if findings.best is None and self.errors:
                return missing_form(form, findings, self.errors)
            return found_form(form, findings, ask=self.ask)

        return draw

    async def draw_last(self, form: Form, draw: DrawForm) -> None:
        """Draw the form for the last time; what is typed before that is seen is put back (`note_typed`)."""
        self.last = LastDrawing(over=self.modal.drawing, form=form, draw=draw)
        if not await self.draw(draw(form)):
            self.last = None

    async def note_typed(self, shown: Mapping[str, Any]) -> bool:
        """Note what stands in the form now, so that nothing is put over it, also if the last drawing crossed it.

        Return whether this search has drawn the form in which it was typed, or is to draw it still.
        """
        if self.is_under_way:
            self.shown = shown
            return True
        last = self.last
        if last is None or drawing_of(shown) != last.over:
            return False
        form = await self.read(shown)
        if form.content != last.form.content:
            self.last = replace(last, form=form)
            await self.draw(last.draw(form))
        return True

    async def _finish(self) -> Form | None:
        """End it, and return its form with what was typed meanwhile; None where it was ended before.

        Where nobody knows what Slack shows, the form says what its checkbox is.
        """
        form, read = self.form.searched(), None
        # While the form is read, more may be typed in it.
        while self.is_under_way and self.shown is not None and self.shown is not read:
            read = self.shown
            form = await self.read(read)
        if not self.is_under_way:
            return None
        self.end()
        return form if self.modal.drawing is not None else form.with_new_checkbox()

    async def _update(self, view: View) -> Exception | None:
        """Draw the form anew, and return why Slack did not take it; where it was too slow, nobody knows the drawing."""
        try:
            drawing = await update_modal(self.client, self.modal.view_id, view, drawing=self.modal.drawing)
        except SLACK_ERRORS as error:
            if is_unanswered(error):
                self.modal = replace(self.modal, drawing=None)
            return error
        self.modal = replace(self.modal, drawing=drawing)
        return None
