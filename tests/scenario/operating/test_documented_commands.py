"""Whoever follows the README and the guides, line by line, comes through: each command is run here as it is written.

What needs root, a container engine or a cluster is held against the files that it names instead.
"""

import re
import shlex
import subprocess
import tomllib
from collections.abc import AsyncIterator, Callable, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from bot.demo.stand_in.workspace import Workspace
from storage.crypto.keyring import Keyring
from tests.databases import PostgreSQLMaker
from tests.deploy_files import ROOT, dockerfile, kubernetes, read, services, unit
from tests.documents import Block, blocks, sending_lines
from tests.scenario.operating.test_command_line import GOOD, run, slack
from tests.scenario.operating.test_traces import LoopbackMail
from tests.scenario.people import ADA
from tests.scenario.starting import running

pytestmark = pytest.mark.databases("sqlite")

PROGRAM = re.compile(
    r"(?P<given>(?:[A-Z_]+=\S+ )*)"
    r"(?:docker (?:run --rm|compose exec bot) |\.venv/bin/)?"
    r"email-profile-bot (?P<arguments>[^>]+?)"
    r"(?: > (?P<file>\S+))?"
)
"""How a document calls the program: by its name, from where `make .venv` puts it, or in a container."""

FILES = ("cat ", "chmod ", "mkdir ", "rm ", "touch ")
"""What only handles files runs in a shell."""

EXAMPLE_DATABASE = "postgresql://bot@db.example/profiles"
EXAMPLE_SERVER = "smtp.example.com"
EXAMPLE_KEY = "0a1b2c3d"


# What cannot be run here


def of_make(line: str) -> None:
    _, target = line.split()
    assert re.search(rf"^{target}:", read("Makefile"), re.MULTILINE)


def of_the_users_of_the_unit(line: str) -> None:
    assert shlex.split(line)[-1] == unit()["User"] == unit()["Group"]
    assert f"/var/lib/{unit()['StateDirectory']}" in line


def of_the_place_of_the_unit(line: str) -> None:
    folder = str(Path(unit()["ExecStart"].split()[0]).parents[1])
    assert folder in line
    wanted = line.rpartition("install ")[2]
    if line.startswith(folder):
        # The same as in a clone, but that a clone stays editable.
        assert wanted.removesuffix(" .") in read("Makefile")
    for file in re.findall(r"-r (\S+)", line):
        assert (ROOT / file).is_file()


def of_install(line: str) -> None:
    *_, last = words = shlex.split(line)
    if last.startswith(("/etc/postfix", "/var/spool")):
        of_postfix(line)
    elif "-d" in words:
        assert last == unit()["WorkingDirectory"]
        assert unit()["Group"] in words
    else:
        assert (ROOT / words[-2]).is_file()
        assert last == "/etc/systemd/system/"


def of_postfix(line: str) -> None:
    """Check a line that sets up Postfix before the bot; tests/scenario/programs/test_postfix.py runs its files."""
    words = shlex.split(line)
    if words[0] == "apt-get":
        assert all(package in read(".ci/run") for package in words[2:])
    elif "-d" in words:
        assert line in read("deploy/postfix/main.cf")
    else:
        assert all((ROOT / file).is_file() for file in words[3:-1])


def of_systemctl(line: str) -> None:
    verb, *rest = line.split()[1:]
    if rest == ["postfix"]:
        assert verb == "restart"
        return
    assert verb in ("daemon-reload", "enable", "reload")
    if verb != "daemon-reload":
        assert f"deploy/{rest[-1]}.service" in [str(path.relative_to(ROOT)) for path in ROOT.glob("deploy/*.service")]
    if verb == "reload":
        assert "HUP" in unit()["ExecReload"]


def base_image() -> str:
    """Give the tag of the image that the program's is built from."""
    return next(rest.removeprefix("PYTHON=") for name, rest in dockerfile() if name == "ARG")


def of_docker(line: str) -> None:
    words = shlex.split(line)
    if words[1:3] == ["compose", "exec"]:
        service = services()[words[words.index("pg_dump") - 1]]
        assert service["image"].startswith("postgres:")
        made = service["environment"]
        assert f"--username={made['POSTGRES_USER']}" in words
        assert made["POSTGRES_DB"] in words
    elif words[1] == "compose":
        files = {file for option, file in pairwise(words) if option == "-f"}
        assert all((ROOT / file).is_file() for file in files)
        assert set(words[2:]) - files <= {"-f", "up", "-d", "--build"}
        assert "build" in services()["bot"]
    elif words[1] == "buildx":
        assert words[4] == f"python:{base_image()}"
    elif words[1] == "build":
        assert words[words.index("-t") + 1] == services()["bot"]["image"]
        if "--build-arg" in words:
            assert words[words.index("--build-arg") + 1].startswith(f"PYTHON={base_image()}@sha256:")
    else:
        assert words[-1] == services()["bot"]["image"]
        stop = int(words[words.index("--stop-timeout") + 1])
        assert f"{stop}s" == services()["bot"]["stop_grace_period"]
        assert words[words.index("-p") + 1] in services()["bot"]["ports"]


def of_pg_dump(line: str) -> None:
    assert shlex.split(line)[-1] == EXAMPLE_DATABASE


def of_kubectl(line: str) -> None:
    words = shlex.split(line)
    if words[1] == "apply":
        assert list(yaml.safe_load_all(read(words[words.index("-f") + 1])))
        return
    volumes = kubernetes("Deployment")["spec"]["template"]["spec"]["volumes"]
    secrets = [each["secret"] for each in volumes if "secret" in each]
    _, create, secret, kind, name, *files = words
    assert (create, secret) == ("create", "secret")
    (volume,) = (one for one in secrets if one["secretName"] == name)
    if volume.get("optional"):
        assert (kind, [file.partition("=")[0] for file in files]) == ("tls", ["--cert", "--key"])
    else:
        assert (kind, files) == ("generic", ["--from-file=.env", "--from-file=encryption-keys"])


def of_programs(line: str) -> None:
    """Check a line that sends: tests/scenario/programs/test_documented_sending.py runs it, beside a bot that serves."""
    assert line in sending_lines()


NOT_HERE: Mapping[str, Callable[[str], None]] = {
    "make ": of_make,
    "useradd ": of_the_users_of_the_unit,
    "python3 -m venv /opt/": of_the_place_of_the_unit,
    "/opt/email-profile-bot/bin/pip ": of_the_place_of_the_unit,
    "apt-get ": of_postfix,
    "install ": of_install,
    "systemctl ": of_systemctl,
    "docker ": of_docker,
    "pg_dump ": of_pg_dump,
    "kubectl ": of_kubectl,
    "curl ": of_programs,
    "swaks ": of_programs,
}


def test_a_command_that_cannot_run_here_fits_the_files_that_it_names() -> None:
    held = 0
    for block in blocks():
        for line in block.lines:
            for beginning, hold in NOT_HERE.items():
                if line.startswith(beginning) and not PROGRAM.fullmatch(line):
                    hold(line)
                    held += 1
    assert held > 10


def test_what_install_brings_is_described_by_its_extras() -> None:
    extras = tomllib.loads(read("pyproject.toml"))["project"]["optional-dependencies"]
    described = set(re.findall(r"email-profile-bot\[(\w+)\]", read("docs/operating.md")))
    assert described == set(extras)


# What is run


class Follower:
    """Somebody who follows the documents in a folder of their own."""

    def __init__(self, folder: Path, workspace: Workspace, mail: LoopbackMail, elsewhere: str) -> None:
        self.folder = folder
        self.workspace = workspace
        self.mail = mail
        self.stand_ins = {EXAMPLE_DATABASE: elsewhere, EXAMPLE_SERVER: f"127.0.0.1:{mail.ports[587]}"}
        self.done: list[str] = []
        self.before: Mapping[str, Callable[[], None]] = {
            f"email-profile-bot keys retire {EXAMPLE_KEY}": self.take_the_old_key_out,
            "chmod 444 secrets/.env secrets/encryption-keys": self.put_settings_into_secrets,
        }

    def settle(self) -> None:
        """Write the settings, as the README says to."""
        (self.folder / "authority.pem").write_bytes(self.mail.ca_pem)
        lines = {
            **GOOD,
            "SLACK_API_URL": f"{self.workspace.base_url}/api/",
            "PORT": "0",
            "ENCRYPTION_KEYS_FILE": "encryption-keys",
            "SMTP_ALLOWED_NETWORKS": "127.0.0.0/8",
            "SMTP_ALLOWED_PORTS": str(self.mail.ports[587]),
            "SMTP_CA_FILE": "authority.pem",
        }
        (self.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))

    def keys(self) -> list[str]:
        return (self.folder / "encryption-keys").read_text(encoding="utf-8").split()

    def take_the_old_key_out(self) -> None:
        new, old = self.keys()
        (self.folder / "encryption-keys").write_text(f"{new}\n", encoding="utf-8")
        self.stand_ins[EXAMPLE_KEY] = Keyring.from_text(old).active

    def put_settings_into_secrets(self) -> None:
        (self.folder / "secrets/.env").touch()

    async def follow(self, block: Block) -> None:
        """Do what a block says, line by line."""
        for line in block.lines:
            self.before.get(line, lambda: None)()
            if PROGRAM.match((line.partition(" email")[0].rpartition("=")[0] and line.split(" ", 1)[1]) or line):
                await self.run(line)
            elif line.startswith(FILES):
                subprocess.run(["sh", "-ec", line], cwd=self.folder, check=True)
            else:
                assert line.startswith(tuple(NOT_HERE)), f"{block.document}, {block.heading}: nobody runs “{line}”"
                continue
            self.done.append(line)

    async def run(self, line: str) -> None:
        """Run the program as a line says: what stands before its name is its environment."""
        for example, stand_in in self.stand_ins.items():
            line = line.replace(example, stand_in)
        call = PROGRAM.fullmatch(line)
        assert call is not None
        arguments = shlex.split(call["arguments"])
        if arguments == ["run"]:
            await self.serve_somebody()
            return
        given = dict(word.split("=", 1) for word in call["given"].split())
        code, out, err = await run(self.folder, *arguments, given=given)
        assert code == 0, f"{line}: {out}{err}"
        assert "Traceback" not in out + err
        if call["file"]:
            (self.folder / call["file"]).write_text(out, encoding="utf-8")

    async def serve_somebody(self) -> None:
        """Run the bot until somebody's profile is stored and passes its test."""
        async with running(self.folder, "run", given={}) as process:
            workspace = self.workspace
            workspace.delivery.events_url = f"{await process.address()}/slack/events"
            await workspace.command(ADA, "/email-profile", "edit")
            await workspace.wait_view(ADA, "Email profile")
            account = self.mail.accounts[0]
            await workspace.fill(ADA, "User/Login", account.login)
            await workspace.fill(ADA, "Password", account.password)
            await workspace.fill(ADA, "SMTP Server Address", "127.0.0.1")
            await workspace.fill(ADA, "Port", str(self.mail.ports[587]))
            assert await workspace.submit(ADA) == {}
            await workspace.command(ADA, "/email-extra", "add TLS Y")
            await workspace.command(ADA, "/email-test")
            await workspace.wait_message(ADA, "Connection test passed")
            assert await process.stop() == 0


@pytest.fixture
async def follower(tmp_path: Path, postgresql_server: str) -> AsyncIterator[Follower]:
    """Somebody with a clone, a workspace, a mail server, and a PostgreSQL to move to."""
    mail = LoopbackMail()
    await mail.start()
    try:
        with PostgreSQLMaker.on(postgresql_server) as maker, maker.empty(tmp_path) as elsewhere:
            async with slack(mail) as workspace:
                yield Follower(tmp_path, workspace, mail, elsewhere)
    finally:
        await mail.stop()


async def test_every_command_works_as_it_is_written_one_after_the_other(follower: Follower, tmp_path: Path) -> None:
    follower.settle()
    # Step 5 of the README, where the key goes into a file.
    await follower.run("email-profile-bot keys generate > encryption-keys")
    for block in blocks():
        await follower.follow(block)
    assert len(follower.done) > 15
    assert len(follower.keys()) == 1
    assert not (tmp_path / "new-key").exists()
    assert (tmp_path / "monday.backup").stat().st_mode & 0o077 == 0
