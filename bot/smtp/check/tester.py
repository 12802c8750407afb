"""The connection test: one deadline, one resolution, one mechanism, one password attempt; a message only on request."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_address

from aiosmtplib.errors import SMTPException
from aiosmtplib.response import SMTPResponse
from pydantic import SecretStr

from bot.providers.recognition import needs_mx, provider_behind
from bot.smtp.account import Account, Encryption, Outgoing
from bot.smtp.check.capabilities import (
    echoes_mask,
    envelope,
    envelope_path,
    limits,
    masked,
    mechanism_for,
    software,
    software_by_extensions,
)
from bot.smtp.check.evidence import Command, Evidence
from bot.smtp.check.faults import (
    NAME_FAULTS,
    StageFailedError,
    after_encryption,
    certificate_failure,
    failure,
    no_answer,
    old_encryption,
    refusal,
)
from bot.smtp.check.one_by_one import SecondConnection, replies
from bot.smtp.check.probe import OtherPorts, PortProbe
from bot.smtp.check.refusals.table import classify
from bot.smtp.check.report import Certificate, Fault, Outcome, Reply, Report, Stage, StageName
from bot.smtp.dialogue.replies import Redaction, Transcript
from bot.smtp.dialogue.session import DEFAULT_HELO, Dialogue, GarbledReplyError
from bot.smtp.dialogue.sign_in import SignInAnswer, sign_in
from bot.smtp.network.certificate import PinMismatchError, peer_certificate, unverified_context, verify_pin
from bot.smtp.network.connect import Network
from bot.smtp.network.guard import Address, Guard, HostError, normal_host

SILENCE_SECONDS = 5.0
"""How long a server may be silent before its greeting until TLS is tried once, to tell a TLS port from a dead one."""

GOODBYE_TIMEOUT_SECONDS = 1.0
"""How long RSET and QUIT may take; the result does not depend on them."""

LOOK_SHARE = 0.75
"""The share of the deadline after which other ports are looked at while the server may still answer on its own."""

LOOK_SECONDS = 1.0
"""How long a look at the server takes at least, even when that is past the deadline."""

PROVIDER_SECONDS = 1.0
"""How long a failed test looks for the provider behind the sender's domain, within its deadline."""

_OPENING_STAGES = (StageName.CONNECT, StageName.GREETING, StageName.ENCRYPTION)
_OLD_OR_NOT = (Fault.TLS_NOTHING_IN_COMMON, Fault.TLS_TOO_OLD, Fault.TLS_FAILED, Fault.TLS_CLOSED)
"""How handshakes fail with a server that is too old; it may be something else."""
_OF_THE_PORT = (Fault.PASSWORD_OVER_CLEAR_TEXT, Fault.SIGN_IN_NOT_OFFERED, Fault.ENCRYPTION_NEEDED)
"""Faults of later stages against which another port may help."""
_OF_THE_NAME = (Fault.ANNOUNCED_NAME_REFUSED, Fault.DEFAULT_NAME_REFUSED)
"""Faults that lead to another announced name, and to no other port."""

Progress = Callable[[Report], None]


class ConnectionTester:
    """Tests accounts; holds what all tests share.

    `timeout` is in seconds for a whole test; `handshakes` is how many TLS handshakes may run at once; `helo` is what
    EHLO announces for accounts that have no name of their own for it.
    """

    def __init__(
        self,
        *,
        guard: Guard,
        network: Network,
        trust: ssl.SSLContext,
        timeout: float,
        handshakes: int,
        helo: str = DEFAULT_HELO,
    ) -> None:
        self.guard = guard
        self.network = network
        self.trust = trust
        self.timeout = timeout
        self.helo = helo
        self.handshakes = asyncio.Semaphore(handshakes)

    async def test(self, account: Account, progress: Progress) -> Report:
        """Test one account and return the report; `progress` gets the report so far whenever a stage begins.

        Whatever the server or the network does ends in the report; only cancellation is raised.
        """
        return await _Run(self, account, progress).run()

    async def send(self, account: Account, outgoing: Outgoing, progress: Progress) -> Report:
        """Test one account as `test` does and, when all stages pass, send one message."""
        return await _Run(self, account, progress, outgoing).run()


@dataclass
class _Finding:
    """What a stage found; with a warning, its fault and the server's reply."""

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
        self._own_name = account.helo is not None
        self._account = account = replace(account, helo=account.helo or tester.helo)
        self._progress = progress
        self._outgoing = outgoing
        self._trust = unverified_context() if account.pin else tester.trust
        self._probe = PortProbe(tester.guard, tester.network, self._trust, tester.handshakes, account)
        self._redaction = Redaction(account.login, account.password)
        self._transcript = Transcript(self._redaction)
        self._clock = asyncio.get_running_loop().time
        self._began = self._stage_began = self._clock()
        self._ends = self._began + tester.timeout
        self._current = StageName.RESOLVE
        self._stages = {name: Stage(name=name, outcome=Outcome.SKIPPED) for name in _order(account, outgoing)}
        self._addresses: list[Address] = []
        self._address: Address | None = None
        self._fault: Fault | None = None
        self._reply: Reply | None = None
        self._certificate: Certificate | None = None
        self._other_ports = OtherPorts()
        self._replies: AsyncIterator[SMTPResponse]
        self._dialogue: Dialogue | None = None
        self._command = Command.GREETING
        self._mechanism = ""
        self._greeting = ""
        self._greeted: Stage | None = None
        self._starttls: bool | None = None
        self._mail_servers: tuple[str, ...] = ()
        self._provider = ""
        self._software = ""
        self._signed_in_with: tuple[str, SecretStr] | None = None
        self._opened = AsyncExitStack()

    async def run(self) -> Report:
        failed = asyncio.Event()
        looking = asyncio.create_task(self._look_at_other_ports(failed))
        try:
            async with asyncio.timeout_at(self._ends) as deadline:
                await self._run_stages()
        except Exception as error:  # noqa: BLE001 - whatever a server provokes is the report's, not the program's
            self._fail(await self._examined(error), timed_out=deadline.expired())
            opening = self._current in _OPENING_STAGES and self._fault not in _OF_THE_NAME
            about_the_port = opening or self._fault in _OF_THE_PORT
            if about_the_port:
                failed.set()
            await self._look_for_provider(self._ends)
            if about_the_port:
                self._other_ports = await looking
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        return self._report()

    async def _look_at_other_ports(self, failed: asyncio.Event) -> OtherPorts:
        """Look once an opening stage has failed, or takes so long that it may fail: it may still pass meanwhile."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._began + self._tester.timeout * LOOK_SHARE):
                await failed.wait()
        if self._current not in _OPENING_STAGES:
            await failed.wait()
        return await self._probe.look(self._addresses, until=self._enough())

    def _enough(self) -> float:
        return max(self._ends, self._clock() + LOOK_SECONDS)

    async def _examined(self, error: Exception) -> Exception:
        """Return what an error really means, after one more look at what a handshake stumbled over."""
        if self._current is not StageName.ENCRYPTION or self._address is None:
            return error
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._enough()):
                if isinstance(error, ssl.SSLCertVerificationError):
                    self._certificate = await self._probe.untrusted_certificate(self._address)
                elif failure(error, self._current, self._redaction, self._evidence()).fault in _OLD_OR_NOT:
                    return old_encryption(error, await self._probe.old_encryption(self._address))
        if isinstance(error, ssl.SSLCertVerificationError):
            return certificate_failure(error, self._certificate)
        return error

    async def _look_for_provider(self, until: float) -> None:
        """Find out who takes mail in for the sender's domain, where the domain does not tell."""
        if self._fault is Fault.RESOLVER_UNAVAILABLE or not needs_mx(self._account.host, self._account.address):
            return
        with suppress(TimeoutError, HostError):
            domain = normal_host(self._account.address.rpartition("@")[2])
            async with asyncio.timeout_at(min(until, self._clock() + PROVIDER_SECONDS)):
                provider = provider_behind(await self._tester.network.mail_servers(domain))
                self._provider = provider.label if provider else ""

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
            open_ports=self._other_ports.open,
            closed_ports=self._other_ports.closed,
            transcript=self._transcript.lines,
            evidence=self._evidence() if self._fault else None,
            mail_servers=self._mail_servers,
            provider=self._provider,
        )

    @contextmanager
    def _stage(self, name: StageName) -> Iterator[_Finding]:
        self._current, self._stage_began = name, self._clock()
        self._stages[name] = Stage(name=name, outcome=Outcome.RUNNING)
        self._progress(self._report())
        finding = _Finding()
        yield finding
        self._end(finding)

    def _end(self, finding: _Finding) -> None:
        self._stages[self._current] = Stage(
            name=self._current,
            outcome=finding.outcome,
            seconds=self._clock() - self._stage_began,
            detail=finding.detail,
            facts=finding.facts,
        )
        self._fault, self._reply = finding.fault or self._fault, finding.reply or self._reply

    def _skip(self, name: StageName, why: str) -> None:
        self._stages[name] = replace(self._stages[name], detail=why)

    def _fail(self, error: Exception, *, timed_out: bool) -> None:
        if self._stages[self._current].outcome is not Outcome.RUNNING:
            # Every stage had ended; only the goodbye went wrong, which changes nothing.
            return
        if (late := self._tls_error()) is not None:
            error = late
            self._reopen_encryption()
        if timed_out:
            failed = self._timeout_failure()
        else:
            failed = failure(error, self._current, self._redaction, self._evidence())
        failed = after_encryption(failed, self._evidence())
        if failed.fault is Fault.TLS_TO_PLAIN_PORT and self._account.encryption is Encryption.TLS:
            # The server had agreed to switch, so the port is right and the server is broken.
            failed = StageFailedError(Fault.TLS_FAILED, failed.detail)
        if failed.fault is Fault.STARTTLS_REFUSED and failed.reply is not None and echoes_mask(failed.reply.text):
            failed = StageFailedError(Fault.STARTTLS_MASKED, failed.detail, reply=failed.reply)
        self._transcript.note(f"{self._current} failed: {failed.detail}")
        facts: tuple[str, ...] = ()
        if self._current is StageName.ENCRYPTION and self._certificate is not None:
            facts = (f"{_described(self._certificate)}; {self._certificate.period()}",)
        self._end(_Finding(failed.detail, Outcome.FAILED, failed.fault, failed.reply, facts))

    def _tls_error(self) -> ssl.SSLError | None:
        """Return why the server refused TLS after the bot had ended the handshake, as version 1.3 allows."""
        if self._current is not StageName.GREETING or self._dialogue is None:
            return None
        return self._dialogue.tls_error

    def _reopen_encryption(self) -> None:
        self._stages[StageName.GREETING] = self._greeted or Stage(name=StageName.GREETING, outcome=Outcome.SKIPPED)
        self._current = StageName.ENCRYPTION
        self._stages[StageName.ENCRYPTION] = Stage(name=StageName.ENCRYPTION, outcome=Outcome.RUNNING)
        self._stages = {name: self._stages[name] for name in _order(self._account, self._outgoing)}

    def _timeout_failure(self) -> StageFailedError:
        if self._current is StageName.RESOLVE:
            return StageFailedError(Fault.RESOLVER_UNAVAILABLE, "the name service does not answer")
        return no_answer(self._current, self._evidence(), f"no answer within {self._clock() - self._began:.1f} s")

    def _evidence(self) -> Evidence:
        dialogue = self._dialogue
        if dialogue is None:
            return Evidence(command=self._command)
        return Evidence(
            command=self._command,
            mechanisms=dialogue.mechanisms,
            mechanism=self._mechanism,
            signed_in=self._signed_in_with is not None,
            encrypted=dialogue.encrypted,
            announced=dialogue.announced,
            own_name=self._own_name,
            recipient=self._outgoing.recipient if self._outgoing else self._account.address,
            starttls=self._starttls,
            software=self._software or software_by_extensions(dialogue.extensions),
        )

    def _parsed(self, answer: SMTPResponse) -> Reply:
        return self._redaction.reply(answer.code, answer.message)

    async def _run_stages(self) -> None:
        await self._resolve()
        address, dialogue = await self._connect()
        async with dialogue, self._opened:
            if self._account.encryption is Encryption.SSL:
                await self._encrypt(dialogue)
                await self._greet(address, dialogue)
            else:
                await self._greet(address, dialogue)
                await self._encrypt(dialogue)
            if self._account.encryption is Encryption.TLS:
                await self._greet_again(dialogue)
            await self._sign_in(dialogue)
            await self._send_envelope(address, dialogue)
            if self._outgoing is not None:
                await self._send_message(dialogue, self._outgoing)
            await self._say_goodbye(dialogue)

    async def _resolve(self) -> None:
        with self._stage(StageName.RESOLVE) as finding:
            answers = await self._look_up(self._account.host)
            addresses = self._tester.guard.check_addresses(answers)
            # After the addresses: where one is not to be reached, no other port helps.
            self._tester.guard.check_port(self._account.port)
            self._addresses = addresses
            many = f", 1 of {len(addresses)}" if len(addresses) > 1 else ""
            finding.detail = f"{addresses[0]} (IPv{addresses[0].version}{many})"
            if len(addresses) > 1:
                finding.facts = (f"Addresses: {', '.join(map(str, addresses))}",)

    async def _look_up(self, host: str) -> list[Address]:
        try:
            return await self._tester.network.resolve(host)
        except socket.gaierror as error:
            answer, self._mail_servers = await self._tester.network.unresolved(host, error)
            raise StageFailedError(NAME_FAULTS[answer], answer.value) from None

    async def _connect(self) -> tuple[Address, Dialogue]:
        account = self._account
        with self._stage(StageName.CONNECT) as finding:
            sock = await self._tester.network.connect(self._addresses, account.port)
            try:
                address = ip_address(sock.getpeername()[0])
            except OSError:
                # The server has closed the connection already.
                sock.close()
                raise
            if address != self._addresses[0]:
                finding.detail = f"{address}, because {self._addresses[0]} did not answer in time"
            self._address = address
            self._transcript.note(f"connected to {address} port {account.port}")
        self._dialogue = dialogue = Dialogue(
            sock, account.host, handshakes=self._tester.handshakes, helo=account.helo, transcript=self._transcript
        )
        return address, dialogue

    async def _greet(self, address: Address, dialogue: Dialogue) -> None:
        with self._stage(StageName.GREETING) as finding:
            if self._account.encryption is not Encryption.SSL:
                await dialogue.start()
            waiting = asyncio.ensure_future(dialogue.greeting())
            try:
                greeting = await self._greeting_or_tls(address, waiting)
            finally:
                waiting.cancel()
            if greeting.code != 220:
                raise refusal(self._parsed(greeting), self._evidence())
            self._greeting = greeting.message
            finding.detail = self._software = software(greeting.message)
            await self._ehlo(dialogue)
            self._starttls = "starttls" in dialogue.extensions
            if self._account.encryption is not Encryption.TLS:
                finding.facts = limits(dialogue.extensions)

    async def _greeting_or_tls(self, address: Address, waiting: asyncio.Future[SMTPResponse]) -> SMTPResponse:
        """Wait for the greeting; when none comes in clear text, check once whether TLS is expected."""
        if self._account.encryption is Encryption.SSL:
            return await waiting
        silence = min(SILENCE_SECONDS, self._tester.timeout / 3)
        await asyncio.wait({waiting}, timeout=silence / 5 if self._account.port == 465 else silence)
        if waiting.done() and not (waiting.exception() and self._account.port == 465):
            return waiting.result()
        looking = asyncio.create_task(self._expects_tls(address))
        both: set[asyncio.Future[SMTPResponse] | asyncio.Task[bool]] = {waiting, looking}
        try:
            # A slow greeting ends the look: then the port is right.
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if (not waiting.done() or waiting.exception()) and await looking:
                raise StageFailedError(Fault.PLAIN_TO_TLS_PORT, "no greeting came in clear text")
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        return await waiting

    async def _expects_tls(self, address: Address) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._tester.timeout / 3):
                return await self._probe.answers_tls(address)
        return False

    async def _ehlo(self, dialogue: Dialogue) -> None:
        self._command = Command.EHLO
        answer = await dialogue.ehlo()
        if answer.code != 250:
            raise refusal(self._parsed(answer), self._evidence())

    async def _encrypt(self, dialogue: Dialogue) -> None:
        encryption = self._account.encryption
        if encryption is Encryption.NONE:
            self._skip(StageName.ENCRYPTION, "not used")
            return
        with self._stage(StageName.ENCRYPTION) as finding:
            if encryption is Encryption.SSL:
                await dialogue.start_encrypted(self._trust)
            else:
                self._check_starttls(dialogue)
                self._command = Command.STARTTLS
                await dialogue.start_tls(self._trust)
            if self._account.pin:
                try:
                    verify_pin(dialogue.tls_session(), self._account.pin)
                except PinMismatchError:
                    self._certificate = peer_certificate(dialogue.tls_session())
                    raise
            self._describe_encryption(dialogue, finding)
            if dialogue.text_before_tls:
                self._transcript.note("text that came before the handshake was discarded")
                finding.outcome, finding.fault = Outcome.WARNED, Fault.TEXT_BEFORE_TLS

    def _check_starttls(self, dialogue: Dialogue) -> None:
        if "starttls" in dialogue.extensions:
            return
        mask = masked(self._greeting, dialogue.offered)
        if mask:
            shown = self._redaction.text(mask)
            raise StageFailedError(Fault.STARTTLS_MASKED, f"STARTTLS is not offered; what came is masked: {shown}")
        raise StageFailedError(Fault.STARTTLS_NOT_OFFERED, "the server does not offer STARTTLS")

    async def _greet_again(self, dialogue: Dialogue) -> None:
        """Say EHLO anew, because nothing offered before the handshake counts (RFC 3207, 4.2).

        What goes wrong is told at Greeting, which then comes after Encryption: that has passed.
        """
        before, self._greeted = self._stages, self._stages[StageName.GREETING]
        order = [StageName.RESOLVE, StageName.CONNECT, StageName.ENCRYPTION, StageName.GREETING]
        self._stages = {name: before[name] for name in dict.fromkeys([*order, *before])}
        self._current, self._stage_began = StageName.GREETING, self._clock()
        self._stages[StageName.GREETING] = Stage(name=StageName.GREETING, outcome=Outcome.RUNNING)
        await self._ehlo(dialogue)
        encrypted = before[StageName.ENCRYPTION]
        encrypted = replace(encrypted, facts=encrypted.facts + limits(dialogue.extensions))
        self._stages = before | {StageName.ENCRYPTION: encrypted}

    def _describe_encryption(self, dialogue: Dialogue, finding: _Finding) -> None:
        session = dialogue.tls_session()
        if session is None:
            return
        self._certificate = certificate = peer_certificate(session)
        cipher = (session.cipher() or ("",))[0]
        version = (session.version() or "TLS").replace("TLSv", "TLS ")
        self._transcript.note(f"encrypted with {version}, {cipher}")
        finding.detail = version
        if certificate is None:
            return
        now = datetime.now(UTC)
        finding.detail = f"{version} · {certificate.lifetime(now)}"
        finding.facts = (_described(certificate), f"Cipher: {cipher}")
        if certificate.ends_soon(now):
            finding.outcome, finding.fault = Outcome.WARNED, Fault.CERTIFICATE_ENDS_SOON

    async def _sign_in(self, dialogue: Dialogue) -> None:
        account = self._account
        if not account.authenticate:
            self._skip(StageName.SIGN_IN, "not required")
            return
        with self._stage(StageName.SIGN_IN) as finding:
            if account.encryption is Encryption.NONE:
                raise StageFailedError(Fault.PASSWORD_OVER_CLEAR_TEXT, "the link is not encrypted")
            secret = await account.token() if account.token else account.password
            if secret is None:
                raise StageFailedError(Fault.PASSWORD_MISSING, "no password is stored")
            self._redaction.add(account.login, secret)
            mechanism, finding.facts = mechanism_for(account, dialogue.mechanisms, dialogue.extensions, self._redaction)
            self._command, self._mechanism = Command.AUTH, mechanism
            answer = await sign_in(dialogue, mechanism, account.login, secret)
            if not answer.accepted:
                raise self._sign_in_failure(answer)
            self._signed_in_with = mechanism, secret
            finding.detail = f"{account.login} with {mechanism}"

    def _sign_in_failure(self, answer: SignInAnswer) -> StageFailedError:
        failed = refusal(self._parsed(answer.reply), self._evidence())
        if answer.token_error:
            failed.detail += f" ({self._redaction.text(answer.token_error)})"
        return failed

    async def _send_envelope(self, address: Address, dialogue: Dialogue) -> None:
        account, outgoing = self._account, self._outgoing
        with self._stage(StageName.SENDER) as finding:
            sender, parameters = envelope_path(account.address, dialogue.extensions)
            to, _ = envelope_path(outgoing.recipient if outgoing else account.address, dialogue.extensions)
            self._command = Command.MAIL
            self._replies = self._replies_to(address, dialogue, envelope(sender, to, parameters))
            reply = self._parsed(await anext(self._replies))
            if reply.code == 250:
                self._command = Command.RCPT
                reply = self._parsed(await anext(self._replies))
                if reply.code in (250, 251, 252):
                    finding.detail = f"{account.address} accepted"
                    return
            self._judge(reply, finding)

    def _judge(self, reply: Reply, finding: _Finding) -> None:
        fault, outcome = classify(reply, self._evidence())
        if outcome is Outcome.FAILED:
            raise StageFailedError(fault, str(reply), reply=reply)
        finding.outcome, finding.fault, finding.reply, finding.detail = outcome, fault, reply, str(reply)

    def _replies_to(
        self, address: Address, dialogue: Dialogue, commands: tuple[bytes, ...]
    ) -> AsyncIterator[SMTPResponse]:
        """Send MAIL and RCPT and, without a message, the goodbye with them."""
        if self._outgoing is not None:
            return dialogue.one_by_one(commands)
        commands += (b"RSET", b"QUIT")
        if "pipelining" not in dialogue.extensions:
            return dialogue.one_by_one(commands)
        second = SecondConnection(
            network=self._tester.network,
            account=self._account,
            trust=self._trust,
            first=dialogue,
            transcript=self._transcript,
            stack=self._opened,
            signed_in_with=self._signed_in_with,
        )
        return replies(dialogue, commands, patience=self._tester.timeout / 4, second=second, address=address)

    async def _send_message(self, dialogue: Dialogue, outgoing: Outgoing) -> None:
        if self._stages[StageName.SENDER].outcome is not Outcome.PASSED:
            self._skip(StageName.MESSAGE, "not sent, because the server did not take sender or recipient")
            return
        with self._stage(StageName.MESSAGE) as finding:
            self._command = Command.DATA
            reply = self._parsed(await dialogue.begin_message())
            if reply.code == 354:
                self._command = Command.MESSAGE
                reply = self._parsed(await dialogue.send_message(outgoing.content))
                if reply.code == 250:
                    finding.detail = reply.text or "accepted"
                    return
            self._judge(reply, finding)

    async def _say_goodbye(self, dialogue: Dialogue) -> None:
        with suppress(SMTPException, GarbledReplyError, OSError):
            async with asyncio.timeout(GOODBYE_TIMEOUT_SECONDS):
                if self._outgoing is not None:
                    await dialogue.command(b"QUIT")
                async for _ in self._replies:
                    # What RSET and QUIT are answered changes nothing.
                    pass


def _described(certificate: Certificate) -> str:
    return f"Certificate: for {', '.join(certificate.names) or 'no name'}; issued by {certificate.issuer}"


def _order(account: Account, outgoing: Outgoing | None) -> list[StageName]:
    names = [name for name in StageName if outgoing or name is not StageName.MESSAGE]
    if account.encryption is Encryption.SSL:
        names[2:4] = StageName.ENCRYPTION, StageName.GREETING
    return names
