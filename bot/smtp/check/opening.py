"""The stages up to the sign-in: name, connection, greeting, encryption, sign-in; tests and letters begin with them."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address

from aiosmtplib.response import SMTPResponse
from pydantic import SecretStr

from bot.smtp.account import Account, Encryption, ReachedServer
from bot.smtp.check.capabilities import limits, masked, mechanism_for, software, software_by_extensions
from bot.smtp.check.evidence import Command, Evidence
from bot.smtp.check.faults import NAME_DETAILS, NAME_FAULTS, StageFailedError, refusal
from bot.smtp.check.probe import PortProbe
from bot.smtp.check.report import Certificate, Fault, Outcome, Reply, StageName
from bot.smtp.check.stage_record import Finding, StageRecord
from bot.smtp.dialogue.handshakes import Handshakes
from bot.smtp.dialogue.redaction import Redaction
from bot.smtp.dialogue.replies import Transcript
from bot.smtp.dialogue.session import Dialogue
from bot.smtp.dialogue.sign_in import SignInAnswer, sign_in
from bot.smtp.network.certificate import PinMismatchError, peer_certificate, verify_pin
from bot.smtp.network.connect import Network
from bot.smtp.network.dns_records import NameAnswer
from bot.smtp.network.guard import Address, AddressNotAllowedError, Guard, LoopbackNotAllowedError, is_own_name, literal

log = logging.getLogger(__name__)

SILENCE_SECONDS = 5.0
"""How long a server may be silent before its greeting until TLS is tried once, to tell a TLS port from a dead one."""


class NotPermittedError(Exception):
    """An account's permit raised `reason` in place of permitting the sign-in."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(reason)
        self.reason = reason


class Opening:
    """Goes through the stages with one account, on one connection, as far as they pass; what fails is raised.

    What was seen on the way stays: `addresses` of the name, the `address` that is connected to, the `dialogue`, the
    `certificate`, and `mail_servers`, the MX hosts of a name that has no address.
    """

    def __init__(
        self,
        account: Account,
        *,
        own_name: bool,
        record: StageRecord,
        probe: PortProbe,
        timeout: float,
        known: Iterable[str] = (),
    ) -> None:
        """`own_name` says that the profile chose the name for EHLO; `timeout` is that of the whole test, in seconds.

        `known` is what else is no secret, such as a recipient.
        """
        self._account = account
        self._own_name = own_name
        self._record = record
        self._probe = probe
        self._guard: Guard = probe.guard
        self._network: Network = probe.network
        self._trust: ssl.SSLContext = probe.trust
        self._handshakes: Handshakes = probe.handshakes
        self._timeout = timeout
        own = (account.address, account.host, account.helo or "", account.recipient or "")
        self.redaction = Redaction(account.login, account.password, known=(*own, *known))
        self.transcript = Transcript(self.redaction)
        self.addresses: list[Address] = []
        self.address: Address | None = None
        self.certificate: Certificate | None = None
        self.mail_servers: tuple[str, ...] = ()
        self.dialogue: Dialogue | None = None
        self._command = Command.GREETING
        self._mechanism = ""
        self._greeting = ""
        self._starttls: bool | None = None
        self._software = ""
        self._signed_in_with: tuple[str, SecretStr] | None = None

    async def connect(self) -> tuple[Address, Dialogue]:
        """Look the name up and connect; return the address that answers, and a dialogue that the caller closes."""
        await self._resolve()
        return await self._connect()

    async def sign_in(self, address: Address, dialogue: Dialogue) -> None:
        """Greet, encrypt and sign in, as the account says."""
        if self._account.encryption is Encryption.SSL:
            await self._encrypt(dialogue)
            await self._greet(address, dialogue)
        else:
            await self._greet(address, dialogue)
            await self._encrypt(dialogue)
        if self._account.encryption is Encryption.TLS:
            await self._greet_again(dialogue)
        await self._sign_in(dialogue)

    @property
    def _recipient(self) -> str | None:
        """Whom RCPT names, as far as evidence of a refusal counts it."""
        return None

    def evidence(self) -> Evidence:
        """Return what the dialogue has shown so far."""
        dialogue = self.dialogue
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
            recipient=self._recipient or "",
            starttls=self._starttls,
            software=self._software or software_by_extensions(dialogue.extensions),
        )

    def shown(self, certificate: Certificate | None) -> Certificate | None:
        """Return a certificate without the texts in it that hold a secret: a server writes what it likes there."""
        if certificate is None or not self.redaction.leaks("\n".join((*certificate.names, certificate.issuer))):
            return certificate
        names, issuer = map(self.redaction.text, certificate.names), self.redaction.text(certificate.issuer)
        return replace(certificate, names=tuple(names), issuer=issuer)

    async def _resolve(self) -> None:
        with self._record.stage(StageName.RESOLVE) as finding:
            addresses = await self._look_up(self._account.host)
            # After the addresses: where one is not to be reached, no other port helps.
            self._guard.check_port(self._account.port)
            self.addresses = addresses
            many = f", 1 of {len(addresses)}" if len(addresses) > 1 else ""
            finding.detail = f"{addresses[0]} (IPv{addresses[0].version}{many})"
            if len(addresses) > 1:
                finding.facts = (f"Addresses: {', '.join(map(str, addresses))}",)

    async def _look_up(self, host: str) -> list[Address]:
        """Return the addresses that may be reached.

        Whether a name does not exist, or leads where the bot may not go, is nobody's to see: that would show the names
        of networks inside. So both are answered alike, after the same questions to the DNS.
        """
        try:
            return self._guard.check_addresses(await self._network.resolve(host))
        except AddressNotAllowedError as error:
            if literal(host) or (is_own_name(host) and isinstance(error, LoopbackNotAllowedError)):
                # It tells by itself what it is.
                raise
            await self._network.unresolved(host, socket.gaierror(socket.EAI_NONAME, ""))
            answer, which = NameAnswer.NO_SUCH_NAME, str(error)
        except socket.gaierror as error:
            answer, self.mail_servers = await self._network.unresolved(host, error)
            which = answer.value
        log.info("The name of a test's server leads nowhere: %s.", which)
        raise StageFailedError(NAME_FAULTS[answer], NAME_DETAILS[answer])

    async def _connect(self) -> tuple[Address, Dialogue]:
        account = self._account
        with self._record.stage(StageName.CONNECT) as finding:
            sock = await self._network.connect(self.addresses, account.port)
            try:
                address = ip_address(sock.getpeername()[0])
            except OSError:
                # The server has closed the connection already.
                sock.close()
                raise
            if address != self.addresses[0]:
                finding.detail = f"{address}, because {self.addresses[0]} did not answer in time"
            self.address = address
            self.transcript.note(f"connected to {address} port {account.port}")
        self.dialogue = dialogue = Dialogue(
            sock, account.host, handshakes=self._handshakes, helo=account.helo, transcript=self.transcript
        )
        return address, dialogue

    async def _greet(self, address: Address, dialogue: Dialogue) -> None:
        with self._record.stage(StageName.GREETING) as finding:
            if self._account.encryption is not Encryption.SSL:
                await dialogue.start()
            waiting = asyncio.ensure_future(dialogue.greeting())
            try:
                greeting = await self._greeting_or_tls(address, waiting)
            finally:
                waiting.cancel()
            if greeting.code != 220:
                raise refusal(self._parsed(greeting), self.evidence())
            self._greeting = greeting.message
            finding.detail = self._software = software(greeting.message)
            await self._ehlo(dialogue)
            self._starttls = "starttls" in dialogue.extensions
            if self._account.encryption is not Encryption.TLS:
                finding.facts = self._limits(dialogue)

    async def _greeting_or_tls(self, address: Address, waiting: asyncio.Future[SMTPResponse]) -> SMTPResponse:
        """Wait for the greeting; when none comes in clear text, check once whether TLS is expected."""
        if self._account.encryption is Encryption.SSL:
            return await waiting
        silence = min(SILENCE_SECONDS, self._timeout / 3)
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
            async with asyncio.timeout(self._timeout / 3):
                return await self._probe.answers_tls(address)
        return False

    async def _ehlo(self, dialogue: Dialogue) -> None:
        self._command = Command.EHLO
        answer = await dialogue.ehlo()
        if answer.code != 250:
            raise refusal(self._parsed(answer), self.evidence())

    async def _encrypt(self, dialogue: Dialogue) -> None:
        encryption = self._account.encryption
        if encryption is Encryption.NONE:
            self._record.skip(StageName.ENCRYPTION, "not used")
            return
        with self._record.stage(StageName.ENCRYPTION) as finding:
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
                    self.certificate = self.shown(peer_certificate(dialogue.tls_session()))
                    raise
            self._describe_encryption(dialogue, finding)
            if dialogue.text_before_tls:
                self.transcript.note("text that came before the handshake was discarded")
                finding.outcome, finding.fault = Outcome.WARNED, Fault.TEXT_BEFORE_TLS

    def _check_starttls(self, dialogue: Dialogue) -> None:
        if "starttls" in dialogue.extensions:
            return
        mask = masked(self._greeting, dialogue.offered)
        if mask:
            shown = self.redaction.text(mask)
            raise StageFailedError(Fault.STARTTLS_MASKED, f"STARTTLS is not offered; what came is masked: {shown}")
        raise StageFailedError(Fault.STARTTLS_NOT_OFFERED, "the server does not offer STARTTLS")

    async def _greet_again(self, dialogue: Dialogue) -> None:
        """Say EHLO anew, because nothing offered before the handshake counts (RFC 3207, 4.2).

        What goes wrong is told at Greeting, which then comes after Encryption: that has passed.
        """
        with self._record.greeting_again() as finding:
            await self._ehlo(dialogue)
            finding.facts = self._limits(dialogue)

    def _limits(self, dialogue: Dialogue) -> tuple[str, ...]:
        return tuple(map(self.redaction.text, limits(dialogue.extensions)))

    def _describe_encryption(self, dialogue: Dialogue, finding: Finding) -> None:
        session = dialogue.tls_session()
        if session is None:
            return
        self.certificate = certificate = self.shown(peer_certificate(session))
        cipher = (session.cipher() or ("",))[0]
        version = (session.version() or "TLS").replace("TLSv", "TLS ")
        self.transcript.note(f"encrypted with {version}, {cipher}")
        finding.detail = version
        if certificate is None:
            return
        now = datetime.now(UTC)
        finding.detail = f"{version} · {certificate.lifetime(now)}"
        finding.facts = (described(certificate), f"Cipher: {cipher}")
        if certificate.ends_soon(now):
            finding.outcome, finding.fault = Outcome.WARNED, Fault.CERTIFICATE_ENDS_SOON

    async def _sign_in(self, dialogue: Dialogue) -> None:
        account = self._account
        if not account.authenticate:
            self._record.skip(StageName.SIGN_IN, "not required")
            return
        with self._record.stage(StageName.SIGN_IN) as finding:
            if account.encryption is Encryption.NONE:
                raise StageFailedError(Fault.PASSWORD_OVER_CLEAR_TEXT, "the link is not encrypted")
            secret = await account.token() if account.token else account.password
            if secret is None:
                if account.password_withheld:
                    raise StageFailedError(Fault.PASSWORD_WITHHELD, "the stored password was not used")
                raise StageFailedError(Fault.PASSWORD_MISSING, "no password is stored")
            if account.token:
                self.redaction.add(secret)
            mechanism, finding.facts = mechanism_for(account, dialogue.mechanisms, dialogue.extensions, self.redaction)
            await self._ask_permit()
            self._command, self._mechanism = Command.AUTH, mechanism
            self._record.auth_began = True
            self.transcript.begin_sign_in()
            answer = await sign_in(dialogue, mechanism, account.login, secret)
            if not answer.accepted:
                raise self._sign_in_failure(answer)
            self._signed_in_with = mechanism, secret
            finding.detail = f"{account.login} with {mechanism}"

    async def _ask_permit(self) -> None:
        if self._account.permit is None:
            return
        pin = self.certificate.pin if self.certificate else ""
        try:
            await self._account.permit(ReachedServer(addresses=tuple(self.addresses), pin=pin))
        except Exception as reason:
            raise NotPermittedError(reason) from reason

    def _sign_in_failure(self, answer: SignInAnswer) -> StageFailedError:
        failed = refusal(self._parsed(answer.reply), self.evidence())
        if answer.token_error:
            failed.detail += f" ({self.redaction.text(answer.token_error)})"
        return failed

    def _parsed(self, answer: SMTPResponse) -> Reply:
        return self.redaction.reply(answer.code, answer.message)


def described(certificate: Certificate) -> str:
    """Return whom a certificate is for, and who issued it."""
    return f"Certificate: for {', '.join(certificate.names) or 'no name'}; issued by {certificate.issuer}"
