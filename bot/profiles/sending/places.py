"""Places for letters at their providers, in fair shares, and the bytes that letters hold in memory meanwhile."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from bot.providers.providers import Provider
from bot.providers.recognition import provider_of

MOST_AT_MICROSOFT = 3
"""Connections of one mailbox at once; more are answered 432 4.3.2.

https://learn.microsoft.com/exchange/troubleshoot/send-emails/smtp-submission-improvements
"""

MOST_ELSEWHERE = 10
"""Connections of one mailbox at once: Gmail allows about as many."""

MOST_WAITING = 10
"""Letters of one profile that wait for a place, large and small ones apart."""

WAIT_SECONDS = 30.0
"""How long a letter waits for a place."""

LARGE_BYTES = 1_000_000
"""A larger letter takes no profile's last place, so that small ones never wait for large ones alone."""

MOST_OF_A_WORKSPACE = 100
MOST_AT_ONCE = 200
"""Letters on their way to providers, of one workspace and of all of them, in one process."""

MOST_BYTES = 256_000_000
"""What letters hold in memory in sum, in one process."""

_MICROSOFT = (Provider.OUTLOOK_COM, Provider.MICROSOFT_365)


class NoPlaceError(UserError):
    """There is no place for a letter, and enough of them wait."""

    def __init__(self) -> None:
        super().__init__("Too many messages are being sent at the moment. Please try again in a minute.")


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a place is for: letters of one program of one person, at a server; `program` is empty without a program."""

    person: Person
    program: str
    host: str
    is_large: bool = False

    @property
    def most(self) -> int:
        """How many places the profile has; large letters take one fewer."""
        return MOST_AT_MICROSOFT if provider_of(self.host) in _MICROSOFT else MOST_ELSEWHERE


@dataclass(eq=False)
class _Waiting:
    place: Place
    granted: asyncio.Future[None]


@dataclass(kw_only=True)
class Places:
    """Gives out places: to whoever has the fewest already, first by workspace, then by profile, then by program."""

    most_of_a_workspace: int = MOST_OF_A_WORKSPACE
    most_at_once: int = MOST_AT_ONCE
    wait_seconds: float = WAIT_SECONDS
    _taken: Counter[object] = field(default_factory=Counter, init=False)
    _waiting: list[_Waiting] = field(default_factory=list, init=False)

    @property
    def taken(self) -> int:
        """How many places are taken now."""
        return self._taken[None]

    @property
    def waiting(self) -> int:
        """How many letters wait for one."""
        return len(self._waiting)

    @asynccontextmanager
    async def place(self, place: Place) -> AsyncIterator[bool]:
        """Wait for a place, and keep it for the block; it is given whether it had to be waited for.

        Raises:
            NoPlaceError: enough letters of the profile wait already, or this one has waited for too long, or has to
                make room for one of another program.
        """
        has_waited = await self._take(place)
        try:
            yield has_waited
        finally:
            self._count(place, -1)
            self._grant()

    async def _take(self, place: Place) -> bool:
        if self._is_free(place) and not self._is_awaited(place):
            self._count(place, 1)
            return False
        self._require_room(place)
        waiting = _Waiting(place, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        try:
            async with asyncio.timeout(self.wait_seconds):
                await waiting.granted
        except BaseException as error:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
            elif waiting.granted.done() and not (waiting.granted.cancelled() or waiting.granted.exception()):
                # It was granted in the same moment.
                self._count(place, -1)
                self._grant()
            if isinstance(error, TimeoutError):
                raise NoPlaceError from None
            raise
        return True

    def _require_room(self, place: Place) -> None:
        """Let no letter wait behind too many of its profile; one of a program of which more wait makes room for it.

        Raises:
            NoPlaceError: there is no room.
        """
        alike = [one for one in self._waiting if (one.place.person, one.place.is_large) == _line(place)]
        if len(alike) < MOST_WAITING:
            return
        waiting = Counter(one.place.program for one in alike)
        most, number = max(waiting.items(), key=lambda item: item[1])
        if number <= waiting[place.program] + 1:
            raise NoPlaceError
        last = next(one for one in reversed(alike) if one.place.program == most)
        self._waiting.remove(last)
        last.granted.set_exception(NoPlaceError())

    def _is_awaited(self, place: Place) -> bool:
        """Whether somebody waits who is to have this place first: of the same profile and size."""
        return any((one.place.person, one.place.is_large) == _line(place) for one in self._waiting)

    def _grant(self) -> None:
        """Give free places to those who wait."""
        while True:
            ready = [one for one in self._waiting if not one.granted.done() and self._is_free(one.place)]
            if not ready:
                return
            # min() takes the first of equals, and they are in the order in which they came.
            first = min(ready, key=lambda one: self._shares(one.place))
            self._waiting.remove(first)
            self._count(first.place, 1)
            first.granted.set_result(None)

    def _is_free(self, place: Place) -> bool:
        large_full = place.is_large and self._taken[place.person, True] >= place.most - 1
        full = self._taken[place.person] >= place.most
        of_workspace = self._taken[place.person.workspace] >= self.most_of_a_workspace
        return not (large_full or full or of_workspace or self._taken[None] >= self.most_at_once)

    def _shares(self, place: Place) -> tuple[int, int, int]:
        person = place.person
        return self._taken[person.workspace], self._taken[person], self._taken[person, place.program]

    def _count(self, place: Place, by: int) -> None:
        person = place.person
        for key in (None, person.workspace, person, (person, place.program), *([(person, True)] * place.is_large)):
            self._taken[key] += by
            if not self._taken[key] and key is not None:
                del self._taken[key]


def _line(place: Place) -> tuple[Person, bool]:
    return place.person, place.is_large


@dataclass(kw_only=True)
class BytesInFlight:
    """Counts the bytes that letters hold in memory, `most` in sum.

    A profile holds no more than remains free, and a workspace no more than three times that: so there is room for the
    letters of others, however many large ones somebody begins.
    """

    most: int = MOST_BYTES
    held: int = field(default=0, init=False)
    _of: Counter[object] = field(default_factory=Counter, init=False)

    def change(self, person: Person, before: int, now: int) -> bool:
        """Count that a letter which held `before` bytes holds `now` bytes; False where that is too much."""
        more = now - before
        free = self.most - self.held - more
        shares = {person: free, person.workspace: 3 * free}
        if more > 0 and (free < 0 or any(self._of[one] + more > most for one, most in shares.items())):
            return False
        self.held += more
        for one in shares:
            self._of[one] += more
            if not self._of[one]:
                del self._of[one]
        return True
