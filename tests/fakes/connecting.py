"""Addresses that answer as a test wants, below the library that tries them."""

import asyncio
import errno
import socket
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

SILENT: Final = "silent"

Outcome = OSError | str | None


def refused() -> OSError:
    return ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")


def script_addresses(monkeypatch: pytest.MonkeyPatch, outcomes: Mapping[str, Outcome | Sequence[Outcome]]) -> list[str]:
    """Let the running loop's connections to these addresses end in an error, or in SILENT never.

    A sequence is what comes of one attempt after the other; None connects, as to every address without an outcome.
    Returns the addresses that are tried, in order.
    """
    loop = asyncio.get_running_loop()
    connect = loop.sock_connect
    tried: list[str] = []

    async def sock_connect(sock: socket.socket, address: Any) -> None:
        host = address[0]
        outcome = outcomes.get(host)
        if isinstance(outcome, list):
            outcome = outcome[tried.count(host)]
        tried.append(host)
        if outcome == SILENT:
            await asyncio.sleep(60)
        if isinstance(outcome, OSError):
            raise outcome
        await connect(sock, address)

    monkeypatch.setattr(loop, "sock_connect", sock_connect)
    return tried
