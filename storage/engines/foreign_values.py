"""Values that somebody else than the bot wrote: what no driver can read is read as something that no seal fits.

SQLite takes values of any kind in any column (https://www.sqlite.org/flextypegood.html); PostgreSQL takes times beyond
those of Python, `infinity` too (https://www.postgresql.org/docs/current/datatype-datetime.html). A driver raises for
the whole result then, so that one row would keep everybody from theirs.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Dialect, Integer
from sqlalchemy.dialects.sqlite import DATETIME

UNREADABLE_TIME = datetime(1900, 1, 1, tzinfo=UTC)
UNREADABLE_NUMBER = -(2**62)


def is_unreadable(value: object) -> bool:
    """Whether a value stands for one that could not be read."""
    return value in (UNREADABLE_TIME, UNREADABLE_NUMBER)


class AnyTime(DATETIME):
    """A time of SQLite's, whatever stands in its column."""

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """Return what reads a value."""
        read = super().result_processor(dialect, coltype)
        return _or_else(read, UNREADABLE_TIME.replace(tzinfo=None))


class AnyNumber(Integer):
    """A whole number of SQLite's, whatever stands in its column."""

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], int | None]:  # noqa: ARG002
        """Return what reads a value."""
        return lambda value: value if value is None or isinstance(value, int) else UNREADABLE_NUMBER


def _or_else(read: Callable[[Any], Any] | None, unreadable: object) -> Callable[[Any], Any] | None:
    if read is None:
        return None

    def tried(value: Any) -> Any:
        try:
            return read(value)
        except (ValueError, TypeError):
            return unreadable

    return tried
