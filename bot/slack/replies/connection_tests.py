"""Connection tests in the background, each shown to the person who waits for it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat
from typing import Any, TypeVar

from bot.observability.log import Outcome, set_outcome
from bot.profiles.account.changes import ProfileChange
from bot.profiles.account.fixes import ProposedFix
from bot.profiles.connection_tests.connection_tests import ConnectionTests, NoOwnAddressError
from bot.profiles.connection_tests.limits import RateLimitedError
from bot.profiles.connection_tests.results import ConnectionTestResult, SentMessageResult
from bot.profiles.connection_tests.running_tests import Progress, RunningTest, StoppedTestError
from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from bot.slack.replies.jobs import Jobs
from bot.slack.replies.reply import Reply
from bot.slack.views import report as reports
from bot.slack.views.message import Block, Message, notice

PROGRESS_AFTER_SECONDS = (0.8, 3.0)
"""Pauses after which a test under way is shown, where Slack can replace what was shown before. With its beginning and
its end that makes four posts, and Slack takes five on one response_url
(https://docs.slack.dev/interactivity/handling-user-interaction)."""

PROGRESS_EVERY_SECONDS = 2.0
"""The pauses after those, where there is no such limit: in modals."""

Result = TypeVar("Result")
Test = Callable[[Progress], Coroutine[Any, Any, Result]]
Show = Callable[[RunningTest], Awaitable[object]]


async def show_progress(test: Test[Result], *, begin: Show, show: Show) -> Result:
    """Run a test, call `begin` once it is within the limits and `show` now and then, and return what it returns."""
    clock = asyncio.get_running_loop().time
    latest: list[RunningTest] = []
    begun = asyncio.Event()

    def follow(test: RunningTest) -> None:
        latest[:] = [test]
        begun.set()

    running = asyncio.create_task(test(follow))
    waiting = asyncio.create_task(begun.wait())
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        began = clock()
        if latest:
            await begin(latest[0])
        for pause in chain(PROGRESS_AFTER_SECONDS, repeat(PROGRESS_EVERY_SECONDS)):
            await asyncio.wait({running}, timeout=pause)
            if running.done():
                break
            await show(replace(latest[0], seconds=clock() - began))
        return await running
    finally:
        waiting.cancel()
        if not running.done():
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@dataclass(frozen=True, kw_only=True)
class ConnectionTestReplies:
    """Starts tests as jobs; each shows itself in a reply, once it is within the limits.

    `timeout` is in seconds for a whole test.
    """

    timeout: float
    jobs: Jobs
    connections: ConnectionTests

    def start_test(self, reply: Reply, caller: Person, owner: Person) -> None:
        """Test a profile."""
        self.start(reply, caller, owner, lambda: self.test(reply, caller, owner))

    def start_send(self, reply: Reply, caller: Person, owner: Person) -> None:
        """Test a profile and send one message."""
        self.start(reply, caller, owner, lambda: self._send(reply, caller, owner))

    def start_fix(self, reply: Reply, caller: Person, owner: Person, fix: ProposedFix) -> None:
        """Make one change and test the profile."""
        undo: list[Block] = []
        self.start(reply, caller, owner, lambda: self._fix(reply, caller, owner, fix, undo), below=undo)

    def start(
        self,
        reply: Reply,
        caller: Person,
        owner: Person,
        work: Callable[[], Coroutine[Any, Any, None]],
        *,
        below: Sequence[Block] = (),
    ) -> None:
        """Start a job about a profile; when it fails, the reply says so, above what `below` holds by then.

        Raises:
            UserError: too many jobs are under way, or the bot is stopping.
        """

        async def notify(sentence: str) -> None:
            await reply.fail(_above(notice(sentence), below))

        async def within_limits() -> None:
            try:
                await work()
            except RateLimitedError as error:
                await reply.fail(_above(reports.limited(error), below))
            except NoOwnAddressError as error:
                await reply.fail(reports.no_own_address(error) if caller == owner else notice(str(error)))

        self.jobs.start(f"test of {owner.user} for {caller.user}", within_limits, notify=notify)

    async def start_pressed(self, reply: Reply, start: Callable[[], None]) -> None:
        """Start what was pressed; when it does not begin, say so in the reply, which may show already that it does."""
        try:
            start()
        except UserError as error:
            set_outcome(Outcome.TOLD)
            await reply.fail(notice(str(error)))

    async def test(self, reply: Reply, caller: Person, owner: Person) -> None:
        """Test a profile and show the report."""

        def test(progress: Progress) -> Coroutine[Any, Any, ConnectionTestResult]:
            return self.connections.test(caller=caller, owner=owner, progress=progress)

        await reply.show(await self._followed(reply, owner, test, _finished))

    async def _send(self, reply: Reply, caller: Person, owner: Person) -> None:
        def send(progress: Progress) -> Coroutine[Any, Any, SentMessageResult]:
            return self.connections.send(caller=caller, owner=owner, progress=progress)

        await reply.show(await self._followed(reply, owner, send, _sent))

    async def _fix(self, reply: Reply, caller: Person, owner: Person, fix: ProposedFix, undo: list[Block]) -> None:
        """Make a change, put what undoes it into `undo`, test, and show both."""

        def fixed(change: ProfileChange) -> None:
            undo.extend(
                reports.applied_fix_blocks(change.descriptions, owner=owner.user, revision=change.view.revision)
            )

        def test(progress: Progress) -> Coroutine[Any, Any, ConnectionTestResult]:
            return self.connections.fix_and_test(caller=caller, owner=owner, fix=fix, on_fixed=fixed, progress=progress)

        await reply.show(_above(await self._followed(reply, owner, test, _finished), undo))

    async def _followed(
        self, reply: Reply, owner: Person, test: Test[Result], finished: Callable[[Result, Person], Message]
    ) -> Message:
        """Run a test, show its progress, and return its report, also that of one that somebody stopped."""

        async def begin(test: RunningTest) -> None:
            await reply.begin(reports.begun(test, self.timeout))

        async def show(test: RunningTest) -> None:
            await reply.progress(reports.testing(test))

        try:
            return finished(await show_progress(test, begin=begin, show=show), owner)
        except StoppedTestError as stopped:
            return reports.stopped(stopped.test, stopped_by=stopped.stopped_by.user, owner=owner.user)


def _above(message: Message, blocks: Sequence[Block]) -> Message:
    return Message(text=message.text, blocks=[*message.blocks, *blocks])


def _finished(result: ConnectionTestResult, owner: Person) -> Message:
    return reports.finished(result.account, result, owner=owner.user)


def _sent(result: SentMessageResult, owner: Person) -> Message:
    return reports.sent(result.test.account, result, owner=owner.user)
