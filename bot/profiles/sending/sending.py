"""Sends letters of programs through their owners' accounts, within limits, while the programs wait."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from bot.profiles.connection_tests.limits import RateLimitedError, Use, give_back
from bot.profiles.people.access import Person
from bot.profiles.sending.letter_rules import LetterRules
from bot.profiles.sending.letters import (
    MAX_LETTER_BYTES,
    MAX_RECIPIENTS,
    Cause,
    Delivery,
    Letter,
    LetterRefusedError,
    Outcome,
)
from bot.profiles.sending.outgoing import outgoing_letter
from bot.profiles.sending.places import LARGE_BYTES, BytesInFlight, NoPlaceError, Place, Places
from bot.profiles.sending.provider_connections import ProviderConnections
from bot.profiles.sending.rates import Rates, count_letter
from bot.profiles.sending.ready_profiles import HeldProfileError, ReadyProfile, ready_profile, tell_owner
from bot.profiles.tokens.program import MaySendTo, Sender, own_sender
from bot.smtp.check.report import Reply
from bot.smtp.transport.connection import ConnectionBrokenError, Offers, OutcomeUnknownError, ProviderConnection
from storage.database import Database, Transaction
from storage.engines.transactions import DatabaseUnavailableError

LEFT_SECONDS = 30.0
"""How long an answer is waited for once the program that sent the letter is gone, so that it can be counted."""

READ_SECONDS = 5.0
"""How long what was read of token and profile holds for a letter; a slow program's is read again before it leaves."""

RETRY_SECONDS = 60.0
"""After how long it is worth while to try again where there was no place."""

_MOST_OFFERS = 1_000
"""Profiles whose providers' offers are remembered."""

ObserveSend = Callable[[Outcome, float | None], None]
"""Called with each letter's outcome and the seconds that we added to it, None where its provider was not asked."""


class Via(StrEnum):
    """How a letter came in, as its trace line says it (RFC 3848)."""

    SUBMISSION = "ESMTPSA"
    """Over SMTP with TLS and a sign-in."""
    SUBMISSION_IN_CLEAR = "ESMTPA"
    """Over SMTP with a sign-in, on the loopback alone."""
    SEND_API = "HTTPS"
    """Over HTTP."""


@dataclass(kw_only=True)
class Sending:
    """Sends letters; holds what all sessions share.

    `server` is the name that trace lines say; `clock` returns the time now, aware UTC.
    """

    database: Database
    connections: ProviderConnections
    server: str
    clock: Callable[[], datetime]
    observe: ObserveSend
    rates: Rates = field(default_factory=Rates)
    places: Places = field(default_factory=Places)
    bytes_in_flight: BytesInFlight = field(default_factory=BytesInFlight)
    offers: dict[Person, Offers] = field(default_factory=dict, init=False)

    @asynccontextmanager
    async def session(self, sender: Sender, *, via: Via) -> AsyncIterator["SendingSession"]:
        """Begin a program's session, which ends with the block; nothing is connected to yet."""
        session = SendingSession(self, sender, via)
        try:
            yield session
        finally:
            await session.reset()

    def own_session(self, person: Person) -> AbstractAsyncContextManager["SendingSession"]:
        """Begin a session of what a person writes in Slack, without a program and its token."""
        return self.session(own_sender(person), via=Via.SEND_API)

    async def send(self, sender: Sender, letter: Letter, *, via: Via) -> Delivery:
        """Send one letter; it is delivered to the recipients that the provider takes.

        Raises:
            LetterRefusedError: it is refused before the provider is asked.
        """
        utf8 = not all(address.isascii() for address in (letter.sender, *letter.recipients))
        async with self.session(sender, via=via) as session:
            begun = await session.begin(
                letter.sender, size=len(letter.content), utf8=utf8, eight_bit=not letter.content.isascii()
            )
            if begun.code >= 400:
                return Delivery(outcome=outcome_of(begun), reply=begun)
            answers = {address: await session.recipient(address) for address in letter.recipients}
            refused = {address: answer for address, answer in answers.items() if answer.code >= 400}
            if len(refused) == len(answers):
                reply = min(refused.values(), key=lambda answer: answer.code)
                return Delivery(outcome=outcome_of(reply), reply=reply, refused=refused)
            return await session.deliver(letter.content)

    def place(self, person: Person, host: str) -> AbstractAsyncContextManager[bool]:
        """Wait for a place for a message that no program sends; raises NoPlaceError as `Places.place`."""
        return self.places.place(Place(person=person, program="", host=host))

    async def close(self) -> None:
        """Close the connections to providers; for the end of the process."""
        await self.connections.close()

    def note_offers(self, person: Person, offers: Offers) -> None:
        """Remember what a profile's provider offers, of the last few profiles that sent."""
        self.offers.pop(person, None)
        self.offers[person] = offers
        if len(self.offers) > _MOST_OFFERS:
            del self.offers[next(iter(self.offers))]


@dataclass(kw_only=True)
class _BegunLetter:
    """A letter under way: what was counted for it, its place, and the connection that it goes over.

    `is_open` is whether the provider waits for more of it; `asked` counts the recipients that it was told, and `taken`
    those that it took. `read_at` is when token and profile were read, by the monotonic clock.
    """

    ready: ReadyProfile
    uses: Sequence[Use]
    opened: AsyncExitStack
    connection: ProviderConnection | None = None
    waited_before: float = 0.0
    is_open: bool = False
    asked: int = 0
    taken: int = 0
    read_at: float = field(default_factory=time.monotonic)
    refused: dict[str, Reply] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return self.ready.account.host

    @property
    def rules(self) -> LetterRules:
        return LetterRules(address=self.ready.account.address)


class SendingSession:
    """One program's session: letters one after the other, each `begin`, `recipient` …, `deliver`.

    Answers of the provider are returned; what is refused before the provider is asked raises LetterRefusedError, and
    the session goes on with the next letter. One task at a time.
    """

    def __init__(self, sending: Sending, sender: Sender, via: Via) -> None:
        self._sending = sending
        self._sender = sender
        self._via = via
        self._letter: _BegunLetter | None = None
        self._held = 0
        self._seconds = 0.0
        self._step_began = 0.0

    @property
    def offers(self) -> Offers | None:
        """What the profile's provider was last seen to offer by this process; None while nobody knows."""
        return self._sending.offers.get(self._sender.person)

    async def begin(self, mail_from: str, *, size: int = 0, utf8: bool = False, eight_bit: bool = False) -> Reply:
        """Begin a letter: check its sender, count it, and tell the provider, which may be connected to for that.

        `size` is what MAIL FROM declares, in bytes, 0 where it does not; `utf8` and `eight_bit` say that it declares
        SMTPUTF8 and BODY=8BITMIME. A letter that was begun before and not delivered is forgotten.

        Returns the provider's reply to MAIL; from 400, the letter has ended.

        Raises:
            LetterRefusedError: 553 5.7.1 another sender; 552 5.3.4 too large; 451 4.7.1 too many letters; 421 4.3.2 no
                place; 452 4.3.1 too many bytes in flight; 454 4.7.0 the profile needs its owner; 451 4.4.1 its server
                cannot be reached; 535 5.7.8 the token has ended; 451 4.3.0 the database does not answer.
        """
        await self.reset()
        self._seconds = 0.0
        async with self._step():
            letter = await self._count(mail_from, size)
            if await self._take_place(letter, is_large=size > LARGE_BYTES):
                # Meanwhile the profile may have become another one.
                letter.ready = await self._ready_now(letter)
                letter.rules.check_sender(mail_from)
            reply = await self._tell_sender(letter, mail_from, size=size, utf8=utf8, eight_bit=eight_bit)
            if reply.code >= 400:
                await self._end(outcome_of(reply))
            return told(letter.host, reply)

    async def recipient(self, address: str) -> Reply:
        """Tell the provider a recipient, and return its reply; from 400 the recipient gets nothing.

        Raises:
            LetterRefusedError: 553 5.1.3, 550 5.7.1 as `LetterRules`, and 452 4.5.3, too many, refuse this recipient
                alone; 503 5.5.1 no letter was begun; 451 4.4.2 the connection broke, and the letter has ended.
        """
        letter, connection = self._begun()
        if letter.asked >= MAX_RECIPIENTS:
            sentence = f"A message has at most {MAX_RECIPIENTS} recipients; send another one to the others."
            raise LetterRefusedError(Cause.RECIPIENT, 452, "4.5.3", sentence)
        own_domain_only = self._sender.program.may_send_to is MaySendTo.OWN_DOMAIN
        letter.rules.check_recipient(address, own_domain_only=own_domain_only)
        async with self._step():
            letter.asked += 1
            try:
                reply = told(letter.host, await connection.rcpt(address))
            except ConnectionBrokenError:
                raise _broke(letter.host) from None
        if reply.code >= 400:
            letter.refused[address] = reply
        else:
            letter.taken += 1
        return reply

    def hold(self, size: int) -> None:
        """Count that the letter holds at least so many bytes of memory, until it ends.

        Raises:
            LetterRefusedError: 452 4.3.1, too many are in flight; 552 5.3.4, it is too large.
        """
        if size > MAX_LETTER_BYTES:
            sentence = f"A message has at most {MAX_LETTER_BYTES // 1_000_000} MB with its attachments encoded."
            raise LetterRefusedError(Cause.SIZE, 552, "5.3.4", sentence)
        if size > self._held:
            if not self._sending.bytes_in_flight.change(self._sender.person, self._held, size):
                sentence = "Too many large messages are being sent at the moment. Please try again in a minute."
                raise LetterRefusedError(Cause.BUSY, 452, "4.3.1", sentence, wait=RETRY_SECONDS)
            self._held = size

    async def deliver(self, content: bytes) -> Delivery:
        """Deliver the letter that was begun, and end it; `content` has lines ended by CRLF and no dot doubled.

        Whoever is cancelled here before the end of the letter leaves no letter behind; after it, the provider's answer
        is waited for, for LEFT_SECONDS at most.

        Raises:
            LetterRefusedError: it breaks a rule; 503 5.5.1 no letter was begun; 554 5.5.1 no recipient was taken;
                535 5.7.8 the token has ended since; 451 4.3.0 the database does not answer.
        """
        letter, connection = self._begun()
        async with self._step():
            giving = asyncio.create_task(self._give(letter, connection, content), name="give a letter to a provider")
            try:
                delivery = await asyncio.shield(giving)
            except asyncio.CancelledError:
                await self._end(await _outcome_when_left(giving, connection))
                raise
            await self._end(delivery.outcome)
            return delivery

    async def reset(self) -> None:
        """Forget the letter that was begun, as RSET does; nothing if there is none."""
        await self._end(None)

    async def _count(self, mail_from: str, size: int) -> _BegunLetter:
        """Begin a letter by counting it; whoever goes meanwhile leaves one behind that is ended and uncounted."""
        counting = asyncio.create_task(self._counted(mail_from, size), name="count a letter")
        try:
            self._letter = await asyncio.shield(counting)
        except asyncio.CancelledError:
            await asyncio.wait({counting})
            if counting.exception() is None:
                self._letter = counting.result()
            raise
        return self._letter

    async def _counted(self, mail_from: str, size: int) -> _BegunLetter:
        self.hold(size)
        sending, sender = self._sending, self._sender
        try:
            async with sending.database.writing() as tx:
                ready = await self._ready(tx)
                LetterRules(address=ready.account.address).check_sender(mail_from)
                uses = await count_letter(tx, sender, sending.rates, today=sending.clock().date())
        except HeldProfileError:
            if await tell_owner(sending.database, sender.person):
                sending.connections.on_change(sender.person)
            raise
        except RateLimitedError as limited:
            raise LetterRefusedError(Cause.RATE, 451, "4.7.1", str(limited), wait=limited.wait) from None
        return _BegunLetter(ready=ready, uses=uses, opened=AsyncExitStack())

    async def _ready(self, tx: Transaction) -> ReadyProfile:
        if self._sender.program.id:
            await _require_token(tx, self._sender)
        return await ready_profile(tx, self._sender.person)

    async def _ready_now(self, letter: _BegunLetter) -> ReadyProfile:
        """Read again whether the token is good and the profile can send."""
        async with self._sending.database.reading() as tx:
            ready = await self._ready(tx)
        letter.read_at = time.monotonic()
        return ready

    async def _take_place(self, letter: _BegunLetter, *, is_large: bool) -> bool:
        """Wait for a place; returns whether it had to be waited for."""
        person, program = self._sender.person, self._sender.program
        place = Place(person=person, program=program.id, host=letter.host, is_large=is_large)
        try:
            return await letter.opened.enter_async_context(self._sending.places.place(place))
        except NoPlaceError as error:
            raise LetterRefusedError(Cause.BUSY, 421, "4.3.2", str(error), wait=RETRY_SECONDS) from None

    async def _tell_sender(
        self, letter: _BegunLetter, mail_from: str, *, size: int, utf8: bool, eight_bit: bool
    ) -> Reply:
        """Send MAIL over a kept connection, or over a new one where there is none that works."""
        connections = self._sending.connections
        connection = connections.kept.take(letter.ready.at)
        while True:
            if connection is None:
                letter.ready, connection = await connections.open(self._sender.person, self._sender.program)
            is_new = not connection.letters
            letter.connection, letter.waited_before = connection, 0.0 if is_new else connection.seconds_waited
            # The profile may have been changed since the letter was counted.
            letter.rules.check_sender(mail_from)
            self._sending.note_offers(self._sender.person, connection.offers)
            try:
                reply = await connection.mail(letter.ready.account.address, size=size, utf8=utf8, eight_bit=eight_bit)
            except ConnectionBrokenError:
                if is_new:
                    raise _broke(letter.host) from None
            else:
                if is_new or reply.code != 421:
                    letter.is_open = reply.code < 400
                    return reply
            # A server ends connections that are idle, some with a reply to the next command.
            connections.kept.close(connection)
            letter.connection = connection = None

    async def _give(self, letter: _BegunLetter, connection: ProviderConnection, content: bytes) -> Delivery:
        """Check a letter and give it to the provider."""
        if not letter.taken:
            raise LetterRefusedError(Cause.RECIPIENT, 554, "5.5.1", "No recipient of this message was taken.")
        self.hold(len(content))
        if time.monotonic() - letter.read_at > READ_SECONDS:
            await self._ready_now(letter)
        header = await letter.rules.check_content(content)
        outgoing = outgoing_letter(
            content,
            header,
            address=letter.ready.account.address,
            server=self._sending.server,
            protocol=self._via,
            now=self._sending.clock(),
        )
        try:
            answer = await connection.data(*outgoing.parts)
        except ConnectionBrokenError:
            raise _broke(letter.host) from None
        except OutcomeUnknownError:
            return Delivery(outcome=Outcome.UNKNOWN, reply=_unknown(letter.host), message_id=outgoing.message_id)
        letter.is_open = not connection.has_letter
        outcome, reply = outcome_of(answer), told(letter.host, answer)
        if outcome is Outcome.TAKEN:
            reply = replace(reply, code=250)
        message_id = outgoing.message_id if outcome is Outcome.TAKEN else ""
        return Delivery(outcome=outcome, reply=reply, message_id=message_id, refused=letter.refused)

    def _begun(self) -> tuple[_BegunLetter, ProviderConnection]:
        letter = self._letter
        if letter is None or letter.connection is None:
            raise LetterRefusedError(Cause.FORM, 503, "5.5.1", "No message was begun; its sender comes first.")
        return letter, letter.connection

    @asynccontextmanager
    async def _step(self) -> AsyncIterator[None]:
        """Time a step of a letter, and end the letter where the step is refused or broken off."""
        self._step_began = time.monotonic()
        try:
            yield
        except LetterRefusedError as refused:
            await self._end(_OUTCOMES.get(refused.cause, Outcome.REFUSED))
            raise
        except DatabaseUnavailableError:
            await self._end(Outcome.TRY_LATER)
            sentence = "The message cannot be counted at the moment, so it was not sent. Please try again in a minute."
            raise LetterRefusedError(Cause.UNAVAILABLE, 451, "4.3.0", sentence, wait=RETRY_SECONDS) from None
        except BaseException:
            await self._end(None)
            raise
        finally:
            self._seconds += time.monotonic() - self._step_began

    async def _end(self, outcome: Outcome | None) -> None:
        """End the letter, if there is one; `outcome` is None where the program gave it up."""
        letter, self._letter = self._letter, None
        self._sending.bytes_in_flight.change(self._sender.person, self._held, 0)
        self._held = 0
        added = None
        if letter is not None and letter.connection is not None:
            own = self._seconds + time.monotonic() - self._step_began
            added = max(own - (letter.connection.seconds_waited - letter.waited_before), 0.0)
        if outcome is not None:
            self._sending.observe(outcome, added)
        if letter is not None:
            # Whoever goes meanwhile, the place is given back.
            await asyncio.shield(asyncio.create_task(self._close(letter, outcome), name="end a letter"))

    async def _close(self, letter: _BegunLetter, outcome: Outcome | None) -> None:
        try:
            if letter.connection is not None:
                await self._give_back(letter, letter.connection)
        finally:
            await letter.opened.aclose()
        if outcome not in _SENT:
            # What the database cannot uncount stays counted until its window is over.
            with suppress(DatabaseUnavailableError):
                async with self._sending.database.writing() as tx:
                    await give_back(tx, letter.uses)

    async def _give_back(self, letter: _BegunLetter, connection: ProviderConnection) -> None:
        """Keep the connection for the next letter, which begins anew."""
        if letter.is_open and connection.is_usable:
            with suppress(ConnectionBrokenError):
                await connection.rset()
        self._sending.connections.kept.give(letter.ready.at, connection)


_SENT = (Outcome.TAKEN, Outcome.UNKNOWN)
_OUTCOMES = {
    Cause.RATE: Outcome.TRY_LATER,
    Cause.BUSY: Outcome.TRY_LATER,
    Cause.PROVIDER: Outcome.TRY_LATER,
    Cause.UNAVAILABLE: Outcome.TRY_LATER,
    Cause.NOT_READY: Outcome.NOT_READY,
}


def outcome_of(reply: Reply) -> Outcome:
    """Return what a provider's reply to a letter, or to a part of its envelope, means by its first digit."""
    if reply.code < 400:
        return Outcome.TAKEN
    return Outcome.TRY_LATER if reply.code < 500 else Outcome.REFUSED


def told(host: str, reply: Reply) -> Reply:
    """Return a provider's reply as the program is told it: whose it is, and without a goodbye, which is not ours.

    Of the replies that say yes, programs know 250, and 251 to a recipient (RFC 5321, 4.3.2).
    """
    code = 451 if reply.code == 421 else reply.code
    if code < 400 and code != 251:
        code = 250
    # The two begin with the same digit (RFC 3463, 2).
    enhanced = reply.enhanced if reply.enhanced[:1] == str(code)[0] else f"{code // 100}.0.0"
    return Reply(code=code, enhanced=enhanced, text=f"{host}: {reply.text}")


async def _require_token(tx: Transaction, sender: Sender) -> None:
    """Check that a token which was shown when the session began has not ended since."""
    shown = await tx.program_tokens.shown(sender.program.id)
    is_theirs = shown is not None and Person(shown.stored.workspace, shown.stored.user) == sender.person
    if shown is None or not shown.is_alive or not is_theirs:
        raise LetterRefusedError(Cause.ENDED, 535, "5.7.8", "The token of this program has ended.")


def _broke(host: str) -> LetterRefusedError:
    sentence = f"{host} broke the connection off before it had the message, so it was not sent. Please try again."
    return LetterRefusedError(Cause.PROVIDER, 451, "4.4.2", sentence)


def _unknown(host: str) -> Reply:
    sentence = f"{host} got the message and gave no answer, so it may have been sent. Look before you send it again."
    return Reply(code=451, enhanced="4.4.2", text=sentence)


async def _outcome_when_left(giving: "asyncio.Task[Delivery]", connection: ProviderConnection) -> Outcome | None:
    """Return what became of a letter whose program is gone; None where the provider did not get all of it."""
    if connection.has_letter:
        await asyncio.wait({giving}, timeout=LEFT_SECONDS)
    giving.cancel()
    await asyncio.gather(giving, return_exceptions=True)
    if not giving.cancelled() and giving.exception() is None:
        return giving.result().outcome
    return Outcome.UNKNOWN if connection.has_letter else None
