"""What all instances count together, by the database's clock: uses of a limit, and requests that were seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, delete, select, update

from storage.models import LimitRow, SeenRequestRow
from storage.tables.table import Table, insert_new, now, with_now

# A window that would last longer than it was opened for shows that the clock went back: nobody has to wait for it.
_OVER = "(limits.ends_at <= {now} OR limits.ends_at > {now} + :seconds + 1)"
# SQL, because one statement takes a use or leaves everything as it is: two instances cannot both take the last one.
_TAKE = """
    INSERT INTO limits (name, uses, ends_at) VALUES (:name, 1, {now} + :seconds)
    ON CONFLICT (name) DO UPDATE SET
        uses = CASE WHEN {over} THEN 1 ELSE limits.uses + 1 END,
        ends_at = CASE WHEN {over} THEN {now} + :seconds ELSE limits.ends_at END
    WHERE {over} OR limits.uses < :most
    RETURNING uses, ends_at, ends_at - {now} AS wait
""".replace("{over}", _OVER)


# The same for several limits. `excluded` is what would be inserted: its end tells how long a window of the row lasts.
_EACH_OVER = "(limits.ends_at <= {now} OR limits.ends_at > excluded.ends_at + 1)"
_TAKE_EACH = """
    INSERT INTO limits (name, uses, ends_at) VALUES {rows}
    ON CONFLICT (name) DO UPDATE SET
        uses = CASE WHEN {over} THEN 1 ELSE limits.uses + 1 END,
        ends_at = CASE WHEN {over} THEN excluded.ends_at ELSE limits.ends_at END
    WHERE {over} OR limits.uses < CASE limits.name {most} END
    RETURNING name, uses, ends_at, ends_at - {now} AS wait
""".replace("{over}", _EACH_OVER)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One use of a limit that is asked for: its name, and how many there are within a window of so many seconds."""

    name: str
    most: int
    seconds: int


@dataclass(frozen=True, kw_only=True)
class Window:
    """One window of uses, as it is now.

    `left` is how many uses are left in it, `ends_at` its end in seconds since 1970 by the database's clock, `wait` the
    seconds until then, and `taken` whether a use was taken just now.
    """

    taken: bool
    left: int
    ends_at: float
    wait: float


class LimitTable(Table):
    """The limits, inside one transaction. Names are stored as keyed hashes: a dump shows no server and no login."""

    async def take(self, name: str, *, most: int, seconds: int) -> Window:
        """Take one of `most` uses within a window of `seconds` that begins with the first use.

        When there is none left, nothing is taken.
        """
        values = {"name": self._keyring.keyed_hash(name), "most": most, "seconds": seconds}
        row = (await self._connection.execute(with_now(self._connection, _TAKE), values)).first()
        if row is not None:
            return _window(row, most, taken=True)
        return await self._none_left(Wanted(name=name, most=most, seconds=seconds))

    async def take_each(self, wanted: Sequence[Wanted]) -> list[Window]:
        """Take one use of each of several limits, whose names differ, as `take` does; in one statement.

        Where one has none left, the others are taken all the same: the caller rolls back.
        """
        values: dict[str, str | int] = {}
        hashed = [self._keyring.keyed_hash(one.name) for one in wanted]
        for number, (name, one) in enumerate(zip(hashed, wanted, strict=True)):
            values |= {f"name{number}": name, f"most{number}": one.most, f"seconds{number}": one.seconds}
        # In one order, because two that lock the same rows in two orders would wait for each other.
        order = sorted(range(len(wanted)), key=lambda number: hashed[number])
        rows = ", ".join(f"(:name{number}, 1, {{now}} + CAST(:seconds{number} AS INTEGER))" for number in order)
        most = " ".join(f"WHEN :name{number} THEN CAST(:most{number} AS INTEGER)" for number in order)
        statement = with_now(self._connection, _TAKE_EACH.replace("{rows}", rows).replace("{most}", most))
        taken = {row.name: row for row in await self._connection.execute(statement, values)}
        return [
            _window(taken[name], one.most, taken=True) if name in taken else await self._none_left(one)
            for name, one in zip(hashed, wanted, strict=True)
        ]

    async def _none_left(self, one: Wanted) -> Window:
        return await self.look(one.name, most=one.most) or Window(taken=False, left=0, ends_at=0.0, wait=1.0)

    async def look(self, name: str, *, most: int) -> Window | None:
        """Return the window that is open, without taking a use; None when there is none."""
        open_now = (
            select(col(LimitRow.uses), col(LimitRow.ends_at), (LimitRow.ends_at - now(self._connection)).label("wait"))
            .where(col(LimitRow.name) == self._keyring.keyed_hash(name))
            .where(col(LimitRow.ends_at) > now(self._connection))
        )
        row = (await self._connection.execute(open_now)).first()
        return _window(row, most, taken=False) if row is not None else None

    async def give_back(self, name: str, *, ends_at: float) -> None:
        """Return one use of the window that ends at `ends_at`, while it is open; a later window keeps its uses."""
        used = (col(LimitRow.name) == self._keyring.keyed_hash(name), col(LimitRow.uses) > 0)
        await self._connection.execute(
            update(LimitRow).where(*used, col(LimitRow.ends_at) == ends_at).values(uses=col(LimitRow.uses) - 1)
        )

    async def purge(self) -> None:
        """Delete windows that are over."""
        await self._connection.execute(delete(LimitRow).where(col(LimitRow.ends_at) <= now(self._connection)))


def _window(row: Any, most: int, *, taken: bool) -> Window:
    wait = max(float(row.wait), 1.0)
    return Window(taken=taken, left=max(most - row.uses, 0), ends_at=float(row.ends_at), wait=wait)


class SeenRequestTable(Table):
    """The requests seen, inside one transaction. Names are stored as keyed hashes: some are bearer capabilities."""

    async def take(self, name: str, *, seconds: int) -> bool:
        """Remember a request for so many seconds; False when it was remembered before."""
        values = {"name": self._keyring.keyed_hash(name), "ends_at": now(self._connection) + seconds}
        return await insert_new(self._connection, SeenRequestRow, values)

    async def purge(self) -> None:
        """Delete what was remembered long enough."""
        await self._connection.execute(
            delete(SeenRequestRow).where(col(SeenRequestRow.ends_at) <= now(self._connection))
        )
