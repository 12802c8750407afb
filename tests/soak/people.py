"""People who use the bot steadily: commands, forms, buttons, tests, Home tabs."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from bot.demo.stand_in.delivery import DeliveryError
from bot.demo.stand_in.people import DemoPerson
from bot.demo.stand_in.platform import Message, searchable
from bot.demo.stand_in.views import PlatformError
from bot.demo.stand_in.workspace import Workspace
from tests.scenario.crowd import begin_run
from tests.scenario.people import GRACE

COMMANDS_A_SECOND = 8.0
FORMS_A_SECOND = 0.5
HOMES_A_SECOND = 0.5
# A workspace may test sixty times a minute, and "Test these" counts beside it.
TESTS_A_SECOND = 0.6
RUNS_A_SECOND = 1 / 120
KEPT_MESSAGES = 400

_LOOKS = (
    ("/email-profile", ""),
    ("/email-profile", "history"),
    ("/email-profile", "help"),
    ("/email-extra", ""),
    ("/email-test", "transcript"),
)

_ORDINARY = ("block_actions", "slash_commands", "view_submission", "views.update")
"""What fails when a connection breaks, or when a form is closed while its test goes on."""


@dataclass
class People:
    """People who act until `over` is set; `unexpected` is what nobody should have seen.

    At a `pace` of 2 they do everything twice as often.
    """

    workspace: Workspace
    crowd: Sequence[DemoPerson]
    unexpected: list[str] = field(default_factory=list)
    begun: int = 0
    done: int = 0
    pace: float = 1.0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def work(self) -> None:
        """Do everything at the same time."""
        await asyncio.gather(
            self._again(COMMANDS_A_SECOND, self._look),
            self._again(FORMS_A_SECOND, self._fill_form),
            self._again(HOMES_A_SECOND, self._visit_home),
            self._again(TESTS_A_SECOND, self._test),
            self._again(RUNS_A_SECOND, self._test_all),
            self._again(0.2, self._delete_old),
        )
        self._note_unexpected(self.workspace.all_messages)

    async def _again(self, rate: float, act: Callable[[str], Awaitable[None]]) -> None:
        """Let somebody act, so often a second; an act that a failing socket prevents is given up."""
        under_way: set[asyncio.Task[None]] = set()
        everybody = itertools.cycle(random.sample(self.crowd, len(self.crowd)))
        while not self.over.is_set():
            task = asyncio.create_task(self._tried(act, next(everybody).id))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            with suppress(TimeoutError):
                async with asyncio.timeout(random.uniform(0.5, 1.5) / rate / self.pace):
                    await self.over.wait()
        await asyncio.gather(*under_way)

    async def _tried(self, act: Callable[[str], Awaitable[None]], user: str) -> None:
        self.begun += 1
        with suppress(DeliveryError, PlatformError):
            await act(user)
            self.done += 1

    async def _look(self, user: str) -> None:
        await self.workspace.command(user, *random.choice(_LOOKS))

    async def _visit_home(self, user: str) -> None:
        await self.workspace.open_home(user)

    async def _fill_form(self, user: str) -> None:
        workspace = self.workspace
        await workspace.command(user, "/email-profile", "edit")
        await workspace.wait_view(user, "Email profile", timeout=3)
        await workspace.fill(user, "User/Login", f"login{random.randrange(10**6)}")
        if random.random() < 0.5:
            await workspace.press(user, "Test connection")
        await workspace.submit(user)
        await workspace.command(user, "/email-extra", f"add FROM_NAME Person {random.randrange(10**6)}")

    async def _test(self, user: str) -> None:
        await self.workspace.command(user, "/email-test")

    async def _test_all(self, _user: str) -> None:
        workspace = self.workspace
        await workspace.command(GRACE, "/email-profile", "list")
        shown = await workspace.wait_message(GRACE, "Work with email", timeout=3)
        await begin_run(workspace, shown)

    async def _delete_old(self, _user: str) -> None:
        """Delete what is old in the stand-in, so that its own growth slows nobody; note the unexpected first.

        Messages that everybody sees are few and stay: a run of tests may change its message for minutes.
        """
        workspace = self.workspace
        old = workspace.all_messages[:-KEPT_MESSAGES]
        self._note_unexpected([message for message in old if message.reader is not None])
        workspace.all_messages[:-KEPT_MESSAGES] = [message for message in old if message.reader is None]
        workspace.received.clear()
        for held in (workspace.response_urls, workspace.triggers):
            for name in list(held)[: -KEPT_MESSAGES * 4]:
                del held[name]

    def _note_unexpected(self, messages: Sequence[Message]) -> None:
        """Keep what nobody should have seen in these messages, and what Slack refused since the last time."""
        self.unexpected += [text for message in messages if "Something went wrong" in (text := searchable(message))]
        refusals = self.workspace.refusals
        self.unexpected += [f"{method}: {error}" for method, error in refusals if method not in _ORDINARY]
        refusals.clear()
