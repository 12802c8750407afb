"""SQLite that answers within the event loop, where aiosqlite asks a thread: the way there and back costs more time
than most statements.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakKeyDictionary

import aiosqlite
import pytest

_MAY_WAIT = ("BEGIN IMMEDIATE", "PRAGMA wal_checkpoint")
"""For other writers and readers, who may be of this event loop."""


def answer_at_once(patched: pytest.MonkeyPatch) -> None:
    """Run what is asked of SQLite at once, unless it may wait for somebody or follows such a statement in the thread.

    aiosqlite has no public way to run a statement anywhere but in the thread of its connection.
    """
    ask_thread: Callable[..., Awaitable[Any]] = aiosqlite.Connection._execute
    in_thread: WeakKeyDictionary[aiosqlite.Connection, set[object]] = WeakKeyDictionary()

    async def execute(connection: aiosqlite.Connection, function: Callable[..., Any], *given: Any, **named: Any) -> Any:
        under_way = in_thread.setdefault(connection, set())
        may_wait = bool(given) and str(given[0]).startswith(_MAY_WAIT)
        if not may_wait and not under_way and connection._connection is not None:
            return function(*given, **named)
        asked = object()

        def answer() -> Any:
            # Here and not where it is waited for, because whoever waits may be cancelled.
            try:
                return function(*given, **named)
            finally:
                under_way.discard(asked)

        under_way.add(asked)
        try:
            return await ask_thread(connection, answer)
        except ValueError:
            # The connection was closed, so nobody runs it.
            under_way.discard(asked)
            raise

    patched.setattr(aiosqlite.Connection, "_execute", execute)
