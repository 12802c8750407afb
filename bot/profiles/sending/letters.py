"""A letter, what became of it, and how it is refused before anybody is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.smtp.check.report import Reply, StageName

MAX_RECIPIENTS = 100
"""Of one letter (RFC 5321, 4.5.3.1.8): at Gmail no more are taken over SMTP."""

MAX_LINE_LENGTH = 998
"""Bytes of a line without its end (RFC 5322, 2.1.1)."""

MAX_LETTER_BYTES = 35_000_000
"""The largest letter that is taken, as it is sent; a provider may take less, and then says so."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One letter: envelope and content; lines of the content end in CRLF, and no dot is doubled."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes = field(repr=False)


class Outcome(StrEnum):
    """What became of a letter."""

    TAKEN = "taken"
    """The provider took it, for at least one recipient."""
    REFUSED = "refused"
    """It will not be taken as it is."""
    TRY_LATER = "try later"
    """It was not taken, and may be later."""
    UNKNOWN = "unknown"
    """It was given to the provider to its end, and no answer came: it may have been sent. It is never tried again."""
    NOT_READY = "not ready"
    """It was not taken, and will not be before the profile's owner does something."""


class Cause(StrEnum):
    """Why a letter is refused before the provider is asked."""

    SENDER = "sender"
    """MAIL FROM, From or Sender is not the profile's address."""
    RECIPIENT = "recipient"
    """The program may not send to it, or it is no address."""
    FORM = "form"
    """The letter breaks a rule of RFC 5322 or 5321."""
    SIZE = "size"
    RATE = "rate"
    """The program has sent as much as it may for now."""
    BUSY = "busy"
    """There is no place for it just now."""
    NOT_READY = "not ready"
    """The profile needs its owner."""
    ENDED = "ended"
    """The token, or the profile, is not there any more."""
    PROVIDER = "provider"
    """The provider cannot be reached, or broke off before it had the letter."""
    UNAVAILABLE = "unavailable"
    """The bot cannot reach its database."""


class LetterRefusedError(Exception):
    """A letter is refused before the provider is asked; `str(error)` is a full sentence, safe to show.

    `reply` is what SMTP says of it, `wait` the seconds after which it may be tried again, None where time does not
    help or nobody knows. Where the profile needs its owner, `stage` is the stage of a connection test at which it
    fails, None where that is not known.
    """

    def __init__(
        self,
        cause: Cause,
        code: int,
        enhanced: str,
        sentence: str,
        *,
        wait: float | None = None,
        stage: StageName | None = None,
    ) -> None:
        super().__init__(sentence)
        self.cause = cause
        self.reply = Reply(code=code, enhanced=enhanced, text=sentence)
        self.wait = wait
        self.stage = stage


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What became of one letter.

    `reply` is what the program is told: the provider's own answer, cleaned, with the server's name before its words;
    code 250 where the letter was TAKEN, and nowhere else. `message_id` is the letter's Message-ID with its brackets,
    empty where it was not sent. `refused` are the recipients that the provider refused, with its answers.
    `stage` is the stage of a connection test at which a profile that is NOT_READY fails, None elsewhere.
    """

    outcome: Outcome
    reply: Reply
    message_id: str = ""
    refused: Mapping[str, Reply] = field(default_factory=dict)
    stage: StageName | None = None
