"""One connection of a program: aiosmtpd's commands, with line and letter ends, times and words of our own.

What comes is handed to aiosmtpd line by line, the next once it has answered the one before. So a program may send
many commands at once (RFC 2920), and nothing that it sent too early is taken for something else.
"""

import asyncio
import re
import ssl
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from typing import AnyStr

from aiosmtpd.smtp import SMTP, Envelope

from bot.programs.submission import replies
from bot.programs.submission.dialogue import Dialogue
from bot.programs.submission.incoming import MOST_LINE_BYTES, Incoming, LineFault
from bot.programs.submission.letter import ArrivingLetter
from bot.smtp.account import Encryption

SIGN_IN_SECONDS = 60.0
"""In which somebody signs in; encrypting the connection is counted with it."""

COMMAND_SECONDS = 300.0
"""Between a reply and the next command (RFC 5321, 4.5.3.2.7)."""

DATA_SECONDS = 600.0
"""From the reply to DATA to the end of the letter (RFC 5321, 4.5.3.2.5 and 4.5.3.2.6)."""

SESSION_SECONDS = 900.0
"""In which everything is done. An answer that is waited for then is still given."""

UNREAD_SECONDS = 60.0
"""In which a program takes replies that do not fit into the system's buffers any more."""

CLOSING_SECONDS = 10.0
"""In which a program takes the last that it is told."""

MOST_REFUSED_BYTES = 100_000_000
"""Of a letter that is refused, above which its end is not waited for."""

MOST_WAITING_BYTES = 65_536
"""Sent and not yet read, above which nothing more is taken from the network."""

MOST_COMMANDS_BEFORE_SIGN_IN = 50
MOST_MISTAKES = 10
"""Lines of one session that are no commands."""

_AUTH_PARAMETER = re.compile(r"\s+AUTH=\S*", re.IGNORECASE)


class Ended(StrEnum):
    """How a session ended."""

    QUIT = "quit"
    LOST = "lost"
    LATE = "late"
    CROWDED = "crowded"
    """Others needed its place, or there was none."""
    REFUSED = "refused"
    """Too much was wrong."""
    STOPPED = "stopped"
    FAILED = "failed"
    """It could not be encrypted."""


class SubmissionSession(SMTP):
    """A program's connection."""

    # aiosmtpd's own bounds come after those of Incoming, so that these are never met.
    line_length_limit = MOST_LINE_BYTES + 1

    def __init__(
        self,
        dialogue: Dialogue,
        *,
        name: str,
        encryption: Encryption,
        tls: ssl.SSLContext | None,
        on_end: Callable[[Ended], None],
    ) -> None:
        """`tls` is what STARTTLS leads to; `on_end` is told once that the connection is gone, and why."""
        # aiosmtpd keeps them in its class, for all connections together.
        self.command_size_limits = defaultdict(lambda: MOST_LINE_BYTES)
        super().__init__(
            dialogue,
            hostname=name,
            ident="ESMTP",
            tls_context=tls,
            require_starttls=encryption is Encryption.TLS,
            auth_require_tls=encryption is Encryption.TLS,
            data_size_limit=None,
            enable_SMTPUTF8=True,
            # Ours end before.
            timeout=2 * SESSION_SECONDS,
            loop=asyncio.get_running_loop(),
        )
        self.ended = Ended.LOST
        self._dialogue = dialogue
        self._on_end: Callable[[Ended], None] | None = on_end
        self._incoming = Incoming()
        self._awaits_line = False
        self._is_asking = False
        self._drops_all = False
        self._is_leaving = self._is_over = False
        self._fault: str | None = None
        self._reply: list[str] = []
        self._mistakes = self._commands = 0
        self._letter: ArrivingLetter | None = None
        self._is_whole = asyncio.Event()
        self._late: asyncio.TimerHandle | None = None
        self._over: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    # What comes.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet; or, once STARTTLS has led to encryption, begin anew (RFC 3207, 4.2)."""
        self._incoming.clear()
        self._drops_all = False
        self._awaits_line = self._over is not None
        if self._over is None:
            loop = asyncio.get_running_loop()
            self._over = loop.call_later(SESSION_SECONDS, self._end_of_session)
            self._late = loop.call_later(SIGN_IN_SECONDS, self.end, replies.NOT_SIGNED_IN, Ended.LATE)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """End everything, once it has begun."""
        if not self._is_greeted:
            return
        for timer in (self._late, self._over, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(error)
        if self._on_end is not None:
            # Told once, although aiosmtpd says it twice when a connection cannot be encrypted.
            on_end, self._on_end = self._on_end, None
            on_end(self.ended)

    def eof_received(self) -> bool | None:
        """Close the connection."""
        return super().eof_received() if self._is_greeted else False

    @property
    def _is_greeted(self) -> bool:
        # With TLS from the first byte, who leaves with the end of the handshake is gone before the greeting.
        return self._over is not None

    def data_received(self, data: bytes) -> None:
        """Keep what came until its turn."""
        if self._drops_all:
            return
        self._incoming.add(data)
        self._go_on()

    def _go_on(self) -> None:
        if self._letter is not None:
            self._take_letter(self._letter)
        elif self._awaits_line:
            line = self._incoming.line()
            if line is not None:
                self._hand_on(line)
        self._hold_back()

    def _hold_back(self) -> None:
        if not isinstance(self.transport, asyncio.Transport) or self.transport.is_closing():
            return
        if len(self._incoming) > MOST_WAITING_BYTES:
            self.transport.pause_reading()
        elif not self.transport.is_reading():
            self.transport.resume_reading()

    def _take_letter(self, letter: ArrivingLetter) -> None:
        after = letter.take(self._incoming.take())
        if after is not None:
            self._incoming.add(after)
            self._letter = None
            self._is_whole.set()
        elif letter.refusal is not None and letter.received > MOST_REFUSED_BYTES:
            self.end(replies.cleaned(str(letter.refusal)), Ended.REFUSED)

    def _hand_on(self, line: bytes | LineFault) -> None:
        """Give aiosmtpd a line; in place of one that is none, what it will answer with an error."""
        self._awaits_line = False
        if isinstance(line, LineFault):
            self._mistakes += 1
            self._fault = replies.LINE_TOO_LONG if line is LineFault.TOO_LONG else replies.LINE_MALFORMED
            line = b"*\r\n" if self._is_asking else b"\r\n"
        self._commands += 1
        too_many = self._commands > MOST_COMMANDS_BEFORE_SIGN_IN and not self._dialogue.signed_in
        if too_many or self._mistakes > MOST_MISTAKES:
            self.end(replies.TOO_MANY_MISTAKES, Ended.REFUSED)
            return
        if self._dialogue.signed_in:
            self._wait(None)
        super().data_received(line)

    # What is said.

    def pause_writing(self) -> None:
        """Give the program some time to take what was said."""
        self._unread = asyncio.get_running_loop().call_later(UNREAD_SECONDS, self.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        """Go on."""
        if self._unread is not None:
            self._unread.cancel()
        super().resume_writing()

    async def push(self, status: AnyStr) -> None:
        """Send a reply, all of its lines together, and take the next command once it is on its way."""
        text = status.decode("ascii", "replace") if isinstance(status, bytes) else status
        fault, self._fault = self._fault, None
        text = replies.cleaned(fault or text)
        self._reply.append(text)
        if text[3:4] == "-":
            return
        lines, self._reply = self._reply, []
        with suppress(ConnectionError):
            # Whoever has gone is told nothing; that the connection is lost is said apart.
            await super().push("\r\n".join(lines))
        self._said(text)

    def _said(self, text: str) -> None:
        self._is_asking = text.startswith("334")
        if text.startswith("221"):
            self.ended = Ended.QUIT
        if text.startswith("421"):
            self._close(Ended.REFUSED)
        if self._drops_all or self.ended is Ended.QUIT or text.startswith("354"):
            return
        if self._is_over:
            self.end(replies.SESSION_OVER, Ended.LATE)
        elif self._is_leaving and not self._has_letter:
            self.end(replies.STOPPING, Ended.STOPPED)
        else:
            self._wait_for_line()

    def _wait_for_line(self) -> None:
        if self._dialogue.signed_in:
            self._wait(COMMAND_SECONDS)
        self._awaits_line = True
        self._go_on()

    def _wait(self, seconds: float | None) -> None:
        """Wait so long for what comes next, None for ever."""
        if self._late is not None:
            self._late.cancel()
        self._late = None
        if seconds is not None:
            self._late = asyncio.get_running_loop().call_later(seconds, self.end, replies.IDLE, Ended.LATE)

    @property
    def _has_letter(self) -> bool:
        """Whether a letter is under way."""
        return self.envelope is not None and bool(self.envelope.mail_from)

    def end(self, reply: str, ended: Ended) -> None:
        """Say a last thing, and close the connection."""
        if isinstance(self.transport, asyncio.Transport) and not self.transport.is_closing():
            self.transport.write(reply.encode("ascii") + b"\r\n")
        self._close(ended)

    def _close(self, ended: Ended) -> None:
        self.ended = ended
        self._drops_all = True
        if isinstance(self.transport, asyncio.Transport) and not self.transport.is_closing():
            self.transport.close()
            asyncio.get_running_loop().call_later(CLOSING_SECONDS, self.transport.abort)

    def _end_of_session(self) -> None:
        """End now, or, while an answer is being waited for, after that."""
        self._is_over = True
        self._over = asyncio.get_running_loop().call_later(SESSION_SECONDS, self.abort)
        if self._awaits_line or self._letter is not None:
            self.end(replies.SESSION_OVER, Ended.LATE)

    def leave(self) -> None:
        """End as soon as no letter is under way."""
        self._is_leaving = True
        if self._awaits_line and not self._has_letter:
            self.end(replies.STOPPING, Ended.STOPPED)

    def abort(self) -> None:
        """End the connection without a word; whoever does not read is told none."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.abort()

    # Commands that are not as aiosmtpd has them.

    async def check_helo_needed(self, helo: str = "EHLO") -> bool:  # noqa: ARG002
        """Return whether nobody greeted yet, and say so."""
        if self.session is not None and self.session.host_name:
            return False
        await self.push(replies.HELLO_NEEDED)
        return True

    async def check_auth_needed(self, caller_method: str) -> bool:  # noqa: ARG002
        """Return whether nobody signed in yet, and say so: that is told to every command but those of a sign-in."""
        if self._dialogue.signed_in:
            return False
        await self.push(replies.SIGN_IN_NEEDED)
        return True

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's names for commands
        """Encrypt; what was sent behind the command is not looked at (CVE-2011-0411)."""
        if self._dialogue.is_encrypted(self.session):
            await self.push("503 5.5.1 The connection is encrypted already.")
            return
        if self.tls_context is not None and not arg:
            self._drops_all = True
            self._incoming.clear()
        await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str | None) -> None:  # noqa: N802
        """Sign in; the mechanism may be written in small letters (RFC 4422, 3.1)."""
        mechanism, _, rest = (arg or "").partition(" ")
        await super().smtp_AUTH(f"{mechanism.upper()} {rest}".strip())

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        """Begin a letter; who wrote it according to the client (RFC 4954, 5) is taken and not passed on."""
        if not await self._is_rewritten(arg):
            await super().smtp_MAIL(arg and _AUTH_PARAMETER.sub("", arg))

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        """Name a recipient."""
        if not await self._is_rewritten(arg):
            await super().smtp_RCPT(arg)

    async def _is_rewritten(self, arg: str | None) -> bool:
        """Return whether aiosmtpd would make another address of one, and say so: it reads words of headers in them."""
        if not self._dialogue.signed_in or not arg or "=?" not in arg:
            return False
        await self.push(replies.ENCODED_ADDRESS)
        return True

    async def smtp_HELP(self, arg: str) -> None:  # noqa: ARG002, N802
        """Say where help is."""
        if not await self.check_auth_needed("HELP"):
            await self.push("214 2.0.0 In Slack: /email-profile programs")

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """Take a letter and deliver it; the answer is the provider's."""
        if await self.check_helo_needed() or await self.check_auth_needed("DATA"):
            return
        if len(self._incoming):
            # Taken as a letter or as commands, it might be the other (RFC 2920, 3.1).
            self.end("554 5.5.0 Wait for the reply to DATA before the message.", Ended.REFUSED)
            return
        if arg or self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("501 5.5.4 DATA stands alone." if arg else "503 5.5.1 Name a recipient first.")
            return
        reply = await self._dialogue.deliver(await self._arrived_letter())
        self.envelope = Envelope()
        await self.push(reply)

    async def _arrived_letter(self) -> ArrivingLetter:
        letter = self._letter = self._dialogue.arriving_letter()
        self._is_whole.clear()
        self._wait(DATA_SECONDS)
        await self.push("354 Send the message, and then a dot alone in a line.")
        await self._is_whole.wait()
        self._wait(None)
        return letter
