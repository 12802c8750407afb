"""A mail server that does what a case's file says of it."""

import asyncio
import base64
import hashlib
import hmac
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass, field

from tests.cases.case import Server

_TOKEN = re.compile(r"\{(silent|close|wait:(\d+(?:\.\d+)?))\}")
_TOGETHER_SECONDS = 0.02
# The fatal alert protocol_version, RFC 8446, 6.
_TOO_OLD = b"\x15\x03\x01\x00\x02\x02\x46"
_NONCE = b"<1896.697170952@case.example>"

_USUAL = {
    "STARTTLS": "220 2.0.0 Ready to start TLS",
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 End data with <CR><LF>.<CR><LF>",
    "RSET": "250 2.0.0 Ok",
    "NOOP": "250 2.0.0 Ok",
    "QUIT": "221 2.0.0 Bye",
}


class _OverError(Exception):
    """The dialogue ends here."""


@dataclass
class CaseServer:
    """One port of a case. It knows by `tls` how to encrypt, and by `host` what it is called.

    A server of old TLS has none here.
    """

    script: Server
    host: str
    tls: ssl.SSLContext | None
    port: int = 0
    in_clear: list[bytes] = field(default_factory=list)
    """Every line that came unencrypted."""
    in_tls: list[bytes] = field(default_factory=list)
    """Every line that came encrypted."""
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> "CaseServer":
        implicit = self.tls if self.script.tls == "implicit" and not self.refuses_handshakes else None
        self._server = await asyncio.start_server(self._serve, self.script.ip, 0, ssl=implicit)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def refuses_handshakes(self) -> bool:
        """Whether no client comes to terms with it."""
        return self.script.cert in ("tls10", "nocipher", "wantsclient", "wantsclient12")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError, _OverError):
                await _Conversation(self, reader, writer).run()
            # What was said last should arrive.
            writer.close()
        except asyncio.CancelledError:
            writer.transport.abort()


class _Conversation:
    def __init__(self, server: CaseServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._script = server.script
        self._reader = reader
        self._writer = writer
        self._encrypted = server.script.tls == "implicit"
        self._signed_in = False

    async def run(self) -> None:
        if self._encrypted and self._server.refuses_handshakes:
            await self._refuse_handshake()
        await self._say(self._script.greeting.replace("{host}", self._server.host))
        while line := await self._line():
            verb = line.split(b" ", 1)[0].strip().upper().decode("ascii", "replace")
            together = b"" if self._script.pipelining == "works" else await self._together()
            if together and self._script.pipelining == "closes":
                await self._say("554 5.5.0 Error: SMTP protocol synchronization{close}")
            await self._answer(verb, line.strip())
            if self._script.pipelining == "broken-503":
                for _ in together.splitlines():
                    await self._say("503 5.5.1 Bad sequence of commands")

    async def _together(self) -> bytes:
        """Take away what came together with the line that was just read."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_TOGETHER_SECONDS):
                return await self._reader.read(65536)
        return b""

    async def _answer(self, verb: str, line: bytes) -> None:
        if verb == "AUTH":
            await self._sign_in(line)
            return
        own = self._own_reply(verb)
        if own is None:
            own = self._usual(verb)
        await self._say(own)
        if verb == "QUIT":
            raise _OverError
        if verb == "STARTTLS" and own.startswith("220"):
            await self._start_tls()
        if verb == "DATA" and own.startswith("354"):
            await self._take_message()

    async def _start_tls(self) -> None:
        if self._server.refuses_handshakes:
            await self._refuse_handshake()
        if self._server.tls is not None:
            await self._writer.start_tls(self._server.tls)
            self._encrypted = True

    async def _refuse_handshake(self) -> None:
        """Shake hands until it fails, and send the alert, which asyncio would keep to itself."""
        if self._server.tls is None:
            await self._reader.read(4096)
            self._writer.write(_TOO_OLD)
        else:
            await self._shake_hands(self._server.tls)
        await self._writer.drain()
        raise _OverError

    async def _shake_hands(self, tls: ssl.SSLContext) -> None:
        """Go on until the handshake has failed, or succeeded with a client that takes anything, or nobody is there."""
        heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
        shaking = tls.wrap_bio(heard, said, server_side=True)
        over = False
        while not over:
            try:
                shaking.do_handshake()
                over = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                over = True
            self._writer.write(said.read())
            if not over:
                more = await self._reader.read(65536)
                heard.write(more)
                over = not more

    def _own_reply(self, *steps: str) -> str | None:
        """Return what the case says at the first of these steps that it speaks of."""
        given = dict(self._script.replies)
        if not self._signed_in:
            given |= self._script.unless_signed_in
        in_tls = [f"{step} in TLS" for step in steps] if self._encrypted else []
        return next((given[step] for step in (*in_tls, *steps) if step in given), None)

    def _usual(self, verb: str) -> str:
        if verb == "EHLO":
            return self._extensions()
        if verb == "HELO":
            return f"250 {self._server.host}"
        if verb == "STARTTLS" and not self._offers_starttls:
            return "502 5.5.1 Command not implemented"
        return _USUAL.get(verb, "502 5.5.2 Command not recognized")

    @property
    def _offers_starttls(self) -> bool:
        return self._script.tls == "starttls" and not self._encrypted

    def _extensions(self) -> str:
        lines = [self._server.host, *self._script.extensions]
        if self._offers_starttls:
            lines.append("STARTTLS")
        if self._encrypted and self._script.auth:
            word = self._script.auth_word
            lines.append(f"{word}{'' if word.endswith('=') else ' '}{' '.join(self._script.auth)}")
        return "\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"])

    async def _take_message(self) -> None:
        while (await self._line()).strip() != b".":
            pass
        await self._say(self._own_reply("END") or "250 2.0.0 Ok: queued")

    async def _sign_in(self, line: bytes) -> None:
        words = line.split()
        mechanism = words[1].upper().decode("ascii", "replace") if len(words) > 1 else ""
        own = self._own_reply(f"AUTH {mechanism}", "AUTH")
        if own is not None:
            await self._say(own)
        elif not self._encrypted:
            await self._say("538 5.7.11 Encryption required for requested authentication mechanism")
        elif mechanism not in map(str.upper, self._script.auth):
            await self._say("504 5.5.4 Unrecognized authentication type")
        else:
            initial = words[2] if len(words) > 2 and not self._script.no_initial_response else b""
            self._signed_in = await self._credentials(mechanism, initial)
            await self._say(self._script.auth_ok if self._signed_in else self._script.auth_fail)

    async def _credentials(self, mechanism: str, initial: bytes) -> bool:
        given = (self._script.login or "", self._script.password or "")
        known = self._script.login is not None
        match mechanism:
            case "PLAIN":
                answer = _decoded(initial or await self._asked("334 "))
                return known and answer == "\0{}\0{}".format(*given)
            case "LOGIN":
                first, second = self._script.login_challenges
                login = _decoded(initial or await self._asked(first))
                password = _decoded(await self._asked(second))
                return known and (login, password) == given
            case "CRAM-MD5":
                answer = _decoded(await self._asked(f"334 {base64.b64encode(_NONCE).decode()}"))
                digest = hmac.new(given[1].encode(), _NONCE, hashlib.md5).hexdigest()
                return known and answer == f"{given[0]} {digest}"
            case _:
                return False

    async def _asked(self, challenge: str) -> bytes:
        await self._say(challenge)
        return (await self._line()).strip()

    async def _line(self) -> bytes:
        line = await self._reader.readline()
        (self._server.in_tls if self._encrypted else self._server.in_clear).append(line)
        return line

    async def _say(self, text: str) -> None:
        """Say a reply of one line or more, with the silences, hang-ups and pauses that stand in it."""
        at = 0
        for token in _TOKEN.finditer(text):
            await self._write(text[at : token.start()])
            at = token.end()
            if token[1] == "silent":
                while await self._reader.read(4096):
                    pass
                raise _OverError
            if token[1] == "close":
                raise _OverError
            await asyncio.sleep(float(token[2]))
        await self._write(text[at:])

    async def _write(self, text: str) -> None:
        lines = [line for line in text.split("\n") if line]
        end = "\n" if self._script.lf else "\r\n"
        self._writer.write("".join(f"{line}{end}" for line in lines).encode(self._script.encoding))
        await self._writer.drain()


def _decoded(answer: bytes) -> str:
    with suppress(ValueError):
        return base64.b64decode(answer).decode("utf-8", "replace")
    return ""
