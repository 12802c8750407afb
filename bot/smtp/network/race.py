"""Connecting to the first of several addresses that answers (RFC 8305, "Happy Eyeballs")."""

import asyncio
import itertools
import socket
from collections.abc import Sequence

from bot.smtp.network.connect import Network
from bot.smtp.network.guard import Address

HEAD_START = 0.25
"""Seconds that one attempt has before the next begins (RFC 8305, section 5)."""


def interleaved(addresses: Sequence[Address]) -> list[Address]:
    """Order addresses so that the families take turns, the first one's family first (RFC 8305, section 4)."""
    first = [address for address in addresses if address.version == addresses[0].version]
    other = [address for address in addresses if address.version != addresses[0].version]
    pairs = itertools.zip_longest(first, other)
    return [address for pair in pairs for address in pair if address is not None]


async def connect_first(network: Network, addresses: Sequence[Address], port: int) -> tuple[Address, socket.socket]:
    """Connect to whichever address answers first; the others are given up.

    Raises:
        OSError: none answers; the first address' own error.
    """
    waiting = interleaved(addresses)
    tried: list[Address] = []
    running: set[asyncio.Task[socket.socket]] = set()
    errors: list[OSError] = []
    try:
        while waiting or running:
            if waiting:
                tried.append(waiting.pop(0))
                running.add(asyncio.create_task(network.connect(tried[-1], port), name=str(len(tried) - 1)))
            ended, running = await asyncio.wait(
                running, timeout=HEAD_START if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            winner = _winner(ended, errors)
            if winner is not None:
                return tried[int(winner.get_name())], winner.result()
    finally:
        await _give_up(running)
    raise errors[0] if errors else OSError("there is no address")


def _winner(ended: set[asyncio.Task[socket.socket]], errors: list[OSError]) -> asyncio.Task[socket.socket] | None:
    """Pick a connected attempt (a second one at the same moment is closed) and collect errors."""
    winner = None
    for attempt in ended:
        error = attempt.exception()
        if isinstance(error, OSError):
            errors.append(error)
        elif error is not None:
            raise error
        elif winner is None:
            winner = attempt
        else:
            attempt.result().close()
    return winner


async def _give_up(running: set[asyncio.Task[socket.socket]]) -> None:
    for attempt in running:
        attempt.cancel()
    for ended in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(ended, socket.socket):
            ended.close()
