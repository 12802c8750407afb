"""The database beside the bot: asked, edited and read whole, as by somebody who has a way into it."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Row, inspect, text

from tests.databases import engine_at

Contents = dict[str, list[tuple[Any, ...]]]
"""The rows of tables, by their names."""


class Store:
    """A database at an address, with its own connections. Statements are SQL that both kinds understand."""

    def __init__(self, url: str) -> None:
        """Look into the database at an address."""
        self.url = url
        self._engine = engine_at(url)
        self._tables: dict[str, list[str]] = {}

    @classmethod
    @contextmanager
    def at(cls, url: str) -> "Iterator[Store]":
        """Look into the database at an address until the block ends."""
        store = cls(url)
        try:
            yield store
        finally:
            store._engine.dispose()

    @property
    def _file(self) -> Path | None:
        return Path(self.url.removeprefix("sqlite:///")) if self.url.startswith("sqlite:") else None

    async def ask(self, statement: str, **values: object) -> list[Row[Any]]:
        """Return the rows that answer a question, with `:name` in it for each of `values`."""
        with self._engine.connect() as connection:
            return list(connection.execute(text(statement), values))

    async def edit(self, *statements: str, **values: object) -> None:
        """Change something in one transaction, with `:name` in the statements for each of `values`."""
        await self._execute([(statement, values) for statement in statements])

    async def _execute(self, statements: Iterable[tuple[str, dict[str, Any]]]) -> None:
        def executed() -> None:
            with self._engine.begin() as connection:
                for statement, values in statements:
                    connection.execute(text(statement), values)

        # In a thread, because the bot may be in the midst of a transaction of its own. Reading waits for none.
        await asyncio.to_thread(executed)

    async def until(self, statement: str) -> None:
        """Wait until a question is answered by something."""
        async with asyncio.timeout(10):
            while not await self.ask(statement):
                await asyncio.sleep(0.02)

    async def tables(self) -> dict[str, list[str]]:
        """Name the tables, and the columns of each."""

        if not self._tables:
            there = inspect(self._engine)
            for table in there.get_table_names():
                self._tables[table] = [column["name"] for column in there.get_columns(table)]
        return self._tables

    async def contents(self, *, but: Iterable[str] = ()) -> Contents:
        """Return the rows of each table, but of those named; in an order that tells nothing."""
        tables = [name for name in await self.tables() if name not in but]
        with closing(self._engine.raw_connection()) as connection:
            cursor, contents = connection.cursor(), {}
            for name in tables:
                cursor.execute(f"SELECT * FROM {name}")
                contents[name] = sorted(cursor.fetchall(), key=hash)
        return contents

    async def put_back(self, contents: Contents) -> None:
        """Let the tables in `contents` hold those rows alone."""
        statements: list[tuple[str, dict[str, Any]]] = []
        for name, rows in contents.items():
            statements.append((f"DELETE FROM {name}", {}))
            for row in rows:
                values = {f"v{number}": value for number, value in enumerate(row)}
                statements.append((f"INSERT INTO {name} VALUES ({', '.join(f':{v}' for v in values)})", values))
        await self._execute(statements)

    async def everything(self) -> dict[str, bytes]:
        """Return every byte of the files (SQLite), or of every row of the tables (PostgreSQL), by their names.

        What PostgreSQL's files keep of deleted rows until they are tidied away is not in it.
        """
        if self._file is not None:
            return {path.name: path.read_bytes() for path in self._file.parent.glob(f"{self._file.name}*")}
        return self._copied(await self.tables())

    def _copied(self, tables: Iterable[str]) -> dict[str, bytes]:
        contents = {}
        with psycopg.connect(self.url) as connection, connection.cursor() as cursor:
            for table in tables:
                # BINARY: texts and sealed bytes as they are.
                statement = sql.SQL("COPY {} TO STDOUT (FORMAT BINARY)").format(sql.Identifier(table))
                with cursor.copy(statement) as copy:
                    contents[table] = b"".join(bytes(part) for part in copy)
        return contents

    def earlier(self, column: str, by: timedelta) -> str:
        """Write the SQL of a time in a column that much earlier; later, when `by` is negative."""
        seconds = f"{-by.total_seconds():+.3f} seconds"
        return f"datetime({column}, '{seconds}')" if self._file is not None else f"{column} + interval '{seconds}'"
