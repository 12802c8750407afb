"""Letters go where a connection test would go, and nowhere else: guarded, verified, signed in over TLS alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.demo.run import running_demo
from bot.profiles.sending.letters import Cause, LetterRefusedError, Outcome
from bot.smtp.check.report import StageName
from storage.database import Database
from storage.engines.transactions import DatabaseFault, DatabaseUnavailableError
from tests.fakes.certificates import Certificates
from tests.fakes.smtp_server import LOGIN, OneServerNetwork, ScriptedServer, Silence
from tests.scenario.people import ADA, GRACE, open_form, run_test, set_up_elsewhere
from tests.scenario.programs.people import add_program, sign_in
from tests.scenario.sending.letters import Sent
from tests.scenario.started_before import StartedBefore


async def refusal(sent: Sent) -> LetterRefusedError:
    with pytest.raises(LetterRefusedError) as refused:
        await sent.send()
    return refused.value


@asynccontextmanager
async def sent_at(provider: ScriptedServer, folder: Path, started: StartedBefore, **given: Any) -> AsyncIterator[Sent]:
    async with provider:
        network = OneServerNetwork(provider.port)
        async with running_demo(folder, network=network, encryption_keys=started.key, **given) as demo:
            await set_up_elsewhere(demo)
            token = await add_program(demo, "Label printer")
            yield Sent(demo=demo, provider=provider, sender=await sign_in(demo, token, LOGIN))


@pytest.mark.parametrize("fault", ["expired", "wrong_name", "stranger"])
async def test_a_server_whose_certificate_is_not_good_gets_no_password_and_no_letter(
    started: StartedBefore, certificates: Certificates, tmp_path: Path, fault: str
) -> None:
    provider = ScriptedServer(tls=getattr(certificates, fault))
    async with sent_at(provider, tmp_path, started, smtp_ca_file=certificates.authority_file) as sent:
        wrong = await refusal(sent)
        assert (wrong.cause, wrong.reply.code, wrong.stage) == (Cause.NOT_READY, 454, StageName.ENCRYPTION)
        assert sent.sign_ins == 0


async def test_a_pinned_key_is_compared_with_each_connection(
    started: StartedBefore, certificates: Certificates, tmp_path: Path
) -> None:
    async with sent_at(ScriptedServer(tls=certificates.self_signed), tmp_path, started) as sent:
        report = await run_test(sent.demo, ADA)
        await sent.demo.workspace.press(ADA, "Trust this certificate", message=report)
        await sent.demo.workspace.wait_message(ADA, "Connection test passed")
        assert (await sent.send()).outcome is Outcome.TAKEN
        signed_in = sent.sign_ins
        await sent.sending.close()
        sent.provider.tls = certificates.good
        assert (await refusal(sent)).stage is StageName.ENCRYPTION
        assert sent.sign_ins == signed_in


async def test_a_server_inside_a_private_network_is_not_reached(started: StartedBefore, tmp_path: Path) -> None:
    async with sent_at(ScriptedServer(), tmp_path, started, smtp_allowed_networks=()) as sent:
        wrong = await refusal(sent)
        assert wrong.stage is StageName.RESOLVE
        assert sent.provider.connections == 0


async def test_a_server_that_the_workspace_does_not_allow_any_more_gets_no_further_letter(sent: Sent) -> None:
    workspace = sent.demo.workspace
    await sent.send()
    await workspace.command(GRACE, "/email-profile", "defaults")
    await workspace.wait_view(GRACE, "Workspace defaults")
    await workspace.fill(GRACE, "Allowed servers", "smtp.other.test")
    assert await workspace.submit(GRACE) == {}
    refused = await refusal(sent)
    assert (refused.cause, refused.reply.code) == (Cause.NOT_READY, 454)
    assert "smtp.other.test" in str(refused)
    assert len(sent.letters) == 1


async def test_where_no_sign_in_is_needed_letters_go_without_one(sent: Sent) -> None:
    await open_form(sent.demo, ADA)
    await sent.demo.workspace.fill(ADA, "Authentication Required", False)
    assert await sent.demo.workspace.submit(ADA) == {}
    assert (await sent.send()).outcome is Outcome.TAKEN
    assert (sent.sign_ins, len(sent.letters)) == (0, 1)


async def test_a_server_that_says_nothing_is_given_up_after_the_time_of_a_test(sent: Sent) -> None:
    sent.sending.connections.tester.timeout = 0.3
    sent.provider.acts = {"greeting": Silence()}
    down = await refusal(sent)
    assert (down.cause, down.reply.code, down.stage) == (Cause.PROVIDER, 451, StageName.GREETING)


async def test_without_the_database_nothing_is_sent_and_programs_try_later(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def unavailable(_: Database) -> AsyncIterator[None]:
        raise DatabaseUnavailableError(DatabaseFault.NOT_WRITABLE)
        yield

    await sent.send()
    with monkeypatch.context() as patched:
        patched.setattr(Database, "writing", unavailable)
        down = await refusal(sent)
    assert (down.cause, down.reply.code, down.reply.enhanced) == (Cause.UNAVAILABLE, 451, "4.3.0")
    assert len(sent.letters) == 1
    assert (await sent.send()).outcome is Outcome.TAKEN
