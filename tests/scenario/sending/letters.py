"""Letters of programs, and what a provider got of them."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from bot.demo.run import Demo
from bot.profiles.sending.letters import Delivery, Letter
from bot.profiles.sending.sending import Sending, SendingSession, Via
from bot.profiles.tokens.program import Sender
from tests.fakes.smtp_server import LOGIN, ScriptedServer

TO = "grace@other.test"
HEADER = (
    f"From: Ada <{LOGIN}>\r\n"
    f"To: {TO}\r\n"
    "Subject: Label 1843\r\n"
    "Date: Mon, 30 Nov 2026 17:00:00 +0000\r\n"
    "Message-ID: <label-1843@mail.test>\r\n"
)
LETTER = f"{HEADER}\r\nA label.\r\n.hidden dot\r\n".encode()


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A running bot with a program of Ada's, and the provider that her profile leads to."""

    demo: Demo
    provider: ScriptedServer
    sender: Sender

    @property
    def sending(self) -> Sending:
        return self.demo.bot.sending

    @property
    def letters(self) -> list[bytes]:
        """The letters that the provider got to their end, as they came over the line."""
        return [heard.line for heard in self.provider.heard if heard.line.endswith(b"\r\n.\r\n")]

    @property
    def sign_ins(self) -> int:
        """How often somebody signed in at the provider, or tried to."""
        return sum(line.startswith(b"AUTH") for line in self.provider.lines)

    def session(self) -> AbstractAsyncContextManager[SendingSession]:
        return self.sending.session(self.sender, via=Via.SUBMISSION)

    async def send(self, content: bytes = LETTER, *to: str) -> Delivery:
        letter = Letter(sender=LOGIN, recipients=to or (TO,), content=content)
        return await self.sending.send(self.sender, letter, via=Via.SUBMISSION)


def without_trace(letter: bytes) -> bytes:
    """Return a letter as it came over the line, without its trace line, with the dots of its lines as they were."""
    trace, _, rest = letter.partition(b"\r\n\t")
    assert trace.startswith(b"Received: by ")
    return b"\r\n".join(
        line.removeprefix(b".") for line in rest.partition(b"\r\n")[2].removesuffix(b".\r\n").split(b"\r\n")
    )
