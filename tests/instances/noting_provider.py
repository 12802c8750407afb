"""A mail provider that notes which letters it took, and loses connections in the worst moments."""

import asyncio
import random
import re
import ssl
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import trustme
from pydantic import SecretStr

from bot.profiles.account.profile import EmailProfile
from tests.instances.processes import PATIENCE

HOST = "127.0.0.1"
PASSWORD = "a password of usual length"
SLOWEST_SECONDS = 0.05
_OFFERS = b"250-mail.test\r\n250-SIZE 36700160\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN\r\n"


class Way(StrEnum):
    """What becomes of a letter at the provider."""

    TAKEN = "taken, and answered"
    TAKEN_UNSAID = "taken, and the connection lost before the answer"
    LOST = "the connection lost after the final dot, and nothing taken"
    REFUSED = "refused"
    LATER = "refused for now"


MIXED = MappingProxyType({Way.TAKEN: 6, Way.TAKEN_UNSAID: 1, Way.LOST: 1, Way.REFUSED: 1, Way.LATER: 1})


def letter(name: str, sender: str, size: int = 0) -> bytes:
    """Return a letter that the provider knows by this name, with `size` bytes besides."""
    head = f"Message-ID: <{name}@mail.test>\r\nFrom: {sender}\r\nSubject: A label\r\n\r\n"
    return head.encode() + b"a line of a label\r\n" * (1 + size // 19)


@dataclass
class NotingProvider:
    """Takes letters over TLS from whoever signs in; `ways` says how often what becomes of one, by weight."""

    authority: Path
    ways: Mapping[Way, int] = field(default_factory=lambda: MIXED)
    chance: random.Random = field(default_factory=random.Random)
    taken: "Counter[str]" = field(default_factory=Counter)
    """How often each letter was taken, by its name."""
    way_of: dict[str, Way] = field(default_factory=dict)
    """What became of each letter that came to its final dot."""
    refuses_sign_in: bool = False
    port: int = 0
    _server: asyncio.Server | None = None
    _sessions: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    async def __aenter__(self) -> "NotingProvider":
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.authority)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(HOST).configure_cert(tls)
        self._server = await asyncio.start_server(self._serve, HOST, 0, ssl=tls, limit=2**20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        sessions = dict(self._sessions)
        for task, writer in sessions.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*sessions, return_exceptions=True)

    async def left(self) -> None:
        """Wait until nobody is connected any more, and so everything is decided."""
        async with asyncio.timeout(PATIENCE):
            while self._sessions:
                await asyncio.sleep(0.01)

    @property
    def settings(self) -> dict[str, str]:
        """The settings with which the program reaches and trusts it."""
        return {
            "SMTP_ALLOWED_NETWORKS": f"{HOST}/32",
            "SMTP_ALLOWED_PORTS": str(self.port),
            "SMTP_CA_FILE": str(self.authority),
            "DISCOVERY": "local",
        }

    def profile(self, address: str) -> EmailProfile:
        """Make a profile with which somebody sends through it."""
        return EmailProfile(
            address=address,
            login=address,
            password=SecretStr(PASSWORD),
            password_host=HOST,
            host=HOST,
            port=self.port,
            extras={"SSL": "Y"},
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._sessions[task] = writer
        try:
            # Cancelled at the end of the block.
            with suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
                await self._hold(reader, writer)
        finally:
            del self._sessions[task]
            writer.close()

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test ESMTP\r\n")
        while line := await reader.readline():
            match line[:4].upper():
                case b"EHLO":
                    writer.write(_OFFERS)
                case b"AUTH" if self.refuses_sign_in:
                    writer.write(b"535 5.7.8 wrong\r\n")
                case b"AUTH":
                    writer.write(b"235 2.7.0 welcome\r\n")
                case b"DATA":
                    writer.write(b"354 go on\r\n")
                    content = await reader.readuntil(b"\r\n.\r\n")
                    if not await self._judge(content, writer):
                        return
                case b"QUIT":
                    writer.write(b"221 2.0.0 bye\r\n")
                    return
                case _:
                    writer.write(b"250 2.0.0 good\r\n")
            await writer.drain()

    async def _judge(self, content: bytes, writer: asyncio.StreamWriter) -> bool:
        """Decide over a letter and answer; returns whether the connection goes on."""
        found = re.search(rb"^Message-ID: <([^@]+)@", content, re.MULTILINE)
        name = found[1].decode() if found else ""
        (way,) = self.chance.choices(list(self.ways), list(self.ways.values()))
        self.way_of[name] = way
        await asyncio.sleep(self.chance.uniform(0, SLOWEST_SECONDS))
        if way in (Way.TAKEN, Way.TAKEN_UNSAID):
            self.taken[name] += 1
        await asyncio.sleep(self.chance.uniform(0, SLOWEST_SECONDS))
        answers = {
            Way.TAKEN: b"250 2.0.0 taken\r\n",
            Way.REFUSED: b"550 5.7.1 not this one\r\n",
            Way.LATER: b"451 4.3.0 not now\r\n",
        }
        if way not in answers:
            writer.transport.abort()
            return False
        writer.write(answers[way])
        return True
