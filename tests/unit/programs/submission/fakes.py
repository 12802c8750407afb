"""Tokens and sending as the submission server sees them, without database and provider: for what is its own alone."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from pydantic import SecretStr

from bot.profiles.people.access import Person
from bot.profiles.sending.letters import Cause, Delivery, Letter, LetterRefusedError, Outcome
from bot.profiles.sending.sending import Sending, SendingSession, Via
from bot.profiles.tokens.program import MaySendTo, Program, Sender
from bot.profiles.tokens.program_tokens import ProgramTokens, WrongTokenError
from bot.profiles.tokens.secret_token import SecretToken
from bot.smtp.check.report import Reply
from bot.smtp.transport.connection import Offers

ADDRESS = "ada@mail.test"
SENDER = Sender(
    program=Program(
        id="AAAAAAAA",
        name="Labels",
        may_send_to=MaySendTo.ANYONE,
        messages_a_day=500,
        ends_on=None,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    ),
    person=Person("T0TEAM", "U0ADA"),
)

OK = Reply(code=250, enhanced="2.1.0", text="OK")


@dataclass
class FakeTokens:
    """Knows one token, for one address."""

    token: SecretToken = field(default_factory=SecretToken.generate)
    asked: list[tuple[str | None, str]] = field(default_factory=list)
    error: Exception | None = None

    async def authenticate(self, username: str | None, secret: SecretStr, address: str) -> Sender:
        """Let the one token in."""
        self.asked.append((username, address))
        if self.error is not None:
            raise self.error
        if username not in (ADDRESS, self.token.id) or secret.get_secret_value() != self.text:
            raise WrongTokenError
        return SENDER

    @property
    def text(self) -> str:
        """The token as it is typed."""
        return self.token.secret().get_secret_value()

    def rules(self) -> ProgramTokens:
        """Return it in the place of the real ones."""
        return cast("ProgramTokens", self)


@dataclass
class FakeSession:
    """Keeps letters; what is asked may be answered otherwise."""

    sending: "FakeSending"
    mail_from: str | None = None
    recipients: list[str] = field(default_factory=list)

    @property
    def offers(self) -> Offers | None:
        """What the provider offers."""
        return self.sending.offers

    async def begin(self, mail_from: str, *, size: int = 0, utf8: bool = False, eight_bit: bool = False) -> Reply:
        """Take the one address."""
        self.sending.said.append(f"MAIL {mail_from} {size}{' SMTPUTF8' * utf8}{' 8BITMIME' * eight_bit}")
        await self.reset()
        if mail_from != ADDRESS:
            raise LetterRefusedError(Cause.SENDER, 553, "5.7.1", f"Letters here are from {ADDRESS}.")
        if size > self.sending.most_bytes:
            raise LetterRefusedError(Cause.SIZE, 552, "5.3.4", "The letter is too large.")
        self.mail_from = mail_from
        return OK

    async def recipient(self, address: str) -> Reply:
        """Answer as is said in `recipients`."""
        reply = self.sending.recipients.get(address, OK)
        if reply.code < 300:
            self.recipients.append(address)
        return reply

    def hold(self, size: int) -> None:
        """Hold so much."""
        self.sending.held = size
        if size > self.sending.most_bytes:
            raise LetterRefusedError(Cause.SIZE, 552, "5.3.4", "The letter is too large.")

    async def deliver(self, content: bytes) -> Delivery:
        """Keep the letter, and answer."""
        letter = Letter(sender=self.mail_from or "", recipients=tuple(self.recipients), content=content)
        await self.reset()
        if b"\r" in content.replace(b"\r\n", b"") or b"\n" in content.replace(b"\r\n", b""):
            raise LetterRefusedError(Cause.FORM, 550, "5.6.11", "A line does not end with CR LF.")
        await self.sending.before_answer()
        self.sending.letters.append(letter)
        return Delivery(outcome=Outcome.TAKEN, reply=Reply(code=250, enhanced="2.0.0", text="mail.test: Taken"))

    async def reset(self) -> None:
        """Forget the letter."""
        self.mail_from, self.recipients = None, []


async def _at_once() -> None:
    """Wait for nothing."""


@dataclass
class FakeSending:
    """Keeps what is sent."""

    letters: list[Letter] = field(default_factory=list)
    recipients: dict[str, Reply] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    most_bytes: int = 1_000_000
    held: int = 0
    open_sessions: int = 0
    offers: Offers | None = None
    before_answer: Callable[[], Awaitable[object]] = _at_once

    @asynccontextmanager
    async def session(self, sender: Sender, *, via: Via) -> AsyncIterator[SendingSession]:
        """Begin a session."""
        assert sender is SENDER
        self.said.append(via)
        self.open_sessions += 1
        try:
            yield cast("SendingSession", FakeSession(self))
        finally:
            self.open_sessions -= 1

    def rules(self) -> Sending:
        """Return it in the place of the real one."""
        return cast("Sending", self)
