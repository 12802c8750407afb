"""The rules for tokens of programs: who makes, sees and removes them, and which program shows one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import SecretStr

from bot.profiles.errors import UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.members import OnChange
from bot.profiles.tokens.program import MaySendTo, Program, Sender
from bot.profiles.tokens.secret_token import SecretToken
from storage.database import Database

MOST_PROGRAMS = 10
"""Programs of one person."""


class WrongTokenError(UserError):
    """No program may sign in so. Which of the reasons it is, is told neither in words nor by the time it takes."""

    def __init__(self) -> None:
        super().__init__(
            "User and password do not fit. Type the email address of the profile as user, and the program's token "
            "as password; a token that is lost or over is made anew in Slack, with /email-profile programs."
        )


@dataclass(frozen=True, kw_only=True)
class ProgramTokens:
    """The rules for tokens of programs, on one database.

    `clock` returns the time now, aware UTC. A sign-in that is refused is answered `refused_after` seconds after it
    was asked for, whatever the reason.
    """

    database: Database
    access: Access
    clock: Callable[[], datetime]
    on_change: OnChange
    refused_after: float = 0.2

    async def add(
        self,
        *,
        caller: Person,
        owner: Person,
        name: str,
        may_send_to: MaySendTo,
        messages_a_day: int,
        ends_on: date | None,
    ) -> tuple[Program, SecretToken]:
        """Add a program to the caller's own profile; its token is returned this once and never again.

        Raises:
            NotAllowedError: the profile is somebody else's, or this person can have none.
            NoProfileError: there is no profile to send with yet.
            InvalidFormError: the name, the number or the date break a rule; see `ProgramField`.
            UserError: there are MOST_PROGRAMS already.
        """
        raise NotImplementedError

    async def remove(self, *, caller: Person, owner: Person, program_id: str) -> Program | None:
        """Remove a program, whose token ends at once; returns it, or None when there is none with this id.

        Raises:
            NotAllowedError: the caller is neither the owner nor an admin.
        """
        raise NotImplementedError

    async def list(self, *, caller: Person, owner: Person) -> tuple[Program, ...]:
        """Return the programs of a profile, in the order in which they were added.

        Raises:
            NotAllowedError: the caller is neither the owner nor an admin.
        """
        raise NotImplementedError

    async def authenticate(self, username: str | None, secret: SecretStr, address: str) -> Sender:
        """Return who signs in with a token; the owner is told when that is the first time from a network.

        `username` is the address of the profile or the token's id, None where the way in has no user names (the send
        API). `address` is the network address that the program comes from: an IP address, or a network in CIDR form.

        Raises:
            WrongTokenError: no such token, another user name, or it was removed, is over, or its profile or person is.
            RateLimitedError: 10 were wrong within 15 minutes from the network (/24, /64), so it waits 15 minutes.
            DatabaseUnavailableError: the database does not do what it is asked.
        """
        raise NotImplementedError
