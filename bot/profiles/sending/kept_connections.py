"""Connections to providers that are kept for a moment after a letter, for the next one of the same profile."""

import asyncio
from dataclasses import dataclass, field

from bot.profiles.people.access import Person
from bot.smtp.transport.connection import ProviderConnection

KEPT_SECONDS = 10.0
"""How long a connection is kept without a letter."""

LETTERS_OF_A_CONNECTION = 100
"""After so many letters a connection is closed: servers end long ones, some in the middle of a letter."""


@dataclass(frozen=True)
class ProfileAtRevision:
    """A profile as it was when a connection was opened: once it is saved again, no connection of before fits."""

    person: Person
    record_id: str
    revision: int


@dataclass(kw_only=True)
class KeptConnections:
    """Keeps connections that are signed in and idle, each for letters of its profile alone."""

    seconds: float = KEPT_SECONDS
    _kept: dict[ProfileAtRevision, list["_Kept"]] = field(default_factory=dict, init=False)
    _closing: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    def take(self, profile: ProfileAtRevision) -> ProviderConnection | None:
        """Return a connection that can be used, the one used last; None where none is kept."""
        kept = self._kept.get(profile, [])
        while kept:
            one = self._remove(profile, kept[-1])
            if one.is_usable:
                return one
            self.close(one)
        return None

    def give(self, profile: ProfileAtRevision, connection: ProviderConnection) -> None:
        """Keep a connection between two letters, or close it where no other letter can go over it."""
        if not connection.is_usable or connection.letters >= LETTERS_OF_A_CONNECTION:
            self.close(connection)
            return
        kept = _Kept(connection)
        kept.timer = asyncio.get_running_loop().call_later(self.seconds, self._expire, profile, kept)
        self._kept.setdefault(profile, []).append(kept)

    def close(self, connection: ProviderConnection) -> None:
        """Close a connection, which may take a moment that nobody has to wait for."""
        task = asyncio.create_task(connection.close(), name="close a connection to a provider")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close_all(self) -> None:
        """Close all connections that are kept."""
        for profile, kept in list(self._kept.items()):
            for one in list(kept):
                self.close(self._remove(profile, one))
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _expire(self, profile: ProfileAtRevision, kept: "_Kept") -> None:
        self.close(self._remove(profile, kept))

    def _remove(self, profile: ProfileAtRevision, kept: "_Kept") -> ProviderConnection:
        kept.timer.cancel()
        self._kept[profile].remove(kept)
        if not self._kept[profile]:
            del self._kept[profile]
        return kept.connection


@dataclass(eq=False)
class _Kept:
    connection: ProviderConnection
    timer: asyncio.TimerHandle = field(init=False)
