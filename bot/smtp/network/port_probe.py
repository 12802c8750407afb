"""The usual other ports of a mail server: which of them answer, asked beside each other and without credentials."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from bot.smtp.account import Account, Encryption
from bot.smtp.check.report import Endpoint
from bot.smtp.dialogue.session import Dialogue
from bot.smtp.network.connect import Network
from bot.smtp.network.guard import Address, Guard, PortNotAllowedError
from bot.smtp.network.race import connect_first
from bot.smtp.network.trust import verify_pin

USUAL = (
    Endpoint(port=587, encryption=Encryption.TLS),
    Endpoint(port=465, encryption=Encryption.SSL),
    Endpoint(port=2525, encryption=Encryption.TLS),
    Endpoint(port=25, encryption=Encryption.TLS),
)
"""Submission first (RFC 6409 and RFC 8314), then what providers offer where those are blocked."""


@dataclass(frozen=True, kw_only=True)
class PortProbe:
    """Knocks at doors with what one test uses: its guard, network and trust."""

    guard: Guard
    network: Network
    trust: ssl.SSLContext
    handshakes: asyncio.Semaphore
    account: Account

    async def find_open(self, addresses: Sequence[Address], *, until: float) -> tuple[Endpoint, ...]:
        """Find the other doors that answer before `until` (the loop's time), in the order of preference."""
        asked = [door for door in USUAL if door.port != self.account.port and self._allowed(door.port)]
        answers = {asyncio.create_task(self._opens(addresses, door)): door for door in asked}
        if not answers:
            return ()
        patience = max(until - asyncio.get_running_loop().time(), 0)
        _, late = await asyncio.wait(answers, timeout=patience)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        good = {answers[task] for task in answers if task not in late and task.result()}
        return tuple(door for door in asked if door in good)

    def _allowed(self, port: int) -> bool:
        try:
            self.guard.check_port(port)
        except PortNotAllowedError:
            return False
        return True

    async def _opens(self, addresses: Sequence[Address], door: Endpoint) -> bool:
        try:
            return await self._speaks(addresses, door)
        except Exception:  # noqa: BLE001 - whatever goes wrong behind a door, it does not help the person
            return False

    async def _speaks(self, addresses: Sequence[Address], door: Endpoint) -> bool:
        """Whether mail submission over verified TLS, with a way to sign in where one is needed, is offered there."""
        _, sock = await connect_first(self.network, addresses, door.port)
        async with Dialogue(sock, self.account.host, helo=self.account.helo) as dialogue:
            if door.encryption is Encryption.SSL:
                async with self.handshakes:
                    await dialogue.begin_encrypted(self.trust)
                greeting = await dialogue.greeting()
            else:
                await dialogue.begin()
                greeting = await dialogue.greeting()
                await dialogue.hello()
                if "starttls" not in dialogue.extensions:
                    return False
                async with self.handshakes:
                    await dialogue.start_tls(self.trust)
            if self.account.pin:
                verify_pin(dialogue.peer(), self.account.pin)
            answer = await dialogue.hello()
            offers_sign_in = bool(dialogue.mechanisms) or not self.account.authenticate
            return greeting.code == 220 and answer.code == 250 and offers_sign_in
