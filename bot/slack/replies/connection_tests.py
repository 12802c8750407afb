"""A connection test under way, shown to the person who waits for it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from bot.profiles.account.changes import ProfileChange
from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.people.access import Person
from bot.profiles.tests.connection_tests import ConnectionTests
from bot.slack.replies.jobs import Jobs
from bot.slack.replies.reply import Answer
from bot.slack.views import report as reports
from bot.slack.views.message import Message, notice
from bot.smtp.account import Account
from bot.smtp.check.report import Report

LOOKS = (0.8, 3.0)
"""Seconds after which a test under way is shown. With its beginning and its end that makes four posts, and
Slack takes five on one response_url (https://docs.slack.dev/interactivity/handling-user-interaction)."""

Result = TypeVar("Result")
Test = Callable[[Callable[[Report], None]], Coroutine[Any, Any, Result]]
Show = Callable[[Report], Awaitable[object]]


async def follow(test: Test[Result], show: Show) -> Result:
    """Run a test and show how far it is, now and then; gives what the test gives."""
    latest: list[Report] = []
    running = asyncio.create_task(test(latest.append))
    try:
        for pause in LOOKS:
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


class Testing:
    """Starts tests in the background; each shows itself in an answer."""

    __test__ = False

    def __init__(self, *, jobs: Jobs, profiles: EmailProfiles, connections: ConnectionTests) -> None:
        """Run them as `jobs`."""
        self._jobs = jobs
        self._profiles = profiles
        self._connections = connections

    def test(self, answer: Answer, caller: Person, owner: Person, fixed: ProfileChange | None = None) -> None:
        """Test a profile; `fixed` is the change that was just made for it, with its way back."""
        self.start(answer, caller, owner, lambda: self.tested(answer, caller, owner, fixed))

    def send(self, answer: Answer, caller: Person, owner: Person) -> None:
        """Test a profile and send one message."""
        self.start(answer, caller, owner, lambda: self._sent(answer, caller, owner))

    def start(
        self, answer: Answer, caller: Person, owner: Person, work: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        """Begin something about a profile; when it fails the answer says so."""

        async def tell(sentence: str) -> None:
            await answer.show(notice(sentence))

        self._jobs.start(f"test of {owner.user} for {caller.user}", work, tell=tell)

    async def tested(self, answer: Answer, caller: Person, owner: Person, fixed: ProfileChange | None = None) -> None:
        """Test a profile and show the report."""
        account, show = await self._begun(answer, caller, owner)
        tested = await follow(
            lambda progress: self._connections.test(caller=caller, owner=owner, progress=progress),
            show,
        )
        message = reports.finished(account, tested, owner=owner.user)
        done = (
            reports.applied_fix_blocks(fixed.descriptions, owner=owner.user, revision=fixed.view.revision)
            if fixed
            else []
        )
        await answer.show(Message(text=message.text, blocks=[*message.blocks, *done]))

    async def _sent(self, answer: Answer, caller: Person, owner: Person) -> None:
        account, show = await self._begun(answer, caller, owner)
        result = await follow(
            lambda progress: self._connections.send(caller=caller, owner=owner, progress=progress),
            show,
        )
        await answer.show(reports.sent(account, result, owner=owner.user))

    async def _begun(self, answer: Answer, caller: Person, owner: Person) -> tuple[Account, Show]:
        """Post that a test has begun; gives the account without its password, and how to show progress."""
        view = await self._profiles.show(caller=caller, owner=owner)

        async def show(report: Report) -> None:
            await answer.progress(reports.testing(view.account, report))

        if view.profile.is_complete:
            await answer.show(reports.testing(view.account, None))
        return view.account, show
