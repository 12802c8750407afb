"""“Test these”, “Fix these” and what their summaries offer: many profiles at once, with the progress in one message."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import replace

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.observability.log import log_undelivered
from bot.profiles.account.records import ProfileView
from bot.profiles.connection_tests.bulk_fixes import BulkChange
from bot.profiles.connection_tests.bulk_progress import BulkProgress, ProfileToTest
from bot.profiles.connection_tests.bulk_tests import PROGRESS_INTERVAL_SECONDS, to_test
from bot.profiles.connection_tests.run_results import FailureGroup, RunResult
from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from bot.profiles.people.people_list import ListQuery
from bot.slack.ids import ActionId
from bot.slack.listeners.services import Payload, Services
from bot.slack.middleware.caller import pressed_value
from bot.slack.replies.posted_message import PostedMessage
from bot.slack.replies.reply import Reply, begin_below, beginning_if_slow, reply_below, reply_in_place
from bot.slack.replies.response_url import ResponseUrl
from bot.slack.views import bulk_tests as views
from bot.slack.views.message import Message, notice
from bot.slack.views.people_list import TITLE, decode_query, list_message
from bot.slack.web_api.errors import SLACK_ERRORS
from storage.engines.transactions import DatabaseUnavailableError
from storage.tables.bulk_runs import ENDED, UNTOLD, StoredRun

log = logging.getLogger(__name__)

START_TIMEOUT_SECONDS = 2.0
"""For posting a run's message: Slack waits for the acknowledgement meanwhile."""

_COUNTING = notice("Counting who can be tested …")
_BEGINNING = notice("Reading who is to be tested …")
_READING = notice("Reading the last tests …")

Work = Callable[[StoredRun, PostedMessage], Awaitable[RunResult]]


class BulkTestListeners:
    """The list's buttons for many, the one that stops a run, and those of its summary."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def register(self, app: AsyncApp) -> None:
        """Register the buttons."""
        app.action(ActionId.PEOPLE_TEST)(self.press_test)
        app.action(ActionId.TEST_THESE)(self.press_test_these)
        app.action(ActionId.PEOPLE_FIX)(self.press_causes)
        app.action(ActionId.RUN_STOP)(self.press_stop)
        app.action(ActionId.RUN_SHOW)(self.press_show)
        app.action(ActionId.RUN_TEST)(self.press_test_again)
        app.action(ActionId.RUN_FIX)(self.press_fix)
        app.action(ActionId.RUN_UNDO)(self.press_undo)

    async def press_test(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Ask whether to test those that the list shows."""
        await ack()
        await self._ask(body, client, caller, decode_query(str(action.get("block_id") or "")))

    async def press_test_again(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Ask whether to test those of one cause again."""
        await ack()
        run_id, group = views.decode_group(pressed_value(action))
        await self._ask(body, client, caller, ListQuery(run_id=run_id, group=group))

    async def press_test_these(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Start to test many, in place of the question."""
        await ack()
        query = decode_query(pressed_value(action))
        await self._services.profiles.access.require_admin(caller)
        reply = await reply_in_place(body, client, title=TITLE, first=_BEGINNING)

        async def begin() -> Message:
            await reply.progress(_BEGINNING)
            people = await self._services.bulk.select(caller=caller, query=query)
            return await self._test(client, caller, people)

        await self._show_when_read(reply, caller, begin)

    async def press_stop(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Stop a run; its message shows how far it came."""
        await ack()
        stopped = await self._services.bulk.cancel_run(caller=caller, run_id=pressed_value(action))
        message = notice("It stops in a moment." if stopped else "It is over already.")
        await reply_below(body, client, title=TITLE, first=message)

    async def press_show(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Show the list of those of one cause."""
        await ack()
        run_id, group = views.decode_group(pressed_value(action))
        page = await self._services.listing.page(caller=caller, query=ListQuery(run_id=run_id, group=group))
        await reply_below(body, client, title=TITLE, first=list_message(page))

    async def press_causes(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Show why those in the list fail, with what can be done for all of a cause."""
        await ack()
        query = decode_query(str(action.get("block_id") or ""))
        await self._services.profiles.access.require_admin(caller)
        reply = await begin_below(body, client, title=TITLE, beginning=_READING)

        async def notify(sentence: str) -> None:
            await reply.show(notice(sentence))

        async def work() -> None:
            async with beginning_if_slow(reply, _READING):
                run_id, result = await self._services.bulk.summarise(caller=caller, query=query)
            await reply.show(views.causes(result, run_id=run_id))

        await self._services.jobs.start_shown_run(f"causes for {caller.user}", work, notify=notify)

    async def press_fix(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Change those of one cause alike, tell them, and test them; Slack has asked whether to."""
        await ack()
        run_id, number = views.decode_group(pressed_value(action))
        group = await self._services.bulk_fixes.group(caller=caller, run_id=run_id, number=number)

        async def work(run: StoredRun, shown: PostedMessage) -> RunResult:
            fixed, people = await self._fix(run, group, caller, shown)
            if fixed.cancelled or not people:
                return fixed
            return await self._run(run, people, caller, shown, before=fixed)

        await self._start(client, caller, total=len(group.fits), work=work)
        begun = f"Changing {views.profiles(len(group.fits))}. Follow it in your messages with the bot."
        await reply_below(body, client, title=TITLE, first=notice(begun))

    async def press_undo(
        self, ack: AsyncAck, body: Payload, action: Payload, client: AsyncWebClient, caller: Person
    ) -> None:
        """Put back what a run changed, and tell the owners; Slack has asked whether to."""
        await ack()
        run_id = pressed_value(action)
        result = await self._services.bulk.result(caller=caller, run_id=run_id)
        shown, change = await self._post(client, caller), BulkChange(total=0)

        async def notify(sentence: str) -> None:
            await shown.end(views.undo_broken_off(change, why=sentence))
            with suppress(UserError, DatabaseUnavailableError):
                # The button names who is left.
                left = await self._services.bulk.result(caller=caller, run_id=run_id)
                await ResponseUrl(client, body).answer(views.finished(left, run_id=run_id), replace=True)

        async def work() -> None:
            nonlocal change
            shown_at = 0.0
            async with aclosing(self._services.bulk_fixes.undo(caller=caller, run_id=run_id)) as changes:
                async for change in changes:
                    if time.monotonic() - shown_at >= PROGRESS_INTERVAL_SECONDS:
                        shown_at = time.monotonic()
                        await shown.show(views.undoing(change))
            await shown.end(views.undone(change))
            summary = views.finished(replace(result, undone=True), run_id=run_id)
            await ResponseUrl(client, body).answer(summary, replace=True)

        await self._services.jobs.start_shown_run(f"undo for {caller.user}", work, notify=notify)

    async def _ask(self, body: Payload, client: AsyncWebClient, caller: Person, query: ListQuery) -> None:
        """Ask once before many are tested; one alone is tested at once, as in their row."""
        await self._services.profiles.access.require_admin(caller)
        reply = await begin_below(body, client, title=TITLE, beginning=_COUNTING)

        async def ask() -> Message:
            async with beginning_if_slow(reply, _COUNTING):
                people = await self._services.bulk.select(caller=caller, query=query)
            return await self._test(client, caller, people) if len(people) == 1 else views.question(people, query)

        await self._show_when_read(reply, caller, ask)

    async def _show_when_read(self, reply: Reply, caller: Person, read: Callable[[], Awaitable[Message]]) -> None:
        """Show what is made of everybody's records, which takes a while where there are many."""

        async def notify(sentence: str) -> None:
            await reply.fail(notice(sentence))

        async def work() -> None:
            await reply.show(await read())

        await self._services.jobs.start_shown_run(f"reading people for {caller.user}", work, notify=notify)

    async def _test(self, client: AsyncWebClient, caller: Person, people: tuple[ProfileToTest, ...]) -> Message:
        """Start to test; return where to follow it."""

        async def work(run: StoredRun, shown: PostedMessage) -> RunResult:
            return await self._run(run, people, caller, shown, before=RunResult(total=len(people)))

        await self._start(client, caller, total=len(people), work=work)
        return notice(f"Testing {views.profiles(len(people))}. Follow it in your messages with the bot.")

    async def _start(self, client: AsyncWebClient, caller: Person, *, total: int, work: Work) -> None:
        """Post the run's message, store the run, and do its work in the background."""
        shown = await self._post(client, caller)
        try:
            run = await self._services.bulk.create_run(
                caller=caller, total=total, channel=shown.channel, message_ts=shown.ts
            )
        except UserError as error:
            await shown.show(notice(str(error)))
            raise

        async def notify(sentence: str) -> None:
            await self._tell(run, shown, await self._interrupted(run, sentence))

        async def whole() -> None:
            try:
                result = await work(run, shown)
            except BaseException:
                # Stopped with the process, or broken: whichever it is, nobody goes on with it.
                await self._services.bulk.end_run(run, UNTOLD)
                raise
            await self._services.bulk.end_run(run, ENDED)
            await self._tell(run, shown, views.finished(result, run_id=run.run_id))

        try:
            self._services.jobs.start_run(f"run for {caller.user}", whole, notify=notify)
        except UserError as error:
            await self._services.bulk.end_run(run, UNTOLD)
            await self._services.bulk.mark_told(run)
            await shown.show(notice(str(error)))
            raise

    async def _tell(self, run: StoredRun, shown: PostedMessage, message: Message) -> None:
        """Show what became of a run; what Slack does not take now is shown by housekeeping."""
        try:
            await shown.end(message)
        except SLACK_ERRORS as error:
            log_undelivered(log, "The summary of a run could not be shown", error)
            return
        with suppress(DatabaseUnavailableError):
            # Housekeeping shows it once more.
            await self._services.bulk.mark_told(run)

    async def _interrupted(self, run: StoredRun, why: str) -> Message:
        try:
            found = await self._services.bulk.found(run)
        except DatabaseUnavailableError:
            # Housekeeping shows what was found as soon as the database is back.
            return notice(why)
        return views.interrupted(found, run_id=run.run_id, done=found.done, why=why)

    async def _run(
        self,
        run: StoredRun,
        people: tuple[ProfileToTest, ...],
        caller: Person,
        shown: PostedMessage,
        *,
        before: RunResult,
    ) -> RunResult:
        async def show(progress: BulkProgress) -> None:
            await shown.show(views.progress(progress, run_id=run.run_id, before=before))

        return await self._services.bulk.run(run, people, caller=caller, show=show, before=before)

    async def _fix(
        self, run: StoredRun, group: FailureGroup, caller: Person, shown: PostedMessage
    ) -> tuple[RunResult, tuple[ProfileToTest, ...]]:
        """Change the profiles of a group; return what was done, stored already, and whom to test."""
        views_of: dict[str, ProfileView] = {}
        result, stepped_at = RunResult(total=len(group.fits), fix=group.fix), 0.0
        try:
            async with aclosing(self._services.bulk_fixes.fix(caller=caller, group=group)) as changes:
                async for change in changes:
                    if change.latest is not None:
                        views_of[change.latest.view.owner.user] = change.latest.view
                    result = _changed(result, change)
                    if change.done == change.total or time.monotonic() - stepped_at >= PROGRESS_INTERVAL_SECONDS:
                        stepped_at = time.monotonic()
                        await self._services.bulk.save(run, result)
                        result = replace(result, cancelled=not await self._services.bulk.step(run, done=0))
                        await shown.show(views.changing(change, run_id=run.run_id))
                    if result.cancelled:
                        break
        finally:
            # Without it nobody could put back what was changed before this broke off.
            await self._services.bulk.save(run, result)
        return result, tuple(to_test(user, view.profile) for user, view in views_of.items())

    async def _post(self, client: AsyncWebClient, caller: Person) -> PostedMessage:
        async with asyncio.timeout(START_TIMEOUT_SECONDS):
            posted = await client.chat_postMessage(channel=caller.user, **notice("It begins …").payload())
        return PostedMessage(client, channel=posted["channel"], ts=posted["ts"])


def _changed(result: RunResult, change: BulkChange) -> RunResult:
    return replace(
        result, changed=tuple(change.changed), descriptions=change.descriptions, left_alone=dict(change.left_alone)
    )
