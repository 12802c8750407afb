"""The demo: the whole bot against a stand-in workspace and a local mail server, in one process."""

import asyncio
import os
import random
import secrets
import signal
import socket
import sys
import tempfile
import webbrowser
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from bot.app import Bot, StartError, open_bot
from bot.demo.colleagues import Colleague, accounts_with, colleagues, settle_in
from bot.demo.mail import LOOPBACK, DemoMail, DemoNetwork, DemoRecords
from bot.demo.serve import serving_workspace
from bot.demo.stand_in.people import PEOPLE, DemoPerson
from bot.demo.stand_in.workspace import Workspace
from bot.demo.story import post_first_message
from bot.server import serving
from bot.settings import GivenSettings, Settings
from bot.slack.workspaces.oauth import REDIRECT_PATH
from bot.smtp.network.connect import Network
from bot.smtp.network.dns_records import DnsRecords
from storage.crypto.keyring import generate_key

_UNASSIGNED_PORTS = range(20_000, 32_000)
"""Below those that Linux (from 32,768) and others (from 49,152) give out by themselves."""
_TRIES = 20


@dataclass(frozen=True)
class Demo:
    """Everything the demo runs: the stand-in workspace, the mail server, the bot."""

    workspace: Workspace
    mail: DemoMail
    bot: Bot
    settings: Settings
    bot_url: str


def embedded_database(folder: Path) -> str:
    """Return the address of the demo's database, a file in its folder."""
    return f"sqlite:///{folder / 'email-profiles.db'}"


def demo_settings(folder: Path, workspace: Workspace, **given: Any) -> Settings:
    """Make settings that know only the demo: fresh keys, loopback allowed."""
    values: dict[str, Any] = {
        "slack_bot_token": workspace.bot_token,
        "slack_signing_secret": workspace.signing_secret,
        "slack_api_url": f"{workspace.base_url}/api/",
        "database_url": embedded_database(folder),
        "encryption_keys": generate_key(),
        "port": 0,
        "smtp_allowed_networks": (ip_network("127.0.0.0/8"),),
    }
    return GivenSettings(**{**values, **given})


def free_port() -> int:
    """Return a port of the loopback that nobody uses now.

    The bot has to tell it before it listens there, so it is none of those that systems give to whoever asks for any.

    Raises:
        StartError: no port is free.
    """
    for port in random.sample(_UNASSIGNED_PORTS, k=_TRIES):
        with suppress(OSError), socket.create_server((str(LOOPBACK), port)):
            return port
    raise StartError("No port is free for the submission server.")


def submission_settings(folder: Path, mail: DemoMail) -> dict[str, Any]:
    """Return settings with which the bot serves programs on this machine, on a port that is free now."""
    certificate, key = mail.certificate_files(folder, str(LOOPBACK))
    return {"submission_tls_port": free_port(), "submission_cert_file": certificate, "submission_key_file": key}


@asynccontextmanager
async def running_demo(
    folder: Path,
    *,
    port: int = 0,
    mail: DemoMail | None = None,
    network: Network | None = None,
    dns: DnsRecords | None = None,
    people: Sequence[DemoPerson] | None = None,
    **given: Any,
) -> AsyncIterator[Demo]:
    """Start workspace (its page on `port`), mail server and bot; stop all in reverse order.

    `mail`, `network`, `dns` and `people` stand in place of the demo's own; `given` are settings that stand above
    these.
    With the `slack_client_id` and `slack_client_secret` of the stand-in's app people sign in before a private page.
    Without `smtp_ca_file` the bot trusts the mail server's own authority alone: reading the system's takes as long as
    all the rest of the start.
    """
    workspace = Workspace(
        signing_secret=secrets.token_hex(16),
        bot_token=f"xoxb-demo-{secrets.token_hex(8)}",
        people=PEOPLE if people is None else people,
    )
    mail = mail or DemoMail()
    async with AsyncExitStack() as stack:
        await mail.start()
        stack.push_async_callback(mail.stop)
        try:
            await stack.enter_async_context(serving_workspace(workspace, mail, port=port))
        except OSError as error:
            why = os.strerror(error.errno or 0)
            raise StartError(f"--port: nothing can be served on port {port} ({why}). Example: --port 8026") from None
        # The private page's address has to be known before the bot is made, so its socket is bound first.
        listening = stack.enter_context(socket.create_server((str(LOOPBACK), 0)))
        public_url = f"http://{LOOPBACK}:{listening.getsockname()[1]}"
        settings = demo_settings(folder, workspace, **{"public_url": public_url, **given})
        workspace.sign_ins.redirect_urls = [f"{settings.public_url}{REDIRECT_PATH}"] if settings.public_url else []
        bot = await stack.enter_async_context(
            open_bot(
                settings,
                network=network or DemoNetwork(mail),
                dns=dns or DemoRecords(),
                trust=None if settings.smtp_ca_file else mail.trust(),
            )
        )
        bot_url = await stack.enter_async_context(serving(bot, settings, listening=listening))
        workspace.delivery.events_url = f"{bot_url}/slack/events"
        yield Demo(workspace=workspace, mail=mail, bot=bot, settings=settings, bot_url=bot_url)


def open_in_browser(url: str) -> None:
    """Open the page in the person's browser, where there is one."""
    webbrowser.open(url)


async def run_demo(*, port: int, open_page: Callable[[str], None] | None) -> None:
    """Run until Ctrl-C. Everything lives in a folder of its own that is removed at the end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with tempfile.TemporaryDirectory(prefix="email-profile-bot-") as folder:
        others = colleagues()
        mail = DemoMail(accounts_with(others))
        authority = mail.authority_file(Path(folder))
        people = [_with_picture(person) for person in (*PEOPLE, *(one.person for one in others))]
        given = {"smtp_ca_file": authority, **submission_settings(Path(folder), mail)}
        async with running_demo(Path(folder), port=port, mail=mail, people=people, **given) as demo:
            await post_first_message(demo.workspace)
            _say_welcome(demo.workspace.base_url)
            async with asyncio.TaskGroup() as group:
                group.create_task(_settle(demo, others, stop))
                if open_page is not None:
                    await loop.run_in_executor(None, open_page, demo.workspace.base_url)
                await stop.wait()
    sys.stdout.write("\nThe demo has ended; nothing of it is kept.\n")


def _with_picture(person: DemoPerson) -> DemoPerson:
    return replace(person, picture=f"/pictures/{person.id}")


async def _settle(demo: Demo, others: Sequence[Colleague], stop: asyncio.Event) -> None:
    """Let the colleagues set up their accounts; the traffic that the page shows begins after them."""
    await settle_in(demo.workspace, others, stop)
    demo.mail.traffic.clear()


def _say_welcome(url: str) -> None:
    sys.stdout.write(
        f"\nThe demo workspace is at  {url}\n\n"
        "Try there:  /email-profile edit   then  /email-extra add TLS Y   then  /email-test\n"
        "The page says what each will show, and fills in the account to use. Then let its Label program,\n"
        "which is no part of Slack, send a label. As Grace Hopper, an admin, you see how the accounts of\n"
        "forty people fare. Ctrl-C ends the demo.\n\n"
    )
    sys.stdout.flush()
