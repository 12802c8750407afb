"""One connection to an account's server, signed in, over which letters are sent one after the other."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress

from aiosmtplib.errors import SMTPException
from aiosmtplib.response import SMTPResponse

from bot.smtp.account import Account
from bot.smtp.check.capabilities import envelope_path
from bot.smtp.check.ended import record_failure, report_of
from bot.smtp.check.faults import StageFailedError
from bot.smtp.check.opening import NotPermittedError, Opening
from bot.smtp.check.report import Reply, Report
from bot.smtp.check.stage_record import StageRecord
from bot.smtp.check.tester import ConnectionTester
from bot.smtp.dialogue.redaction import Redaction
from bot.smtp.dialogue.session import Dialogue, GarbledReplyError

COMMAND_SECONDS = 300.0
"""How long a reply to a command may take (RFC 5321, 4.5.3.2)."""

END_SECONDS = 600.0
"""How long a letter's content, and the final reply to it, may take (RFC 5321, 4.5.3.2.6)."""

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
    """The connection broke, or what came is no SMTP; the letter was not given to the server to its end."""


class OutcomeUnknownError(Exception):
    """The letter was given to the server to its end, and no answer came."""


class ProviderConnection:
    """A connection that is signed in; each method returns the server's reply, cleaned and without secrets.

    `letters` counts those that were begun. One task at a time; `is_usable` is whether another letter can be begun.
    """

    def __init__(
        self, dialogue: Dialogue, redaction: Redaction, opened: AsyncExitStack, *, command_seconds: float
    ) -> None:
        """`opened` closes the dialogue; `command_seconds` is how long a reply to a command may take."""
        self._dialogue = dialogue
        self._redaction = redaction
        self._opened = opened
        self._command_seconds = command_seconds
        self._is_whole = True
        self.letters = 0

    @property
    def is_usable(self) -> bool:
        """Whether the connection is open, and every command was answered."""
        return self._is_whole and self._dialogue.is_usable

    async def mail(self, sender: str, *, size: int = 0, utf8: bool = False, eight_bit: bool = False) -> Reply:
        """Send MAIL FROM with what the server knows of SIZE (RFC 1870), SMTPUTF8 (RFC 6531), 8BITMIME (RFC 6152).

        An address that the server cannot take is not sent; the reply is our own then: 553 5.6.7.

        Raises:
            ConnectionBrokenError: no reply came.
        """
        self.letters += 1
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
        return await self._ask(lambda: self._dialogue.command(b" ".join((b"MAIL FROM:" + path, *parameters))))

    async def rcpt(self, address: str) -> Reply:
        """Send RCPT TO; errors and addresses as `mail`."""
        try:
            path, _ = envelope_path(address, self._dialogue.extensions)
        except StageFailedError:
            return _NOT_ASCII
        return await self._ask(lambda: self._dialogue.command(b"RCPT TO:" + path))

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
                raise self._broken()
            return begun
        try:
            reply = await self._ask(lambda: self._dialogue.send_message(*parts), seconds=END_SECONDS)
        except ConnectionBrokenError:
            if self._dialogue.is_message_complete:
                raise OutcomeUnknownError from None
            raise
        if not self._dialogue.is_message_complete:
            self._is_whole = False
        if reply.code < 400 and (not self._dialogue.is_message_complete or not _is_yes(reply)):
            self._is_whole = False
            raise OutcomeUnknownError
        return reply

    async def rset(self) -> Reply:
        """Send RSET. Raises ConnectionBrokenError."""
        return await self._ask(lambda: self._dialogue.command(b"RSET"))

    async def close(self) -> None:
        """Say QUIT where the server can take it, and close; never raises."""
        if self.is_usable:
            with suppress(ConnectionBrokenError):
                await self._ask(lambda: self._dialogue.command(b"QUIT"), seconds=GOODBYE_SECONDS)
        self._is_whole = False
        await self._opened.aclose()

    async def _ask(self, ask: Callable[[], Awaitable[SMTPResponse]], *, seconds: float | None = None) -> Reply:
        """Wait for a reply; while none has come, and after one that is no reply, nothing else can be asked."""
        if not self.is_usable:
            raise self._broken()
        self._is_whole = False
        try:
            async with asyncio.timeout(self._command_seconds if seconds is None else seconds):
                answer = await ask()
        except _NOT_TAKEN:
            raise self._broken() from None
        self._is_whole = answer.code != 421
        return self._redaction.reply(answer.code, answer.message)

    def _broken(self) -> ConnectionBrokenError:
        self._is_whole = False
        return ConnectionBrokenError("the connection to the provider broke")


async def open_connection(
    account: Account, tester: ConnectionTester, *, command_seconds: float = COMMAND_SECONDS
) -> ProviderConnection:
    """Open a connection as the connection test does: guarded, pinned, verified, with one sign-in in one deadline.

    Raises:
        SignInRefusedError: the sign-in was refused, or came to no end.
        NotConnectedError: it did not come so far.
        Exception: what the account's permit raises.
    """
    own_name = account.helo is not None
    account = tester.announcing(account)
    clock = asyncio.get_running_loop().time
    record, began = StageRecord(account, None, lambda: None), clock()
    opening = Opening(account, own_name=own_name, record=record, probe=tester.probe(account), timeout=tester.timeout)
    async with AsyncExitStack() as opened:
        try:
            async with asyncio.timeout(tester.timeout) as deadline:
                address, dialogue = await opening.connect()
                await opened.enter_async_context(dialogue)
                await opening.sign_in(address, dialogue)
        except NotPermittedError as ended:
            raise ended.reason from None
        except Exception as error:  # noqa: BLE001 - whatever a server provokes is the report's, not the program's
            record_failure(account, record, opening, error, timed_out=deadline.expired())
            record.close()
            report = report_of(account, record, opening, seconds=clock() - began)
            raise (SignInRefusedError if report.sign_in_refused else NotConnectedError)(report) from None
        dialogue.end_transcript()
        return ProviderConnection(dialogue, opening.redaction, opened.pop_all(), command_seconds=command_seconds)


_NOT_ASCII = Reply(code=553, enhanced="5.6.7", text="The mail server of this profile takes only ASCII addresses.")


def _is_yes(reply: Reply) -> bool:
    """Whether a reply says that a letter was taken: by its first digit (RFC 5321, 4.2.1), but 221 is a goodbye."""
    return 200 <= reply.code <= 299 and reply.code != 221
