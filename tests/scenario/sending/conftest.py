"""A bot with a program, and a scripted server in the provider's place, which takes letters unless told otherwise."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.demo.run import running_demo
from tests.fakes.certificates import Certificates
from tests.fakes.smtp_server import LOGIN, OneServerNetwork, ScriptedServer
from tests.scenario.people import set_up_elsewhere
from tests.scenario.programs.people import add_program, sign_in
from tests.scenario.sending.letters import Sent
from tests.scenario.started_before import StartedBefore


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def sent(started: StartedBefore, certificates: Certificates, tmp_path: Path) -> AsyncIterator[Sent]:
    """Ada's profile at the scripted server, with a program that sends, from the first sign-in on."""
    async with ScriptedServer(tls=certificates.good) as provider:
        network = OneServerNetwork(provider.port)
        given: dict[str, Any] = {"encryption_keys": started.key, "smtp_ca_file": certificates.authority_file}
        async with running_demo(tmp_path, network=network, **given) as demo:
            await set_up_elsewhere(demo)
            token = await add_program(demo, "Label printer")
            sender = await sign_in(demo, token, LOGIN)
            yield Sent(demo=demo, provider=provider, sender=sender)
        assert not demo.workspace.refusals


@pytest.fixture(scope="session")
def trust(certificates: Certificates) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificates.authority_file))
