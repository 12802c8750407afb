"""Searches for the settings of an address, within the limits of a person."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from bot.discovery.discovery import Discovery
from bot.discovery.findings import Findings, OwnRow
from bot.profiles.connection_tests.limits import SEARCHES_OF_A_PERSON, count
from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from storage.database import Database


class SearchUnderWayError(UserError):
    """A search of the caller's is under way."""

    def __init__(self) -> None:
        super().__init__("A search of yours is under way. Wait for it.")


@dataclass(frozen=True, kw_only=True)
class SettingsSearches:
    """Searches for people: twenty an hour over all instances, and in one process one after the other."""

    database: Database
    discovery: Discovery
    # A turn is kept for as long as somebody has it or waits for it.
    _turns: WeakValueDictionary[Person, asyncio.Lock] = field(
        default_factory=WeakValueDictionary, init=False, repr=False
    )

    def known(self, address: str, own: Sequence[OwnRow]) -> Findings:
        """Return what is known at once, without asking the network; it counts for no limit."""
        return self.discovery.known(address, own)

    async def find(self, address: str, own: Sequence[OwnRow], *, caller: Person) -> Findings:
        """Return what all sources know of an address, in a few seconds at most after the caller's other searches.

        Only what asks the network counts for the limit.

        Raises:
            RateLimitedError: the caller has searched too often; what is known at once is still to be had.
        """
        known = self.known(address, own)
        if known.complete:
            return known
        async with self._turn(caller):
            if self.discovery.would_ask(address):
                async with self.database.writing() as tx:
                    await count(tx, SEARCHES_OF_A_PERSON, caller.workspace, caller.user)
            return await self.discovery.find(address, own)

    async def find_without_waiting(self, address: str, own: Sequence[OwnRow], *, caller: Person) -> Findings:
        """Return the same as `find`, which is not begun while another search of the caller's is under way.

        Raises:
            SearchUnderWayError: one is.
            RateLimitedError: as `find`.
        """
        if not self.known(address, own).complete and self._turn(caller).locked():
            raise SearchUnderWayError
        return await self.find(address, own, caller=caller)

    def _turn(self, caller: Person) -> asyncio.Lock:
        return self._turns.setdefault(caller, asyncio.Lock())
