"""A program that sends with a person's profile, and what it may do."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from bot.profiles.connection_tests.limits import DAY, Limit
from bot.profiles.people.access import Person

MESSAGES_A_DAY = 500
"""How many messages a program may send in a day unless its owner says otherwise."""


class MaySendTo(StrEnum):
    """To whom a program may send; stored, and chosen by name."""

    ANYONE = "anyone"
    OWN_DOMAIN = "own domain"
    """Recipients at the domain of the profile's address alone."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """One program, as its owner and admins see it; times are aware UTC.

    `id` is the public part of its token. It may send through the day `ends_on` (UTC), None: for good. `last_address`
    is the network address that it was last used from, and `sent_today` how many messages its day's limit counts now;
    where nobody looks at them, as in `Sender`, they are empty and 0.
    """

    id: str
    name: str
    may_send_to: MaySendTo
    messages_a_day: int
    ends_on: date | None
    created_at: datetime
    last_used_at: datetime | None = None
    last_address: str = ""
    sent_today: int = 0

    def limit_of_a_day(self) -> Limit:
        """Return the limit that each message counts against; its subject is workspace and program id."""
        sentence = f"The program has sent as many messages as it may in a day ({self.messages_a_day})."
        return Limit("messages of a program, day", self.messages_a_day, DAY, sentence)


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who sends: a program, and the person with whose profile. Made by `ProgramTokens.authenticate` alone."""

    program: Program
    person: Person


def own_sender(person: Person) -> Sender:
    """Return a person who sends by themselves, from Slack: without a program, whose id and token are empty then."""
    program = Program(
        id="",
        name="Email this message",
        may_send_to=MaySendTo.ANYONE,
        messages_a_day=MESSAGES_A_DAY,
        ends_on=None,
        created_at=datetime.min.replace(tzinfo=UTC),
    )
    return Sender(program=program, person=person)
