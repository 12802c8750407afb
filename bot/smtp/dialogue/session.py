"""One SMTP dialogue over a connected socket, on aiosmtplib's protocol class.

That class parses replies, bounds them (32 KB) and discards text injected before TLS. aiosmtplib's `SMTP` client is not
used: by default it sends the password in clear text to a server without STARTTLS, its `login()` tries every mechanism,
and it makes one step of TLS and greeting.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import cast

from aiosmtplib.auth import auth_crammd5_verify, auth_login_encode, auth_plain_encode, auth_xoauth2_encode
from aiosmtplib.errors import SMTPAuthenticationError, SMTPResponseException
from aiosmtplib.esmtp import parse_esmtp_extensions
from aiosmtplib.response import SMTPResponse
from pydantic import SecretStr

from bot.smtp.dialogue.pipelining import PipeliningProtocol
from bot.smtp.dialogue.replies import CREDENTIALS, Redaction, Transcript

DEFAULT_HELO = "[127.0.0.1]"
"""What EHLO announces where nothing better is known: an address literal (RFC 5321, 4.1.3) that names no machine."""


class GarbledReplyError(Exception):
    """The server answered with something that is no SMTP reply."""


class Dialogue:
    """Speaks SMTP over one socket, and closes it at the end of its `async with`.

    `handshakes` limits how many TLS handshakes run at once. `announced` is the name sent with EHLO; `extensions` and
    `mechanisms` are what the last EHLO offered, mechanisms in capitals, and `offered` are its lines as they came;
    `encrypted` is whether TLS was set up, also when the connection is closed since.
    """

    def __init__(
        self,
        sock: socket.socket,
        host: str,
        *,
        handshakes: asyncio.Semaphore,
        helo: str | None = None,
        transcript: Transcript | None = None,
    ) -> None:
        self._sock = sock
        self._host = host
        self._handshakes = handshakes
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

    async def start(self) -> None:
        """Start in clear text."""
        self._started = True
        await asyncio.get_running_loop().create_connection(lambda: self._protocol, sock=self._sock)

    async def start_encrypted(self, trust: ssl.SSLContext) -> None:
        """Start with a TLS handshake. Raises ssl.SSLError or OSError as the handshake does."""
        self._started = True
        async with self._handshakes:
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
            self.extensions, mechanisms = parse_esmtp_extensions(answer.message)
            self.mechanisms = tuple(dict.fromkeys(name.upper() for name in mechanisms))
        elif answer.code in (500, 502):
            answer = await self.command(b"HELO", self.announced.encode("ascii"))
        return answer

    async def start_tls(self, trust: ssl.SSLContext) -> None:
        """Switch to TLS. Raises SMTPResponseException when refused, ssl.SSLError or OSError as the handshake does."""
        self._transcript.client("STARTTLS")
        try:
            async with self._handshakes:
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

    async def sign_in(self, mechanism: str, login: str, secret: SecretStr) -> SMTPResponse:
        """Sign in once, with one mechanism, and return the final reply.

        `secret` is an OAuth access token for XOAUTH2, a password for all others.
        """
        match mechanism:
            case "PLAIN":
                blob = auth_plain_encode(login, secret.get_secret_value())
                return await self._secret_command("AUTH PLAIN", b"AUTH", b"PLAIN", blob)
            case "XOAUTH2":
                return await self._sign_in_with_token(login, secret.get_secret_value())
        answer = await self.command(b"AUTH", mechanism.encode("ascii"))
        if answer.code != 334:
            return answer
        if mechanism == "CRAM-MD5":
            try:
                digest = auth_crammd5_verify(login, secret.get_secret_value(), answer.message)
            except SMTPAuthenticationError:
                raise GarbledReplyError("The server's CRAM-MD5 challenge is not base64.") from None
            return await self._secret_command("", digest)
        for part in auth_login_encode(login, secret.get_secret_value()):
            if answer.code != 334:
                break
            answer = await self._secret_command("", part)
        return answer

    async def _sign_in_with_token(self, login: str, token: str) -> SMTPResponse:
        answer = await self._secret_command("AUTH XOAUTH2", b"AUTH", b"XOAUTH2", auth_xoauth2_encode(login, token))
        if answer.code == 334:
            # The challenge holds the server's error; an empty line asks for the final reply.
            return await self.command(b"")
        return answer

    async def command(self, *words: bytes) -> SMTPResponse:
        """Send one line and return its reply.

        Raises:
            GarbledReplyError: the answer is no SMTP reply, or far too long.
            ValueError: a word holds a line break or NUL.
        """
        self._transcript.client(b" ".join(words).decode("utf-8", "replace"))
        return await self._reply(self._protocol.execute_command(*words))

    async def envelope(
        self, sender: bytes, recipient: bytes, parameters: Sequence[bytes], *, then: Sequence[bytes] = ()
    ) -> AsyncIterator[SMTPResponse]:
        """Send MAIL FROM, RCPT TO and the commands `then`, and yield their replies.

        All are sent together where the server offers PIPELINING (QUIT may only be the last of them); otherwise each
        waits for the reply to the one before it.
        """
        commands = [b" ".join((b"MAIL FROM:" + sender, *parameters)), b"RCPT TO:" + recipient, *then]
        together = "pipelining" in self.extensions
        if together:
            for command in commands:
                self._transcript.client(command.decode("utf-8", "replace"))
            self._protocol.send_together(commands)
        for command in commands:
            yield await (self._reply(self._protocol.next_reply()) if together else self.command(command))

    async def begin_message(self) -> SMTPResponse:
        """Send DATA after RCPT TO was accepted, and return its reply: 354 asks for the message."""
        return await self.command(b"DATA")

    async def send_message(self, message: bytes) -> SMTPResponse:
        """Send a message's bytes (lines ended by CRLF) after DATA was accepted, and return the final reply."""
        self._transcript.note(f"a message of {len(message)} bytes")
        return await self._reply(self._protocol.send_content(message))

    def tls_session(self) -> ssl.SSLObject | None:
        """Return the TLS session, once there is one."""
        transport = self._protocol.transport
        return transport.get_extra_info("ssl_object") if transport is not None else None

    async def _secret_command(self, shown: str, *words: bytes) -> SMTPResponse:
        self._transcript.client(f"{shown} {CREDENTIALS}".strip())
        return await self._reply(self._protocol.execute_command(*words))

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
