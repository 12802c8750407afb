"""One SMTP dialogue over a connected socket, on aiosmtplib's protocol class.

That class parses replies, bounds them (32 KB) and discards text injected before TLS. aiosmtplib's `SMTP` client is not
used: by default it sends the password in clear text to a server without STARTTLS, its `login()` tries every mechanism,
and it makes one step of TLS and greeting.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator, Sequence
from typing import cast

from aiosmtplib.errors import SMTPResponseException
from aiosmtplib.esmtp import parse_esmtp_extensions
from aiosmtplib.response import SMTPResponse
from pydantic import SecretStr

from bot.smtp.dialogue.handshakes import Handshakes
from bot.smtp.dialogue.pipelining import PipeliningProtocol
from bot.smtp.dialogue.redaction import Redaction
from bot.smtp.dialogue.replies import Transcript

LATE_READ_SECONDS = 0.25
"""How long a reply is waited for after its time is over, before its command is said once more."""

PIECE_BYTES = 65_536
"""How much of a message is written at a time."""

DEFAULT_HELO = "[127.0.0.1]"
"""What EHLO announces where nothing better is known: an address literal (RFC 5321, 4.1.3) that names no machine."""


class GarbledReplyError(Exception):
    """The server answered with something that is no SMTP reply."""


class Dialogue:
    """Speaks SMTP over one socket, and closes it at the end of its `async with`.

    `handshakes` has places for the TLS handshake. `announced` is the name sent with EHLO; `extensions` and
    `mechanisms` are what the last EHLO offered, mechanisms in capitals, and `offered` are its lines as they came;
    `encrypted` is whether TLS was set up, also when the connection is closed since.
    """

    def __init__(
        self,
        sock: socket.socket,
        host: str,
        *,
        handshakes: Handshakes,
        helo: str | None = None,
        transcript: Transcript | None = None,
    ) -> None:
        self._sock = sock
        self._host = host
        self._handshakes = handshakes
        self._helo = helo
        self.announced = helo or DEFAULT_HELO
        self._transcript = transcript or Transcript(Redaction("", None))
        self._started = False
        self.encrypted = False
        self._protocol = PipeliningProtocol(asyncio.get_running_loop())
        self.extensions: dict[str, str] = {}
        self.mechanisms: tuple[str, ...] = ()
        self.offered: tuple[str, ...] = ()

    async def __aenter__(self) -> "Dialogue":
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._started:
            self._sock.close()
            return
        if self._protocol.transport is not None:
            cast("asyncio.Transport", self._protocol.transport).abort()
        # The loop closes an aborted transport's socket in its next rounds.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def leave(self) -> None:
        """Send QUIT without waiting for anything."""
        if self._protocol.transport is not None and not self._protocol.transport.is_closing():
            self._transcript.client("QUIT")
            self._protocol.write(b"QUIT\r\n")

    def another(self, sock: socket.socket) -> "Dialogue":
        """Return a new dialogue with the same server over another socket."""
        return Dialogue(sock, self._host, handshakes=self._handshakes, helo=self._helo, transcript=self._transcript)

    async def start(self) -> None:
        """Start in clear text."""
        self._started = True
        await asyncio.get_running_loop().create_connection(lambda: self._protocol, sock=self._sock)

    async def start_encrypted(self, trust: ssl.SSLContext) -> None:
        """Start with a TLS handshake. Raises ssl.SSLError or OSError as the handshake does."""
        self._started = True
        async with self._handshakes.place():
            await asyncio.get_running_loop().create_connection(
                lambda: self._protocol, sock=self._sock, ssl=trust, server_hostname=self._host
            )
        self.encrypted = True

    async def greeting(self) -> SMTPResponse:
        """Return the server's first reply. Raises SMTPResponseException with its text when it is no SMTP reply."""
        return self._checked(await self._protocol.read_response())

    async def ehlo(self) -> SMTPResponse:
        """Send EHLO, or HELO to a server that does not know EHLO, and store what the server offers."""
        answer = await self.command(b"EHLO", self.announced.encode("ascii"))
        self.extensions, self.mechanisms, self.offered = {}, (), ()
        if answer.code == 250:
            self.offered = tuple(answer.message.split("\n")[1:])
            self.extensions, listed = parse_esmtp_extensions(answer.message.replace("\t", " "))
            # Some write "AUTH =LOGIN" or put commas between.
            names = (name for word in listed for name in re.split("[=,]", word.upper()) if name)
            self.mechanisms = tuple(dict.fromkeys(names))
        elif answer.code in (500, 502, 503):
            answer = await self.command(b"HELO", self.announced.encode("ascii"))
        return answer

    async def start_tls(self, trust: ssl.SSLContext) -> None:
        """Switch to TLS. Raises SMTPResponseException when refused, ssl.SSLError or OSError as the handshake does."""
        self._transcript.client("STARTTLS")
        try:
            async with self._handshakes.place():
                answer = await self._protocol.switch_to_tls(trust, self._host)
        except SMTPResponseException as error:
            self._transcript.server(error.code, error.message)
            raise
        self._transcript.server(answer.code, answer.message)
        self.encrypted = True

    @property
    def text_before_tls(self) -> bool:
        """Whether clear text came between the reply to STARTTLS and the handshake; it was discarded."""
        return self._protocol.text_before_tls

    @property
    def tls_error(self) -> ssl.SSLError | None:
        """Return what ended an encrypted connection, such as an alert of the server; None while nothing did."""
        return self._protocol.tls_error

    async def command(self, *words: bytes) -> SMTPResponse:
        """Send one line and return its reply.

        Raises:
            GarbledReplyError: the answer is no SMTP reply, or far too long.
            ValueError: a word holds a line break or NUL.
        """
        self._transcript.client(b" ".join(words).decode("utf-8", "replace"))
        return await self._reply(self._protocol.execute_command(*words))

    def keep_out(self, secret: SecretStr) -> None:
        """Keep one more secret out of what is shown of the dialogue."""
        self._transcript.keep_out(secret)

    async def secret_command(self, shown: str, *words: bytes) -> SMTPResponse:
        """Send one line with a secret in it, of which the transcript has `shown`, and return its reply."""
        self._transcript.client(shown)
        return await self._reply(self._protocol.execute_command(*words))

    async def one_by_one(self, commands: Sequence[bytes]) -> AsyncIterator[SMTPResponse]:
        """Send commands, each after the reply to the one before it, and yield their replies."""
        for command in commands:
            yield await self.command(command)

    async def together(self, commands: Sequence[bytes], *, patience: float) -> AsyncGenerator[SMTPResponse, None]:
        """Send commands at once (RFC 2920; QUIT may only be the last of them), and yield their replies.

        A command without a reply for `patience` seconds is said once more: some servers swallow what comes together.
        To a server that is only slow nothing changes, because its next reply is still the one to that command.
        """
        for command in commands:
            self._transcript.client(command.decode("utf-8", "replace"))
        self._protocol.send_together(commands)
        for command in commands:
            waiting = asyncio.ensure_future(self._reply(self._protocol.next_reply()))
            try:
                await asyncio.wait({waiting}, timeout=patience)
                # On a busy machine the reply may be there already, and be read only after the time is over.
                await asyncio.wait({waiting}, timeout=LATE_READ_SECONDS)
                if not waiting.done():
                    self._transcript.note("no reply; the command is said once more")
                    self._transcript.client(command.decode("utf-8", "replace"))
                    self._protocol.write(command + b"\r\n")
                yield await waiting
            finally:
                waiting.cancel()

    async def begin_message(self) -> SMTPResponse:
        """Send DATA after RCPT TO was accepted, and return its reply: 354 asks for the message."""
        self._protocol.is_content_complete = False
        return await self.command(b"DATA")

    async def send_message(self, *parts: bytes) -> SMTPResponse:
        """Send the parts of a message, one behind the other, after DATA was accepted, and return the final reply.

        Lines end in CRLF, as does each part but the last. Whether the message was sent to its end, also where this
        raises, `is_message_complete` says.
        """
        self._transcript.note(f"a message of {sum(map(len, parts))} bytes")
        return await self._reply(self._protocol.send_content(_pieces(parts)))

    @property
    def is_message_complete(self) -> bool:
        """Whether the last message was sent to its end; the server has the whole of it then, as far as is known."""
        return self._protocol.is_content_complete

    @property
    def is_usable(self) -> bool:
        """Whether another command can be sent: the connection is open, and nothing came that was not asked for."""
        return self._protocol.is_connected and not self._protocol.is_out_of_step

    def end_transcript(self) -> None:
        """Record nothing any more: a letter's dialogue is nobody's to read."""
        self._transcript = _NoTranscript(Redaction("", None))

    def tls_session(self) -> ssl.SSLObject | None:
        """Return the TLS session, once there is one."""
        transport = self._protocol.transport
        return transport.get_extra_info("ssl_object") if transport is not None else None

    async def _reply(self, answering: Awaitable[SMTPResponse]) -> SMTPResponse:
        try:
            return self._checked(await answering)
        except SMTPResponseException as error:
            # aiosmtplib's code -1 means that the answer is no reply at all.
            if error.code > 0:
                raise
            raise GarbledReplyError("The answer is no SMTP reply.") from None

    def _checked(self, answer: SMTPResponse) -> SMTPResponse:
        # int() also reads "2_2" and "+22", so only a code in SMTP's range is one.
        if not 200 <= answer.code <= 599:
            raise GarbledReplyError("The reply's code is no SMTP code.")
        self._transcript.server(answer.code, answer.message)
        return answer


class _NoTranscript(Transcript):
    """Records nothing."""

    def client(self, line: str) -> None:
        pass

    def server(self, code: int, message: str) -> None:
        pass

    def note(self, text: str) -> None:
        pass


def _pieces(parts: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the parts of a message in pieces that end where a line ends; the last one gets its CRLF if it lacks it."""
    for part in parts:
        begin = 0
        while len(part) - begin > PIECE_BYTES:
            end = part.rfind(b"\r\n", begin, begin + PIECE_BYTES) + 2
            if end < begin + 2:
                # A line as long as this is in no letter, and in a message of ours neither.
                end = len(part)
            yield part[begin:end]
            begin = end
        yield part[begin:]
    if parts and parts[-1] and not parts[-1].endswith(b"\r\n"):
        yield b"\r\n"
