"""Saves one record again and again and prints each acknowledged revision; its test ends it without warning."""

import asyncio
import sys
from pathlib import Path

from storage.crypto.keyring import Keyring
from storage.database import Database


async def main(url: str, key: Path) -> None:
    """Save for ever."""
    database = Database.connect(url, Keyring([key.read_bytes()]))
    async with database.reading() as tx:
        stored = await tx.profiles.get("T1", "U1")
    while True:
        async with database.writing() as tx:
            document = f"revision {stored.revision + 1 if stored else 1}".encode()
            stored = await tx.profiles.save("T1", "U1", document, replacing=stored)
            await tx.audit.append("T1", actor="U1", subject="U1", action="saved")
        sys.stdout.write(f"{stored.revision}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
