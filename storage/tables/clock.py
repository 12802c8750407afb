"""The database's own clock, which all instances share: seconds since 1970, UTC, as SQL."""

from sqlalchemy.ext.asyncio import AsyncConnection

_NOW = {
    # Both with fractions of a second; SQLite's julianday is exact to a millisecond.
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
    "postgresql": "extract(epoch FROM clock_timestamp())",
}


def now_sql(connection: AsyncConnection) -> str:
    """Give the expression for the time now in the dialect of a connection's database."""
    return _NOW[connection.dialect.name]
