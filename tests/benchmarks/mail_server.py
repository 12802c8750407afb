"""A mail server in a process of its own: `python -m tests.benchmarks.mail_server FOLDER`; prints its two ports."""

import asyncio
import sys
from pathlib import Path

from tests.fakes.certificates import Certificates
from tests.fakes.smtp_server import ScriptedServer


async def main(folder: Path) -> None:
    """Serve STARTTLS and TLS until the process is ended."""
    certificates = Certificates.make(folder)
    async with (
        ScriptedServer(tls=certificates.good, pipelining=True) as starttls,
        ScriptedServer(tls=certificates.good, implicit=True, pipelining=True) as implicit,
    ):
        print(starttls.port, implicit.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
