"""Connection tests in the background, each shown to the person who waits for it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.profiles.account.changes import ProfileChange
from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.connection_tests.connection_tests import ConnectionTests
from bot.profiles.people.access import Person
from bot.slack.replies.jobs import Jobs
from bot.slack.replies.reply import Reply
from bot.slack.views import report as reports
from bot.slack.views.message import Message, notice
from bot.smtp.account import Account
from bot.smtp.check.report import Report

PROGRESS_AFTER_SECONDS = (0.8, 3.0)
"""Pauses after which a test under way is shown, where Slack can replace what was shown before. With its beginning and
its end that makes four posts, and Slack takes five on one response_url
(https://docs.slack.dev/interactivity/handling-user-interaction)."""

Result = TypeVar("Result")
Test = Callable[[Callable[[Report], None]], Coroutine[Any, Any, Result]]
Show = Callable[[Report], Awaitable[object]]


async def show_progress(test: Test[Result], show: Show) -> Result:
    """Run a test, show now and then how far it is, and return what the test returns."""
    latest: list[Report] = []
    running = asyncio.create_task(test(latest.append))
    try:
        for pause in PROGRESS_AFTER_SECONDS:
            await asyncio.wait({running}, timeout=pause)
            if running.done():
                break
            if latest:
                await show(latest[-1])
        return await running
    finally:
        if not running.done():
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@dataclass(frozen=True, kw_only=True)
class ConnectionTestReplies:
    """Starts tests as jobs; each shows itself in a reply. `timeout` is in seconds for a whole test."""

    timeout: float
    jobs: Jobs
    profiles: EmailProfiles
    connections: ConnectionTests

    def start_test(self, reply: Reply, caller: Person, owner: Person, fixed: ProfileChange | None = None) -> None:
        """Test a profile; `fixed` is the change that was just made for it, with its way back."""
        self.start(reply, caller, owner, lambda: self.test(reply, caller, owner, fixed))

    def start_send(self, reply: Reply, caller: Person, owner: Person) -> None:
        """Test a profile and send one message."""
        self.start(reply, caller, owner, lambda: self._send(reply, caller, owner))

    def start(self, reply: Reply, caller: Person, owner: Person, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start a job about a profile; when it fails, the reply says so."""

        async def notify(sentence: str) -> None:
            await reply.show(notice(sentence))

        self.jobs.start(f"test of {owner.user} for {caller.user}", work, notify=notify)

    async def test(self, reply: Reply, caller: Person, owner: Person, fixed: ProfileChange | None = None) -> None:
        """Test a profile and show the report."""
        account, show = await self._begin(reply, caller, owner)
        tested = await show_progress(
            lambda progress: self.connections.test(caller=caller, owner=owner, progress=progress), show
        )
        message = reports.finished(account, tested, owner=owner.user)
        blocks = [*message.blocks]
        if fixed is not None:
            revision = fixed.view.revision
            blocks += reports.applied_fix_blocks(fixed.descriptions, owner=owner.user, revision=revision)
        await reply.show(Message(text=message.text, blocks=blocks))

    async def _send(self, reply: Reply, caller: Person, owner: Person) -> None:
        account, show = await self._begin(reply, caller, owner)
        result = await show_progress(
            lambda progress: self.connections.send(caller=caller, owner=owner, progress=progress), show
        )
        await reply.show(reports.sent(account, result, owner=owner.user))

    async def _begin(self, reply: Reply, caller: Person, owner: Person) -> tuple[Account, Show]:
        """Show that a test has begun; return the account without its password, and how to show progress."""
        view = await self.profiles.show(caller=caller, owner=owner)

        async def show(report: Report) -> None:
            await reply.progress(reports.testing(view.account, report))

        if view.profile.is_complete:
            await reply.begin(reports.begun(view.account, self.timeout))
        return view.account, show
