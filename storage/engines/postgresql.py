"""The database of several instances: a PostgreSQL engine behind the plain address that an operator writes."""

from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_address
from typing import Any

import psycopg
from psycopg import conninfo, pq
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.types.datetime import TimestamptzLoader
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from storage.engines.foreign_values import UNREADABLE_TIME

POOL, MORE = 10, 10
"""Connections that one instance keeps open, and opens in addition under load.

PostgreSQL allows a hundred in all unless it is told otherwise.
"""

_SETTINGS = {
    # Milliseconds. Slack waits 3 s for an answer, so nobody is served by a statement that takes longer than this.
    "statement_timeout": "5000",
    "lock_timeout": "2000",
    "idle_in_transaction_session_timeout": "10000",
}

_DEFAULTS = {
    # Seconds for one host of the list; https://www.postgresql.org/docs/current/libpq-connect.html
    "connect_timeout": "2",
    "application_name": "email-profile-bot",
    # A connection whose other end is gone without a word is noticed after about half a minute.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "4",
}


def connection_values(url: str) -> dict[str, Any]:
    """Read an address as PostgreSQL's own programs do: several hosts, TLS and everything else that libpq knows.

    Raises:
        ValueError: it cannot be read. The reason repeats nothing of it.
    """
    try:
        given = conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ValueError("this is not an address that PostgreSQL understands.") from None
    # Of several hosts the one that can be written is meant, after a fail-over too.
    several = {"target_session_attrs": "read-write"} if "," in str(given.get("host") or "") else {}
    options = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    own = str(given.pop("options", "") or "")
    return {**_DEFAULTS, **several, **given, "options": f"{options} {own}".strip()}


def unverified_hosts(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the hosts beyond this machine that are connected to without checking who they are.

    `values` are those of `connection_values`; what they leave out libpq takes from its environment variables.
    https://www.postgresql.org/docs/current/libpq-ssl.html (only `verify-full` checks the name of the certificate, and
    it is what `sslrootcert=system` means by itself).
    """
    given = {name: str(value) for name, value in {**_from_environment(), **values}.items()}
    if given.get("sslmode") == "verify-full" or (given.get("sslrootcert") == "system" and "sslmode" not in values):
        return ()
    # Where an address is given beside a name, that is what is connected to.
    hosts = (given.get("hostaddr") or given.get("host") or "").split(",")
    return tuple(host for host in hosts if not _on_this_machine(host))


def _from_environment() -> dict[str, str]:
    options = pq.Conninfo.get_defaults()
    return {option.keyword.decode(): option.val.decode() for option in options if option.val}


def _on_this_machine(host: str) -> bool:
    """Whether a host is the loopback, or a socket: a folder, an abstract name, or nothing."""
    try:
        return host in ("", "localhost") or host.startswith(("/", "@")) or ip_address(host).is_loopback
    except ValueError:
        return False


class AnyTimestamp(Loader):
    """Reads a time, also one beyond those of Python."""

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        reader = psycopg.adapters.get_loader(oid, Format.TEXT) or TimestamptzLoader
        self._reader = reader(oid, context)

    def load(self, data: Buffer) -> datetime:
        """Return the time."""
        try:
            read: datetime = self._reader.load(data)
        except psycopg.DataError:
            return UNREADABLE_TIME
        return read


def postgresql_engine(values: Mapping[str, Any]) -> AsyncEngine:
    """Make the engine for `connection_values`; it connects when first used."""

    async def connect() -> psycopg.AsyncConnection[Any]:
        connection = await psycopg.AsyncConnection.connect(**values)
        connection.adapters.register_loader("timestamptz", AnyTimestamp)
        return connection

    return create_async_engine(
        "postgresql+psycopg://",
        hide_parameters=True,
        async_creator=connect,
        pool_pre_ping=True,
        pool_recycle=1800,
        pool_size=POOL,
        max_overflow=MORE,
        # Seconds to wait for a free connection.
        pool_timeout=2,
    )
