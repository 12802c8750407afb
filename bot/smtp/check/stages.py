"""The staged connection test: one deadline, one resolution, one mechanism, one password attempt, no message."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from aiosmtplib.errors import SMTPException
from aiosmtplib.response import SMTPResponse

from bot.smtp.account import Account, Encryption
from bot.smtp.check.faults import StageFailedError, failure, recipient_refusal, refusal
from bot.smtp.check.report import Certificate, Endpoint, Fault, Outcome, Reply, Report, Stage, StageName
from bot.smtp.dialogue.capabilities import capabilities, mechanism_for, software
from bot.smtp.dialogue.replies import Redaction
from bot.smtp.dialogue.session import Dialogue, GarbledReplyError
from bot.smtp.dialogue.transcript import Transcript
from bot.smtp.envelope import Outgoing, path
from bot.smtp.network.certificate import days_left, lifetime, presented
from bot.smtp.network.connect import Network
from bot.smtp.network.guard import Address, Guard
from bot.smtp.network.port_probe import PortProbe
from bot.smtp.network.race import connect_first
from bot.smtp.network.trust import NotThePinnedError, unverified_context, verify_pin

_SILENCE = 5.0
"""Seconds of silence before a greeting after which TLS is tried once, to tell a TLS port from a dead one."""

_GOODBYE = 1.0
"""Seconds that a server may take over QUIT; the test's result stands already."""

_GOODBYES = (b"RSET", b"QUIT")

_OPENING = 0.75
"""The share of the deadline that the stages up to Encryption may use; the rest is for the other doors."""

SOON = 21
"""Days before its end from which a certificate is warned about; an unattended renewal happens at 30."""

_OPENING_STAGES = (StageName.CONNECT, StageName.GREETING, StageName.ENCRYPTION)
_ORDER = {
    Encryption.SSL: (StageName.RESOLVE, StageName.CONNECT, StageName.ENCRYPTION, StageName.GREETING),
    Encryption.TLS: (StageName.RESOLVE, StageName.CONNECT, StageName.GREETING, StageName.ENCRYPTION),
    Encryption.NONE: (StageName.RESOLVE, StageName.CONNECT, StageName.GREETING, StageName.ENCRYPTION),
}

Progress = Callable[[Report], None]


class ConnectionTester:
    """Tests accounts; holds what all tests share."""

    def __init__(
        self, *, guard: Guard, network: Network, trust: ssl.SSLContext, timeout: float, handshakes: int
    ) -> None:
        """`timeout` is in seconds for a whole test; `handshakes` is how many may run at once."""
        self.guard = guard
        self.network = network
        self.trust = trust
        self.timeout = timeout
        self.handshakes = asyncio.Semaphore(handshakes)

    async def test(self, account: Account, progress: Progress) -> Report:
        """Test one account; `progress` gets the report so far whenever a stage begins.

        Whatever the server or the network does ends in the report; only cancellation is raised.
        """
        return await _Run(self, account, progress).report()

    async def send(self, account: Account, outgoing: Outgoing, progress: Progress) -> Report:
        """Test one account and, when all stages pass, send one message; errors as `test`."""
        return await _Run(self, account, progress, outgoing).report()


@dataclass
class _Found:
    """What a stage found; a warning names its fault and the server's reply."""

    detail: str = ""
    outcome: Outcome = Outcome.PASSED
    fault: Fault | None = None
    reply: Reply | None = None
    facts: tuple[str, ...] = ()


class _Run:
    """One test under way."""

    def __init__(
        self, tester: ConnectionTester, account: Account, progress: Progress, outgoing: Outgoing | None = None
    ) -> None:
        self._tester = tester
        self._account = account
        self._progress = progress
        self._outgoing = outgoing
        self._trust = unverified_context() if account.pin else tester.trust
        self._redaction = Redaction(account.login, account.password)
        self._transcript = Transcript(self._redaction)
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._stage_began = self._began
        self._current = StageName.RESOLVE
        last = (StageName.SIGN_IN, StageName.SENDER, *((StageName.MESSAGE,) if outgoing else ()))
        self._stages = {
            name: Stage(name=name, outcome=Outcome.SKIPPED) for name in (*_ORDER[account.encryption], *last)
        }
        self._addresses: list[Address] = []
        self._fault: Fault | None = None
        self._reply: Reply | None = None
        self._certificate: Certificate | None = None
        self._doors: tuple[Endpoint, ...] = ()
        self._replies: AsyncIterator[SMTPResponse]

    async def report(self) -> Report:
        ends = self._began + self._tester.timeout
        try:
            async with asyncio.timeout_at(self._began + self._tester.timeout * _OPENING) as deadline:
                await self._stages_in_order(lambda: deadline.reschedule(ends))
        except Exception as error:  # noqa: BLE001 - whatever a server provokes is the report's, not the program's
            self._fail(error, timed_out=deadline.expired())
            if self._current in _OPENING_STAGES:
                self._doors = await self._knocker().find_open(self._addresses, until=ends)
        return self._report()

    def _knocker(self) -> PortProbe:
        return PortProbe(
            guard=self._tester.guard,
            network=self._tester.network,
            trust=self._trust,
            handshakes=self._tester.handshakes,
            account=self._account,
        )

    def _report(self) -> Report:
        wrong_name = self._fault is Fault.CERTIFICATE_WRONG_NAME and self._certificate
        return Report(
            host=self._account.host,
            port=self._account.port,
            encryption=self._account.encryption,
            stages=tuple(self._stages.values()),
            seconds=self._clock() - self._began,
            tested_at=datetime.now(UTC),
            fault=self._fault,
            reply=self._reply,
            certificate_names=self._certificate.names if self._certificate and wrong_name else (),
            certificate=self._certificate,
            doors=self._doors,
            transcript=self._transcript.lines,
        )

    @contextmanager
    def _stage(self, name: StageName) -> Iterator[_Found]:
        self._current, self._stage_began = name, self._clock()
        self._stages[name] = Stage(name=name, outcome=Outcome.RUNNING)
        self._progress(self._report())
        found = _Found()
        yield found
        self._end(name, found)

    def _end(self, name: StageName, found: _Found) -> None:
        seconds = self._clock() - self._stage_began
        self._stages[name] = Stage(
            name=name, outcome=found.outcome, seconds=seconds, detail=found.detail, facts=found.facts
        )
        self._fault, self._reply = found.fault or self._fault, found.reply or self._reply

    def _skip(self, name: StageName, why: str) -> None:
        self._stages[name] = replace(self._stages[name], outcome=Outcome.SKIPPED, detail=why)

    def _fail(self, error: Exception, *, timed_out: bool) -> None:
        if self._stages[self._current].outcome is not Outcome.RUNNING:
            # Every stage had ended; only the goodbye went wrong, which changes nothing.
            return
        failed = self._too_late() if timed_out else failure(error, self._current, self._redaction)
        if failed.fault is Fault.TLS_TO_PLAIN_PORT and self._account.encryption is Encryption.TLS:
            # The server had agreed to switch, so the port is right and the server is broken.
            failed = StageFailedError(Fault.TLS_FAILED, failed.detail)
        self._transcript.note(f"{self._current} failed: {failed.detail}")
        self._end(self._current, _Found(failed.detail, Outcome.FAILED, failed.fault, failed.reply))

    def _too_late(self) -> StageFailedError:
        if self._current is StageName.RESOLVE:
            return StageFailedError(Fault.RESOLVER_UNAVAILABLE, "the name service does not answer")
        return StageFailedError(Fault.TIMED_OUT, f"no answer within {self._clock() - self._began:.1f} s")

    async def _stages_in_order(self, opened: Callable[[], None]) -> None:
        await self._resolve()
        address, dialogue = await self._connect()
        async with dialogue:
            if self._account.encryption is Encryption.SSL:
                await self._encryption(address, dialogue)
                await self._greeting(address, dialogue)
            else:
                await self._greeting(address, dialogue)
                await self._encryption(address, dialogue)
            opened()
            await self._sign_in(dialogue)
            await self._sender(dialogue)
            if self._outgoing is not None:
                await self._message(dialogue, self._outgoing)
            await self._goodbye(dialogue)

    async def _resolve(self) -> None:
        with self._stage(StageName.RESOLVE) as found:
            self._tester.guard.check_port(self._account.port)
            answers = await self._tester.network.resolve(self._account.host)
            self._addresses = addresses = self._tester.guard.check_addresses(answers)
            many = f", 1 of {len(addresses)}" if len(addresses) > 1 else ""
            found.detail = f"{addresses[0]} (IPv{addresses[0].version}{many})"
            if len(addresses) > 1:
                found.facts = (f"Addresses: {', '.join(map(str, addresses))}",)

    async def _connect(self) -> tuple[Address, Dialogue]:
        with self._stage(StageName.CONNECT) as found:
            address, sock = await connect_first(self._tester.network, self._addresses, self._account.port)
            if address != self._addresses[0]:
                found.detail = f"{address}, because {self._addresses[0]} did not answer in time"
            self._transcript.note(f"connected to {address} port {self._account.port}")
            return address, Dialogue(sock, self._account.host, helo=self._account.helo, transcript=self._transcript)

    async def _greeting(self, address: Address, dialogue: Dialogue) -> None:
        with self._stage(StageName.GREETING) as found:
            if self._account.encryption is not Encryption.SSL:
                await dialogue.begin()
            waiting = asyncio.ensure_future(dialogue.greeting())
            try:
                greeting = await self._greeting_or_tls(address, waiting)
            finally:
                waiting.cancel()
            if greeting.code != 220:
                raise refusal(self._redaction.reply(greeting.code, greeting.message), StageName.GREETING)
            found.detail = software(greeting.message)
            await self._hello(dialogue, StageName.GREETING)
            if self._account.encryption is not Encryption.TLS:
                found.facts = capabilities(dialogue.extensions)

    async def _greeting_or_tls(self, address: Address, waiting: asyncio.Future[SMTPResponse]) -> SMTPResponse:
        """Wait for the greeting; when none comes in clear text, see once whether TLS is expected."""
        if self._account.encryption is Encryption.SSL:
            return await waiting
        patience = min(_SILENCE, self._tester.timeout / 3)
        await asyncio.wait({waiting}, timeout=patience / 5 if self._account.port == 465 else patience)
        if waiting.done() and not (waiting.exception() and self._account.port == 465):
            return waiting.result()
        if await self._answers_tls(address):
            raise StageFailedError(Fault.PLAIN_TO_TLS_PORT, "no greeting came in clear text")
        return await waiting

    async def _answers_tls(self, address: Address) -> bool:
        """See, on a connection of its own and without any word of the account, whether TLS is spoken."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(self._tester.timeout / 3):
                return await self._seen_at(address, Encryption.SSL) is not None
        return False

    async def _hello(self, dialogue: Dialogue, stage: StageName) -> None:
        answer = await dialogue.hello()
        if answer.code != 250:
            raise refusal(self._redaction.reply(answer.code, answer.message), stage)

    async def _encryption(self, address: Address, dialogue: Dialogue) -> None:
        if self._account.encryption is Encryption.NONE:
            self._skip(StageName.ENCRYPTION, "not used")
            return
        with self._stage(StageName.ENCRYPTION) as found:
            try:
                await self._encrypt(dialogue, self._account.encryption, self._trust)
                if self._account.pin:
                    verify_pin(dialogue.peer(), self._account.pin)
            except ssl.SSLCertVerificationError:
                self._certificate = await self._seen_certificate(address)
                raise
            except NotThePinnedError:
                session = dialogue.peer()
                self._certificate = presented(session) if session else None
                raise
            self._describe_encryption(dialogue, found)
            if self._account.encryption is Encryption.TLS:
                # Nothing said before the handshake counts (RFC 3207, 4.2).
                await self._hello(dialogue, StageName.ENCRYPTION)
                found.facts += capabilities(dialogue.extensions)

    def _describe_encryption(self, dialogue: Dialogue, found: _Found) -> None:
        session = dialogue.peer()
        if session is None:
            return
        self._certificate = certificate = presented(session)
        cipher = (session.cipher() or ("",))[0]
        version = (session.version() or "TLS").replace("TLSv", "TLS ")
        self._transcript.note(f"encrypted with {version}, {cipher}")
        found.detail = version
        if certificate is None:
            return
        now = datetime.now(UTC)
        found.detail = f"{version} · {lifetime(certificate, now)}"
        found.facts = (
            f"Certificate: for {', '.join(certificate.names) or 'no name'}; issued by {certificate.issuer}",
            f"Cipher: {cipher}",
        )
        if days_left(certificate, now) < SOON:
            found.outcome, found.fault = Outcome.WARNED, Fault.CERTIFICATE_ENDS_SOON

    async def _encrypt(self, dialogue: Dialogue, encryption: Encryption, trust: ssl.SSLContext) -> None:
        async with self._tester.handshakes:
            if encryption is Encryption.SSL:
                await dialogue.begin_encrypted(trust)
                return
            if "starttls" not in dialogue.extensions:
                raise StageFailedError(Fault.STARTTLS_NOT_OFFERED, "the server does not offer STARTTLS")
            await dialogue.start_tls(trust)

    async def _seen_certificate(self, address: Address) -> Certificate | None:
        """Read a certificate that is not trusted, on a connection of its own that carries nothing else."""
        with suppress(OSError, SMTPException, GarbledReplyError, StageFailedError):
            return await self._seen_at(address, self._account.encryption)
        return None

    async def _seen_at(self, address: Address, encryption: Encryption) -> Certificate | None:
        _, sock = await connect_first(self._tester.network, [address], self._account.port)
        async with Dialogue(sock, self._account.host, helo=self._account.helo) as probe:
            if encryption is Encryption.TLS:
                await probe.begin()
                await probe.greeting()
                await probe.hello()
            await self._encrypt(probe, encryption, unverified_context())
            session = probe.peer()
            return presented(session) if session else None

    async def _sign_in(self, dialogue: Dialogue) -> None:
        account = self._account
        if not account.authenticate:
            self._skip(StageName.SIGN_IN, "not required")
            return
        with self._stage(StageName.SIGN_IN) as found:
            if account.encryption is Encryption.NONE:
                raise StageFailedError(Fault.PASSWORD_OVER_CLEAR_TEXT, "the link is not encrypted")
            if account.password is None and account.token is None:
                raise StageFailedError(Fault.PASSWORD_MISSING, "no password is stored")
            mechanism, found.facts = mechanism_for(account, dialogue.mechanisms, self._redaction)
            answer = await self._say_who(dialogue, mechanism)
            if answer.code != 235:
                raise refusal(self._redaction.reply(answer.code, answer.message), StageName.SIGN_IN)
            found.detail = f"{account.login} with {mechanism}"

    async def _say_who(self, dialogue: Dialogue, mechanism: str) -> SMTPResponse:
        if self._account.token is not None:
            token = await self._account.token()
            self._redaction.know(self._account.login, token)
            return await dialogue.sign_in_with_token(self._account.login, token)
        if self._account.password is None:
            raise StageFailedError(Fault.PASSWORD_MISSING, "no password is stored")
        return await dialogue.sign_in(mechanism, self._account.login, self._account.password)

    async def _sender(self, dialogue: Dialogue) -> None:
        with self._stage(StageName.SENDER) as found:
            recipient = self._outgoing.recipient if self._outgoing else self._account.address
            sender, parameters = path(self._account.address, dialogue.extensions)
            to, _ = path(recipient, dialogue.extensions)
            self._replies = dialogue.envelope(sender, to, parameters, then=() if self._outgoing else _GOODBYES)
            answer = await anext(self._replies)
            if answer.code != 250:
                self._weigh_sender(found, self._redaction.reply(answer.code, answer.message))
            else:
                answer = await anext(self._replies)
                if answer.code not in (250, 251, 252):
                    self._weigh_recipient(found, self._redaction.reply(answer.code, answer.message))
            if found.outcome is Outcome.PASSED:
                found.detail = f"{self._account.address} accepted"

    def _weigh_sender(self, found: _Found, reply: Reply) -> None:
        refused = refusal(reply, StageName.SENDER)
        if refused.fault is not Fault.TEMPORARY_REFUSAL:
            raise refused
        found.outcome, found.fault, found.reply, found.detail = Outcome.WARNED, refused.fault, reply, refused.detail

    def _weigh_recipient(self, found: _Found, reply: Reply) -> None:
        detail = refusal(reply, StageName.SENDER).detail
        fault, outcome = recipient_refusal(reply, signed_in=self._account.authenticate)
        if outcome is Outcome.FAILED:
            raise StageFailedError(fault, detail, reply=reply)
        found.outcome, found.fault, found.reply, found.detail = outcome, fault, reply, detail

    async def _message(self, dialogue: Dialogue, outgoing: Outgoing) -> None:
        if self._stages[StageName.SENDER].outcome is not Outcome.PASSED:
            self._skip(StageName.MESSAGE, "not sent, because the server did not take sender or recipient")
            return
        with self._stage(StageName.MESSAGE) as found:
            answer = await dialogue.send_message(outgoing.content)
            found.detail = self._redaction.reply(answer.code, answer.message).text or "accepted"

    async def _goodbye(self, dialogue: Dialogue) -> None:
        with suppress(SMTPException, GarbledReplyError, OSError, TimeoutError):
            async with asyncio.timeout(_GOODBYE):
                if self._outgoing is not None:
                    await dialogue.command(b"QUIT")
                async for _ in self._replies:
                    # What RSET and QUIT are answered changes nothing.
                    pass
