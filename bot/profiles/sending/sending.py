"""Sends letters of programs through their owners' accounts, within limits, while the programs wait."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

from bot.profiles.sending.letters import Delivery, Letter
from bot.profiles.tokens.program import Sender
from bot.smtp.check.report import Reply


class Via(StrEnum):
    """How a letter came in, as its trace line says it (RFC 3848)."""

    SUBMISSION = "ESMTPSA"
    """Over SMTP with TLS and a sign-in."""
    SUBMISSION_IN_CLEAR = "ESMTPA"
    """Over SMTP with a sign-in, on the loopback alone."""
    SEND_API = "HTTPS"
    """Over HTTP."""


class SendingSession:
    """One program's session: letters one after the other, each `begin`, `recipient` …, `deliver`.

    Answers of the provider are returned; what is refused before the provider is asked raises LetterRefusedError, and
    the session goes on with the next letter. One task at a time.
    """

    async def begin(self, mail_from: str, *, size: int = 0, utf8: bool = False) -> Reply:
        """Begin a letter: check its sender, count it, and tell the provider, which may be connected to for that.

        `size` is what MAIL FROM declares, in bytes, 0 where it does not; `utf8` says that it declares SMTPUTF8.
        A letter that was begun before and not delivered is forgotten.

        Returns the provider's reply to MAIL; other than 2xx, the letter has ended.

        Raises:
            LetterRefusedError: 553 5.7.1 another sender; 552 5.3.4 too large; 451 4.7.1 too many letters; 421 4.3.2 no
                place; 452 4.3.1 too many bytes in flight; 454 4.7.0 the profile needs its owner; 451 4.4.1 its server
                cannot be reached; 535 5.7.8 the token has ended; 451 4.3.0 the database does not answer.
        """
        raise NotImplementedError

    async def recipient(self, address: str) -> Reply:
        """Tell the provider a recipient, and return its reply.

        Raises:
            LetterRefusedError: 553 5.1.3, 550 5.7.1 as `LetterRules`; 452 4.5.3 too many; 503 5.5.1 no letter was
                begun; 451 4.4.2 the provider's connection broke, and the letter has ended.
        """
        raise NotImplementedError

    def hold(self, size: int) -> None:
        """Count that a letter holds at least so many bytes of memory, until it ends.

        Raises:
            LetterRefusedError: 452 4.3.1, too many are in flight; 552 5.3.4, it is too large.
        """
        raise NotImplementedError

    async def deliver(self, content: bytes) -> Delivery:
        """Deliver the letter that was begun, and end it; `content` has lines ended by CRLF and no dot doubled.

        Raises:
            LetterRefusedError: it breaks a rule; 503 5.5.1 no letter was begun; 554 5.5.1 no recipient was taken.
        """
        raise NotImplementedError

    async def reset(self) -> None:
        """Forget the letter that was begun, as RSET does; nothing if there is none."""
        raise NotImplementedError


class Sending:
    """Sends letters; holds what all sessions share."""

    @asynccontextmanager
    async def session(self, sender: Sender, *, via: Via) -> AsyncIterator[SendingSession]:
        """Begin a program's session, which ends with the block; nothing is connected to yet."""
        raise NotImplementedError(sender, via)
        yield

    async def send(self, sender: Sender, letter: Letter, *, via: Via) -> Delivery:
        """Send one letter; it is delivered to the recipients that the provider takes.

        Raises:
            LetterRefusedError: it is refused before the provider is asked.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Close the connections that are kept; for the end of the process."""
        raise NotImplementedError
