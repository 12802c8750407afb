"""What stands between a program and its provider, each started as its makers say; and nothing at all."""

import asyncio
import contextlib
import os
import shutil
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from bot.demo.stand_in.workspace import Workspace
from bot.profiles.account.profile import EmailProfile
from storage.crypto.keyring import Keyring
from tests.benchmarks.figures import UnequalWorkError
from tests.benchmarks.program import BOT_TOKEN, SIGNING_SECRET, free_port, process, served, until_ready
from tests.benchmarks.sending.letters import SignIn
from tests.benchmarks.sending.provider import HOST, PASSWORD, Provider
from tests.databases import SQLiteMaker
from tests.deploy_files import unit_environment
from tests.fakes.queueing_postfix import lacking, queueing_postfix
from tests.instances.programs import store_programs
from tests.scenario.crowd import crowd
from tests.soak.samples import cpu_seconds

PEOPLE = 260
"""A program of the bot may send sixty letters a minute: so many that each measurement has others."""

FEW = 50
"""Others have no such limit, and may be asked again as the same."""

OURS = "email-profile-bot"
DIRECTLY = "directly to the provider"
PROXY = "email-oauth2-proxy"
POSTFIX_EACH = "Postfix (queue), each sender's own account"
POSTFIX_ONE = "Postfix (queue), one account, connections kept"
UP_SECONDS = 60.0
IDLE_SHARE, LOOK_SECONDS = 0.05, 1.0


@dataclass
class Side:
    """Something that takes letters at `port`: as whom one signs in, and which processes it is made of."""

    name: str
    port: int
    senders: Sequence[str]
    secret: Callable[[str], str | None]
    processes: Callable[[], Sequence[int]]
    tls: ssl.SSLContext | None = None
    _used: int = 0

    def fresh(self, count: int) -> list[tuple[str, SignIn | None]]:
        """Return the next so many senders with their sign-in, None where there is none; the first follows the last."""
        senders = [self.senders[number % len(self.senders)] for number in range(self._used, self._used + count)]
        self._used += count
        return [(one, self.sign_in(one)) for one in senders]

    def sign_in(self, sender: str) -> SignIn | None:
        """Return with what a sender signs in; None where there is no sign-in."""
        secret = self.secret(sender)
        return None if secret is None else SignIn(sender, secret)


SENDERS = [person.address for person in crowd(PEOPLE)]


def directly(provider: Provider, port: int) -> Side:
    """Nothing between: programs know the password, and sign in to the provider at `port`."""
    tls = ssl.create_default_context(cafile=provider.authority)
    return Side(DIRECTLY, port, SENDERS[:FEW], lambda _: PASSWORD, list, tls)


@asynccontextmanager
async def ours(provider: Provider, port: int, folder: Path, *arguments: str) -> AsyncIterator[Side]:
    """The bot on SQLite, with a profile at the provider's `port` for each sender; clear text on the loopback."""
    people = crowd(PEOPLE)
    workspace = Workspace(signing_secret=SIGNING_SECRET, bot_token=BOT_TOKEN, people=people)
    web, submission = free_port(), free_port()
    async with served(workspace, folder) as given:
        settings = {
            **given,
            **unit_environment(),
            "PORT": str(web),
            "SUBMISSION_PORT": str(submission),
            "SMTP_ALLOWED_NETWORKS": "127.0.0.1/32",
            "SMTP_ALLOWED_PORTS": str(port),
            "SMTP_CA_FILE": str(provider.authority),
            "LOG_LEVEL": "info",
        }
        with SQLiteMaker(folder).upgraded(folder / "profiles.db") as url:
            keyring = Keyring.from_text(given["ENCRYPTION_KEYS"])
            profiles = {person.id: _profile(person.address, port) for person in people}
            programs = await store_programs(url, keyring, profiles)
        tokens = {program.address: program.token for program in programs.values()}
        async with process(*(arguments or ("-m", "bot", "run")), folder=folder, given=settings) as started:
            await until_ready(f"http://127.0.0.1:{web}")
            await _until_idle(started.pid)
            yield Side(OURS, submission, SENDERS, tokens.__getitem__, lambda: [started.pid])


async def _until_idle(pid: int) -> None:
    """Wait until a process computes next to nothing: at its start the bot reads everybody from the workspace."""
    before = -1.0
    async with asyncio.timeout(UP_SECONDS):
        while (now := cpu_seconds(pid)) - before > IDLE_SHARE * LOOK_SECONDS:
            before = now
            await asyncio.sleep(LOOK_SECONDS)


def _profile(address: str, port: int) -> EmailProfile:
    return EmailProfile(
        address=address,
        login=address,
        password=SecretStr(PASSWORD),
        password_host=HOST,
        host=HOST,
        port=port,
        extras={"SSL": "Y"},
    )


@asynccontextmanager
async def postfix(provider: Provider, port: int, *, one_account: bool) -> AsyncIterator[Side]:
    """Postfix as a relay; as deploy/postfix/ configures it, or with one account for all, over connections it keeps.

    Raises:
        UnequalWorkError: it cannot be run here.
    """
    if absent := lacking():
        raise UnequalWorkError(f"it needs {absent}")
    relay = f"[{HOST}]:{port}"
    changes = {
        "sender_dependent_relayhost_maps": "",
        "sender_dependent_default_transport_maps": "inline:{ {<> = virtual:} }",
        "relayhost": relay,
        "default_transport": "smtp",
        "smtp_sender_dependent_authentication": "no",
        "smtp_sasl_password_maps": f"inline:{{ {{ {relay} = {SENDERS[0]}:{PASSWORD} }} }}",
        "smtp_destination_concurrency_limit": "20",
        "smtp_tls_connection_reuse": "yes",
    }
    tokens = {sender: f"{sender}:{PASSWORD}" for sender in SENDERS[:FEW]}
    # A session is a process, of which there are a hundred unless something else is said.
    given = {"default_process_limit": "300", **(changes if one_account else {})}
    with queueing_postfix(bot=relay, authority=provider.authority, tokens=tokens, changes=given) as running:
        master = int((running.folder / "spool" / "pid" / "master.pid").read_text())
        name = POSTFIX_ONE if one_account else POSTFIX_EACH
        yield Side(name, running.port, SENDERS[:FEW], lambda _: None, lambda: [master, *_children(master)])


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@asynccontextmanager
async def proxy(provider: Provider, port: int, folder: Path) -> AsyncIterator[Side]:
    """email-oauth2-proxy (PyPI: emailproxy), installed by hand; signs in with an access token.

    Raises:
        UnequalWorkError: it is not installed.
    """
    program = shutil.which("emailproxy")
    if program is None:
        raise UnequalWorkError("it is not installed")
    local = free_port()
    configuration = folder / "emailproxy.config"
    configuration.write_text(_proxy_configuration(provider, port, local))
    environment = {**os.environ, "SSL_CERT_FILE": str(provider.authority)}
    arguments = ["--no-gui", "--config-file", str(configuration), "--log-file", str(folder / "emailproxy.log")]
    with (folder / "emailproxy.out").open("wb") as out:
        started = await asyncio.create_subprocess_exec(program, *arguments, env=environment, stdout=out, stderr=out)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_ended, started)
        await _until_listening(local)
        yield Side(PROXY, local, SENDERS[:FEW], lambda _: "a password", lambda: [started.pid])


def _proxy_configuration(provider: Provider, port: int, local: int) -> str:
    server = f"[SMTP-{local}]\nlocal_address = 127.0.0.1\nserver_address = {HOST}\nserver_port = {port}\n"
    account = f"""
[{SENDERS[0]}]
token_url = http://127.0.0.1:{provider.token_port}/token
oauth2_scope = send
oauth2_flow = client_credentials
redirect_uri = http://localhost
client_id = bench
client_secret = a-secret-of-the-bench
"""
    accounts = "".join(account.replace(SENDERS[0], sender) for sender in SENDERS[:FEW])
    return f"{server}{accounts}"


async def _ended(started: asyncio.subprocess.Process) -> None:
    started.terminate()
    try:
        await asyncio.wait_for(started.wait(), 10)
    except TimeoutError:
        started.kill()
        await started.wait()


async def _until_listening(port: int) -> None:
    async with asyncio.timeout(UP_SECONDS):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)
