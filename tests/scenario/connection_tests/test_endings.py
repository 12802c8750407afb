"""What soon stops working with a provider, or has, is told on the card and beside each test."""

import ssl
from pathlib import Path

import trustme

from bot.demo.run import running_demo
from bot.demo.stand_in.platform import searchable
from tests.fakes.smtp_server import LOGIN, PASSWORD, ScriptedServer
from tests.scenario.connection_tests.test_fixes import Ports
from tests.scenario.people import ADA, run_test

MICROSOFT = "smtp.office365.com"
ENDING = "signing in with a password"


async def test_the_day_on_which_passwords_end_is_told_on_the_card_and_beside_a_test_and_not_of_others(
    tmp_path: Path,
) -> None:
    authority = trustme.CA()
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(MICROSOFT, "mail.test").configure_cert(context)
    async with ScriptedServer(tls=context) as server:
        network = Ports({587: server.port})
        async with running_demo(tmp_path, network=network, smtp_ca_file=file, smtp_timeout=3.0) as demo:
            workspace = demo.workspace

            async def use(host: str, password: str = PASSWORD) -> str:
                await workspace.command(ADA, "/email-profile", "edit")
                await workspace.wait_view(ADA, "Email profile")
                values = {"Email Address": LOGIN, "User/Login": LOGIN, "Password": password}
                for label, value in {**values, "SMTP Server Address": host, "Port": "587", "Encryption": "TLS"}.items():
                    await workspace.fill(ADA, label, value)
                assert await workspace.submit(ADA) == {}
                return searchable(await workspace.wait_message(ADA, "Your email profile"))

            assert ENDING in await use(MICROSOFT)
            passed = searchable(await run_test(demo, ADA))
            assert passed.startswith("Connection test passed")
            assert passed.count(ENDING) == 1
            assert "Microsoft 365" in passed
            await use(MICROSOFT, "not the password")
            refused = searchable(await run_test(demo, ADA))
            assert refused.startswith("Connection test failed at Sign-in")
            assert ":warning: From the end" not in refused
            assert ":warning: Since the end" not in refused
            assert ENDING not in await use("mail.test")
            assert not workspace.refusals
