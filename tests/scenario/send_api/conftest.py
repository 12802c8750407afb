"""A running bot with one profile, one program, and a mail server that notes what it gets."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.demo.run import running_demo
from bot.smtp.network.certificate import trust_store
from tests.fakes.certificates import Certificates
from tests.fakes.smtp_server import Act, OneServerNetwork, ScriptedServer
from tests.scenario.people import set_up_elsewhere
from tests.scenario.programs.people import add_program
from tests.scenario.send_api.programs import EHLO, SendingProgram
from tests.scenario.started_before import StartedBefore

MakeProgram = Callable[..., AbstractAsyncContextManager[SendingProgram]]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def trust(certificates: Certificates) -> ssl.SSLContext:
    """What the bot trusts: the authority of the mail server's certificate."""
    return trust_store(certificates.authority_file)


@pytest.fixture
def make_program(certificates: Certificates, started: StartedBefore, tmp_path: Path) -> MakeProgram:
    """Make a program; `acts` say what the mail server does otherwise, `filled` what is filled in of the program."""

    @asynccontextmanager
    async def made(
        acts: dict[str, Act] | None = None, filled: dict[str, str] | None = None, **given: Any
    ) -> AsyncIterator[SendingProgram]:
        does = {"EHLO encrypted": EHLO, **(acts or {})}
        async with (
            ScriptedServer(tls=certificates.good, acts=does) as server,
            running_demo(
                tmp_path,
                network=OneServerNetwork(server.port),
                encryption_keys=started.key,
                smtp_ca_file=certificates.authority_file,
                **given,
            ) as demo,
            aiohttp.ClientSession() as session,
        ):
            await set_up_elsewhere(demo)
            token = await add_program(demo, **(filled or {}))
            server.heard.clear()
            yield SendingProgram(demo=demo, provider=server, session=session, token=token)
        assert not demo.workspace.refusals

    return made


@pytest.fixture
async def program(make_program: MakeProgram) -> AsyncIterator[SendingProgram]:
    """A program whose mail server takes everything."""
    async with make_program() as made:
        yield made
