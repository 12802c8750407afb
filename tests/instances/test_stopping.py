"""SIGTERM at any moment, in the middle of everything: nobody is left without an answer, and the end is clean."""

import asyncio
import itertools
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.demo.stand_in.delivery import Delivery, DeliveryError
from bot.demo.stand_in.people import PEOPLE, DemoPerson
from bot.demo.stand_in.platform import Message, direct_channel, searchable
from bot.demo.stand_in.views import PlatformError
from bot.demo.stand_in.workspace import Workspace
from bot.slack.replies.jobs import INTERRUPTED, RESTARTING
from tests.counts import PROVE_ONLY
from tests.instances.cluster import BY_SOCKET, RunningInstance, mail_servers, profile_at, running_instance
from tests.instances.processes import PATIENCE
from tests.scenario.crowd import crowd
from tests.scenario.operating.test_command_line import GOOD
from tests.scenario.people import GRACE

pytestmark = [pytest.mark.databases("sqlite"), PROVE_ONLY]

ROUNDS = 100
AT_ONCE = 6
LATEST_MOMENT = 3.0
SMTP_TIMEOUTS = ("1", "3", "10", "40")
"""A test of the last outlasts every stop, and is interrupted."""

CROWD = crowd(24)
SAVERS, TESTERS, FORM_TESTERS, LOOKERS = CROWD[:6], CROWD[6:14], CROWD[14:18], CROWD[18:]

ENDS = ("Connection test passed", "Connection test failed", INTERRUPTED, RESTARTING)
RUN_ENDS = ("tested email profiles", INTERRUPTED, RESTARTING)
FORM_ENDS = ("passed", "failed", INTERRUPTED, RESTARTING)
UNWANTED = ("Traceback", "ERROR", "Task was destroyed", "never retrieved", "never awaited", "Unclosed")

CLOSING_SECONDS = 0.5
"""When the doors close some requests get through and some do not; whoever asked so much earlier was answered."""


class NotedDelivery(Delivery):
    """Notes of each request when it was sent, and whether it was answered."""

    def __init__(self, signing_secret: str) -> None:
        """Sign with `signing_secret`."""
        super().__init__(signing_secret)
        self.answered: list[float] = []
        self.lost: list[tuple[float, str, str]] = []

    async def send(self, kind: str, payload: dict[str, Any]) -> Any:
        """Send as any delivery does."""
        began = time.monotonic()
        try:
            answer = await super().send(kind, payload)
        except (DeliveryError, asyncio.CancelledError) as error:
            self.lost.append((began, kind, f"{error} after {time.monotonic() - began:.1f} s"))
            raise
        self.answered.append(began)
        return answer


@dataclass
class Round:
    """One process with people at work, until it is stopped."""

    running: RunningInstance
    delivery: NotedDelivery
    chance: random.Random
    saved: dict[str, str] = field(default_factory=dict)

    async def run(self) -> list[str]:
        """Stop the process in the middle of the work; return all that was wrong."""
        work = [asyncio.create_task(one) for one in self._work()]
        await asyncio.sleep(self.chance.uniform(0.05, LATEST_MOMENT))
        instance = self.running.instance
        instance.send_signal(signal.SIGTERM)
        storm = asyncio.create_task(self._signal_on())
        try:
            code = await instance.ended()
        except TimeoutError:
            return ["it did not end within 30 seconds"]
        finally:
            # The last answers are on their way; what waits for longer waits in vain.
            await asyncio.sleep(0.3)
            for task in (storm, *work):
                task.cancel()
            await asyncio.gather(storm, *work, return_exceptions=True)
        wrong = [] if code == 0 else [f"it ended with {code}"]
        wrong += _unwanted(instance.said)
        return [*wrong, *self._unanswered(), *self._without_end(), *await self._not_stored()]

    def _work(self) -> list[Coroutine[Any, Any, None]]:
        """What everybody does; each begins at a moment of their own."""
        once: list[tuple[Callable[[str], Awaitable[None]], tuple[DemoPerson, ...]]] = [
            (self._save, SAVERS),
            (self._test, TESTERS),
            (self._test_form, FORM_TESTERS),
        ]
        acts = [(act, person.id) for act, people in once for person in people]
        acts.append((self._test_all, GRACE))
        beginnings = [self._begin(act, user, self.chance.uniform(0, LATEST_MOMENT * 1.5)) for act, user in acts]
        return [*beginnings, *(self._look_on(person.id) for person in LOOKERS)]

    async def _signal_on(self) -> None:
        """Ask again and again, as impatient supervisors and people do."""
        for how in itertools.cycle((signal.SIGTERM, signal.SIGINT)):
            await asyncio.sleep(self.chance.choice((0.01, 0.3, 2.0)))
            self.running.instance.send_signal(how)

    async def _begin(self, act: Callable[[str], Awaitable[None]], user: str, pause: float) -> None:
        await asyncio.sleep(pause)
        # Doors that are closed already are told in the end, in `_unanswered`.
        with suppress(DeliveryError, PlatformError):
            await act(user)

    async def _look_on(self, user: str) -> None:
        while True:
            await self.running.workspace.command(
                user, *self.chance.choice((("/email-profile", ""), ("/email-extra", "")))
            )
            await asyncio.sleep(self.chance.uniform(0.05, 0.2))

    async def _save(self, user: str) -> None:
        workspace, login = self.running.workspace, f"login of {user}"
        await workspace.command(user, "/email-profile", "edit")
        await workspace.wait_view(user, "Email profile", timeout=3)
        await workspace.fill(user, "User/Login", login)
        if await workspace.submit(user) == {}:
            self.saved[user] = login

    async def _test(self, user: str) -> None:
        await self.running.workspace.command(user, "/email-test")

    async def _test_form(self, user: str) -> None:
        workspace = self.running.workspace
        await workspace.command(user, "/email-profile", "edit")
        await workspace.wait_view(user, "Email profile", timeout=3)
        await workspace.press(user, "Test connection")

    async def _test_all(self, user: str) -> None:
        workspace = self.running.workspace
        await workspace.command(user, "/email-profile", "list")
        shown = await workspace.wait_message(user, "Work with email", timeout=3)
        await workspace.press(user, "Test these", message=shown)

    def _unanswered(self) -> list[str]:
        """List the requests that got no answer although others got one later."""
        last = max(self.delivery.answered, default=0.0)
        early = [(kind, error) for began, kind, error in self.delivery.lost if began < last - CLOSING_SECONDS]
        return [f"{kind} was lost ({error}), but others were answered later" for kind, error in early]

    def _without_end(self) -> list[str]:
        """List the tests that began and whose end nobody was told."""
        workspace = self.running.workspace
        wrong = []
        for person in TESTERS:
            told = [searchable(message) for message in _to(workspace, person.id)]
            if any("Testing" in text for text in told) and not any(end in told[-1] for end in ENDS):
                wrong.append(f"a test was left at: {told[-1]}")
        for run in workspace.all_messages:
            if run.channel == direct_channel(GRACE) and not any(end in searchable(run) for end in RUN_ENDS):
                wrong.append(f"a test of many was left at: {searchable(run)}")
        for person in FORM_TESTERS:
            form = workspace.view(person.id)
            shown = str(form.content["blocks"]) if form else ""
            if "Testing " in shown and not any(end in shown for end in FORM_ENDS):
                wrong.append(f"a test in a form was left at: {shown[-300:]}")
        return wrong

    async def _not_stored(self) -> list[str]:
        """List the saves that were taken, and are not there."""
        stored = {user: await self.running.stored(user) for user in self.saved}
        logins = {user: profile.login if profile else None for user, profile in stored.items()}
        return [
            f"{user} saved {login!r}, but {logins[user]!r} is there"
            for user, login in self.saved.items()
            if logins[user] != login
        ]


def _unwanted(said: Sequence[str]) -> list[str]:
    """Return what a process should not have written, from the first such line on."""
    first = next((number for number, line in enumerate(said) if any(word in line for word in UNWANTED)), None)
    return [] if first is None else ["".join(said[first : first + 60])]


def _to(workspace: Workspace, user: str) -> list[Message]:
    return [message for message in workspace.all_messages if message.reader == user]


async def _stopped_once(seed: str, folder: Path, given: dict[str, str]) -> list[str]:
    chance = random.Random(seed)
    workspace = Workspace(
        signing_secret=GOOD["SLACK_SIGNING_SECRET"], bot_token=GOOD["SLACK_BOT_TOKEN"], people=[*PEOPLE, *CROWD]
    )
    workspace.delivery = delivery = NotedDelivery(workspace.signing_secret)
    async with mail_servers(folder, slowness=chance.uniform(0.3, 2.0)) as mail:
        profiles = {
            person.id: profile_at(server, person.address)
            for person, server in zip(CROWD, itertools.cycle(mail.servers), strict=False)
        }
        settings = {**mail.given, **given, "SMTP_TIMEOUT": chance.choice(SMTP_TIMEOUTS)}
        async with running_instance(folder, workspace, profiles, settings) as running:
            wrong = await Round(running=running, delivery=delivery, chance=chance).run()
    return [f"{seed}: {what}" for what in wrong]


async def test_a_stop_at_any_moment_ends_cleanly_and_leaves_nobody_without_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is told here is the truth of answers, which a busy machine does not change.
    monkeypatch.setattr("bot.demo.stand_in.delivery.ACK_SECONDS", PATIENCE)
    seed = os.environ.get("STOPPING_SEED") or str(random.randrange(10**6))
    print(f"STOPPING_SEED={seed}")  # noqa: T201 - with it the same moments come again
    free = asyncio.Semaphore(AT_ONCE)

    async def once(number: int) -> list[str]:
        folder = tmp_path / str(number)
        folder.mkdir()
        async with free:
            return await _stopped_once(f"{seed}/{number}", folder, BY_SOCKET if number % 2 else {})

    wrong = await asyncio.gather(*(once(number) for number in range(ROUNDS)))
    assert "\n".join(itertools.chain.from_iterable(wrong)) == ""
