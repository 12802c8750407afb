"""The program in a process of its own, as a benchmark measures it from outside."""

import asyncio
import os
import random
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp

from bot.demo.mail import DemoMail
from bot.demo.serve import serving_workspace
from bot.demo.stand_in.workspace import Workspace
from storage.crypto.keyring import generate_key
from tests.soak.samples import cpu_seconds

_ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 30
_NEVER_GIVEN = range(20_000, 32_000)
"""Linux gives away 32768 and above, https://docs.kernel.org/networking/ip-sysctl.html (ip_local_port_range)."""


SIGNING_SECRET, BOT_TOKEN = "5" * 32, "xoxb-bench"


@asynccontextmanager
async def workspace_for(folder: Path) -> AsyncIterator[tuple[Workspace, dict[str, str]]]:
    """Serve a stand-in workspace; yields it, and the settings of a program that works there on SQLite in `folder`."""
    workspace = Workspace(signing_secret=SIGNING_SECRET, bot_token=BOT_TOKEN)
    async with served(workspace, folder) as given:
        yield workspace, given


@asynccontextmanager
async def served(workspace: Workspace, folder: Path) -> AsyncIterator[dict[str, str]]:
    """Serve a workspace; yields the settings of a program that works there on SQLite in `folder`."""
    async with serving_workspace(workspace, DemoMail()):
        yield {
            "SLACK_BOT_TOKEN": workspace.bot_token,
            "SLACK_SIGNING_SECRET": workspace.signing_secret,
            "SLACK_API_URL": f"{workspace.base_url}/api/",
            "DATABASE_URL": f"sqlite:///{folder / 'profiles.db'}",
            "ENCRYPTION_KEYS": generate_key(),
            "HOST": "127.0.0.1",
            "LOG_LEVEL": "warning",
        }


@asynccontextmanager
async def process(*arguments: str, folder: Path, given: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run Python with arguments in a folder, knowing only the settings given, until the block ends."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = {**kept, "PYTHONPATH": str(_ROOT), "DISCOVERY": "local", **given}
    with (folder / "written.log").open("ab") as written:
        started = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=written
        )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.terminate()
            await asyncio.wait_for(started.wait(), _PATIENCE_SECONDS)


async def until_ready(url: str) -> None:
    """Wait until /readyz answers 200."""
    ends = time.monotonic() + _PATIENCE_SECONDS
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < ends:
            try:
                async with session.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.005)
    raise RuntimeError(f"nothing was ready at {url} within {_PATIENCE_SECONDS} s")


def processor_seconds(pid: int) -> float:
    """Read how long a process and its children have computed; 0.0 where the system does not tell."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return sum(cpu_seconds(one) for one in (pid, *map(int, children)))
    except OSError:
        return 0.0


def free_port() -> int:
    """Return a port that nobody uses and the system gives to nobody: it is still free when a server has started."""
    for port in random.sample(_NEVER_GIVEN, 100):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError("there is no free port")
