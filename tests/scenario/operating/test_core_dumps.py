"""No core of a process that opens keys is ever written, however the program is started; and its other limits."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.demo.mail import DemoMail
from bot.process import MOST_FILES
from storage.crypto.keyring import generate_key
from tests.counts import scaled
from tests.scenario.operating.test_command_line import GOOD, slack
from tests.scenario.starting import RunningProgram, running

pytestmark = [
    pytest.mark.databases("sqlite"),
    pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="needs Linux's /proc"),
]

NO_CORE = ["0", "0", "bytes"]
UNPRIVILEGED = 65534


def limit(pid: int, name: str) -> list[str]:
    """The soft and the hard limit of a process, and their unit."""
    lines = Path(f"/proc/{pid}/limits").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if line.startswith(name))
    return line.removeprefix(name).split()


def core_limit(pid: int) -> list[str]:
    return limit(pid, "Max core file size")


async def test_what_serves_has_no_core_and_may_have_many_connections(tmp_path: Path) -> None:
    async with slack(DemoMail()) as workspace:
        given = {
            **GOOD,
            "PORT": "0",
            "ENCRYPTION_KEYS": generate_key(),
            "SLACK_API_URL": f"{workspace.base_url}/api/",
            "DATABASE_URL": f"sqlite:///{tmp_path}/email-profiles.db",
        }
        async with running(tmp_path, "run", given=given) as started:
            await started.address()
            assert core_limit(started.pid) == NO_CORE
            soft, hard, _ = limit(started.pid, "Max open files")
            assert int(soft) >= (MOST_FILES if hard == "unlimited" else min(int(hard), MOST_FILES))


async def test_the_demo_has_no_core(tmp_path: Path) -> None:
    with RunningProgram(tmp_path, "demo", "--no-browser", "--port", "0", given={}) as started:
        await started.writes(r"The demo workspace is at")
        assert core_limit(started.pid) == NO_CORE


SOME = [("run",), ("demo",), ("db", "verify"), ("keys", "rotate")]
ALL = [
    *SOME,
    ("check",),
    ("db", "upgrade"),
    ("db", "current"),
    ("db", "backup", "file"),
    ("db", "restore", "file"),
    ("db", "copy", "--to", "sqlite:///other.db"),
    ("keys", "generate"),
    ("keys", "status"),
    ("keys", "retire", "0a1b2c3d"),
]

STOPPED = """
import os, signal, sys, typer.main
# In place of the command itself: all that comes before it has been done then.
typer.main.Typer.__call__ = lambda *_, **__: os.kill(os.getpid(), signal.SIGSTOP)
sys.argv = ["email-profile-bot", *sys.argv[1:]]
from bot.cli import main
main()
"""


@pytest.mark.parametrize("command", scaled(quick=SOME, full=ALL), ids=" ".join)
def test_every_command_gives_up_its_core_before_it_begins(tmp_path: Path, command: tuple[str, ...]) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, "-c", STOPPED, *command], cwd=tmp_path, env=environment) as process:
        try:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            assert core_limit(process.pid) == NO_CORE
        finally:
            os.kill(process.pid, signal.SIGKILL)


DUMPABLE = """
import ctypes, os, sys
sys.path[:0] = {path!r}
from bot.process import forbid_core_dumps
if os.geteuid() == 0:
    os.setgroups([]); os.setgid({user}); os.setuid({user})
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
{forbid}
print(os.stat("/proc/self/environ").st_uid, ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)
"""


def owner_of_memory(forbid: str) -> tuple[int, int]:
    """Who owns what /proc shows of an unprivileged process, and whether it is dumpable."""
    script = DUMPABLE.format(user=UNPRIVILEGED, path=[str(Path(__file__).parents[3])], forbid=forbid)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    owner, dumpable = done.stdout.split()
    return int(owner), int(dumpable)


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_DUMPABLE is Linux's")
def test_a_core_that_is_piped_to_a_program_is_not_made_either() -> None:
    own = UNPRIVILEGED if os.geteuid() == 0 else os.geteuid()
    assert owner_of_memory("") == (own, 1)
    # The kernel gives what it shows of a process that is not dumpable to root (proc_pid(5)).
    assert owner_of_memory("forbid_core_dumps()") == (0, 0)
