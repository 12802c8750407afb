"""How many of the product's files one act goes through: a newcomer who follows it has to read so many.

Counted by `sys.setprofile`: every file of `bot/` (without `bot/demo`) and of `storage/` in which a function is called
between the arrival of the HTTP request and the end of the background work that belongs to it. A task belongs to the
request when it was started by it, and so carries its context; housekeeping and the Home tabs that follow a change are
tasks of their own, started with the bot, and are not counted. Callbacks in the database's threads carry no context and
are all counted. Each act is done once before it is counted, so that neither imports nor caches being filled for the
first time count; of `TIMES` recordings the one with the fewest files is told, for whatever else happens only adds.

`python -m tests.benchmarks.files` also names the files.
"""

import asyncio
import inspect
import io
import itertools
import opcode
import re
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any
from unittest.mock import patch

from bot.demo.mail import ACCOUNTS
from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.platform import Message, searchable
from bot.observability import log
from bot.server import serving
from tests.scenario.people import ADA, GRACE

ROOT = Path(__file__).parents[2]
RECORD_READ = re.compile(r"^\s*SELECT\b.*\bsealed\b.*\b(FROM|JOIN)\s+email_profiles\b", re.DOTALL | re.IGNORECASE)
CRYPTO = "storage/crypto/"

TIMES = 3
QUIET_SECONDS = 0.5
"""Nothing of the request has run for so long: its background work is over. Home tabs follow a change after a second,
in a task of their own."""

GOALS = {"/email-profile": 25, "a saved form": 40, "/email-test": 50, "a page of the people list": 32}

of_a_request: ContextVar[bool] = ContextVar("of_a_request", default=False)


@dataclass
class Recording:
    """What was seen of one act. `steps` counts the calls from a function in one file to a function in another."""

    files: Counter[str] = field(default_factory=Counter)
    functions: set[CodeType] = field(default_factory=set)
    steps: int = 0
    read: int = 0
    opened: int = 0

    def size(self) -> tuple[int, int, int]:
        """What grows when something else runs meanwhile."""
        return len(self.files), self.read, self.steps


class Counting:
    """Counts calls between the product's files, while there is a recording to count in."""

    def __init__(self, password: str) -> None:
        """Know an opened profile by the password in it."""
        self._password = password.encode()
        self._names: dict[CodeType, str | None] = {}
        self._recording: Recording | None = None
        self._last = 0.0

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """Watch this thread, those that start within the block, and every connection to SQLite that it opens."""
        connect = sqlite3.connect

        def watched(*arguments: Any, **options: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*arguments, **options)
            connection.set_trace_callback(self._executed)
            return connection

        with patch.object(sqlite3, "connect", watched):
            threading.setprofile(self._happened)
            sys.setprofile(self._happened)
            try:
                yield
            finally:
                sys.setprofile(None)
                threading.setprofile(None)

    async def record(self, act: Callable[[], Awaitable[object]]) -> Recording:
        """Do an act, wait until nothing more comes of it, and return what was seen."""
        recording = self._recording = Recording()
        self._last = time.monotonic()
        try:
            await act()
            while time.monotonic() - self._last < QUIET_SECONDS:
                await asyncio.sleep(0.05)
        finally:
            self._recording = None
        return recording

    def _executed(self, statement: str) -> None:
        if self._recording is not None and RECORD_READ.search(statement):
            self._recording.read += 1

    def _happened(self, frame: FrameType, event: str, argument: object) -> None:
        recording = self._recording
        if recording is None or event not in ("call", "return"):
            return
        name = self._name(frame.f_code)
        if name is None or not self._belongs():
            return
        self._last = time.monotonic()
        caller = self._caller(frame)
        if event == "return":
            if name.startswith(CRYPTO) and caller != name and isinstance(argument, bytes):
                recording.opened += self._password in argument
        elif _begins(frame):
            recording.files[name] += 1
            recording.functions.add(frame.f_code)
            recording.steps += caller is not None and caller != name

    def _belongs(self) -> bool:
        return of_a_request.get() or threading.current_thread() is not threading.main_thread()

    def _caller(self, frame: FrameType) -> str | None:
        """Find the file of the product from which a function was called, through whatever library lies between."""
        above = frame.f_back
        while above is not None:
            if (name := self._name(above.f_code)) is not None:
                return name
            above = above.f_back
        return None

    def _name(self, code: CodeType) -> str | None:
        """Return the path of a file of the product, None for any other code."""
        if code not in self._names:
            self._names[code] = _product_file(code.co_filename)
        return self._names[code]


def _product_file(path: str) -> str | None:
    try:
        name = Path(path).relative_to(ROOT).as_posix()
    except ValueError:
        return None
    return name if name.startswith(("bot/", "storage/")) and not name.startswith("bot/demo/") else None


_PAUSING = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_RESUME = opcode.opmap["RESUME"]


def _begins(frame: FrameType) -> bool:
    """Whether a function begins here; a coroutine or generator that goes on after a pause is reported as called too.

    The argument of RESUME tells: https://docs.python.org/3/library/dis.html#opcode-RESUME.
    """
    code = frame.f_code
    if not code.co_flags & _PAUSING:
        return True
    operation, argument = code.co_code[frame.f_lasti : frame.f_lasti + 2]
    return operation != _RESUME or argument & 3 == 0


@asynccontextmanager
async def _marked_serving(*arguments: Any, **options: Any) -> AsyncIterator[str]:
    """Serve as the demo does; what began before is nobody's request, and the server's connections inherit the mark."""
    mark = of_a_request.set(True)
    async with serving(*arguments, **options) as url:
        of_a_request.reset(mark)
        yield url


class Acts:
    """The acts that are counted; each prepares what is not counted, then does and awaits the rest."""

    def __init__(self, demo: Demo, counting: Counting) -> None:
        self._workspace = demo.workspace
        self._mail = demo.mail
        self._counting = counting
        self._ports = itertools.cycle(("2525", "587"))

    async def prepare(self) -> None:
        """Store a profile whose test passed, through the form."""
        workspace = self._workspace
        account = self._mail.account(workspace.people[ADA].address)
        await self._open_form()
        values = {
            "Email Address": account.address,
            "User/Login": account.login,
            "Password": account.password,
            "SMTP Server Address": self._mail.host,
            "Port": "587",
        }
        for label, value in values.items():
            await workspace.fill(ADA, label, value)
        await self._saved("587")
        await workspace.command(ADA, "/email-extra", "add TLS Y")
        await self._tested()

    async def show(self) -> Recording:
        """Type `/email-profile`, with a profile and a last test."""
        return await self._counting.record(lambda: self._answered(ADA, "/email-profile", "", "Your email profile"))

    async def save(self) -> Recording:
        """Save the form with another port; opening it is not counted."""
        port = next(self._ports)
        await self._open_form()
        await self._workspace.fill(ADA, "Port", port)
        return await self._counting.record(lambda: self._saved(port))

    async def test(self) -> Recording:
        """Type `/email-test`: a whole test against the local server, up to the finished report."""
        return await self._counting.record(self._tested)

    async def list_people(self) -> Recording:
        """Type `/email-profile list`, as an admin."""
        return await self._counting.record(lambda: self._answered(GRACE, "/email-profile", "list", "Work with email"))

    async def _open_form(self) -> None:
        await self._workspace.command(ADA, "/email-profile", "edit")
        await self._workspace.wait_view(ADA, "Email profile")

    async def _saved(self, port: str) -> None:
        self._workspace.all_messages.clear()
        errors = await self._workspace.submit(ADA)
        if errors:
            raise RuntimeError(f"the form was not saved: {errors}")
        card = await self._workspace.wait_message(ADA, "Your email profile")
        if f"`{port}`" not in searchable(card):
            raise RuntimeError(f"the port was not saved: {searchable(card)}")

    async def _tested(self) -> None:
        await self._answered(ADA, "/email-test", "", "Connection test passed")

    async def _answered(self, user: str, command: str, text: str, containing: str) -> Message:
        self._workspace.all_messages.clear()
        await self._workspace.command(user, command, text)
        return await self._workspace.wait_message(user, containing)


async def counted() -> dict[str, Recording]:
    """Count each act; returns for each the recording with the fewest files."""
    counting = Counting(ACCOUNTS[0].password)
    with tempfile.TemporaryDirectory() as folder, counting.everywhere(), patch("bot.demo.run.serving", _marked_serving):
        async with running_demo(Path(folder), public_url=None) as demo:
            acts = Acts(demo, counting)
            await acts.prepare()
            works = dict(zip(GOALS, (acts.show, acts.save, acts.test, acts.list_people), strict=True))
            found: dict[str, Recording] = {}
            for name, work in works.items():
                await work()
                found[name] = min([await work() for _ in range(TIMES)], key=Recording.size)
            return found


async def run(_runs: int) -> None:
    """Count and print, in a process of its own; counts are the same in each run."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.benchmarks.files", "--short")
    if await process.wait() != 0:
        raise RuntimeError("the files were not counted")


def main(*, with_names: bool) -> None:
    """Count and print; `with_names` the files too, with how many calls went into each."""
    # As the program does: its lines go through a file too.
    log.set_up(level="info", form="text", stream=io.StringIO())
    found = asyncio.run(counted())
    print("Files of bot/ and storage/ that one act goes through")
    for name, recording in found.items():
        print(
            f"  {name:26} {len(recording.files):3} files (goal {GOALS[name]}), {len(recording.functions):3} functions, "
            f"{recording.steps:3} steps from file to file; the profile read {recording.read} times, "
            f"opened {recording.opened} times"
        )
    for name, recording in found.items() if with_names else ():
        print(f"\n{name}")
        for file, calls in sorted(recording.files.items()):
            print(f"  {calls:4} {file}")


if __name__ == "__main__":
    main(with_names="--short" not in sys.argv)
