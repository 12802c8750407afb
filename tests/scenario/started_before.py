"""The database of a bot that has started before: it has read everybody and tidied up, so the next start need not."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.demo.run import Demo, running_demo
from bot.slack.background.housekeeping import Housekeeping
from storage.crypto.keyring import generate_key
from tests.databases import FolderDatabases


@dataclass(frozen=True)
class StartedBefore:
    """A database at an address, to be copied, which nobody has open; the key opens it."""

    address: str
    key: str


async def _nothing(_: Demo) -> None:
    pass


def started_before(
    databases: FolderDatabases, folder: Path, *, then: Callable[[Demo], Awaitable[None]] = _nothing, **given: Any
) -> StartedBefore:
    """Let a demo run in a folder until its first housekeeping is over, and then do what is to be in the database."""
    key = generate_key()
    asyncio.run(_run_once(folder, then, encryption_keys=key, **given))
    return StartedBefore(databases.at(folder), key)


async def _run_once(folder: Path, then: Callable[[Demo], Awaitable[None]], **given: Any) -> None:
    with pytest.MonkeyPatch.context() as patched:
        over = [_end_of(patched, "read_people"), _end_of(patched, "tidy")]
        async with running_demo(folder, **given) as demo:
            async with asyncio.timeout(30):
                for end in over:
                    await end.wait()
            await then(demo)


def _end_of(patched: pytest.MonkeyPatch, work: str) -> asyncio.Event:
    """Return what is set once the housekeeping has done a work."""
    over = asyncio.Event()
    does = getattr(Housekeeping, work)

    async def done(housekeeping: Housekeeping) -> None:
        await does(housekeeping)
        over.set()

    patched.setattr(Housekeeping, work, done)
    return over
