"""A command that prints the keys, and whoever waits for it is cancelled."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.encryption_keys import load_keyring
from bot.settings import GivenSettings

STEPS = 12
"""Passes of the loop, within which the command has begun."""


def test_a_command_for_the_keys_ends_whenever_the_wait_for_it_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def noting(*arguments: str, **options: Any) -> asyncio.subprocess.Process:
        process = await start(*arguments, **options)
        started.append(process)
        return process

    async def cancel_after(steps: int) -> None:
        loading = asyncio.ensure_future(load_keyring(GivenSettings(encryption_keys_command="sleep 60")))
        for _ in range(steps):
            await asyncio.sleep(0)
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
        assert loading.cancelled()

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noting)
    before = len(list(Path("/dev/fd").iterdir()))
    for steps in range(1, STEPS):
        asyncio.run(cancel_after(steps))
    assert started
    assert [process.pid for process in started if process.returncode is None] == []
    assert len(list(Path("/dev/fd").iterdir())) == before
