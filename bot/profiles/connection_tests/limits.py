"""Rate limits, so that a connection test is no tool for guessing passwords or for flooding.

A sign-in (`sign_ins.py`) counts as refused, and a message as sent, from before it is tried until it turns out that it
was not: so tests at the same time cannot exceed a limit. All instances share the windows, and they fail closed: without
the database there is no test.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from storage.database import Transaction
from storage.tables.limits import Window

MINUTE, HOUR, DAY = 60, 3600, 86_400


@dataclass(frozen=True)
class Limit:
    """At most `max_uses` in `window_seconds`; `sentence` tells a person what was done too often.

    The name is part of the key under which the database counts.
    """

    name: str
    max_uses: int
    window_seconds: int
    sentence: str

    @property
    def is_short(self) -> bool:
        """Whether a test of many profiles may wait for it."""
        return self.window_seconds <= MINUTE


class RateLimitedError(UserError):
    """A limit was reached; the sentence says when to try again: in `wait` seconds, at `until` (aware UTC).

    `consequence` is a sentence about what became of what was asked for.
    """

    consequence = "Nothing was tested or changed."

    def __init__(self, limit: Limit, window: Window) -> None:
        super().__init__(f"{limit.sentence} Please try again in {duration_words(window.wait)}.")
        self.limit = limit
        self.window = window
        self.wait = window.wait
        self.until = datetime.fromtimestamp(window.ends_at, UTC)


@dataclass(frozen=True, kw_only=True)
class Use:
    """One counted use of a limit: under which key, and in which window."""

    key: str
    ends_at: float


@dataclass(frozen=True, kw_only=True)
class SignInsLeft:
    """How often a login may still be refused until `until` (aware UTC), before the bot tries it no more until then.

    `own_left` is how many refused sign-ins, of whatever login, whoever tests has left until `own_until`.
    """

    left: int
    until: datetime
    own_left: int | None = None
    own_until: datetime | None = None


TESTS_OF_A_PERSON = (
    Limit("tests of a person, minute", 6, MINUTE, "You have tested six times in a minute."),
    Limit("tests of a person, hour", 30, HOUR, "You have tested thirty times in an hour."),
)
TESTS_OF_A_WORKSPACE = (
    Limit("tests of a workspace", 60, MINUTE, "Many people of your workspace are testing at the moment."),
)
TESTS_OF_A_TARGET = (Limit("tests of a target", 30, MINUTE, "This server is being tested very often."),)
TESTS_OF_A_TARGET_IN_BULK = (
    Limit("tests of a target in bulk", 30, MINUTE, "A test of many asks one server at most thirty times a minute."),
)
"""Beside those of members, who never wait for a test of many."""
# What counts for a login counts for each way to name its server, and for all spellings of the login together.
FAILED_SIGN_INS = (
    Limit(
        "failed sign-ins, quarter of an hour",
        3,
        15 * MINUTE,
        "This login was refused three times, and more attempts could lock the mailbox.",
    ),
    Limit(
        "failed sign-ins, day",
        10,
        DAY,
        "This login was refused ten times in a day, and more attempts could lock the mailbox.",
    ),
)
FAILED_SIGN_INS_IN_BULK = (
    Limit(
        "failed sign-ins in bulk, quarter of an hour",
        2,
        15 * MINUTE,
        "Their login was refused twice in a quarter of an hour by tests of many; more could lock the mailbox.",
    ),
    Limit(
        "failed sign-ins in bulk, day",
        4,
        DAY,
        "Their login was refused four times in a day by tests of many; more could lock the mailbox.",
    ),
)
"""Beside those of members: what a test of many has refused never keeps anybody from trying their own login."""
FAILED_SIGN_INS_EVERYWHERE = Limit(
    "failed sign-ins of all workspaces",
    30,
    DAY,
    "This login was refused thirty times in a day, and more attempts could lock the mailbox.",
)
"""The ceiling for a login at one address or one server's key, over all workspaces and tests of many."""
FAILED_SIGN_INS_OF_A_PERSON = Limit(
    "failed sign-ins of a person",
    10,
    DAY,
    "Ten of your sign-ins were refused in a day, and the bot tries no more than that for one person.",
)
LOGINS_OF_A_PERSON = Limit("logins of a person", 20, DAY, "You have tried twenty different logins in a day.")
"""Also those that were accepted. Whoever sets up colleagues needs a dozen, and has the test of many for more; whoever
tries one password on many mailboxes needs hundreds."""
LINKS_OF_A_PERSON = (Limit("links of a person", 10, HOUR, "You have asked for ten private links in an hour."),)
LINK_ATTEMPTS = (Limit("wrong links", 50, 10 * MINUTE, "Too many wrong links came from your network."),)
INSTALLATION_PAGES = (
    Limit(
        "pages of installations",
        60,
        10 * MINUTE,
        "Sixty pages for installing were asked for from your network in ten minutes.",
    ),
)
SIGN_INS = (
    Limit("sign-ins of browsers", 60, 10 * MINUTE, "Sixty people of your network signed in with Slack in ten minutes."),
)
MESSAGES_OF_A_PERSON = (Limit("messages of a person", 3, DAY, "You have sent three test messages in a day."),)
SEARCHES_OF_A_PERSON = (
    Limit("searches of a person", 20, HOUR, "You have searched for settings twenty times in an hour."),
)
"""Searches that ask the network for somebody's settings."""
CODES_OF_A_PERSON = (Limit("codes of a person", 3, DAY, "You have had three codes mailed in a day."),)
CODES_TO_AN_ADDRESS = (Limit("codes to an address", 1, DAY, "A code was mailed to this address within a day."),)
"""For all workspaces together: whoever reads at an address gets one of these messages a day, whoever asks for it."""
WRONG_CODES = (Limit("wrong codes", 5, DAY, "Five wrong codes were typed."),)
"""Of a person. A code ends within a day, so nobody guesses at one of eight digits more often."""


async def count_test(tx: Transaction, caller: Person, host: str, port: int) -> None:
    """Count one test by this person, in this workspace, of this server.

    Raises:
        RateLimitedError: as `count`.
    """
    await tx.limits.purge()
    await count(tx, TESTS_OF_A_PERSON, caller.workspace, caller.user)
    await count(tx, TESTS_OF_A_WORKSPACE, caller.workspace)
    await count(tx, TESTS_OF_A_TARGET, host, str(port))


async def count(tx: Transaction, limits: tuple[Limit, ...], *subject: str) -> tuple[Use, ...]:
    """Count one use by a subject: a person as workspace and id, a network address, a server as host and port.

    Returns what was counted, for `give_back`.

    Raises:
        RateLimitedError: a limit is reached; the transaction must be rolled back.
    """
    uses = []
    for limit in limits:
        key = limit_key(limit, *subject)
        window = await tx.limits.take(key, most=limit.max_uses, seconds=limit.window_seconds)
        if not window.taken:
            raise RateLimitedError(limit, window)
        uses.append(Use(key=key, ends_at=window.ends_at))
    return tuple(uses)


async def give_back(tx: Transaction, uses: Sequence[Use]) -> None:
    """Uncount what turned out to be none."""
    for use in uses:
        await tx.limits.give_back(use.key, ends_at=use.ends_at)


def limit_key(limit: Limit, *subject: str) -> str:
    """Return under which name the uses of a limit by a subject are counted."""
    return "\n".join((limit.name, *subject))


def duration_words(seconds: float) -> str:
    """Return a time to wait, rounded up: "40 seconds", "4 minutes", "3 hours"."""
    for unit, size in (("hour", HOUR), ("minute", MINUTE)):
        if seconds > 2 * size:
            return f"{math.ceil(seconds / size)} {unit}s"
    whole = max(math.ceil(seconds), 1)
    return f"{whole} second{'' if whole == 1 else 's'}"
