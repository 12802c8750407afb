"""Looks at a server on connections of their own, which carry nothing of the account."""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from aiosmtplib.errors import SMTPException

from bot.smtp.account import Account, Encryption
from bot.smtp.check.report import Certificate, Endpoint
from bot.smtp.dialogue.handshakes import Handshakes
from bot.smtp.dialogue.session import Dialogue, GarbledReplyError
from bot.smtp.network.certificate import old_context, peer_certificate, unverified_context, verify_pin
from bot.smtp.network.connect import Network
from bot.smtp.network.guard import Address, Guard

USUAL_ENDPOINTS = (
    Endpoint(port=587, encryption=Encryption.TLS),
    Endpoint(port=465, encryption=Encryption.SSL),
    Endpoint(port=2525, encryption=Encryption.TLS),
    Endpoint(port=25, encryption=Encryption.TLS),
)
"""Submission first (RFC 6409 and RFC 8314), then what providers offer where those are blocked."""


@dataclass(frozen=True, kw_only=True)
class OtherPorts:
    """What a look at the other usual ports found; `closed` are also those that may not be tested."""

    open: tuple[Endpoint, ...] = ()
    closed: tuple[int, ...] = ()


@dataclass(frozen=True)
class PortProbe:
    """Looks at the server of one account, with the guard, network and trust of its test."""

    guard: Guard
    network: Network
    trust: ssl.SSLContext
    handshakes: Handshakes
    account: Account

    async def look(self, addresses: Sequence[Address], *, until: float) -> OtherPorts:
        """Return which other usual ports take submission before `until` (the loop's time), the preferred ones first."""
        others = [endpoint for endpoint in USUAL_ENDPOINTS if endpoint.port != self.account.port]
        tried = [endpoint for endpoint in others if endpoint.port in self.guard.allowed_ports]
        answers = {asyncio.create_task(self.answers(addresses, endpoint)): endpoint for endpoint in tried}
        answering: set[Endpoint] = set()
        if answers:
            try:
                await asyncio.wait(answers, timeout=max(until - asyncio.get_running_loop().time(), 0))
            finally:
                late = [task for task in answers if not task.done()]
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)
            answering = {answers[task] for task in answers if task not in late and task.result()}
        return OtherPorts(
            open=tuple(endpoint for endpoint in others if endpoint in answering),
            closed=tuple(endpoint.port for endpoint in others if endpoint not in answering),
        )

    async def answers(self, addresses: Sequence[Address], endpoint: Endpoint) -> bool:
        """Whether a port takes submission over verified TLS; nothing of the account is sent, and nothing raised."""
        try:
            return await self._accepts_submission(addresses, endpoint)
        except Exception:  # noqa: BLE001 - whatever goes wrong at a port, it does not help the person
            return False

    async def answers_tls(self, address: Address) -> bool:
        """Whether the account's port expects TLS from the first byte."""
        with suppress(OSError):
            return await self._certificate(address, Encryption.SSL) is not None
        return False

    async def untrusted_certificate(self, address: Address) -> Certificate | None:
        """Read the certificate that the account's port presents, without verifying it; None when that fails."""
        with suppress(OSError, SMTPException, GarbledReplyError):
            return await self._certificate(address, self.account.encryption)
        return None

    async def old_encryption(self, address: Address) -> tuple[str, str] | None:
        """Return the version and cipher that the account's port agrees to when all that OpenSSL knows is offered.

        For example ("TLSv1", "AES128-SHA"); None when that fails too, or is what the test had offered.
        """
        with suppress(OSError, SMTPException, GarbledReplyError):
            async with await self._dialogue([address], self.account.port) as dialogue:
                await self._encrypt(dialogue, self.account.encryption, old_context())
                session = dialogue.tls_session()
                version, cipher = (session.version() or "", (session.cipher() or ("",))[0]) if session else ("", "")
                usual = {one["name"] for one in self.trust.get_ciphers()}
                # With a version and a cipher that the test had offered as well, this tells nothing.
                if version not in ("TLSv1.2", "TLSv1.3") or cipher not in usual:
                    return version, cipher
        return None

    async def _certificate(self, address: Address, encryption: Encryption) -> Certificate | None:
        async with await self._dialogue([address], self.account.port) as dialogue:
            await self._encrypt(dialogue, encryption, unverified_context())
            return peer_certificate(dialogue.tls_session())

    async def _encrypt(self, dialogue: Dialogue, encryption: Encryption, context: ssl.SSLContext) -> None:
        if encryption is Encryption.SSL:
            await dialogue.start_encrypted(context)
            return
        await dialogue.start()
        await dialogue.greeting()
        await dialogue.ehlo()
        await dialogue.start_tls(context)

    async def _accepts_submission(self, addresses: Sequence[Address], endpoint: Endpoint) -> bool:
        """Whether submission over verified TLS is offered there, with a sign-in where one is needed."""
        async with await self._dialogue(addresses, endpoint.port) as dialogue:
            if endpoint.encryption is Encryption.SSL:
                await dialogue.start_encrypted(self.trust)
                greeting = await dialogue.greeting()
            else:
                await dialogue.start()
                greeting = await dialogue.greeting()
                await dialogue.ehlo()
                if "starttls" not in dialogue.extensions:
                    return False
                await dialogue.start_tls(self.trust)
            if self.account.pin:
                verify_pin(dialogue.tls_session(), self.account.pin)
            answer = await dialogue.ehlo()
            offers_sign_in = bool(dialogue.mechanisms) or not self.account.authenticate
            return greeting.code == 220 and answer.code == 250 and offers_sign_in

    async def _dialogue(self, addresses: Sequence[Address], port: int) -> Dialogue:
        sock = await self.network.connect(addresses, port)
        return Dialogue(sock, self.account.host, helo=self.account.helo, handshakes=self.handshakes)
