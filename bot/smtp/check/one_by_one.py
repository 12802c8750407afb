"""For servers that offer PIPELINING and cannot do it: the same envelope once more, one command at a time.

Most of them have closed the connection by then, so it is a new one, with the same sign-in if there was one. A sign-in
that succeeded does no harm when it is repeated; one that failed is never repeated.
"""

import re
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing

from aiosmtplib.errors import SMTPException
from aiosmtplib.response import SMTPResponse
from pydantic import SecretStr

from bot.smtp.account import Account, Encryption
from bot.smtp.dialogue.replies import Transcript
from bot.smtp.dialogue.session import Dialogue, GarbledReplyError
from bot.smtp.dialogue.sign_in import sign_in
from bot.smtp.network.certificate import PinMismatchError, verify_pin
from bot.smtp.network.connect import Network
from bot.smtp.network.guard import Address

NOT_DONE = (SMTPException, GarbledReplyError, PinMismatchError, OSError)
"""What a connection that breaks raises."""

_OF_ENVELOPE = len(("MAIL", "RCPT"))
_OUT_OF_STEP = (500, 502, 503)
_SAYS_SO = re.compile(
    r"pipelin|synchroni[sz]|out of (order|sequence)|bad sequence|(need|send|expect\w*) mail\b", re.IGNORECASE
)
_WANTS_SIGN_IN = re.compile(r"auth|log.?(in|on)\b|sign.?in", re.IGNORECASE)


def out_of_step(answer: SMTPResponse) -> bool:
    """Whether a reply to a command that was sent together with others looks like one to something else."""
    if _SAYS_SO.search(answer.message):
        return True
    if _WANTS_SIGN_IN.search(answer.message):
        return False
    refused = 400 <= answer.code <= 599 and answer.code not in _OUT_OF_STEP
    return not refused and answer.code not in (250, 251, 252)


class SecondConnection:
    """How a test's server is reached and signed in to once more; closed at the end of `stack`."""

    def __init__(
        self,
        *,
        network: Network,
        account: Account,
        trust: ssl.SSLContext,
        first: Dialogue,
        transcript: Transcript,
        stack: AsyncExitStack,
        signed_in_with: tuple[str, SecretStr] | None,
    ) -> None:
        self._network = network
        self._account = account
        self._trust = trust
        self._first = first
        self._transcript = transcript
        self._stack = stack
        self._signed_in_with = signed_in_with

    async def open(self, address: Address) -> Dialogue:
        """Return a dialogue that is as far as the first one was before MAIL.

        Raises:
            one of NOT_DONE: it does not get as far.
        """
        self._transcript.note("once more, on a new connection, one command at a time")
        sock = await self._network.connect([address], self._account.port)
        dialogue = await self._stack.enter_async_context(self._first.another(sock))
        if self._account.encryption is Encryption.SSL:
            await dialogue.start_encrypted(self._trust)
        else:
            await dialogue.start()
        _require(await dialogue.greeting(), 220)
        _require(await dialogue.ehlo(), 250)
        if self._account.encryption is Encryption.TLS:
            await dialogue.start_tls(self._trust)
        if self._account.pin:
            verify_pin(dialogue.tls_session(), self._account.pin)
        if self._account.encryption is Encryption.TLS:
            _require(await dialogue.ehlo(), 250)
        if self._signed_in_with is not None:
            answer = await sign_in(dialogue, self._signed_in_with[0], self._account.login, self._signed_in_with[1])
            _require(answer.reply, answer.reply.code if answer.accepted else 235)
        return dialogue


async def replies(
    first: Dialogue, commands: Sequence[bytes], *, patience: float, second: SecondConnection, address: Address
) -> AsyncIterator[SMTPResponse]:
    """Send MAIL, RCPT and what follows together, and yield their replies.

    When those to MAIL and RCPT are none, they are got once more, one by one; when that is not possible either, the
    first trouble stands.
    """
    got = 0
    doubtful: SMTPResponse | None = None
    trouble: Exception | None = None
    try:
        async with aclosing(first.together(commands, patience=patience)) as answers:
            async for answer in answers:
                if got < _OF_ENVELOPE and out_of_step(answer):
                    doubtful = answer
                    break
                yield answer
                got += 1
    except NOT_DONE as error:
        trouble = error
    if doubtful is None and (trouble is None or got >= _OF_ENVELOPE):
        return
    try:
        dialogue = await second.open(address)
    except NOT_DONE:
        if doubtful is None:
            raise trouble or GarbledReplyError("The server closed the connection.") from None
        yield doubtful
        return
    async for number, answer in _numbered(dialogue.one_by_one(commands)):
        if number >= got or answer.code != 250:
            yield answer


async def _numbered(answers: AsyncIterator[SMTPResponse]) -> AsyncIterator[tuple[int, SMTPResponse]]:
    number = 0
    async for answer in answers:
        yield number, answer
        number += 1


def _require(answer: SMTPResponse, code: int) -> None:
    if answer.code != code:
        raise GarbledReplyError("The second connection does not go as the first one did.")
