"""The program itself against a Slack that others wrote, from the first command to the exported list."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bot.demo.mail import LOOPBACK, DemoMail
from storage.crypto.keyring import generate_key
from tests.scenario.emulator.emulate import OWNER_TOKEN, TOKEN, Emulator, People, said
from tests.scenario.starting import running

# The program has its own SQLite file.
pytestmark = pytest.mark.databases("sqlite")

SECRET = "0123456789abcdef0123456789abcdef"
SEEDED: list[dict[str, Any]] = [
    {"name": "ada", "real_name": "Ada Lovelace", "email": "ada@demo.example"},
    {"name": "grace", "real_name": "Grace Hopper", "email": "grace@demo.example", "is_admin": True},
]


class LoopbackMail(DemoMail):
    """A mail server whose certificate is for its address, so that a real process reaches it without a name."""

    def renew(self, *, until: datetime) -> None:
        self._authority.issue_cert(str(LOOPBACK), not_after=until).configure_cert(self._tls)


async def test_the_program_serves_a_slack_that_others_wrote_from_the_first_command_to_the_export(
    tmp_path: Path,
) -> None:
    """What the emulator lacks is listed in `emulate.py`; the test is skipped by name where npm cannot bring it."""
    mail = LoopbackMail()
    await mail.start()
    try:
        async with Emulator().running(tmp_path, SEEDED) as emulator:
            given = {
                "SLACK_BOT_TOKEN": TOKEN,
                "SLACK_SIGNING_SECRET": SECRET,
                "SLACK_API_URL": f"{emulator.url}/api/",
                "ENCRYPTION_KEYS": generate_key(),
                "PORT": "0",
                # The emulator's people press at once, also while a form is filled in.
                "DISCOVERY": "local",
                "SMTP_ALLOWED_NETWORKS": "127.0.0.0/8",
                "SMTP_ALLOWED_PORTS": str(mail.ports[587]),
                "SMTP_CA_FILE": str(mail.authority_file(tmp_path)),
            }
            async with running(tmp_path, "run", given=given) as program:
                users = (await emulator.call("users.list", {}))["members"]
                ids = {user["name"]: user["id"] for user in users}
                people = People(emulator, bot_url=await program.address(), secret=SECRET, ids=ids)
                await _story(emulator, people, mail)
                assert await program.stop() == 0
                assert mail.account("ada@demo.example").password not in program.log
            assert emulator.refused == []
    finally:
        await mail.stop()


async def _story(emulator: Emulator, people: People, mail: DemoMail) -> None:
    account = mail.account("ada@demo.example")
    await people.command("ada", "/email-profile", "edit")
    form = await emulator.wait_view(people.ids["ada"], "SMTP Server Address")
    typed = {"Password": account.password, "SMTP Server Address": str(LOOPBACK), "Port": str(mail.ports[587])}
    await people.press("ada", "Test connection", view=form, **typed)
    tested = await emulator.wait_view(people.ids["ada"], "Connection test passed")
    assert await people.submit("ada", tested, **typed) in (None, {"response_action": "clear"})
    await people.command("ada", "/email-test")
    report = await emulator.wait_message("Connection test passed")
    assert "Sender" in said(report)

    await people.command("grace", "/email-profile", "list")
    listed = await emulator.wait_message("Work with email")
    assert "1 work" in said(listed)
    await people.press("grace", "Export")
    await emulator.wait_message("The table is in your messages")
    (file,) = (await emulator.call("files.list", {}, token=OWNER_TOKEN))["files"]
    table = await emulator.download(file["url_private_download"])
    assert "ada@demo.example" in table
    assert account.password not in table

    await people.visit_home("ada")
    home = await emulator.wait_view(people.ids["ada"], "ada@demo.example", method="views.publish")
    assert "Works" in said(home)
