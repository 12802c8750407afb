"""A PostgreSQL server that ends in whatever way, and comes back: nothing acknowledged is lost."""

import pytest

from storage.crypto.keyring import Keyring
from storage.database import Database
from tests.postgresql import PostgreSQLServer, Stop


@pytest.mark.parametrize("how", [Stop.FAST, Stop.IMMEDIATE, Stop.KILLED])
async def test_what_was_acknowledged_is_there_after_the_server_ended(
    own_postgresql: PostgreSQLServer, keyring: Keyring, how: Stop
) -> None:
    database = Database.connect(own_postgresql.url, keyring)
    await database.upgrade()
    async with database.writing() as tx:
        await tx.profiles.save("T1", "U1", b"kept", replacing=None)
    own_postgresql.restart(how)
    async with database.reading() as tx:
        stored = await tx.profiles.get("T1", "U1")
    await database.close()
    assert stored is not None
    assert stored.document == b"kept"
