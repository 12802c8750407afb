"""What tests of moving house share: copies that say nothing or are cut short, and edits beside them."""

from collections.abc import Callable

from sqlalchemy import text

from storage.database import Database
from tests.databases import engine_at


def silent(_part: str, _done: int, _total: int) -> None:
    """Hear how far a copy is, and say nothing."""


class CutShortError(Exception):
    """The copy's process ended."""


def ended_at(step: int) -> Callable[[str, int, int], None]:
    """End a copy when it tells of its progress for the nth time."""
    steps = iter(range(1, step + 1))

    def tell(_part: str, _done: int, _total: int) -> None:
        if next(steps) == step:
            raise CutShortError

    return tell


def edit_beside(address: str, statement: str) -> None:
    """Write into a database at once, as another program."""
    engine = engine_at(address)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


async def change(database: Database, *statements: str) -> None:
    async with database.writing_connection() as connection:
        for statement in statements:
            await connection.execute(text(statement))
