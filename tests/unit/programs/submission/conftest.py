"""The submission server alone, with fakes for tokens and sending."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bot.programs.submission.certificate import ServerCertificate
from bot.programs.submission.server import Place, SubmissionServer
from bot.smtp.account import Encryption
from tests.fakes.certificate_files import NAME, CertificateFiles
from tests.unit.programs.submission.fakes import FakeSending, FakeTokens


@dataclass
class Counted:
    """What the server counted."""

    sign_ins: list[str] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)

    def count_submission_sign_in(self, ended: str) -> None:
        self.sign_ins.append(str(ended))

    def count_submission_session(self, ended: str) -> None:
        self.sessions.append(str(ended))


@dataclass
class Serving:
    """A submission server, and what stands behind it."""

    server: SubmissionServer
    tokens: FakeTokens
    sending: FakeSending
    counted: Counted

    def port(self, encryption: Encryption) -> int:
        return self.server.ports[encryption]


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    return CertificateFiles(tmp_path_factory.mktemp("submission"))


@asynccontextmanager
async def serving(files: CertificateFiles | None) -> AsyncIterator[Serving]:
    """Serve at free ports: with a certificate at one with TLS and one with STARTTLS, else at one in the clear."""
    tokens, sending, counted = FakeTokens(), FakeSending(), Counted()
    server = SubmissionServer(
        Place(host="127.0.0.1", port=0, tls_port=0 if files else None, name=NAME),
        certificate=ServerCertificate(files.certificate, files.key) if files else None,
        tokens=tokens.rules(),
        sending=sending.rules(),
        observer=counted,
    )
    await server.open()
    try:
        yield Serving(server, tokens, sending, counted)
    finally:
        await server.close(0.0)


@pytest.fixture
async def in_clear() -> AsyncIterator[Serving]:
    async with serving(None) as opened:
        yield opened


@pytest.fixture
async def encrypted(files: CertificateFiles) -> AsyncIterator[Serving]:
    async with serving(files) as opened:
        yield opened
