"""The health of one instance: what keeps it from serving, and what only makes it serve less well."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum

from bot.slack.web_api.call_health import SlackCalls
from storage.crypto.key_checks import KeyMismatchError
from storage.database import Database
from storage.engines.transactions import DatabaseUnavailableError

log = logging.getLogger(__name__)

DATABASE_TIMEOUT_SECONDS = 5.0
"""For the database's answer; a supervisor asks again soon."""

LOOK_SECONDS = 3.0
"""How long what was seen of the database is told on: anybody may ask, and supervisors ask every few seconds."""

LONG_WAIT_SECONDS = 600.0
"""A message that waits for so long is told of: Slack takes none, or more than two thousand were written at once.

Whoever runs the bot has to know in both cases, because people are not told meanwhile.
"""


class State(StrEnum):
    """What may be wrong."""

    DRAINING = "draining"
    SOCKET_MODE = "socket_mode"
    DATABASE = "database"
    KEYS = "keys"
    SLACK = "slack"
    """Its Web API does not answer. Commands still come in, and no other instance would fare better."""
    OUTBOX = "outbox"
    """Messages to people have been waiting for long, on all instances."""
    POLICIES = "policies"
    """What admins allow cannot be read for some workspace, in which nothing is tested or saved meanwhile."""


DEGRADED = frozenset({State.SLACK, State.OUTBOX, State.POLICIES})
"""With these the instance serves; with any other, requests had better go to another."""


class Health:
    """What is wrong with one instance now."""

    def __init__(self, database: Database, calls: SlackCalls) -> None:
        self._database = database
        self._calls = calls
        self._connected: Callable[[], Awaitable[bool]] | None = None
        self._looking = asyncio.Lock()
        self._stored: dict[State, str] = {}
        self._look_due = float("-inf")
        self.draining = False
        self.unreadable_workspaces: list[str] = []
        """Those whose defaults and allowed servers could not be read when it was last looked."""

    def watch_socket(self, connected: Callable[[], Awaitable[bool]]) -> None:
        """Include the Socket Mode connection."""
        self._connected = connected

    async def faults(self) -> Mapping[State, str]:
        """Return what is wrong, in a few words each; empty when nothing is.

        The database is looked at once in LOOK_SECONDS, however often this is asked.
        """
        found: dict[State, str] = {}
        if self.draining:
            found[State.DRAINING] = "stopping"
        if self._connected is not None and not await self._connected():
            found[State.SOCKET_MODE] = "Socket Mode is not connected"
        found |= await self._seen()
        if self._calls.failing():
            found[State.SLACK] = "Slack does not answer the bot's calls"
        return found

    async def _seen(self) -> dict[State, str]:
        async with self._looking:
            if time.monotonic() >= self._look_due:
                self._stored = await self._look()
                self._look_due = time.monotonic() + LOOK_SECONDS
            return self._stored

    async def _look(self) -> dict[State, str]:
        try:
            async with asyncio.timeout(DATABASE_TIMEOUT_SECONDS):
                await self._database.ping()
                await self._database.check_keys()
                self.note_unreadable(await self._database.check_workspaces())
                async with self._database.reading() as tx:
                    waiting = await tx.outbox.oldest_seconds()
        except KeyMismatchError as error:
            return {State.KEYS: str(error)}
        except DatabaseUnavailableError as error:
            return {State.DATABASE: f"the database cannot be used: {error.fault}"}
        except Exception as error:  # noqa: BLE001 - any driver's error means the same to a load balancer
            # Its text may name hosts or parameters, so only its type is logged.
            log.warning("The database does not answer: %s", type(error).__name__)
            return {State.DATABASE: "the database does not answer"}
        return {**self._policies(), **_outbox(waiting)}

    def note_unreadable(self, workspaces: list[str]) -> None:
        """Log what became unreadable since it was last looked: who reads no metrics shall learn of it too."""
        if set(workspaces) - set(self.unreadable_workspaces):
            log.error("Defaults and allowed servers cannot be read; workspaces concerned: %d.", len(workspaces))
        self.unreadable_workspaces = workspaces

    def _policies(self) -> dict[State, str]:
        if not self.unreadable_workspaces:
            return {}
        number = len(self.unreadable_workspaces)
        where = "one workspace" if number == 1 else f"{number} workspaces"
        what = f"the defaults and allowed servers of {where} cannot be read, so nothing is tested or saved there"
        return {State.POLICIES: f"{what} (`email-profile-bot check` says what to do)"}


def _outbox(waiting: float) -> dict[State, str]:
    if waiting < LONG_WAIT_SECONDS:
        return {}
    why = "thousands were written at once, or Slack asks for a pause, refuses the token, or is away: see the log"
    return {State.OUTBOX: f"messages to people have been waiting for {waiting / 60:.0f} minutes ({why})"}


def describe(faults: Mapping[State, str]) -> str:
    """Return one line for `/readyz`."""
    if not faults:
        return "ready"
    words = "; ".join(faults.values())
    return f"ready, but degraded: {words}" if DEGRADED.issuperset(faults) else words
