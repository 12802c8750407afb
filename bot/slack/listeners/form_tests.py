"""Testing what stands in the form before it is saved, and the fixes under such a test, which change the form alone."""

import logging
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.account.profile import ProfileForm, notes_on
from bot.profiles.connection_tests.limits import RateLimitedError
from bot.profiles.connection_tests.results import ConnectionTestResult
from bot.profiles.connection_tests.running_tests import Progress, RunningTest, StoppedTestError
from bot.profiles.errors import InvalidFormError, UserError
from bot.profiles.people.access import Person
from bot.slack.ids import ActionId
from bot.slack.listeners.services import Payload, Services
from bot.slack.middleware.caller import pressed_value
from bot.slack.replies.connection_tests import show_progress
from bot.slack.replies.form_search import FormSearch
from bot.slack.replies.modals import drawing_of, modal_of, update_modal
from bot.slack.replies.reply import show_on_top
from bot.slack.replies.response_url import post_where_opened
from bot.slack.views import form_state
from bot.slack.views import report as reports
from bot.slack.views.form import TEST_BUTTON, errors_notes, profile_form
from bot.slack.views.form_state import PASSWORD_FIXES, Form, typed_password
from bot.slack.views.message import Block, Message, alert, notice
from bot.slack.web_api.errors import SLACK_ERRORS, is_drawn_anew, is_unanswered

TITLE = "Connection test"

log = logging.getLogger(__name__)


class FormTestListeners:
    """The form's button that tests, the fixes that a test offers, and the checkbox that says whether one signs in."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register(self, app: AsyncApp) -> None:
        """Register them."""
        app.action(ActionId.FORM_TEST)(self.press_test)
        app.action(ActionId.FORM_FIX)(self.press_fix)
        app.action(ActionId.FORM_AUTHENTICATE)(self.choose_authenticate)

    async def press_test(
        self, ack: AsyncAck, body: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Test what stands in the form, and show the report inside it; without a server, find one first and ask."""
        await ack()
        shown = modal_of(body)
        crossed = self._services.form_searches.newest(shown["id"])
        form = await self._services.forms.shown(shown, caller, owner)
        if form.needs_search:
            await self._services.forms.search_before(TEST_BUTTON, shown, client, caller, owner)
            return
        typed = form.typed(typed_password(shown, form))
        open_form = _OpenForm.of(shown, client, caller, form)
        open_form.crossed = crossed
        await self._start_test(body, open_form, typed, owner)

    async def press_fix(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Make one change in the form that its test advised, and test again where nothing has to be typed."""
        await ack()
        shown = modal_of(body)
        _, fix = reports.decode_fix(pressed_value(action))
        form = await self._services.forms.shown(shown, caller, owner)
        if form.needs_search:
            # The address may have been changed since that test.
            await self._services.forms.search_before(TEST_BUTTON, shown, client, caller, owner)
            return
        password = typed_password(shown, form)
        open_form = _OpenForm.of(shown, client, caller, form)
        try:
            fixed = await self._services.profiles.fix_form(
                caller=caller, owner=owner, form=form.typed(password), fix=fix
            )
        except InvalidFormError as error:
            await open_form.finish(errors_notes(error.errors))
            return
        except UserError as error:
            await open_form.finish(alert(str(error), "warning"))
            return
        changed = form.with_profile(fixed.profile)
        if fix.kind in PASSWORD_FIXES:
            changed = changed.with_password_fix(fix.kind)
        open_form = _OpenForm.of(shown, client, caller, changed)
        if not fixed.tests_now:
            await open_form.finish(alert(reports.typing_needed(fix), "info"))
            return
        open_form.before = reports.form_changes(fixed.descriptions)
        await self._start_test(body, open_form, changed.typed(password), owner)

    async def choose_authenticate(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person, owner: Person
    ) -> None:
        """Draw the form anew, in which a password has to be typed or not."""
        await ack()
        shown = modal_of(body)
        form = await self._services.forms.shown(shown, caller, owner)
        form = form.with_authentication(is_on=bool(action.get("selected_options")))
        await update_modal(client, shown["id"], profile_form(form.redrawn()))

    async def _start_test(self, body: Payload, open_form: "_OpenForm", typed: ProfileForm, owner: Person) -> None:
        caller = open_form.caller

        async def notify(sentence: str) -> None:
            await self._refuse(body, open_form, notice(sentence))

        async def test() -> None:
            try:
                await self._test(open_form, typed, owner)
            except RateLimitedError as error:
                await self._refuse(body, open_form, reports.limited(error))

        try:
            self._services.jobs.start(f"form test of {owner.user} for {caller.user}", test, notify=notify)
        except UserError:
            await open_form.say_nothing()
            raise

    async def _refuse(self, body: Payload, open_form: "_OpenForm", message: Message) -> None:
        """Say why there is no report: beside the form, which stays, or in it where a test had begun."""
        if open_form.shows_test:
            await open_form.finish([*alert("The test did not end.", "warning"), *message.blocks])
        else:
            await show_on_top(open_form.client, body, message, title=TITLE)
            await open_form.say_nothing()

    async def _test(self, open_form: "_OpenForm", typed: ProfileForm, owner: Person) -> None:
        caller = open_form.caller
        # Named before anything is tried with it.
        notes = [block for note in notes_on(typed) for block in alert(note, "warning")]

        async def show(test: RunningTest) -> None:
            await open_form.progress([*notes, *reports.form_progress(test)])

        def test(progress: Progress) -> Coroutine[Any, Any, ConnectionTestResult]:
            return self._services.connections.test_form(caller=caller, owner=owner, form=typed, progress=progress)

        try:
            result = await show_progress(test, begin=show, show=show)
        except InvalidFormError as error:
            await open_form.finish(errors_notes(error.errors))
        except StoppedTestError as stopped:
            await open_form.finish(reports.form_stopped(stopped.test, stopped_by=stopped.stopped_by.user))
        else:
            # The advice of a failed test names what nobody sees itself, where it may be the cause.
            open_form.before = [*open_form.before, *(notes if result.report.passed else ())]
            await open_form.report(result, owner)


@dataclass
class _OpenForm:
    """A form that a person has open; what is told of it stands at its top. `before` comes above that.

    `drawing` is Slack's hash of its last drawing here, None where that is not known. Once the form was drawn anew
    elsewhere, after a press on its checkbox or by the private page, it is left alone: what is known of it here is not
    what stands in it any more. `crossed` is the newest search for it when the press came, over whose last drawing the
    first one here may go. With `says_it_searches` it was drawn by a search, which that press has ended.
    """

    client: AsyncWebClient
    view_id: str
    drawing: str | None
    caller: Person
    form: Form
    before: Sequence[Block] = ()
    takes_progress: bool = True
    shows_test: bool = False
    says_it_searches: bool = False
    crossed: FormSearch | None = None

    @classmethod
    def of(cls, shown: Payload, client: AsyncWebClient, caller: Person, form: Form) -> "_OpenForm":
        """Return the form that was pressed in; `form` is what is to be shown of it."""
        return cls(
            client, shown["id"], drawing_of(shown), caller, form, says_it_searches=form_state.says_it_searches(shown)
        )

    async def say_nothing(self) -> None:
        """Say no more that settings are looked for, where the form does."""
        if self.says_it_searches:
            await self._update([], buttons=None)

    async def progress(self, notes: list[Block]) -> None:
        """Show how far a test is, without the form's buttons, until Slack once does not take it."""
        self.shows_test = True
        self.takes_progress = self.takes_progress and await self._update(notes, buttons=())

    async def report(self, result: ConnectionTestResult, owner: Person) -> None:
        """Show a finished test."""
        await self.finish(
            [*self.before, *reports.form_report(result, owner=owner.user)],
            ended=reports.form_report_line(result.report),
        )

    async def finish(self, notes: list[Block], *, ended: str = "") -> None:
        """Show the last word, or else post it; a form that was closed meanwhile needs none."""
        if not await self._update(notes, buttons=None, ended=ended):
            # An alert is for modals alone, and a button that changes the form for the form.
            blocks = reports.outside_of_form(notes)
            message = Message(text="The test of what stands in the form has ended.", blocks=blocks)
            await post_where_opened(self.client, self.caller, self.form.metadata.reply, message)

    async def _update(self, notes: list[Block], *, buttons: Sequence[Block] | None, ended: str = "") -> bool:
        self.form = self.form.redrawn()
        view = profile_form(self.form, notes=notes, buttons=buttons, ended=ended)
        crossed, self.crossed = self.crossed, None
        try:
            self.drawing = await update_modal(self.client, self.view_id, view, drawing=self.drawing)
        except SLACK_ERRORS as error:
            if crossed is not None and is_drawn_anew(error):
                drawn = await crossed.drawn()
                if drawn.drawing not in (None, self.drawing):
                    self.drawing = drawn.drawing
                    return await self._update(notes, buttons=buttons, ended=ended)
            log.info("A form was not changed (%s).", type(error).__name__)
            if is_unanswered(error):
                # Nobody knows the last drawing, so the next one says what its checkbox is.
                self.drawing = None
                self.form = self.form.with_new_checkbox()
            return False
        return True
