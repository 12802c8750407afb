"""One connection to an account's server, signed in, over which letters are sent one after the other."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

from aiosmtplib.errors import SMTPException, SMTPServerDisconnected
from aiosmtplib.response import SMTPResponse

from bot.smtp.check.capabilities import envelope_path
from bot.smtp.check.faults import StageFailedError
from bot.smtp.check.report import Reply, Report
from bot.smtp.dialogue.redaction import Redaction
from bot.smtp.dialogue.session import Dialogue, GarbledReplyError

COMMAND_SECONDS = 300.0
"""How long a reply to a command may take (RFC 5321, 4.5.3.2)."""

END_SECONDS = 600.0
"""How long a letter's content, and the final reply to it, may take (RFC 5321, 4.5.3.2.6)."""

RESET_SECONDS = 5.0
"""How long a reply to RSET may take: another connection is as quick."""

GOODBYE_SECONDS = 1.0
"""How long a reply to QUIT is waited for; nothing depends on it."""

_NOT_TAKEN = (SMTPException, GarbledReplyError, OSError, TimeoutError)
"""What a connection that breaks raises."""


class NotConnectedError(Exception):
    """No connection could be opened; `report` is as that of a test that ended there."""

    def __init__(self, report: Report) -> None:
        super().__init__("no connection could be opened")
        self.report = report


class SignInRefusedError(NotConnectedError):
    """The server was asked to sign the account in, and did not."""


class ConnectionBrokenError(Exception):
    """The connection broke, or what came is no SMTP, as `reason` says; the server has not got the letter to its end."""

    def __init__(self, reason: Exception) -> None:
        super().__init__("the connection to the provider broke")
        self.reason = reason


class OutcomeUnknownError(Exception):
    """The server got the letter to its end, and no answer came, as `reason` says."""

    def __init__(self, reason: Exception) -> None:
        super().__init__("nobody knows what became of the letter")
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Offers:
    """What a server offers for letters: the largest in bytes, None where it does not say, and whether SMTPUTF8."""

    size: int | None
    utf8: bool


class ProviderConnection:
    """A connection that is signed in; each method returns the server's reply, cleaned and without secrets.

    One task at a time. `letters` counts those that were begun, and `seconds_waited` is how long the server was waited
    for, the opening included; `sends_content` is whether the server has asked for the content of the last one.
    """

    def __init__(
        self,
        dialogue: Dialogue,
        redaction: Redaction,
        opened: AsyncExitStack,
        *,
        command_seconds: float = COMMAND_SECONDS,
        seconds_waited: float = 0.0,
    ) -> None:
        """`opened` closes the dialogue; `command_seconds` is how long a reply to a command may take."""
        self._dialogue = dialogue
        self._redaction = redaction
        self._opened = opened
        self._command_seconds = command_seconds
        self._is_whole = True
        self.sends_content = False
        self.letters = 0
        self.seconds_waited = seconds_waited

    @property
    def is_usable(self) -> bool:
        """Whether the connection is open, and every command was answered."""
        return self._is_whole and self._dialogue.is_usable

    @property
    def offers(self) -> Offers:
        """What the server offers, as it said after the sign-in."""
        offered = self._dialogue.extensions
        size = offered.get("size", "").strip()
        most = int(size[:12]) if size.isascii() and size.isdigit() else 0
        return Offers(size=most or None, utf8="smtputf8" in offered)

    @property
    def has_letter(self) -> bool:
        """Whether the letter that was begun last was given to the server to its end."""
        return self.sends_content and self._dialogue.is_message_complete

    async def mail(self, sender: str, *, size: int = 0, utf8: bool = False, eight_bit: bool = False) -> Reply:
        """Send MAIL FROM with what the server knows of SIZE (RFC 1870), SMTPUTF8 (RFC 6531), 8BITMIME (RFC 6152).

        An address that the server cannot take is not sent; the reply is our own then: 553 5.6.7.

        Raises:
            ConnectionBrokenError: no reply came, or none that takes or refuses.
        """
        self.letters += 1
        self.sends_content = False
        offered = self._dialogue.extensions
        if utf8 and "smtputf8" not in offered:
            return _NOT_ASCII
        try:
            path, parameters = envelope_path(sender, offered)
        except StageFailedError:
            return _NOT_ASCII
        if utf8:
            parameters = (b"SMTPUTF8",)
        if eight_bit and "8bitmime" in offered:
            parameters += (b"BODY=8BITMIME",)
        if size and "size" in offered:
            parameters += (b"SIZE=%d" % size,)
        return await self._ask_to_take(b" ".join((b"MAIL FROM:" + path, *parameters)))

    async def rcpt(self, address: str) -> Reply:
        """Send RCPT TO; errors and addresses as `mail`."""
        try:
            path, _ = envelope_path(address, self._dialogue.extensions)
        except StageFailedError:
            return _NOT_ASCII
        return await self._ask_to_take(b"RCPT TO:" + path)

    async def data(self, *parts: bytes) -> Reply:
        """Send DATA and the parts of a letter, one behind the other; lines end in CRLF.

        Returns the final reply, or the one with which the server refused DATA or broke the letter off.

        Raises:
            ConnectionBrokenError: the letter was not given to the server to its end.
            OutcomeUnknownError: it was, and no answer came, or none that says whether it was taken.
        """
        begun = await self._ask(self._dialogue.begin_message)
        if begun.code != 354:
            if begun.code < 400:
                raise self._broken(GarbledReplyError("The reply to DATA asks for nothing and refuses nothing."))
            return begun
        self.sends_content = True
        try:
            reply = await self._ask(lambda: self._dialogue.send_message(*parts), seconds=END_SECONDS)
        except ConnectionBrokenError as broken:
            if self.has_letter:
                raise OutcomeUnknownError(broken.reason) from None
            raise
        # Before the end of a letter the server reads on, whatever it has answered.
        self._is_whole = self._is_whole and self.has_letter
        if reply.code < 400 and not (self.has_letter and _is_yes(reply)):
            self._is_whole = False
            raise OutcomeUnknownError(GarbledReplyError("The reply to the letter is neither yes nor no."))
        return reply

    async def rset(self) -> Reply:
        """Send RSET; a connection whose server does not say yes to it is not usable any more.

        Its next letter would go to the recipients of the one before as well.

        Raises:
            ConnectionBrokenError: no reply came.
        """
        reply = await self._ask(lambda: self._dialogue.command(b"RSET"), seconds=RESET_SECONDS)
        self._is_whole = self._is_whole and _is_yes(reply)
        return reply

    async def close(self) -> None:
        """Say QUIT where the server can take it, and close; never raises."""
        if self.is_usable:
            with suppress(ConnectionBrokenError):
                await self._ask(lambda: self._dialogue.command(b"QUIT"), seconds=GOODBYE_SECONDS)
        self._is_whole = False
        await self._opened.aclose()

    async def _ask_to_take(self, command: bytes) -> Reply:
        """Send a command of an envelope, which is taken or refused: another reply is to something else."""
        reply = await self._ask(lambda: self._dialogue.command(command))
        if reply.code < 400 and not _is_yes(reply):
            raise self._broken(GarbledReplyError("The reply to the envelope is neither yes nor no."))
        return reply

    async def _ask(self, ask: Callable[[], Awaitable[SMTPResponse]], *, seconds: float | None = None) -> Reply:
        """Wait for a reply; while none has come, and after one that is no reply, nothing else can be asked."""
        if not self.is_usable:
            raise self._broken(SMTPServerDisconnected("The connection is closed, or out of step."))
        self._is_whole, clock = False, asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(self._command_seconds if seconds is None else seconds):
                answer = await ask()
        except _NOT_TAKEN as error:
            raise self._broken(error) from None
        finally:
            self.seconds_waited += clock() - began
        self._is_whole = answer.code != 421
        return self._redaction.told(answer.code, answer.message)

    def _broken(self, reason: Exception) -> ConnectionBrokenError:
        self._is_whole = False
        return ConnectionBrokenError(reason)


_NOT_ASCII = Reply(code=553, enhanced="5.6.7", text="The mail server of this profile takes only ASCII addresses.")


def _is_yes(reply: Reply) -> bool:
    """Whether a reply says yes: by its first digit (RFC 5321, 4.2.1), but 221 is a goodbye."""
    return 200 <= reply.code <= 299 and reply.code != 221
