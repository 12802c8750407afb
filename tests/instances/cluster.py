"""One real process of the program with everything around it: a workspace, mail servers, and people with profiles."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import trustme
from pydantic import SecretStr

from bot.demo.mail import DemoMail
from bot.demo.serve import serving_workspace
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.workspace import Workspace
from bot.profiles.account.profile import EmailProfile
from bot.profiles.people.access import Person
from bot.profiles.people.members import update_person
from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from tests.databases import SQLiteMaker
from tests.fakes.smtp_server import ScriptedServer, Silence, Trickle
from tests.instances.processes import Instance
from tests.scenario.operating.test_command_line import GOOD

LOOPBACK = "127.0.0.1"
BY_SOCKET = {"SLACK_APP_TOKEN": "xapp-demo"}
"""What is given besides, so that requests come over Socket Mode."""


@dataclass(frozen=True)
class MailServers:
    """Mail servers on the loopback, each of another temper; all take whoever signs in."""

    authority: Path
    quick: ScriptedServer
    encrypted: ScriptedServer
    slow: ScriptedServer
    silent: ScriptedServer
    refusing: ScriptedServer

    @property
    def servers(self) -> tuple[ScriptedServer, ...]:
        """All of them."""
        return (self.quick, self.encrypted, self.slow, self.silent, self.refusing)

    @property
    def given(self) -> dict[str, str]:
        """The settings with which the program reaches and trusts them."""
        return {
            "SMTP_ALLOWED_NETWORKS": f"{LOOPBACK}/32",
            "SMTP_ALLOWED_PORTS": ",".join(str(server.port) for server in self.servers),
            "SMTP_CA_FILE": str(self.authority),
            "DISCOVERY": "local",
        }


@asynccontextmanager
async def mail_servers(folder: Path, *, slowness: float = 2.0) -> AsyncIterator[MailServers]:
    """Open the servers; the slow one's greeting takes `slowness` seconds."""
    authority = trustme.CA()
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(file)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(LOOPBACK).configure_cert(tls)
    greeting = b"220 mail.test ESMTP\r\n"
    welcome = {"AUTH": b"235 2.7.0 welcome\r\n"}
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(server)
            for server in (
                ScriptedServer(owned=""),
                ScriptedServer(owned="", tls=tls, acts=welcome, pipelining=True),
                ScriptedServer(owned="", acts={"greeting": Trickle(greeting, pause=slowness / len(greeting))}),
                ScriptedServer(owned="", acts={"greeting": Silence()}),
                ScriptedServer(owned="", acts={"greeting": b"554 5.3.2 not today\r\n"}),
            )
        ]
        yield MailServers(file, *opened)


def profile_at(server: ScriptedServer, address: str) -> EmailProfile:
    """Make a profile with which somebody sends through a server; where it encrypts, they sign in."""
    if server.tls is None:
        return EmailProfile(address=address, host=LOOPBACK, port=server.port, authenticate=False)
    return EmailProfile(
        address=address,
        login=address,
        password=SecretStr("a password of usual length"),
        password_host=LOOPBACK,
        host=LOOPBACK,
        port=server.port,
        extras={"TLS": "Y"},
    )


async def store_profiles(url: str, keyring: Keyring, profiles: Mapping[str, EmailProfile]) -> None:
    """Store a profile for each user, as saving the form would."""
    database = Database.connect(url, keyring)
    try:
        await database.check_keys()
        async with database.writing() as tx:
            for user, profile in profiles.items():
                await tx.profiles.save(TEAM, user, profile.to_document(), replacing=None)
                await update_person(tx, Person(workspace=TEAM, user=user), at=datetime.now(UTC))
    finally:
        await database.close()


@dataclass
class RunningInstance:
    """The process, the workspace that it serves, and how to look into its database."""

    workspace: Workspace
    instance: Instance
    url: str
    keyring: Keyring

    async def stored(self, user: str) -> EmailProfile | None:
        """Read somebody's profile past the process."""
        database = Database.connect(self.url, self.keyring)
        try:
            async with database.reading() as tx:
                stored = await tx.profiles.get(TEAM, user)
        finally:
            await database.close()
        return EmailProfile.from_document(stored.document) if stored else None


@asynccontextmanager
async def running_instance(
    folder: Path, workspace: Workspace, profiles: Mapping[str, EmailProfile], given: Mapping[str, str]
) -> AsyncIterator[RunningInstance]:
    """Start the program on a SQLite file in `folder`; `given` are settings besides those that it needs here.

    `workspace` has GOOD's secrets. What still runs at the end is killed.
    """
    key = generate_key()
    keyring = Keyring.from_text(key)
    async with AsyncExitStack() as stack:
        url = stack.enter_context(SQLiteMaker(folder).upgraded(folder / "profiles.db"))
        # Before the process starts: it waits for another writer, but not for long.
        await store_profiles(url, keyring, profiles)
        await stack.enter_async_context(serving_workspace(workspace, DemoMail(), port=0))
        settings = {
            **GOOD,
            "DATABASE_URL": url,
            "ENCRYPTION_KEYS": key,
            "PORT": "0",
            "SLACK_API_URL": f"{workspace.base_url}/api/",
            **given,
        }
        instance = Instance(folder=folder, given=settings)
        stack.push_async_callback(instance.kill)
        await instance.start()
        workspace.delivery.events_url = f"{instance.url}/slack/events"
        yield RunningInstance(workspace=workspace, instance=instance, url=url, keyring=keyring)
