"""Instances of the real program behind one address, and people who use it without pause."""

import asyncio
import itertools
import json
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bot.demo.stand_in.delivery import encoded, signature
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import texts
from bot.demo.stand_in.workspace import Workspace
from tests.scenario.starting import address_of, start_fresh

SAVED = "FROM_NAME"

PATIENCE = 15.0
"""Seconds for an answer: what is told here is the truth of answers, which a busy machine does not change."""


@dataclass
class Instance:
    """One process of the program, and the address that it serves at; empty while it is down.

    `said` is what it wrote since it served.
    """

    folder: Path
    given: Mapping[str, str]
    url: str = ""
    said: list[str] = field(default_factory=list)
    process: asyncio.subprocess.Process | None = None
    _reader: "asyncio.Task[None] | None" = None

    async def start(self) -> None:
        """Start it, and wait until it serves."""
        self.process = await start_fresh(self.folder, "run", given=self.given)
        self.url = await address_of(self.process)
        # What it writes is read on, so that a full pipe never stops it.
        self._reader = asyncio.create_task(_read_on(self.process, self.said))

    async def kill(self) -> None:
        """End it with kill -9."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """End it as a supervisor does; return its exit code."""
        return await self._end(signal.SIGTERM)

    def send_signal(self, how: signal.Signals) -> None:
        """Send it a signal, if it has not ended yet."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(how)

    async def ended(self) -> int:
        """Wait until it has ended and all that it wrote is read; return its exit code.

        Raises:
            TimeoutError: it runs on for longer than a supervisor waits.
        """
        if self.process is None or self._reader is None:
            return 0
        code = await asyncio.wait_for(self.process.wait(), 30)
        await self._reader
        self.process = None
        return code

    async def _end(self, how: signal.Signals) -> int:
        self.url = ""
        self.send_signal(how)
        return await self.ended()


async def _read_on(process: asyncio.subprocess.Process, said: list[str]) -> None:
    if process.stderr is not None:
        while line := await process.stderr.readline():
            said.append(line.decode())


@dataclass
class Balancer:
    """Sends signed requests to whichever instance serves; what one did not answer goes to the next."""

    workspace: Workspace
    instances: list[Instance]
    session: aiohttp.ClientSession
    _turn: "itertools.count[int]" = field(default_factory=itertools.count)

    async def command(self, user: str, command: str, text: str = "") -> str | None:
        """Send a command once; return all that the answer says, or None when there was no answer."""
        turn = next(self._turn)
        up = [instance.url for instance in self.instances if instance.url]
        if not up:
            return None
        return await self._ask(up[turn % len(up)], user, command, text)

    async def ask(self, user: str, command: str, text: str = "") -> str | None:
        """Send a command that only looks, to each instance in turn until one answers; None when none does."""
        for _ in range(len(self.instances) + 1):
            told = await self.command(user, command, text)
            if told is not None:
                return told
            await asyncio.sleep(0.02)
        return None

    async def _ask(self, url: str, user: str, command: str, text: str) -> str | None:
        fields = {
            "command": command,
            "text": text,
            "team_id": TEAM,
            "user_id": user,
            "channel_id": "C0GENERAL",
            "trigger_id": self.workspace.new_trigger(user),
            "response_url": f"{self.workspace.base_url}/respond/none",
        }
        body, kind = encoded("slash_commands", fields)
        headers = {"Content-Type": kind, **signature(self.workspace.signing_secret, body)}
        try:
            async with self.session.post(f"{url}/slack/events", data=body.encode(), headers=headers) as answer:
                answered = await answer.text()
                # An empty answer came too late for an acknowledgement, and was posted where nobody reads it here.
                return (_said(answered) or None) if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError):
            return None


def _said(answered: str) -> str:
    body = json.loads(answered) if answered.startswith("{") else {}
    return "\n".join([str(body.get("text", "")), *texts(body.get("blocks") or [])])


@dataclass
class Diary:
    """What one person saved: values that were acknowledged, and those that nobody answered for."""

    acknowledged: list[str] = field(default_factory=list)
    unanswered: set[str] = field(default_factory=set)

    def note(self, value: str, told: str | None) -> None:
        """Write down what was told of a save; what was refused in words was not made."""
        if told is None or "not certain" in told:
            self.unanswered.add(value)
        elif value in told:
            self.acknowledged.append(value)

    def allows(self, stored: str) -> bool:
        """Whether it may be this that is stored; an unanswered save may be carried out late, behind others."""
        return stored in (*self.acknowledged[-1:], *self.unanswered) or not (stored or self.acknowledged)
