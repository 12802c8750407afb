"""The submission server: listens, admits connections, encrypts them, and stops once letters under way are through."""

import asyncio
import logging
import os
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Protocol, cast

from bot.profiles.sending.sending import Sending
from bot.profiles.tokens.program_tokens import ProgramTokens
from bot.programs.submission import replies
from bot.programs.submission.certificate import ServerCertificate
from bot.programs.submission.connections import Connections, counted
from bot.programs.submission.dialogue import Dialogue, SignIn
from bot.programs.submission.session import Ended, SubmissionSession
from bot.smtp.account import Encryption

log = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 20.0
"""In which a connection is encrypted that begins so."""

ABORTED_SECONDS = 2.0
"""How long a stop waits for what connections leave that it ended."""

BACKLOG = 1024
"""Connections that may wait to be taken; the system allows 4096 (net.core.somaxconn)."""

_LIBRARY_LOG = "mail.log"
"""aiosmtpd's logger, to which it writes what programs say."""

_SETTINGS = {
    Encryption.SSL: "SUBMISSION_TLS_PORT",
    **dict.fromkeys((Encryption.TLS, Encryption.NONE), "SUBMISSION_PORT"),
}
_WORDS = {Encryption.SSL: "TLS", Encryption.TLS: "STARTTLS", Encryption.NONE: "in the clear"}


class Observer(Protocol):
    """Counts what happens."""

    def count_submission_sign_in(self, ended: str) -> None:
        """Count one sign-in, `ended` being a value of `SignIn`."""

    def count_submission_session(self, ended: str) -> None:
        """Count one connection that is gone, `ended` being a value of `Ended`."""


class PortError(Exception):
    """Nothing can be served on a port. `str(error)` says why, as a sentence; `setting` names the port."""

    def __init__(self, setting: str, place: str, error: OSError) -> None:
        super().__init__(f"nothing can be served on {place} ({os.strerror(error.errno or 0)}).")
        self.setting = setting


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the server listens, and its name; a port is None where there is none.

    Without a certificate `port` is in the clear, for this machine alone.
    """

    host: str
    port: int | None
    tls_port: int | None
    name: str


class SubmissionServer:
    """Serves programs until it is closed."""

    def __init__(
        self,
        place: Place,
        *,
        certificate: ServerCertificate | None,
        tokens: ProgramTokens,
        sending: Sending,
        observer: Observer,
    ) -> None:
        self._place = place
        self._certificate = certificate
        self._tokens = tokens
        self._sending = sending
        self._observer = observer
        self._connections = Connections()
        self._listening: list[asyncio.Server] = []
        self._works: set[asyncio.Task[None]] = set()
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self.ports: dict[Encryption, int] = {}
        """Those that are really listened on."""

    @property
    def sessions(self) -> int:
        """How many connections there are now."""
        return len(self._connections)

    async def open(self) -> None:
        """Begin to listen.

        Raises:
            PortError: nothing can be served there.
        """
        # For good, whatever the level of the log is: it would hold addresses, and what is typed in the wrong place.
        logging.getLogger(_LIBRARY_LOG).disabled = True
        ports = {
            Encryption.SSL: self._place.tls_port,
            Encryption.TLS if self._certificate else Encryption.NONE: self._place.port,
        }
        try:
            for encryption, port in ports.items():
                if port is not None:
                    await self._listen(encryption, port)
        except PortError:
            await self.close(0.0)
            raise
        where = " and ".join(f"{port} ({_WORDS[encryption]})" for encryption, port in self.ports.items())
        log.info("Serving programs at %s, port %s", self._place.host, where)

    async def _listen(self, encryption: Encryption, port: int) -> None:
        host = self._place.host
        arrive = partial(_Arrival, self, encryption)
        try:
            server = await asyncio.get_running_loop().create_server(arrive, host, port, backlog=BACKLOG)
        except OSError as error:
            raise PortError(_SETTINGS[encryption], f"{host}:{port}", error) from None
        self._listening.append(server)
        self.ports[encryption] = server.sockets[0].getsockname()[1]

    async def close(self, seconds: float) -> None:
        """Listen no more, wait so long for letters that are under way, and end what remains."""
        for server in self._listening:
            server.close()
        for connection in self._connections.all():
            connection.leave()
        await self._wait(seconds)
        for connection in self._connections.all():
            connection.abort()
        # A letter that was given to its provider to the end may still wait for the answer.
        await self._wait(ABORTED_SECONDS)
        for work in self._works:
            work.cancel()

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._is_idle.wait()

    # For connections.

    def admit(self, arrival: "_Arrival", peer: str) -> bool:
        """Return whether there is a place for a connection, and count it."""
        is_admitted = self._connections.admit(arrival, counted(peer))
        if not is_admitted:
            self._observer.count_submission_session(Ended.CROWDED)
        self._note()
        return is_admitted

    def session(self, arrival: "_Arrival", encryption: Encryption, peer: str) -> SubmissionSession:
        """Make the session of a connection."""

        def count_sign_in(ended: SignIn) -> None:
            self._observer.count_submission_sign_in(ended)
            if ended is SignIn.SIGNED_IN:
                self._connections.sign_in(arrival)

        dialogue = Dialogue(
            tokens=self._tokens, sending=self._sending, address=peer, encryption=encryption, on_sign_in=count_sign_in
        )

        def end(ended: Ended) -> None:
            self.do(dialogue.close(), "ending a program's session")
            self.gone(arrival, ended)

        return SubmissionSession(
            dialogue,
            name=_announced(self._place.name),
            encryption=encryption,
            tls=self._certificate.context() if self._certificate and encryption is Encryption.TLS else None,
            on_end=end,
        )

    async def encrypt(self, transport: asyncio.Transport, session: SubmissionSession) -> asyncio.Transport | None:
        """Encrypt a connection from its first byte, and hand it to its session; None where that fails."""
        if self._certificate is None:
            return None
        with suppress(OSError):
            return await asyncio.get_running_loop().start_tls(
                transport,
                session,
                self._certificate.context(),
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
        return None

    def gone(self, arrival: "_Arrival", ended: Ended) -> None:
        """Note that a connection is gone."""
        self._observer.count_submission_session(ended)
        self._connections.discard(arrival)
        self._note()

    def do(self, work: Coroutine[None, None, None], name: str) -> None:
        """Do something beside; closing waits for it."""
        task = asyncio.create_task(work, name=name)
        self._works.add(task)
        task.add_done_callback(self._done)
        self._note()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._works.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("A program's session could not be ended (%s).", type(error).__name__)
        self._note()

    def _note(self) -> None:
        """Note whether there is a connection, or something is done for one."""
        if self._connections or self._works:
            self._is_idle.clear()
        else:
            self._is_idle.set()


class _Arrival(asyncio.Protocol):
    """A connection, from when it is there: it becomes a session once it is admitted and, where it has to, encrypted."""

    def __init__(self, server: SubmissionServer, encryption: Encryption) -> None:
        self._server = server
        self._encryption = encryption
        self._transport: asyncio.Transport | None = None
        self._session: SubmissionSession | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the connection, or close it."""
        self._transport = cast("asyncio.Transport", transport)
        peer = str((transport.get_extra_info("peername") or ("",))[0])
        if not peer or (self._encryption is Encryption.NONE and not _is_of_this_machine(transport)):
            self._transport.abort()
        elif not self._server.admit(self, peer):
            self.crowd_out()
        else:
            self._begin(self._transport, self._server.session(self, self._encryption, peer))

    def _begin(self, transport: asyncio.Transport, session: SubmissionSession) -> None:
        if self._encryption is Encryption.SSL:
            transport.pause_reading()
            self._server.do(self._encrypt(transport, session), "encrypting a program's connection")
        else:
            self._session = session
            transport.set_protocol(session)
            session.connection_made(transport)

    async def _encrypt(self, transport: asyncio.Transport, session: SubmissionSession) -> None:
        encrypted = await self._server.encrypt(transport, session)
        if encrypted is None or encrypted.is_closing():
            transport.abort()
            self._server.gone(self, Ended.FAILED if encrypted is None else Ended.LOST)
        else:
            self._session = session
            session.connection_made(encrypted)

    def crowd_out(self) -> None:
        """Close the connection, since others need its place."""
        if self._session is not None:
            self._session.end(replies.CROWDED, Ended.CROWDED)
        elif self._transport is not None:
            if self._encryption is not Encryption.SSL:
                self._transport.write(f"{replies.CROWDED}\r\n".encode())
            self._transport.close()

    def leave(self) -> None:
        """Close the connection as soon as no letter is under way."""
        if self._session is not None:
            self._session.leave()
        else:
            self.abort()

    def abort(self) -> None:
        """Close the connection without a word."""
        if self._session is not None:
            self._session.abort()
        elif self._transport is not None:
            self._transport.abort()


def _is_of_this_machine(transport: asyncio.BaseTransport) -> bool:
    """Return whether both ends of a connection are on the loopback."""
    ends = (transport.get_extra_info(end) for end in ("peername", "sockname"))
    return all(ip_address(str(end[0]).partition("%")[0]).is_loopback for end in ends)


def _announced(name: str) -> str:
    """Return a name as it is announced: an IP address stands in brackets (RFC 5321, 4.1.3)."""
    try:
        address = ip_address(name)
    except ValueError:
        return name
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"
