"""The machine's full host name, where it has one."""

import socket
import threading

import pytest

from bot.smtp.network import machine
from bot.smtp.network.machine import full_host_name


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ("bot.example.com", "bot.example.com"),
        ("Bot.Example.COM.", "bot.example.com"),
        ("bot", None),
        ("localhost", None),
        ("localhost.localdomain", None),
        ("1.0.0.127.in-addr.arpa", None),
        ("my_bot.example.com", None),
        ("192.0.2.1", None),
        ("", None),
    ],
)
async def test_only_a_full_host_name_is_one(monkeypatch: pytest.MonkeyPatch, found: str, name: str | None) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: found)
    assert await full_host_name() == name


async def test_a_name_that_takes_long_to_find_out_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()
    monkeypatch.setattr(machine, "LOOKUP_SECONDS", 0.05)
    monkeypatch.setattr(socket, "getfqdn", lambda: str(end.wait(10)))
    assert await full_host_name() is None
    end.set()
