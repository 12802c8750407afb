"""Connecting: which of a name's addresses is used, and what is raised when none answers."""

import asyncio
import errno
import gc
import socket
from ipaddress import ip_address

import pytest

from bot.smtp.check.evidence import Command, Evidence
from bot.smtp.check.faults import failure
from bot.smtp.check.report import Fault, StageName
from bot.smtp.dialogue.redaction import Redaction
from bot.smtp.network.connect import ConnectError, Network
from tests.fakes.connecting import SILENT, refused, script_addresses
from tests.fakes.smtp_server import ScriptedServer

FOUR = [ip_address("127.0.0.1"), ip_address("127.0.0.2")]
SIX = [ip_address(f"2001:db8::{number}") for number in (1, 2, 3)]


def unreachable() -> OSError:
    return OSError(errno.ENETUNREACH, "Network is unreachable")


async def test_families_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = [*SIX, *FOUR]
    tried = script_addresses(monkeypatch, {str(address): unreachable() for address in addresses})
    with pytest.raises(OSError, match="unreachable"):
        await Network().connect(addresses, 587)
    assert tried == [str(address) for address in (SIX[0], FOUR[0], SIX[1], FOUR[1], SIX[2])]


async def test_a_silent_address_costs_a_quarter_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    script_addresses(monkeypatch, {str(SIX[0]): SILENT})
    loop = asyncio.get_running_loop()
    async with ScriptedServer() as server:
        began = loop.time()
        with await Network().connect([SIX[0], FOUR[0]], server.port) as connected:
            assert 0.2 < loop.time() - began < 1
            assert connected.getpeername() == ("127.0.0.1", server.port)
            assert connected.gettimeout() == 0


async def test_only_the_given_addresses_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: object, **__: object) -> None:
        raise AssertionError("nothing may be looked up")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    tried = script_addresses(monkeypatch, {})
    async with ScriptedServer() as server:
        (await Network().connect(FOUR[:1], server.port)).close()
    assert tried == ["127.0.0.1"]


async def test_when_all_addresses_fail_alike_the_error_keeps_its_kind() -> None:
    async with ScriptedServer() as gone:
        port = gone.port
    with pytest.raises(ConnectionRefusedError):
        await Network().connect(FOUR, port)


async def test_when_the_families_fail_differently_the_error_of_each_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    script_addresses(monkeypatch, {str(SIX[0]): unreachable(), str(FOUR[0]): refused()})
    with pytest.raises(ConnectError, match=r"IPv6: .*unreachable; IPv4: .*refused") as raised:
        await Network().connect([SIX[0], FOUR[0]], 587)
    assert {version: error.errno for version, error in raised.value.errors.items()} == {
        6: errno.ENETUNREACH,
        4: errno.ECONNREFUSED,
    }
    failed = failure(raised.value, StageName.CONNECT, Redaction("", None), Evidence(command=Command.GREETING))
    assert failed.fault is Fault.REFUSED
    assert failed.detail == "IPv6: Network is unreachable; IPv4: nothing listens on this port"


async def test_addresses_of_one_family_that_fail_differently_give_the_first_ones_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script_addresses(monkeypatch, {"127.0.0.1": refused(), "127.0.0.2": unreachable()})
    with pytest.raises(ConnectError) as raised:
        await Network().connect(FOUR, 587)
    assert list(raised.value.errors) == [4]
    failed = failure(raised.value, StageName.CONNECT, Redaction("", None), Evidence(command=Command.GREETING))
    assert (failed.fault, failed.detail) == (Fault.REFUSED, "nothing listens on this port")


async def test_an_address_that_answers_when_it_is_asked_alone_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ScriptedServer() as server:
        script_addresses(monkeypatch, {str(SIX[0]): unreachable(), "127.0.0.1": [refused(), None]})
        with await Network().connect([SIX[0], FOUR[0]], server.port) as connected:
            assert connected.getpeername()[0] == "127.0.0.1"


@pytest.mark.filterwarnings("error::ResourceWarning")
async def test_no_socket_stays_open_when_nothing_answers_or_the_wait_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script_addresses(monkeypatch, {str(SIX[0]): SILENT, "127.0.0.1": refused(), "127.0.0.2": SILENT})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.4):
            await Network().connect([SIX[0], *FOUR], 587)
    gc.collect()
