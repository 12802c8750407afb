"""How often things may be done: so that a connection test is no tool for guessing passwords or for flooding.

A sign-in is counted as failed before it is tried and given back when it succeeded, so guesses that run beside
each other cannot slip through. Windows are shared by all instances and fail closed: without the database no test.
"""

import math
from dataclasses import dataclass

from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from storage.database import Transaction

MINUTE, HOUR, DAY = 60, 3600, 86_400


class RateLimitedError(UserError):
    """Something was done too often; the sentence says when it can be done again, in `wait` seconds.

    `limit` is the limit that was reached.
    """

    def __init__(self, message: str, *, limit: "Limit", wait: float) -> None:
        """Keep which limit it was, and how long to wait."""
        super().__init__(message)
        self.limit = limit
        self.wait = wait


@dataclass(frozen=True, kw_only=True)
class Limit:
    """At most `most` uses in `seconds`; `sentence` begins what a person is told."""

    name: str
    max_uses: int
    window_seconds: int
    sentence: str

    @property
    def is_short(self) -> bool:
        """Whether a test of many profiles may wait for it."""
        return self.window_seconds <= MINUTE


TESTS_OF_A_PERSON = (
    Limit(
        name="tests of a person, minute",
        max_uses=6,
        window_seconds=MINUTE,
        sentence="You have tested six times in a minute.",
    ),
    Limit(
        name="tests of a person, hour",
        max_uses=30,
        window_seconds=HOUR,
        sentence="You have tested thirty times in an hour.",
    ),
)
TESTS_OF_A_WORKSPACE = (
    Limit(
        name="tests of a workspace",
        max_uses=60,
        window_seconds=MINUTE,
        sentence="Many people of your workspace are testing at the moment.",
    ),
)
TESTS_OF_A_TARGET = (
    Limit(
        name="tests of a target", max_uses=30, window_seconds=MINUTE, sentence="This server is being tested very often."
    ),
)
FAILED_SIGN_INS = (
    Limit(
        name="failed sign-ins, quarter of an hour",
        max_uses=3,
        window_seconds=15 * MINUTE,
        sentence="This login was refused three times, and more attempts could lock the mailbox.",
    ),
    Limit(
        name="failed sign-ins, day",
        max_uses=10,
        window_seconds=DAY,
        sentence="This login was refused ten times in a day, and more attempts could lock the mailbox.",
    ),
)
LINKS_OF_A_PERSON = (
    Limit(
        name="links of a person",
        max_uses=10,
        window_seconds=HOUR,
        sentence="You have asked for ten private links in an hour.",
    ),
)
LINK_ATTEMPTS = (
    Limit(
        name="wrong links",
        max_uses=50,
        window_seconds=10 * MINUTE,
        sentence="Too many wrong links came from your network.",
    ),
)
INSTALLATION_PAGES = (
    Limit(
        name="pages of installations",
        max_uses=60,
        window_seconds=10 * MINUTE,
        sentence="Sixty pages for installing were asked for from your network in ten minutes.",
    ),
)
MESSAGES_OF_A_PERSON = (
    Limit(
        name="messages of a person",
        max_uses=3,
        window_seconds=DAY,
        sentence="You have sent three test messages in a day.",
    ),
)


async def count_bulk_test(tx: Transaction, host: str, port: int) -> None:
    """Count one test of this server within a test of many profiles; raises LimitedError as `take_test`."""
    await _take(tx, TESTS_OF_A_TARGET, host, str(port))


async def count_test(tx: Transaction, caller: Person, host: str, port: int) -> None:
    """Count one test by this person, in this workspace, of this server.

    Raises:
        LimitedError: one of the limits is reached; nothing may be kept of the transaction then.
    """
    await tx.limits.purge()
    await _take(tx, TESTS_OF_A_PERSON, caller.workspace, caller.user)
    await _take(tx, TESTS_OF_A_WORKSPACE, caller.workspace)
    await _take(tx, TESTS_OF_A_TARGET, host, str(port))


async def reserve_sign_in(tx: Transaction, host: str, login: str) -> None:
    """Count one sign-in as failed, over all people; raises LimitedError as `take_test`."""
    await _take(tx, FAILED_SIGN_INS, host, _same(login))


async def release_sign_in(tx: Transaction, host: str, login: str) -> None:
    """Take back what `reserve_sign_in` counted."""
    for limit in FAILED_SIGN_INS:
        await tx.limits.give_back(_name(limit, host, _same(login)))


async def count_message(tx: Transaction, caller: Person) -> None:
    """Count one real message by this person; raises LimitedError as `take_test`."""
    await _take(tx, MESSAGES_OF_A_PERSON, caller.workspace, caller.user)


async def count_link(tx: Transaction, caller: Person) -> None:
    """Count one private link made by this person; raises LimitedError as `take_test`."""
    await _take(tx, LINKS_OF_A_PERSON, caller.workspace, caller.user)


async def count_link_attempt(tx: Transaction, network_address: str) -> None:
    """Count one wrong link tried from a network address; raises LimitedError as `take_test`."""
    await _take(tx, LINK_ATTEMPTS, network_address)


async def release_link_attempt(tx: Transaction, network_address: str) -> None:
    """Take back what `take_wrong_link` counted."""
    for limit in LINK_ATTEMPTS:
        await tx.limits.give_back(_name(limit, network_address))


async def count_installation_page(tx: Transaction, network_address: str) -> None:
    """Count one page of an installation, asked for from a network address; raises LimitedError as `take_test`."""
    await _take(tx, INSTALLATION_PAGES, network_address)


async def _take(tx: Transaction, limits: tuple[Limit, ...], *of: str) -> None:
    for limit in limits:
        wait = await tx.limits.take(_name(limit, *of), most=limit.max_uses, seconds=limit.window_seconds)
        if wait is not None:
            sentence = f"{limit.sentence} Please try again in {duration_words(wait)}."
            raise RateLimitedError(sentence, limit=limit, wait=wait)


def _name(limit: Limit, *of: str) -> str:
    return "\n".join((limit.name, *of))


def _same(login: str) -> str:
    """Fold what mail servers take for the same login."""
    return login.strip().casefold()


def duration_words(seconds: float) -> str:
    """Write a time to wait, rounded up: "40 seconds", "4 minutes", "3 hours"."""
    for unit, size in (("hour", HOUR), ("minute", MINUTE)):
        if seconds > 2 * size:
            return f"{math.ceil(seconds / size)} {unit}s"
    whole = max(math.ceil(seconds), 1)
    return f"{whole} second{'' if whole == 1 else 's'}"
