"""What the commands of a session lead to: aiosmtpd's hooks, between a program and the rules."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from enum import StrEnum

from aiosmtpd.smtp import SMTP, Envelope, Session, TLSSetupException

from bot.observability.server_log import place_of
from bot.profiles.connection_tests.limits import RateLimitedError
from bot.profiles.sending.letters import MAX_LETTER_BYTES, Cause, LetterRefusedError
from bot.profiles.sending.sending import Sending, SendingSession, Via
from bot.profiles.tokens.program_tokens import ProgramTokens, WrongTokenError
from bot.programs.submission import replies
from bot.programs.submission.credentials import MECHANISMS, CredentialsError, read_credentials
from bot.programs.submission.letter import ArrivingLetter
from bot.smtp.account import Encryption
from storage.engines.transactions import DatabaseUnavailableError

log = logging.getLogger(__name__)

MOST_SIGN_INS = 3
"""Sign-ins of one connection that may fail."""


class SignIn(StrEnum):
    """How a sign-in of a program ended."""

    SIGNED_IN = "signed_in"
    WRONG = "wrong"
    TOO_MANY = "too_many"
    """Too many were wrong from its network."""
    FAILED = "failed"
    """The program or its database failed."""
    ABANDONED = "abandoned"
    """No credentials came that could be read."""


class Dialogue:
    """What one connection has come to: who signed in, and their session of sending."""

    def __init__(
        self,
        *,
        tokens: ProgramTokens,
        sending: Sending,
        address: str,
        encryption: Encryption,
        on_sign_in: Callable[[SignIn], None],
    ) -> None:
        """`address` is the network address that the program comes from, `encryption` that of the port.

        `on_sign_in` is told how each sign-in ended.
        """
        self._tokens = tokens
        self._sending = sending
        self._address = address
        self._encryption = encryption
        self._on_sign_in = on_sign_in
        self._failed_sign_ins = 0
        self._letters: SendingSession | None = None
        self._open = AsyncExitStack()
        # A delivery that is broken off may end later than the connection.
        self._one_at_a_time = asyncio.Lock()

    @property
    def signed_in(self) -> bool:
        """Whether a program signed in, and may send."""
        return self._letters is not None

    def is_encrypted(self, session: Session | None) -> bool:
        """Return whether what is said is encrypted by now."""
        return self._encryption is Encryption.SSL or (session is not None and session.ssl is not None)

    async def close(self) -> None:
        """End the session of sending; a letter that was begun is not sent."""
        async with self._one_at_a_time:
            self._letters = None
            await self._open.aclose()

    # aiosmtpd's hooks. Each returns the reply.

    async def handle_HELO(self, server: SMTP, session: Session, _envelope: Envelope, host_name: str) -> str:  # noqa: N802
        """Take the old greeting, which leads to no sign-in."""
        session.host_name = host_name
        await self._forget_letter()
        return f"250 {server.hostname}"

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, _envelope: Envelope, host_name: str, _usual: list[str]
    ) -> list[str]:
        """Tell what is offered, which is less before encryption (RFC 3207, 4.2) and before a sign-in is allowed."""
        session.host_name = host_name
        await self._forget_letter()
        size, utf8 = self._offers_of_provider()
        offered = [server.hostname, f"SIZE {size}", "8BITMIME", "PIPELINING", "ENHANCEDSTATUSCODES"]
        if utf8:
            offered.append("SMTPUTF8")
        if self._encryption is Encryption.TLS and not self.is_encrypted(session):
            offered.append("STARTTLS")
        else:
            offered.append(f"AUTH {' '.join(MECHANISMS)}")
        return [*(f"250-{one}" for one in offered[:-1]), f"250 {offered[-1]}"]

    def _offers_of_provider(self) -> tuple[int, bool]:
        """Return how large a letter may be, and whether the provider has SMTPUTF8, as far as that is known.

        Before the sign-in nobody knows the provider, and SMTPUTF8 is not promised.
        """
        offers = self._letters.offers if self._letters is not None else None
        if offers is None:
            return MAX_LETTER_BYTES, False
        return min(offers.size or MAX_LETTER_BYTES, MAX_LETTER_BYTES), offers.utf8

    async def handle_AUTH(  # noqa: N802
        self, server: SMTP, session: Session, _envelope: Envelope, words: list[str]
    ) -> str | None:
        """Sign a program in with its token."""
        ended, reply = await self._sign_in(server, session, words)
        self._on_sign_in(ended)
        if ended is SignIn.SIGNED_IN:
            session.authenticated = True
            return reply
        self._failed_sign_ins += 1
        if self._failed_sign_ins >= MOST_SIGN_INS and reply:
            return f"421 4{reply[5:]}"
        return reply or None

    async def _sign_in(self, server: SMTP, session: Session, words: list[str]) -> tuple[SignIn, str]:
        async def ask(prompt: str) -> bytes:
            answer = await server.challenge_auth(prompt)
            if not isinstance(answer, bytes):
                # It was ended, or was no base64, which has been answered.
                raise CredentialsError
            return answer

        try:
            credentials = await read_credentials(words[0], words[1] if len(words) > 1 else None, ask)
            sender = await self._tokens.authenticate(credentials.user, credentials.password, self._address)
            via = Via.SUBMISSION if self.is_encrypted(session) else Via.SUBMISSION_IN_CLEAR
            self._letters = await self._open.enter_async_context(self._sending.session(sender, via=via))
        except CredentialsError as error:
            return SignIn.ABANDONED, error.reply
        except WrongTokenError as error:
            return SignIn.WRONG, f"535 5.7.8 {error}"
        except RateLimitedError as error:
            return SignIn.TOO_MANY, f"454 4.7.0 {error}"
        except DatabaseUnavailableError:
            return SignIn.FAILED, replies.FAILED_SIGN_IN
        return SignIn.SIGNED_IN, "235 2.7.0 Signed in."

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Begin a letter."""
        letters = self._signed_in_letters()
        declared = [option[5:] for option in options if option.startswith("SIZE=")]
        if not all(one.isascii() and one.isdigit() for one in declared):
            return replies.NO_SIZE
        size = max(map(int, declared), default=0)
        try:
            async with self._one_at_a_time:
                reply = await letters.begin(
                    "" if address == "<>" else address,
                    size=size,
                    utf8=bool(envelope.smtp_utf8),
                    eight_bit="BODY=8BITMIME" in options,
                )
        except LetterRefusedError as error:
            if error.cause is Cause.ENDED:
                self._letters = session.authenticated = None
            return str(error.reply)
        if reply.code // 100 == 2:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return str(reply)

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Ask the provider whether it takes a recipient."""
        try:
            async with self._one_at_a_time:
                reply = await self._signed_in_letters().recipient(address)
        except LetterRefusedError as error:
            return str(error.reply)
        if reply.code // 100 == 2:
            envelope.rcpt_tos.append(address)
        return str(reply)

    def arriving_letter(self) -> ArrivingLetter:
        """Return the letter that is going to come."""
        return ArrivingLetter(self._signed_in_letters().hold)

    async def deliver(self, letter: ArrivingLetter) -> str:
        """Deliver a letter that is whole; returns the reply, which is the provider's."""
        letters = self._signed_in_letters()
        if letter.refusal is not None:
            await self._forget_letter()
            return str(letter.refusal)
        try:
            async with self._one_at_a_time:
                return str((await letters.deliver(letter.content())).reply)
        except LetterRefusedError as error:
            return str(error.reply)
        except Exception as error:  # noqa: BLE001 - whatever happened, what was asked for may be done
            self._note(error)
            return replies.FAILED_DELIVERY

    async def handle_RSET(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        """Forget the letter."""
        await self._forget_letter()
        return "250 2.0.0 OK"

    async def handle_NOOP(self, _server: SMTP, _session: Session, _envelope: Envelope, _text: str | None) -> str:  # noqa: N802
        """Do nothing."""
        return "250 2.0.0 OK"

    async def handle_VRFY(self, _server: SMTP, _session: Session, _envelope: Envelope, _address: str) -> str:  # noqa: N802
        """Tell nothing."""
        return "252 2.5.0 Addresses are not looked up here. Send to it and see."

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        """Take leave."""
        return "221 2.0.0 Bye."

    async def handle_exception(self, error: Exception) -> str:
        """Answer what nobody expected."""
        if not isinstance(error, TLSSetupException):
            self._note(error)
        return replies.FAILED

    def _note(self, error: Exception) -> None:
        # Its text may be of a letter, its type and place are not.
        log.error("A command of a program could not be answered (%s).", place_of(error))

    async def _forget_letter(self) -> None:
        if self._letters is not None:
            async with self._one_at_a_time:
                await self._letters.reset()

    def _signed_in_letters(self) -> SendingSession:
        """Return the session of sending; that there is one is asked before each command."""
        if self._letters is None:
            raise PermissionError("nobody signed in")
        return self._letters
