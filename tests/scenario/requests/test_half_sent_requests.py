"""Requests that come to no end: closed in time, few from one peer, and nobody else is the worse for them."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.platform import searchable
from bot.health import State
from bot.http_server import HalfSentRequests
from bot.observability.metrics import CLOSED_BECAUSE
from bot.web.network_address import NetworkAddresses
from tests.named import case
from tests.scenario.people import ADA, settled
from tests.scenario.raw_http import Wire, head, wire
from tests.scenario.started_before import StartedBefore

pytestmark = pytest.mark.databases("sqlite")

SOON = 0.2
"""In which what is late is closed here."""

MOST = 4
LOOPBACK = (ip_network("127.0.0.0/8"),)
GET = head("/healthz", method="GET")
HALVES = {
    "nothing": b"",
    "a letter": b"P",
    "half a line": b"POST /slack/ev",
    "half a head": head()[:-2],
    "half a body": head(Content_Length=20, Content_Type="text/plain") + b"half",
    "half a chunk": head("/nowhere", Transfer_Encoding="chunked") + b"ff\r\nhalf",
}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything that waits ten seconds wait a moment, and few requests be many."""
    for name, value in {
        "HEAD_SECONDS": SOON,
        "BODY_SECONDS": SOON,
        "ANSWER_SECONDS": SOON,
        "YOUNG_SECONDS": 0.05,
        "HALF_SENT": MOST,
    }.items():
        monkeypatch.setattr(f"bot.http_server.{name}", value)


def closed(demo: Demo, why: str) -> float:
    """How many connections the metrics tell of that were closed for a reason."""
    value = demo.bot.metrics.registry.get_sample_value("email_profile_bot_connections_closed_total", {"why": why})
    assert value is not None
    return value


@pytest.fixture
async def patient_demo(started: StartedBefore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Demo]:
    """A bot that waits long for the end of requests, and takes few unfinished ones of one peer."""
    monkeypatch.setattr("bot.http_server.YOUNG_SECONDS", 0.05)
    monkeypatch.setattr("bot.http_server.HALF_SENT", MOST)
    async with running_demo(tmp_path, encryption_keys=started.key) as opened:
        yield opened


async def opened(stack: AsyncExitStack, url: str, number: int, half: bytes) -> list[Wire]:
    """Open connections that send half a request each."""
    wires = [await stack.enter_async_context(wire(url)) for _ in range(number)]
    for one in wires:
        one.send(half)
    return wires


async def still_open(wires: Sequence[Wire]) -> list[bool]:
    return list(await asyncio.gather(*(one.is_open(0.3) for one in wires)))


@pytest.mark.usefixtures("quick")
async def test_what_does_not_come_to_its_end_is_closed_in_time(http_demo: Demo) -> None:
    async def ends(half: bytes) -> None:
        async with wire(http_demo.bot_url) as connection:
            connection.send(half)
            await connection.everything()

    for name, half in HALVES.items():
        with case(name):
            await ends(half)
    async with wire(http_demo.bot_url) as second:
        second.send(GET)
        assert await second.status() == 200
        second.send(b"GET /hea")
        assert await second.everything() == b""
    # As slowly as can be, which is not a bit more time.
    async with wire(http_demo.bot_url) as trickling:
        for letter in head("/slack/events", Content_Length=5).decode():
            trickling.send(letter.encode())
            if not await trickling.is_open(0.02):
                break
        else:
            raise AssertionError("all of the head was waited for")
    assert closed(http_demo, "late") >= len(HALVES)


async def test_a_connection_on_which_nothing_follows_is_closed(
    started: StartedBefore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.http_server.IDLE_SECONDS", SOON)
    async with running_demo(tmp_path, encryption_keys=started.key) as demo, wire(demo.bot_url) as connection:
        connection.send(GET)
        assert (await connection.everything()).endswith(b"ok")
        # That is in order, and nobody is told of it.
        assert sum(closed(demo, why) for why in CLOSED_BECAUSE) == 0


@pytest.mark.usefixtures("quick")
async def test_what_came_to_its_end_is_answered_however_long_that_takes(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = asyncio.Event()

    async def waits() -> dict[State, str]:
        await go_on.wait()
        return {}

    monkeypatch.setattr(http_demo.bot.health, "faults", waits)
    async with AsyncExitStack() as stack:
        asking = [await stack.enter_async_context(wire(http_demo.bot_url)) for _ in range(2 * MOST)]
        for one in asking:
            one.send(head("/readyz", method="GET"))
        assert await asking[0].is_open(0.1)
        asking[0].send(b"GET /hea")
        assert await still_open(asking) == [True] * len(asking)
        go_on.set()
        assert {await one.status() for one in asking} == {200}
        # What it had sent of the next one in the meantime is half a request from now on.
        assert await asking[0].everything() == b""


async def test_of_one_peer_only_the_last_half_sent_requests_are_kept(patient_demo: Demo) -> None:
    async with AsyncExitStack() as stack:
        kept = await stack.enter_async_context(wire(patient_demo.bot_url))
        kept.send(GET)
        assert await kept.status() == 200
        wires = await opened(stack, patient_demo.bot_url, 3 * MOST, b"POST /slack")
        assert await still_open(wires) == [False] * 2 * MOST + [True] * MOST
        assert closed(patient_demo, "crowded") == 2 * MOST
        # A connection between two requests is none of them, and whoever comes now is served.
        kept.send(GET)
        assert await kept.status() == 200
        for _ in range(3):
            await patient_demo.workspace.command(ADA, "/email-profile")
        assert "no email profile yet" in searchable(patient_demo.workspace.messages(ADA)[-1])


async def test_there_is_a_bound_for_young_ones_too(patient_demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.http_server.YOUNG_SECONDS", 60.0)
    monkeypatch.setattr("bot.http_server.HALF_SENT_AT_ONCE", 2 * MOST)
    async with AsyncExitStack() as stack:
        wires = await opened(stack, patient_demo.bot_url, 3 * MOST, b"POST /slack")
        assert await still_open(wires) == [False] * MOST + [True] * 2 * MOST


async def test_a_crowd_that_comes_at_once_loses_nothing_that_is_good(
    patient_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.http_server.HALF_SENT_AT_ONCE", MOST)
    address, port = urlsplit(patient_demo.bot_url).hostname, urlsplit(patient_demo.bot_url).port
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        # While the bot is busy with this, all of them connect and send all that they have to say.
        crowd = [stack.enter_context(socket.create_connection((address, port))) for _ in range(20 * MOST)]
        for one in crowd:
            one.sendall(GET)
            one.setblocking(False)
        answers = [await loop.sock_recv(one, 1000) for one in crowd]
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
    assert closed(patient_demo, "crowded") == 0


UNSIGNED = "Refused: requests without Slack's signature, %d since the last such line."
FORM = "application/x-www-form-urlencoded"
PAGE = "/password/U0ADA/canary-7f3a"


def broken_bodies() -> dict[str, tuple[bytes, bytes]]:
    """Return requests and what comes of their bodies; their signatures may fit for ten minutes."""
    may_fit = {"X-Slack-Request-Timestamp": str(int(time.time())), "X-Slack-Signature": f"v0={'0' * 64}"}
    return {
        "cut short": (head("/slack/events", Content_Length=99, **may_fit), b"half"),
        "no chunk": (head("/slack/events", Transfer_Encoding="chunked", **may_fit), b"canary\r\n"),
        "a chunk without its end": (
            head("/slack/events", Transfer_Encoding="chunked", **may_fit),
            b"1\r\ncanary\r\n0\r\n\r\n",
        ),
        "a private page's form": (
            head("/password/U0ADA/canary-7f3a", Content_Length=99, Content_Type=FORM),
            b"mark=x&pass",
        ),
        "its chunks": (head("/password/U0ADA/canary", Transfer_Encoding="chunked", Content_Type=FORM), b"canary\r\n"),
    }


@pytest.mark.usefixtures("quick")
async def test_a_body_that_comes_to_no_end_is_nothing_that_failed(
    http_demo: Demo, caplog: pytest.LogCaptureFixture
) -> None:
    for name, (request, body) in broken_bodies().items():
        for waits in (0.0, 0.05):
            with case(f"{name}, after {waits} s"):
                async with wire(http_demo.bot_url) as connection:
                    connection.send(request)
                    if waits:
                        await connection.is_open(waits)
                    connection.send(body)
                    assert b" 500 " not in await connection.everything()
    await settled(http_demo)
    assert [
        each.getMessage() for each in caplog.records if each.levelno > logging.INFO and "signature" not in each.msg
    ] == []
    assert "Traceback" not in caplog.text


async def test_trusted_proxies_may_have_as_many_under_way_as_they_like(
    started: StartedBefore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.http_server.YOUNG_SECONDS", 0.05)
    monkeypatch.setattr("bot.http_server.HALF_SENT", MOST)
    monkeypatch.setattr("bot.http_server.HALF_SENT_AT_ONCE", MOST)
    async with (
        running_demo(tmp_path, encryption_keys=started.key, trusted_proxies=LOOPBACK) as demo,
        AsyncExitStack() as stack,
    ):
        wires = await opened(stack, demo.bot_url, 3 * MOST, b"POST /slack")
        assert await still_open(wires) == [True] * 3 * MOST


@pytest.mark.usefixtures("quick")
async def test_who_asks_and_does_not_read_is_closed(http_demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    async def more_than_the_systems_buffers_hold() -> bytes:
        return b"x" * 2**24

    monkeypatch.setattr(http_demo.bot.metrics, "text", more_than_the_systems_buffers_hold)
    async with wire(http_demo.bot_url) as connection:
        connection.send(head("/metrics", method="GET"))
        async with asyncio.timeout(10):
            while not closed(http_demo, "unread"):
                await asyncio.sleep(0.02)


class Transport(asyncio.Transport):
    def __init__(self, peer: Any) -> None:
        super().__init__({"peername": peer})


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("::ffff:192.0.2.7", 1, 0, 0), "192.0.2.7"),
        (("2001:db8:0:1:2:3:4:5", 1, 0, 0), "2001:db8:0:1::/64"),
        (("fe80::1%eth0", 1, 0, 2), "fe80::/64"),
        (("127.0.0.1", 1), None),
        (("::ffff:127.0.0.1", 1, 0, 0), None),
        ("", ""),
    ],
)
def test_peers_are_counted_by_the_network_that_one_customer_has(peer: Any, counted: str | None) -> None:
    half_sent = HalfSentRequests(NetworkAddresses(LOOPBACK), lambda _: None)
    assert half_sent.peer_of(Transport(peer)) == counted
