"""Servers that stall in the TLS handshake keep nobody else from being tested."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack, closing
from ipaddress import ip_address
from pathlib import Path

from bot.app import HANDSHAKES
from bot.demo.mail import DemoMail, DemoNetwork
from bot.demo.run import running_demo
from bot.demo.stand_in.people import PEOPLE, TEAM, DemoPerson
from bot.demo.stand_in.platform import searchable
from bot.profiles.account.profile import EmailProfile
from bot.smtp.network.guard import Address
from tests.scenario.people import ADA, run_test, set_up
from tests.scenario.started_before import StartedBefore

STALLED = [
    DemoPerson(id=f"U9{number:02}", handle=f"person{number}", name=f"Person {number}", address=f"p{number}@stalls.test")
    for number in range(HANDSHAKES)
]
WITHIN_SECONDS = 1.0


class Stalling(DemoNetwork):
    """Names that end in stalls.test lead to one server that accepts connections and says nothing."""

    def __init__(self, mail: DemoMail, port: int) -> None:
        super().__init__(mail)
        self._port = port

    async def resolve(self, host: str) -> list[Address]:
        if host.endswith(".stalls.test"):
            return [ip_address("127.0.0.2")]
        return await super().resolve(host)

    async def connect(self, addresses: Sequence[Address], port: int) -> socket.socket:
        if addresses[0] == ip_address("127.0.0.2"):
            return await super().connect(addresses, self._port)
        return await super().connect(addresses, port)


async def test_a_good_server_is_tested_at_once_while_as_many_as_there_are_places_stall_in_the_handshake(
    started: StartedBefore, tmp_path: Path
) -> None:
    stalled = asyncio.Semaphore(0)

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            # The client has begun the handshake, and gets nothing.
            await reader.read(1)
            stalled.release()
            await reader.read()

    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(await asyncio.start_server(stall, "127.0.0.2", 0))
        mail = DemoMail()
        demo = await stack.enter_async_context(
            running_demo(
                tmp_path,
                mail=mail,
                network=Stalling(mail, server.sockets[0].getsockname()[1]),
                people=[*PEOPLE, *STALLED],
                encryption_keys=started.key,
            )
        )
        await set_up(demo, ADA)
        async with demo.bot.database.writing() as tx:
            for number, person in enumerate(STALLED):
                profile = EmailProfile(
                    address=person.address,
                    host=f"mail{number}.stalls.test",
                    port=465,
                    authenticate=False,
                    extras={"SSL": "Y"},
                )
                await tx.profiles.save(TEAM, person.id, profile.to_document(), replacing=None)
        async with asyncio.TaskGroup() as typing, asyncio.timeout(10):
            for person in STALLED:
                typing.create_task(demo.workspace.command(person.id, "/email-test"))
            for _ in STALLED:
                await stalled.acquire()
            began = asyncio.get_running_loop().time()
            assert searchable(await run_test(demo, ADA)).startswith("Connection test passed")
            assert asyncio.get_running_loop().time() - began < WITHIN_SECONDS
            await demo.bot.jobs.drain(0.0)
