"""A running bot with a submission server, a profile and a program, opened once for the tests of a module."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.demo.mail import ReceivedMessage
from bot.demo.run import Demo, running_demo
from bot.profiles.sending.rates import Rates
from bot.programs.submission.server import SubmissionServer
from bot.smtp.account import Encryption
from tests.fakes.certificate_files import NAME, CertificateFiles
from tests.fakes.smtp_client import RawClient
from tests.scenario.people import ADA, set_up
from tests.scenario.programs.people import add_program

ADA_ADDRESS, GRACE_ADDRESS = "ada@demo.example", "grace@demo.example"


@dataclass(frozen=True)
class Reached:
    """A bot whose submission server programs reach, and the token of Ada's program."""

    demo: Demo
    token: str
    files: CertificateFiles | None

    @property
    def server(self) -> SubmissionServer:
        """The submission server."""
        assert self.demo.bot.submission is not None
        return self.demo.bot.submission

    def port(self, encryption: Encryption) -> int:
        """Return a port of the submission server."""
        return self.server.ports[encryption]

    def client(self, *, local: str = "127.0.0.1") -> RawClient:
        """Return a client of the port without TLS, which comes from an address of this machine."""
        return RawClient(self.port(Encryption.NONE), local=local)

    @property
    def delivered(self) -> list[ReceivedMessage]:
        """What the provider took."""
        return self.demo.mail.mailbox

    def last(self) -> bytes:
        """Return what the provider took last, and forget all of it."""
        content = self.delivered[-1].content
        self.delivered.clear()
        return content


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reached(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Reached]:
    """Serve programs in the clear, on the loopback."""
    async with opened(tmp_path_factory.mktemp("programs"), None) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reached_by_tls(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Reached]:
    """Serve programs with TLS and STARTTLS."""
    folder = tmp_path_factory.mktemp("programs")
    async with opened(folder, CertificateFiles(folder)) as found:
        yield found


@asynccontextmanager
async def opened(folder: Path, files: CertificateFiles | None) -> AsyncIterator[Reached]:
    """Run a bot with a submission server and Ada's program; without files of a certificate in the clear."""
    given: dict[str, Any] = {"submission_port": 0}
    if files is not None:
        given |= {"submission_tls_port": 0, "submission_name": NAME}
        given |= {"submission_cert_file": files.certificate, "submission_key_file": files.key}
    async with running_demo(folder, database_url=f"sqlite:///{folder / 'programs.db'}", **given) as demo:
        await set_up(demo, ADA)
        demo.bot.sending.rates = Rates(program=100_000, workspace=100_000)
        yield Reached(demo, await add_program(demo, **{"Messages a day": "10000"}), files)
    assert not demo.workspace.refusals
