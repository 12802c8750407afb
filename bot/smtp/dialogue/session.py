"""One SMTP conversation over a socket that is connected already, on aiosmtplib's protocol.

aiosmtplib's `SMTP` client is not used: its default sends the password in clear when a server leaves STARTTLS
out, its `login()` tries every mechanism, and it opens TLS and greeting as one step. Its protocol class does
the parsing, the bounding of replies (32 KB) and the discarding of text injected before TLS.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Sequence
from types import TracebackType
from typing import cast

from aiosmtplib.auth import auth_crammd5_verify, auth_login_encode, auth_plain_encode, auth_xoauth2_encode
from aiosmtplib.errors import SMTPAuthenticationError, SMTPResponseException
from aiosmtplib.esmtp import parse_esmtp_extensions
from aiosmtplib.response import SMTPResponse
from pydantic import SecretStr

from bot.smtp.dialogue.pipelining import PipeliningProtocol
from bot.smtp.dialogue.replies import Redaction
from bot.smtp.dialogue.transcript import HIDDEN, Transcript

OWN_NAME = "[127.0.0.1]"
"""What EHLO announces unless HELO says otherwise: an address literal (RFC 5321, 4.1.3) that names no machine."""


class GarbledReplyError(Exception):
    """The server answered with something that is no SMTP reply."""


class NotOfferedError(Exception):
    """The server does not offer what was asked of it; the message lists what it does offer."""


class Dialogue:
    """Speaks SMTP over one socket; leaves nothing open behind its `async with`."""

    def __init__(
        self, sock: socket.socket, host: str, *, helo: str | None = None, transcript: Transcript | None = None
    ) -> None:
        """Take over `sock`, which is connected to `host`; announce `helo`; write everything into `transcript`."""
        self._sock = sock
        self._host = host
        self._helo = (helo or OWN_NAME).encode("ascii")
        self._transcript = transcript or Transcript(Redaction("", None))
        self._handed_over = False
        self._protocol = PipeliningProtocol(asyncio.get_running_loop())
        self.extensions: dict[str, str] = {}
        self.mechanisms: tuple[str, ...] = ()

    async def __aenter__(self) -> "Dialogue":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._handed_over:
            self._sock.close()
            return
        if self._protocol.transport is not None:
            cast("asyncio.Transport", self._protocol.transport).abort()
        # The loop closes an aborted transport's socket in its next rounds.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def begin(self) -> None:
        """Begin in clear text."""
        self._handed_over = True
        await asyncio.get_running_loop().create_connection(lambda: self._protocol, sock=self._sock)

    async def begin_encrypted(self, trust: ssl.SSLContext) -> None:
        """Begin with a TLS handshake. Raises ssl.SSLError or OSError as the handshake does."""
        self._handed_over = True
        await asyncio.get_running_loop().create_connection(
            lambda: self._protocol, sock=self._sock, ssl=trust, server_hostname=self._host
        )

    async def greeting(self) -> SMTPResponse:
        """Wait for the server's first words."""
        return self._heard(await self._protocol.read_response())

    async def hello(self) -> SMTPResponse:
        """Say EHLO, or HELO to a server that does not know EHLO; learn what the server offers."""
        answer = await self.command(b"EHLO", self._helo)
        self.extensions, self.mechanisms = {}, ()
        if answer.code == 250:
            extensions, mechanisms = parse_esmtp_extensions(answer.message)
            self.extensions = extensions
            self.mechanisms = tuple(dict.fromkeys(name.upper() for name in mechanisms))
        elif answer.code in (500, 502):
            answer = await self.command(b"HELO", self._helo)
        return answer

    async def start_tls(self, trust: ssl.SSLContext) -> None:
        """Switch to TLS. Raises SMTPResponseException when refused, ssl.SSLError or OSError as the handshake."""
        self._transcript.client("STARTTLS")
        try:
            answer = await self._protocol.start_tls(trust, server_hostname=self._host)
        except SMTPResponseException as error:
            self._transcript.server(error.code, error.message)
            raise
        self._transcript.server(answer.code, answer.message)

    async def sign_in(self, mechanism: str, login: str, password: SecretStr) -> SMTPResponse:
        """Sign in once, with one mechanism; gives the final reply."""
        secret = password.get_secret_value()
        if mechanism == "PLAIN":
            return await self._secretly("AUTH PLAIN", b"AUTH", b"PLAIN", auth_plain_encode(login, secret))
        answer = await self.command(b"AUTH", mechanism.encode("ascii"))
        if answer.code != 334:
            return answer
        if mechanism == "CRAM-MD5":
            try:
                return await self._secretly("", auth_crammd5_verify(login, secret, answer.message))
            except SMTPAuthenticationError:
                raise GarbledReplyError("The server's CRAM-MD5 challenge is not base64.") from None
        for part in auth_login_encode(login, secret):
            if answer.code != 334:
                break
            answer = await self._secretly("", part)
        return answer

    async def sign_in_with_token(self, login: str, token: SecretStr) -> SMTPResponse:
        """Sign in once with an OAuth access token (XOAUTH2); gives the final reply."""
        blob = auth_xoauth2_encode(login, token.get_secret_value())
        answer = await self._secretly("AUTH XOAUTH2", b"AUTH", b"XOAUTH2", blob)
        if answer.code == 334:
            # The challenge holds the server's error; an empty answer asks for the final verdict.
            return await self.command(b"")
        return answer

    async def command(self, *words: bytes) -> SMTPResponse:
        """Say one line and wait for its reply.

        Raises:
            GarbledReplyError: the answer is no SMTP reply, or far too long.
            ValueError: a word holds a line break or NUL.
        """
        self._transcript.client(b" ".join(words).decode("utf-8", "replace"))
        return await self._answer_to(*words)

    async def _secretly(self, shown: str, *words: bytes) -> SMTPResponse:
        self._transcript.client(f"{shown} {HIDDEN}".strip())
        return await self._answer_to(*words)

    async def envelope(
        self, sender: bytes, recipient: bytes, parameters: Sequence[bytes], *, then: Sequence[bytes] = ()
    ) -> AsyncIterator[SMTPResponse]:
        """Say MAIL FROM, RCPT TO and what comes `then`; gives the replies one by one, as they are asked for.

        All goes in one flight where the server offers PIPELINING (QUIT may only be the last of them); otherwise
        each command waits for the reply before it.
        """
        commands = [b" ".join((b"MAIL FROM:" + sender, *parameters)), b"RCPT TO:" + recipient, *then]
        together = "pipelining" in self.extensions
        if together:
            for command in commands:
                self._transcript.client(command.decode("utf-8", "replace"))
            self._protocol.send_together(commands)
        for command in commands:
            yield await (self._next_reply() if together else self.command(command))

    async def _next_reply(self) -> SMTPResponse:
        return self._heard(await _no_garbage(self._protocol.next_reply()))

    async def send_message(self, message: bytes) -> SMTPResponse:
        """Send a message's bytes (lines ended by CRLF) after RCPT TO was taken; gives the final reply."""
        self._transcript.client("DATA")
        self._transcript.note(f"a message of {len(message)} bytes")
        return self._heard(await self._protocol.execute_data_command(message))

    async def _answer_to(self, *words: bytes) -> SMTPResponse:
        return self._heard(await _no_garbage(self._protocol.execute_command(*words)))

    def _heard(self, answer: SMTPResponse) -> SMTPResponse:
        checked = _checked(answer)
        self._transcript.server(checked.code, checked.message)
        return checked

    def peer(self) -> ssl.SSLObject | None:
        """Give the TLS session, once there is one."""
        transport = self._protocol.transport
        return transport.get_extra_info("ssl_object") if transport is not None else None


async def _no_garbage(answering: Awaitable[SMTPResponse]) -> SMTPResponse:
    try:
        return await answering
    except SMTPResponseException as error:
        # aiosmtplib gives -1 to what is no reply at all.
        if error.code > 0:
            raise
        raise GarbledReplyError("The answer is no SMTP reply.") from None


def _checked(answer: SMTPResponse) -> SMTPResponse:
    # int() also reads "2_2" and "+22", so a code is only one when it is in SMTP's range.
    if not 200 <= answer.code <= 599:
        raise GarbledReplyError("The reply's code is no SMTP code.")
    return answer
