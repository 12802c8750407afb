"""How quickly a record is read and opened, sealed anew and listed, beside bare alternatives in the same run."""

import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import LargeBinary, bindparam, column, insert, select, table

from bot.profiles.people.members import words_of
from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from storage.maintenance.rotation import reseal
from storage.models import ProfileRow
from storage.tables.people import evenly_spread
from storage.tables.people_query import Query
from storage.tables.profiles import profile_context
from tests.benchmarks.people import NOW, people, postgresql_address

RECORDS = 10_000
READS = 1_500
DOCUMENT = b'{"address": "ada@lovelace.example", "host": "smtp.lovelace.example", "port": 587}' * 4


async def run() -> None:
    """Measure both databases, one after the other, and print."""
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        Path(folder).chmod(0o755)
        print(f"The store, {RECORDS} records of {len(DOCUMENT)} bytes")
        await _measure("SQLite", f"sqlite:///{folder}/store.db")
        with postgresql_address(Path(folder)) as address:
            await _measure("PostgreSQL", address)


async def _measure(name: str, url: str) -> None:
    old = Keyring.from_text(generate_key())
    database = Database.connect(url, old)
    try:
        await database.upgrade()
        await _fill(database, old)
        await _reading(name, database)
        for count in (1_000, 100_000):
            await _people(database, f"T{count}", count)
        await _paging(name, database)
    finally:
        await database.close()
    await _rotating(name, url, old)


async def _fill(database: Database, keyring: Keyring) -> None:
    """Store the records, and beside them bare ones: one key for all, nothing bound to its place."""
    rows = []
    for number in range(RECORDS):
        row: dict[str, Any] = {
            "record_id": str(uuid4()),
            "workspace": "T1",
            "user_id": f"U{number:05}",
            "revision": 1,
            "key_id": keyring.active,
            "created_at": NOW,
            "updated_at": NOW,
        }
        rows.append({**row, "sealed": keyring.seal(DOCUMENT, profile_context(ProfileRow(**row, sealed=b"")))})
    async with database.writing_connection() as connection:
        await connection.execute(insert(ProfileRow), rows)
        await connection.exec_driver_sql(
            "CREATE TABLE bare (workspace VARCHAR(64), user_id VARCHAR(64), sealed "
            f"{'BLOB' if database.is_sqlite else 'BYTEA'}, PRIMARY KEY (workspace, user_id))"
        )
        bare = [{**_bare_key(row), "sealed": _bare_sealed()} for row in rows]
        await connection.execute(insert(_BARE), bare)


_BARE = table("bare", column("workspace"), column("user_id"), column("sealed", LargeBinary))
_BARE_ONE = select(_BARE).where(_BARE.c.workspace == bindparam("w"), _BARE.c.user_id == bindparam("u"))
_BARE_CIPHER = AESGCM(bytes(range(32)))


def _bare_key(row: dict[str, Any]) -> dict[str, Any]:
    return {"workspace": row["workspace"], "user_id": row["user_id"]}


def _bare_sealed() -> bytes:
    nonce = os.urandom(12)
    return nonce + _BARE_CIPHER.encrypt(nonce, DOCUMENT, None)


async def _reading(name: str, database: Database) -> None:
    async def ours(user: str) -> None:
        async with database.reading() as tx:
            stored = await tx.profiles.get("T1", user)
        if stored is None or stored.document != DOCUMENT:
            raise RuntimeError("a record was not read")

    async def bare(user: str) -> None:
        async with database._engine.connect() as connection:
            row = (await connection.execute(_BARE_ONE, {"w": "T1", "u": user})).one()
        if _BARE_CIPHER.decrypt(row.sealed[:12], row.sealed[12:], None) != DOCUMENT:
            raise RuntimeError("a record was not read")

    times = await _in_turns(ours, bare)
    mine, theirs = (statistics.median(part) * 1e6 for part in times)
    print(
        f"  {name:11} get and open {mine:6.0f} us; bare select and AES-GCM {theirs:6.0f} us "
        f"({theirs / mine:4.2f} x its throughput)"
    )


async def _in_turns(*acts: Callable[[str], Awaitable[None]]) -> list[list[float]]:
    """Time acts in turns, so that whatever else the machine does disturbs all alike; seconds of each call."""
    times: list[list[float]] = [[] for _ in acts]
    for number in range(READS):
        user = f"U{number * 7 % RECORDS:05}"
        for act, taken in zip(acts, times, strict=True):
            begin = time.perf_counter()
            await act(user)
            taken.append(time.perf_counter() - begin)
    return times


async def _people(database: Database, workspace: str, count: int) -> None:
    everybody = evenly_spread((user, person, words_of(person, address)) for user, person, address in people(count))
    for begin in range(0, count, 2000):
        async with database.writing() as tx:
            await tx.people.add_many(workspace, everybody[begin : begin + 2000], 0, NOW)


async def _paging(name: str, database: Database) -> None:
    async def page(workspace: str) -> None:
        async with database.reading() as tx:
            if len(await tx.people.page(workspace, Query(states=(0, 1, 2)), limit=20)) != 20:
                raise RuntimeError("the page is not full")

    times = await _in_turns(lambda _: page("T1000"), lambda _: page("T100000"))
    small, large = (statistics.median(part) * 1000 for part in times)
    print(f"  {name:11} a page of 20: of 1,000 {small:5.2f} ms, of 100,000 {large:5.2f} ms ({large / small:4.2f} x)")


async def _rotating(name: str, url: str, old: Keyring) -> None:
    new = Keyring([*Keyring.from_text(generate_key())._roots.values(), *old._roots.values()])
    database = Database.connect(url, new)
    try:
        async with database.writing_connection() as connection:
            await connection.exec_driver_sql("DELETE FROM people")
        begin = time.perf_counter()
        async for _ in reseal(database):
            pass
        taken = time.perf_counter() - begin
        usage = await database.key_usage()
        if usage != {new.active: RECORDS}:
            raise RuntimeError(f"not everything was sealed anew: {usage}")
    finally:
        await database.close()
    print(f"  {name:11} rotation {RECORDS / taken:6.0f} records/s")
