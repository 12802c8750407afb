"""A mail server in a process of its own, which tells of each session what it saw.

Run as `python -m tests.benchmarks.mail_server FOLDER`: it prints its two ports, and then for each session that ended a
line of JSON with its replies, each with the step and the code.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.benchmarks.figures import UnequalWorkError
from tests.fakes.certificates import Certificates
from tests.fakes.smtp_server import ScriptedServer

WORK = (
    ("EHLO encrypted", 250, "no EHLO over TLS"),
    ("verdict", 235, "no AUTH"),
    ("MAIL", 250, "no MAIL"),
    ("RCPT", 250, "no RCPT"),
    ("QUIT", 221, "no QUIT"),
)
"""What a whole connection test has done in the server's eyes: a step, its reply's code, and what is wrong without."""

SESSION_SECONDS = 5.0


@dataclass(frozen=True)
class Session:
    """What the server saw of one connection."""

    replies: tuple[tuple[str, int], ...]

    def require_whole(self) -> None:
        """Raise an UnequalWorkError when it was less than a whole connection test."""
        codes = dict(self.replies)
        for step, wanted, without in WORK:
            if step not in codes:
                raise UnequalWorkError(f"the server saw {without}")
            if codes[step] != wanted:
                verb = "AUTH" if step == "verdict" else step
                raise UnequalWorkError(f"the server answered {verb} with {codes[step]}")


class MailServer:
    """The process, as the benchmark sees it."""

    def __init__(self, process: asyncio.subprocess.Process, starttls_port: int, tls_port: int) -> None:
        self.starttls_port = starttls_port
        self.tls_port = tls_port
        self._process = process
        self._sessions: asyncio.Queue[Session] = asyncio.Queue()

    async def one_session(self) -> Session:
        """Wait for the one session that has just been held.

        Raises:
            UnequalWorkError: there was none, or there were several.
        """
        try:
            async with asyncio.timeout(SESSION_SECONDS):
                session = await self._sessions.get()
        except TimeoutError:
            raise UnequalWorkError("the server saw no session") from None
        if others := self.taken():
            raise UnequalWorkError(f"the server saw {1 + len(others)} sessions in place of one")
        return session

    def taken(self) -> list[Session]:
        """Return the sessions that ended since the last time."""
        return [self._sessions.get_nowait() for _ in range(self._sessions.qsize())]

    async def read(self) -> None:
        """Read what the process tells, until it ends."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            replies = json.loads(line)["replies"]
            self._sessions.put_nowait(Session(tuple((step, code) for step, code in replies)))


@asynccontextmanager
async def mail_server(folder: Path) -> AsyncIterator[MailServer]:
    """Serve until the block ends; the authority that its certificate is from is put into `folder`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.mail_server", str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    starttls_port, tls_port = (await process.stdout.readline()).split()
    server = MailServer(process, int(starttls_port), int(tls_port))
    reading = asyncio.create_task(server.read())
    try:
        yield server
    finally:
        process.terminate()
        await process.wait()
        await reading


async def _serve(folder: Path) -> None:
    certificates = Certificates.make(folder)
    servers = [
        ScriptedServer(tls=certificates.good, pipelining=True),
        ScriptedServer(tls=certificates.good, implicit=True, pipelining=True),
    ]
    for server in servers:
        server.on_end = partial(_tell, server)
    async with servers[0] as starttls, servers[1] as implicit:
        print(starttls.port, implicit.port, flush=True)
        await asyncio.Event().wait()


def _tell(server: ScriptedServer, connection: int) -> None:
    """Print what was seen of a connection, and forget it."""
    replies = [(one.step, int(one.text[:3])) for one in server.replies if one.connection == connection]
    server.replies = [one for one in server.replies if one.connection != connection]
    print(json.dumps({"replies": replies}), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
