"""Emails that people write in Slack, each sent with their own profile while they wait."""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.profiles.account.profile import EmailProfile
from bot.profiles.account.records import ProfileState, ProfileView, load
from bot.profiles.connection_tests.limits import duration_words
from bot.profiles.people.access import Access, Person
from bot.profiles.sending.emails import Email, email_message, needs_utf8
from bot.profiles.sending.letters import Cause, LetterRefusedError, Outcome
from bot.profiles.sending.sending import Sending, SendingSession, outcome_of
from bot.smtp.check.report import Reply
from storage.database import Database
from storage.engines.transactions import DatabaseUnavailableError
from storage.tables.audit import EMAILED

log = logging.getLogger(__name__)

_NOT_READY: Mapping[ProfileState, str] = {
    ProfileState.NOT_SET_UP: "You have no email profile yet, so nothing can be sent.",
    ProfileState.PASSWORD_MISSING: "The password is missing in your email profile, so nothing can be sent.",
    ProfileState.UNREADABLE: "Your email profile cannot be read, so nothing can be sent. Set it up anew.",
}

_IN_HISTORY: Mapping[Outcome, str] = {Outcome.TAKEN: "", Outcome.UNKNOWN: ", perhaps: no answer came"}
"""What became of the emails that the history tells of, in words behind the number of addresses."""

_REFUSED = (
    "Your mail server refused the sign-in of your email profile, so nothing is sent with it. Set a new password, or "
    "test it again with /email-test."
)


@dataclass(frozen=True, kw_only=True)
class NewEmail:
    """What an email is written over: names by user id of those whom the bot knows, and the profile that it leaves by.

    `missing` is a sentence on what the profile lacks, empty when nothing.
    """

    names: Mapping[str, str]
    profile: EmailProfile
    missing: str


@dataclass(frozen=True, kw_only=True)
class SentEmail:
    """What became of an email; it goes to all its recipients or to none.

    `reply` is what the server of the profile answered, None where it was not asked: then `sentence` says why. `refused`
    are the recipients that it refused, with its answers.
    """

    outcome: Outcome
    reply: Reply | None = None
    sentence: str = ""
    refused: Mapping[str, Reply] = field(default_factory=dict)

    @classmethod
    def not_begun(cls, sentence: str) -> "SentEmail":
        """Return that an email was not sent, for a reason that the person is told."""
        return cls(outcome=Outcome.REFUSED, sentence=sentence)


@dataclass(frozen=True, kw_only=True)
class EmailedMessages:
    """Sends what people write in Slack; `clock` returns the time now, aware UTC."""

    database: Database
    access: Access
    sending: Sending
    clock: Callable[[], datetime]

    async def require_may_send(self, *, caller: Person) -> None:
        """Allow whoever may have an email profile.

        Raises:
            NotAllowedError: the caller can have none.
        """
        await self.access.require_member(caller)

    async def begin(self, *, caller: Person, people: Collection[str]) -> NewEmail:
        """Return what an email is written over; `people` are the user ids whose names it needs.

        Raises:
            NotAllowedError: the caller can have no email profile.
        """
        await self.require_may_send(caller=caller)
        async with self.database.reading() as tx:
            view = (await load(tx, caller)).view
            known = await tx.people.of(caller.workspace, people) if people else {}
        names = {user: person.name for user, person in known.items() if person.name}
        return NewEmail(names=names, profile=view.profile, missing=_missing(view))

    async def send(self, *, caller: Person, email: Email) -> SentEmail:
        """Send an email with the caller's own profile, and return what its server answered.

        Raises:
            NotAllowedError: the caller can have no email profile.
        """
        await self.require_may_send(caller=caller)
        async with self.database.reading() as tx:
            view = (await load(tx, caller)).view
        if missing := _missing(view):
            return SentEmail(outcome=Outcome.NOT_READY, sentence=missing)
        content = email_message(view.profile, email, now=self.clock())
        try:
            async with self.sending.own_session(caller) as session:
                sent = await _sent(session, view.profile, email, content)
        except LetterRefusedError as error:
            return _not_sent(error)
        if sent.outcome in _IN_HISTORY:
            await self._note(caller, email, sent.outcome)
        return sent

    async def _note(self, caller: Person, email: Email, outcome: Outcome) -> None:
        """Add to the history that an email left, never to whom or what it says; logs where that is not possible."""
        count = len(email.recipients)
        words = f"to {count} address{'' if count == 1 else 'es'}{_IN_HISTORY[outcome]}"
        try:
            async with self.database.writing() as tx:
                await tx.audit.append(
                    caller.workspace, actor=caller.user, subject=caller.user, action=EMAILED, details=(words,)
                )
        except DatabaseUnavailableError:
            # The email has left, which its writer is to be told.
            log.warning("An email left that the history does not tell, since the database did not answer.")


async def _sent(session: SendingSession, profile: EmailProfile, email: Email, content: bytes) -> SentEmail:
    reply = await session.begin(profile.address, size=len(content), utf8=needs_utf8(profile, email))
    if not _is_taken(reply):
        return SentEmail(outcome=outcome_of(reply), reply=reply)
    replies = {address: await session.recipient(address) for address in email.recipients}
    refused = {address: reply for address, reply in replies.items() if not _is_taken(reply)}
    if refused:
        await session.reset()
        is_final = any(outcome_of(reply) is Outcome.REFUSED for reply in refused.values())
        outcome = Outcome.REFUSED if is_final else Outcome.TRY_LATER
        return SentEmail(outcome=outcome, refused=refused)
    delivery = await session.deliver(content)
    return SentEmail(outcome=delivery.outcome, reply=delivery.reply)


def _missing(view: ProfileView) -> str:
    """Return what a profile lacks to send with it, as a sentence; empty when nothing is known to be lacking."""
    if view.is_held:
        return _REFUSED
    return _NOT_READY.get(view.state, "")


def _is_taken(reply: Reply) -> bool:
    return reply.code // 100 == 2


def _not_sent(error: LetterRefusedError) -> SentEmail:
    """Return why an email was not sent, in the words of its writer where their profile is the reason."""
    if error.cause is Cause.ENDED:
        return SentEmail(outcome=Outcome.NOT_READY, sentence=_NOT_READY[ProfileState.NOT_SET_UP])
    if error.cause is Cause.RATE:
        when = f"in {duration_words(error.wait)}" if error.wait else "later"
        sentence = f"Nothing was sent: you have sent as many emails as you may for now. Try again {when}."
        return SentEmail(outcome=Outcome.TRY_LATER, sentence=sentence)
    if error.cause is not Cause.NOT_READY:
        return SentEmail(outcome=outcome_of(error.reply), sentence=str(error))
    at = f", which fails at {error.stage}" if error.stage else ""
    when = f" The bot tries it again in {duration_words(error.wait)}." if error.wait else ""
    sentence = f"Nothing was sent: your email profile has to be set right first{at}.{when}"
    return SentEmail(outcome=Outcome.NOT_READY, sentence=sentence)
