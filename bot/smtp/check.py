"""The staged connection test: one deadline, one resolution, one mechanism, one password attempt, no message."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import idna
from aiosmtplib.errors import SMTPException
from aiosmtplib.response import SMTPResponse

from bot.smtp.account import Account, Encryption
from bot.smtp.certificate import lifetime, names
from bot.smtp.dialogue import Dialogue, GarbledReplyError
from bot.smtp.faults import StageFailedError, failure, recipient_refusal, refusal
from bot.smtp.guard import Address, Guard
from bot.smtp.network import Network
from bot.smtp.replies import Redaction, clean
from bot.smtp.report import Fault, Outcome, Reply, Report, Stage, StageName

STRONGEST_FIRST = ("CRAM-MD5", "PLAIN", "LOGIN")
"""The mechanisms spoken here; the first that the server offers is used unless the profile's AUTH says which."""

_SILENCE = 5.0
"""Seconds of silence before a greeting after which TLS is tried once, to tell a TLS port from a dead one."""

_GOODBYE = 1.0
"""Seconds that a server may take over QUIT; the test's result stands already."""

_SOFTWARE = ("Postfix", "Exim", "OpenSMTPD", "Sendmail", "Microsoft ESMTP", "gsmtp", "Haraka", "Zimbra", "qmail")

_ORDER = {
    Encryption.SSL: (StageName.RESOLVE, StageName.CONNECT, StageName.ENCRYPTION, StageName.GREETING),
    Encryption.TLS: (StageName.RESOLVE, StageName.CONNECT, StageName.GREETING, StageName.ENCRYPTION),
    Encryption.NONE: (StageName.RESOLVE, StageName.CONNECT, StageName.GREETING, StageName.ENCRYPTION),
}


def trust_store(ca_file: Path | None) -> ssl.SSLContext:
    """Build the verifying TLS context that all tests share: system authorities, and those in `ca_file`.

    Building one costs tens of milliseconds, more than a whole test, so it is done once.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(cafile=str(ca_file))
    return context


class Tester:
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

    async def test(self, account: Account, progress: Callable[[Report], None]) -> Report:
        """Test one account; `progress` gets the report so far whenever a stage begins.

        Whatever the server or the network does ends in the report; only cancellation is raised.
        """
        return await _Run(self, account, progress).report()


@dataclass
class _Found:
    """What a stage found; a warning names its fault and the server's reply."""

    detail: str = ""
    outcome: Outcome = Outcome.PASSED
    fault: Fault | None = None
    reply: Reply | None = None


class _Run:
    """One test under way."""

    def __init__(self, tester: Tester, account: Account, progress: Callable[[Report], None]) -> None:
        self._tester = tester
        self._account = account
        self._progress = progress
        self._redaction = Redaction(account.login, account.password)
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._stage_began = self._began
        self._current = StageName.RESOLVE
        self._stages = {
            name: Stage(name=name, outcome=Outcome.SKIPPED)
            for name in (*_ORDER[account.encryption], StageName.SIGN_IN, StageName.SENDER)
        }
        self._fault: Fault | None = None
        self._reply: Reply | None = None
        self._certificate_names: tuple[str, ...] = ()

    async def report(self) -> Report:
        try:
            async with asyncio.timeout(self._tester.timeout) as deadline:
                await self._stages_in_order()
        except Exception as error:  # noqa: BLE001 - whatever a server provokes is the report's, not the program's
            self._fail(error, timed_out=deadline.expired())
        return self._report()

    def _report(self) -> Report:
        return Report(
            host=self._account.host,
            port=self._account.port,
            encryption=self._account.encryption,
            stages=tuple(self._stages.values()),
            seconds=self._clock() - self._began,
            tested_at=datetime.now(UTC),
            fault=self._fault,
            reply=self._reply,
            certificate_names=self._certificate_names,
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
        self._stages[name] = Stage(name=name, outcome=found.outcome, seconds=seconds, detail=found.detail)
        self._fault, self._reply = found.fault or self._fault, found.reply or self._reply

    def _fail(self, error: Exception, *, timed_out: bool) -> None:
        if self._stages[self._current].outcome is not Outcome.RUNNING:
            # Every stage had ended; only the goodbye went wrong, which changes nothing.
            return
        failed = self._too_late() if timed_out else failure(error, self._current, self._redaction)
        if failed.fault is Fault.TLS_TO_PLAIN_PORT and self._account.encryption is Encryption.TLS:
            # The server had agreed to switch, so the port is right and the server is broken.
            failed = StageFailedError(Fault.TLS_FAILED, failed.detail)
        self._end(self._current, _Found(failed.detail, Outcome.FAILED, failed.fault, failed.reply))

    def _too_late(self) -> StageFailedError:
        if self._current is StageName.RESOLVE:
            return StageFailedError(Fault.RESOLVER_UNAVAILABLE, "the name service does not answer")
        return StageFailedError(Fault.TIMED_OUT, f"no answer within {self._tester.timeout:g} s")

    async def _stages_in_order(self) -> None:
        addresses = await self._resolve()
        address, dialogue = await self._connect(addresses)
        async with dialogue:
            if self._account.encryption is Encryption.SSL:
                await self._encryption(address, dialogue)
                await self._greeting(address, dialogue)
            else:
                await self._greeting(address, dialogue)
                await self._encryption(address, dialogue)
            await self._sign_in(dialogue)
            await self._sender(dialogue)
            await self._goodbye(dialogue)

    async def _resolve(self) -> list[Address]:
        with self._stage(StageName.RESOLVE) as found:
            self._tester.guard.check_port(self._account.port)
            answers = await self._tester.network.resolve(self._account.host)
            addresses = self._tester.guard.check_addresses(answers)
            many = f", 1 of {len(addresses)}" if len(addresses) > 1 else ""
            found.detail = f"{addresses[0]} (IPv{addresses[0].version}{many})"
        return addresses

    async def _connect(self, addresses: list[Address]) -> tuple[Address, Dialogue]:
        with self._stage(StageName.CONNECT) as found:
            last_error: OSError | None = None
            for number, address in enumerate(addresses, start=1):
                # One dead address must not use up the time of those behind it.
                share = None if number == len(addresses) else self._tester.timeout / 3
                try:
                    async with asyncio.timeout(share):
                        sock = await self._tester.network.connect(address, self._account.port)
                except OSError as error:
                    last_error = error
                    continue
                if number > 1:
                    found.detail = f"{address}, after {number - 1} that did not answer"
                return address, Dialogue(sock, self._account.host, helo=self._account.helo)
            raise last_error or OSError("there is no address")

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
            found.detail = next((name for name in _SOFTWARE if name.lower() in greeting.message.lower()), "")
            await self._hello(dialogue, StageName.GREETING)

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
            async with asyncio.timeout(self._tester.timeout / 3), self._tester.handshakes:
                sock = await self._tester.network.connect(address, self._account.port)
                async with Dialogue(sock, self._account.host) as probe:
                    try:
                        await probe.begin_encrypted(self._tester.trust)
                    except ssl.SSLCertVerificationError:
                        return True
                    return True
        return False

    async def _hello(self, dialogue: Dialogue, stage: StageName) -> None:
        answer = await dialogue.hello()
        if answer.code != 250:
            raise refusal(self._redaction.reply(answer.code, answer.message), stage)

    async def _encryption(self, address: Address, dialogue: Dialogue) -> None:
        if self._account.encryption is Encryption.NONE:
            self._stages[StageName.ENCRYPTION] = Stage(
                name=StageName.ENCRYPTION, outcome=Outcome.SKIPPED, detail="not used"
            )
            return
        with self._stage(StageName.ENCRYPTION) as found:
            try:
                await self._encrypt(dialogue, self._tester.trust)
            except ssl.SSLCertVerificationError as error:
                if failure(error, StageName.ENCRYPTION, self._redaction).fault is Fault.CERTIFICATE_WRONG_NAME:
                    self._certificate_names = await self._names_it_carries(address)
                raise
            session = dialogue.peer()
            found.detail = f"{_version(session)} · {lifetime(session, datetime.now(UTC))}" if session else ""
            if self._account.encryption is Encryption.TLS:
                # Nothing said before the handshake counts (RFC 3207, 4.2).
                await self._hello(dialogue, StageName.ENCRYPTION)

    async def _encrypt(self, dialogue: Dialogue, trust: ssl.SSLContext) -> None:
        async with self._tester.handshakes:
            if self._account.encryption is Encryption.SSL:
                await dialogue.begin_encrypted(trust)
                return
            if "starttls" not in dialogue.extensions:
                raise StageFailedError(Fault.STARTTLS_NOT_OFFERED, "the server does not offer STARTTLS")
            await dialogue.start_tls(trust)

    async def _names_it_carries(self, address: Address) -> tuple[str, ...]:
        """Read the names on a certificate whose chain is good, on a connection that carries nothing else."""
        with suppress(OSError, SMTPException, GarbledReplyError, StageFailedError):
            any_name = _without_name_check(self._tester.trust)
            sock = await self._tester.network.connect(address, self._account.port)
            async with Dialogue(sock, self._account.host, helo=self._account.helo) as probe:
                if self._account.encryption is Encryption.TLS:
                    await probe.begin()
                    await probe.greeting()
                    await probe.hello()
                await self._encrypt(probe, any_name)
                session = probe.peer()
                return tuple(clean(name, most=100) for name in names(session)) if session else ()
        return ()

    async def _sign_in(self, dialogue: Dialogue) -> None:
        account = self._account
        if not account.authenticate:
            self._stages[StageName.SIGN_IN] = Stage(
                name=StageName.SIGN_IN, outcome=Outcome.SKIPPED, detail="not required"
            )
            return
        with self._stage(StageName.SIGN_IN) as found:
            if account.encryption is Encryption.NONE:
                raise StageFailedError(Fault.PASSWORD_OVER_CLEAR_TEXT, "the link is not encrypted")
            if account.password is None:
                raise StageFailedError(Fault.PASSWORD_MISSING, "no password is stored")
            mechanism = self._mechanism(dialogue)
            answer = await dialogue.sign_in(mechanism, account.login, account.password)
            if answer.code != 235:
                raise refusal(self._redaction.reply(answer.code, answer.message), StageName.SIGN_IN)
            found.detail = f"{account.login} with {mechanism}"

    def _mechanism(self, dialogue: Dialogue) -> str:
        if not dialogue.mechanisms:
            raise StageFailedError(Fault.SIGN_IN_NOT_OFFERED, "the server offers no sign-in")
        wanted = (self._account.mechanism,) if self._account.mechanism else STRONGEST_FIRST
        for mechanism in wanted:
            if mechanism in dialogue.mechanisms:
                return mechanism
        offered = self._redaction.text(", ".join(dialogue.mechanisms))
        raise StageFailedError(Fault.MECHANISM_NOT_OFFERED, f"the server offers {offered}")

    async def _sender(self, dialogue: Dialogue) -> None:
        with self._stage(StageName.SENDER) as found:
            path, parameters = self._path(dialogue)
            answer = await dialogue.command(b"MAIL", b"FROM:" + path, *parameters)
            if answer.code != 250:
                self._weigh_sender(found, self._redaction.reply(answer.code, answer.message))
            else:
                answer = await dialogue.command(b"RCPT", b"TO:" + path)
                if answer.code not in (250, 251, 252):
                    self._weigh_recipient(found, self._redaction.reply(answer.code, answer.message))
            if found.outcome is Outcome.PASSED:
                found.detail = f"{self._account.address} accepted"

    def _path(self, dialogue: Dialogue) -> tuple[bytes, tuple[bytes, ...]]:
        """Give the address as SMTP writes it, and the parameter that a non-ASCII one needs (RFC 6531)."""
        local, _, domain = self._account.address.rpartition("@")
        with suppress(idna.IDNAError):
            domain = idna.encode(domain, uts46=True).decode("ascii")
        path = f"<{local}@{domain}>".encode()
        if path.isascii():
            return path, ()
        if "smtputf8" not in dialogue.extensions:
            raise StageFailedError(Fault.SENDER_REFUSED, "the server takes only ASCII addresses")
        return path, (b"SMTPUTF8",)

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

    async def _goodbye(self, dialogue: Dialogue) -> None:
        with suppress(SMTPException, GarbledReplyError, OSError, TimeoutError):
            async with asyncio.timeout(_GOODBYE):
                await dialogue.command(b"RSET")
                await dialogue.command(b"QUIT")


def _version(session: ssl.SSLObject) -> str:
    return (session.version() or "TLS").replace("TLSv", "TLS ")


def _without_name_check(trust: ssl.SSLContext) -> ssl.SSLContext:
    """Make a context with the same authorities that takes any name, for reading the names alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(
        cadata="".join(ssl.DER_cert_to_PEM_cert(der) for der in trust.get_ca_certs(binary_form=True))
    )
    return context
