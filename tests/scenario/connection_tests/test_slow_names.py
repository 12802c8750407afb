"""Names that the system looks up for ever: the tests of others, the database and Slack do not wait for them."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.platform import searchable
from bot.smtp.network.connect import Network
from bot.smtp.network.resolver import MAX_LOOKUPS
from tests.scenario.people import ADA, GRACE, set_up

pytestmark = pytest.mark.databases("sqlite")

SLOW = "slow.example"


@pytest.fixture
def slow_names() -> Iterator[Callable[..., Any]]:
    """The system's lookup, which is silent about some names until the test ends."""
    end = threading.Event()
    real = socket.getaddrinfo

    def look_up(host: Any, *rest: Any, **more: Any) -> Any:
        if SLOW in str(host):
            end.wait(30)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return real(host, *rest, **more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", look_up)
        yield look_up
        end.set()
        for thread in threading.enumerate():
            if thread.name == "name look-up":
                thread.join()


@pytest.mark.usefixtures("slow_names")
async def test_twenty_dead_names_keep_nobody_else_waiting_and_end_with_their_own_tests() -> None:
    network = Network()
    dead = [asyncio.create_task(network.resolve(f"{number}.{SLOW}")) for number in range(20)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert await network.resolve("127.0.0.1")
        # The default threads, which Slack's name and the database's are looked up in, are all free.
        assert await asyncio.gather(*(asyncio.to_thread(lambda: True) for _ in range(20)))
        assert await asyncio.get_running_loop().getaddrinfo("localhost", 25)
    for task in dead:
        task.cancel()
    assert all(
        isinstance(ended, asyncio.CancelledError) for ended in await asyncio.gather(*dead, return_exceptions=True)
    )


@pytest.mark.usefixtures("slow_names")
async def test_the_same_dead_name_is_looked_up_once_and_there_are_never_too_many() -> None:
    network = Network()
    same = [asyncio.create_task(network.resolve(SLOW)) for _ in range(30)]
    await asyncio.sleep(0.05)
    assert [thread.name for thread in threading.enumerate()].count("name look-up") == 1
    more = [asyncio.create_task(network.resolve(f"{number}.{SLOW}")) for number in range(MAX_LOOKUPS - 1)]
    await asyncio.sleep(0)
    with pytest.raises(socket.gaierror, match="too many names"):
        await network.resolve(f"another.{SLOW}")
    for task in (*same, *more):
        task.cancel()
    await asyncio.gather(*same, *more, return_exceptions=True)


@pytest.mark.usefixtures("slow_names")
async def test_a_dead_name_ends_a_test_in_time_at_its_stage(tmp_path: Path) -> None:
    async with running_demo(tmp_path, network=Network(), smtp_timeout=1) as demo:
        await set_up(demo, ADA)
        await host_of(demo, ADA, SLOW)
        demo.workspace.all_messages.clear()
        await demo.workspace.command(ADA, "/email-test")
        await demo.workspace.wait_message(ADA, "Connection test failed at Resolve")
        await demo.workspace.command(GRACE, "/email-profile")
        assert "no email profile yet" in searchable(demo.workspace.messages(GRACE)[-1])


async def host_of(demo: Demo, user: str, host: str) -> None:
    await demo.workspace.command(user, "/email-profile", "edit")
    await demo.workspace.fill(user, "SMTP Server Address", host)
    await demo.workspace.fill(user, "Password", "toy-secret")
    assert await demo.workspace.submit(user) == {}
