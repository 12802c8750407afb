"""A running bot with one profile, one program, and a mail server that notes what it gets."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from bot.demo.run import running_demo
from bot.profiles.sending.rates import Rates
from bot.profiles.tokens import program_tokens
from tests.fakes.certificates import Certificates
from tests.fakes.smtp_server import PASSWORD, Act, OneServerNetwork, ScriptedServer
from tests.scenario.people import set_up_elsewhere
from tests.scenario.programs.people import add_program
from tests.scenario.send_api.programs import EHLO, SendingProgram
from tests.scenario.started_before import StartedBefore

OFTEN = Rates(program=1_000_000, workspace=1_000_000)
MANY = {"Messages a day": "10000"}

MakeProgram = Callable[..., AbstractAsyncContextManager[SendingProgram]]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def make_program(certificates: Certificates, started: StartedBefore, tmp_path: Path) -> MakeProgram:
    """Make a program on a bot of its own; `acts` say what the mail server does, `filled` what is filled in of it."""

    @asynccontextmanager
    async def made(
        acts: dict[str, Act] | None = None, filled: dict[str, str] | None = None, **given: Any
    ) -> AsyncIterator[SendingProgram]:
        given = {"encryption_keys": started.key, **given}
        async with _made(certificates, tmp_path, acts or {}, filled or {}, given) as program:
            yield program

    return made


@pytest.fixture(scope="package", autouse=True)
def _wrong_tokens_block_nobody() -> Iterator[None]:
    """Let tests show wrong tokens as often as they like, but for those that are about that."""
    with pytest.MonkeyPatch.context() as patched:
        often = replace(program_tokens.WRONG_TOKENS, max_uses=1_000_000)
        patched.setattr(program_tokens, "WRONG_TOKENS", often)
        yield


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def shared_program(
    certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SendingProgram]:
    """A program for all tests here that leave it as it was; it may send as often as they like."""
    folder = tmp_path_factory.mktemp("shared")
    given = {"database_url": f"sqlite:///{folder / 'shared.db'}"}
    async with _made(certificates, folder, {}, MANY, given) as made:
        made.demo.bot.sending.rates = OFTEN
        yield made


@pytest.fixture
def program(shared_program: SendingProgram) -> SendingProgram:
    """A program whose mail server has heard nothing yet, and takes everything."""
    shared_program.provider.heard.clear()
    shared_program.provider.replies.clear()
    shared_program.provider.acts = {"EHLO encrypted": EHLO}
    shared_program.provider.password = PASSWORD
    return shared_program


@pytest.fixture
def key() -> str:
    """An Idempotency-Key that nobody has used."""
    return secrets.token_hex(8)


@asynccontextmanager
async def _made(
    certificates: Certificates, folder: Path, acts: dict[str, Act], filled: dict[str, str], given: dict[str, Any]
) -> AsyncIterator[SendingProgram]:
    async with (
        ScriptedServer(tls=certificates.good, acts={"EHLO encrypted": EHLO, **acts}) as server,
        running_demo(
            folder, network=OneServerNetwork(server.port), smtp_ca_file=certificates.authority_file, **given
        ) as demo,
        aiohttp.ClientSession() as session,
    ):
        await set_up_elsewhere(demo)
        token = await add_program(demo, **filled)
        server.heard.clear()
        yield SendingProgram(demo=demo, provider=server, session=session, token=token)
    assert not demo.workspace.refusals
