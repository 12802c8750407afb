"""Which people a list shows, in which order, and where its page begins."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """A person in a list, behind (or before) whom a page begins."""

    state: int
    position: int
    user: str


@dataclass(frozen=True, kw_only=True)
class Query:
    """Which people: in one of `states`, each of `words` begins a word of theirs, they have all of `labels`.

    Nobody with a label of `without`; where `users` (ids) are given, only those. Ordered by name, or else by state
    first; behind `after`, or else the last ones before `before`.
    """

    states: tuple[int, ...]
    words: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    users: tuple[str, ...] | None = None
    by_name: bool = False
    after: Cursor | None = None
    before: Cursor | None = None

    def key(self, state: Any, position: Any, user: Any) -> tuple[Any, ...]:
        """Return what the list is ordered by."""
        return (position, user) if self.by_name else (state, position, user)

    def key_of(self, cursor: Cursor) -> tuple[Any, ...]:
        """Return what a cursor is ordered by."""
        return self.key(cursor.state, cursor.position, cursor.user)

    def order(self, state: Any, position: Any, user: Any) -> list[Any]:
        """Return the columns to order by; backwards from `before`."""
        backward = self.after is None and self.before is not None
        return [part.desc() if backward else part.asc() for part in self.key(state, position, user)]
