"""How quickly a record is read and opened, and sealed anew, beside bare alternatives in the same run."""

import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import LargeBinary, bindparam, column, insert, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from storage.maintenance.rotation import reseal
from tests.benchmarks.figures import (
    RUNS,
    Comparison,
    Failed,
    Figure,
    MachineLoad,
    UnequalWorkError,
    attempted,
    print_table,
)
from tests.benchmarks.people import postgresql_address

RECORDS = 3_000
READS = 500
WORKSPACE = "T1"
DOCUMENT = b'{"address": "ada@lovelace.example", "host": "smtp.lovelace.example", "port": 587}' * 4

OURS, BARE, LOOSE = (
    "a record read and opened by storage",
    "a bare select in the same transaction, and one AES-GCM opening that binds nothing",
    "the same in SQLAlchemy as it comes: on SQLite without a transaction",
)

Reading = Callable[[str], Awaitable[bytes]]
"""Reads and opens the record of a user."""


async def run(runs: int = RUNS) -> None:
    """Measure both databases, one after the other, and print."""
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        Path(folder).chmod(0o755)
        await _measure("SQLite", f"sqlite:///{folder}/store.db", runs)
        with postgresql_address(Path(folder)) as address:
            await _measure("PostgreSQL", address, runs)


async def _measure(name: str, url: str, runs: int) -> None:
    load = MachineLoad()
    comparison: Comparison[float] = Comparison(base=BARE)
    keys = [generate_key()]
    database = Database.connect(url, Keyring.from_text(keys[0]))
    try:
        await database.upgrade()
        await _fill(database)
        async with _bare_table(url) as bare:
            sides = {OURS: _reading_of(database), BARE: bare.reading_in(database), LOOSE: bare.read}
            for _ in range(runs):
                for side, median in (await timed(sides)).items():
                    comparison.note(side, median)
    finally:
        await database.close()
    rotations = []
    for _ in range(runs):
        keys.insert(0, generate_key())
        rotations.append(await _rotated(url, keys))

    def cells(side: str) -> list[str]:
        return [
            comparison.figure(side, lambda seconds: seconds * 1e6).text(0, " µs"),
            comparison.ratio(side, lambda seconds: 1 / seconds),
        ]

    rows = comparison.rows(cells)
    rows.append(["sealed anew under another key", Figure(rotations).text(0, "/s")])
    header = [f"{name}, {RECORDS:,} records of {len(DOCUMENT)} bytes", "", "throughput beside bare"]
    print_table(header, rows, runs=runs, load=load)


async def _fill(database: Database) -> None:
    for begin in range(0, RECORDS, 500):
        async with database.writing() as tx:
            for number in range(begin, begin + 500):
                await tx.profiles.save(WORKSPACE, f"U{number:05}", DOCUMENT, replacing=None)


def _reading_of(database: Database) -> Reading:
    async def read(user: str) -> bytes:
        async with database.reading() as tx:
            stored = await tx.profiles.get(WORKSPACE, user)
        return stored.document if stored else b""

    return read


_BARE = table("bare", column("user_id"), column("sealed", LargeBinary))
_BARE_ONE = select(_BARE).where(_BARE.c.user_id == bindparam("user"))


@dataclass(frozen=True)
class BareTable:
    """Records beside ours: one key for all, nothing bound to its place, through SQLAlchemy's Core."""

    engine: AsyncEngine
    cipher: AESGCM

    async def fill(self) -> None:
        """Store as many records."""
        kind = "BLOB" if self.engine.dialect.name == "sqlite" else "BYTEA"
        async with self.engine.begin() as connection:
            await connection.execute(
                text(f"CREATE TABLE bare (user_id VARCHAR(64) PRIMARY KEY, sealed {kind} NOT NULL)")
            )
            rows = [{"user_id": f"U{number:05}", "sealed": self._sealed()} for number in range(RECORDS)]
            await connection.execute(insert(_BARE), rows)

    async def read(self, user: str) -> bytes:
        """Read and open one."""
        async with self.engine.connect() as connection:
            return await self._read_on(connection, user)

    def reading_in(self, database: Database) -> Reading:
        """Read and open one through a database's own connections."""

        async def read(user: str) -> bytes:
            async with database.reading_connection() as connection:
                return await self._read_on(connection, user)

        return read

    async def _read_on(self, connection: AsyncConnection, user: str) -> bytes:
        row = (await connection.execute(_BARE_ONE, {"user": user})).one()
        return self.cipher.decrypt(row.sealed[:12], row.sealed[12:], None)

    def _sealed(self) -> bytes:
        nonce = os.urandom(12)
        return nonce + self.cipher.encrypt(nonce, DOCUMENT, None)


@asynccontextmanager
async def _bare_table(url: str) -> AsyncIterator[BareTable]:
    scheme, _, rest = url.partition("://")
    driver = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}[scheme]
    engine = create_async_engine(f"{driver}://{rest}")
    bare = BareTable(engine, AESGCM(bytes(range(32))))
    await bare.fill()
    try:
        yield bare
    finally:
        await engine.dispose()


async def timed(sides: Mapping[str, Reading]) -> dict[str, float | Failed]:
    """Read records one after the other, the sides in turns, so that whatever else the machine does disturbs all alike.

    Returns the median seconds of one, or why a side failed.
    """
    times: dict[str, list[float | Failed]] = {side: [] for side in sides}
    for number in range(READS):
        user = f"U{number * 7 % RECORDS:05}"
        for side, read in sides.items():
            times[side].append(await attempted(_one(read, user)))
    return {side: _median(taken) for side, taken in times.items()}


async def _one(read: Reading, user: str) -> float:
    begin = time.perf_counter()
    document = await read(user)
    seconds = time.perf_counter() - begin
    if document != DOCUMENT:
        raise UnequalWorkError(f"{len(document)} bytes of a record were read in place of {len(DOCUMENT)}")
    return seconds


def _median(taken: Sequence[float | Failed]) -> float | Failed:
    failed = next((one for one in taken if isinstance(one, Failed)), None)
    return failed or statistics.median(one for one in taken if not isinstance(one, Failed))


async def _rotated(url: str, keys: list[str]) -> float:
    """Seal everything anew under the first of the keys; returns records a second."""
    keyring = Keyring.from_text(",".join(keys))
    database = Database.connect(url, keyring)
    try:
        begin = time.perf_counter()
        async for _ in reseal(database):
            pass
        taken = time.perf_counter() - begin
        usage = await database.key_usage()
        if usage != {keyring.active: RECORDS}:
            raise RuntimeError(f"not everything was sealed anew: {usage}")
        return RECORDS / taken
    finally:
        await database.close()
