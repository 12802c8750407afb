"""Reports the end of each transaction: how it ended, and how long it took."""

import time
from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine

Observer = Callable[[str, float], None]
"""Takes how a transaction ended ("committed" or "rolled back", as reading ones do), and how many seconds it took."""

_BEGAN = "email-profile-bot transaction began"


def observe(engine: AsyncEngine, observer: Observer) -> None:
    """Call `observer` at the end of every transaction of an engine from now on, in the context of whoever ends it.

    None may be under way: SQLAlchemy goes through its listeners while BEGIN is awaited on SQLite.
    """

    def begin(connection: Connection) -> None:
        connection.info[_BEGAN] = time.monotonic()

    def end(ended: str, connection: Connection) -> None:
        began = connection.info.pop(_BEGAN, None)
        if began is not None:
            observer(ended, time.monotonic() - began)

    # What listens has to take exactly the event's arguments.
    event.listen(engine.sync_engine, "begin", begin)
    event.listen(engine.sync_engine, "commit", partial(end, "committed"))
    event.listen(engine.sync_engine, "rollback", partial(end, "rolled back"))
