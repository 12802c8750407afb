"""What a server says from the sign-in on is for the account's owner; nothing that an admin does tells of a password."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import searchable
from bot.profiles.account.records import REPORTS
from bot.smtp.account import Encryption
from bot.smtp.check.evidence import Command, Evidence
from bot.smtp.check.report import Fault, Outcome, Reply, Report, Stage, StageName
from tests.fakes.certificates import Certificates
from tests.fakes.smtp_server import HOST, LOGIN, PASSWORD, Act, OneServerNetwork, ScriptedServer
from tests.scenario.people import (
    ADA,
    GRACE,
    history,
    notices_sent,
    open_form,
    profile_of,
    run_test,
    set_up_elsewhere,
    settled,
)

SPELLED = PASSWORD.translate(str.maketrans("abcdefghijklm", "nopqrstuvwxyz"))
"""A spelling that nobody thought of before."""


def everything_shown_to(demo: Demo, user: str) -> str:
    """Return all that a person has been shown: messages, the modals that are open, the Home tab."""
    workspace = demo.workspace
    views = [one.content for one in (workspace.view(user), workspace.homes.get(user)) if one is not None]
    return "\n".join([*map(searchable, workspace.messages(user)), *map(str, views)])


async def seen_by_an_admin(demo: Demo) -> str:
    """Return what an admin is shown who looks at Ada's profile everywhere."""
    workspace = demo.workspace
    await run_test(demo, GRACE, "@ada")
    await settled(demo)
    await workspace.command(GRACE, "/email-test", "transcript @ada")
    await workspace.command(GRACE, "/email-profile", "history @ada")
    await workspace.command(GRACE, "/email-profile", "list")
    await workspace.open_home(GRACE)
    return everything_shown_to(demo, GRACE)


@pytest.mark.parametrize(
    ("acts", "told"),
    [
        ({"verdict": f"535 5.7.8 moonlit {SPELLED}\r\n".encode()}, "535 5.7.8"),
        ({"MAIL": f"550 5.7.1 moonlit {SPELLED}\r\n".encode()}, "550 5.7.1"),
        ({"RCPT": f"450-4.2.0 moonlit\r\n450 4.2.0 {SPELLED}\r\n".encode()}, "450 4.2.0"),
        ({"AUTH challenge": b"334 bW9vbmxpdA==\r\n", "verdict": b"454 4.7.0 moonlit\r\n"}, "454 4.7.0"),
    ],
)
async def test_what_a_server_says_from_the_sign_in_on_is_shown_to_the_owner_and_to_no_admin(
    tmp_path: Path, certificates: Certificates, acts: dict[str, Act], told: str
) -> None:
    mechanisms = "LOGIN" if "AUTH challenge" in acts else "PLAIN"
    async with ScriptedServer(tls=certificates.good, acts=acts, mechanisms=mechanisms) as server:
        network = OneServerNetwork(server.port)
        async with running_demo(tmp_path, network=network, smtp_ca_file=certificates.authority_file) as demo:
            await set_up_elsewhere(demo)
            shown = await seen_by_an_admin(demo)
            assert f"`{told}`" in shown
            assert f"S: {told}" in shown
            assert "is shown to the owner alone" in shown
            assert "moonlit" not in shown
            assert SPELLED not in shown
            assert "moonlit" in searchable(await run_test(demo, ADA))
            await demo.workspace.command(ADA, "/email-test", "transcript")
            assert "moonlit" in searchable(demo.workspace.messages(ADA)[-1])


async def test_a_report_of_the_version_before_shows_codes_alone_to_an_admin(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up_elsewhere(http_demo)
    stages = (
        Stage(name=StageName.GREETING, outcome=Outcome.PASSED, detail="Postfix"),
        Stage(name=StageName.SIGN_IN, outcome=Outcome.FAILED, detail="535 5.7.8 moonlit (status 401)"),
    )
    async with http_demo.bot.database.reading() as tx:
        stored = await tx.profiles.get(TEAM, ADA)
    assert stored is not None
    now = datetime.now(UTC)
    report = Report(
        host=HOST,
        port=587,
        encryption=Encryption.TLS,
        stages=stages,
        seconds=0.1,
        tested_at=now,
        fault=Fault.SIGN_IN_REFUSED,
        reply=Reply(code=535, enhanced="5.7.8", text="moonlit"),
        transcript=(
            "S: 220 mail.test",
            "C: AUTH CRAM-MD5",
            "S: 334 bW9vbmxpdA== (that is: moonlit)",
            "S: 535 5.7.8 moonlit",
            "-- Sign-in failed: 535 5.7.8 moonlit",
        ),
        evidence=Evidence(command=Command.AUTH),
    )
    async with http_demo.bot.database.writing() as tx:
        await tx.tests.record(
            TEAM,
            ADA,
            record_id=stored.record_id,
            revision=stored.revision,
            document=REPORTS.dump_json(report, exclude={"words"}),
            tested_at=now,
        )
    await workspace.command(GRACE, "/email-test", "transcript @ada")
    shown = searchable(workspace.messages(GRACE)[-1])
    assert "-- Sign-in failed: 535 5.7.8" in shown
    assert "moonlit" not in shown
    await workspace.command(ADA, "/email-test", "transcript")
    owns = searchable(workspace.messages(ADA)[-1])
    assert "S: 535 5.7.8 moonlit" in owns
    assert "S: 334 (challenge)" in owns


@pytest.mark.parametrize(
    ("challenge", "repeats"),
    [
        (b"<1896.697170952@mail.test>", "response"),
        (b"<1896.697170952@mail.test>", "challenge"),
        (b"\xfe\xff<1896.697170952@mail.test>", "challenge"),
    ],
)
async def test_neither_challenge_nor_response_of_cram_md5_is_kept(
    tmp_path: Path, certificates: Certificates, challenge: bytes, repeats: str
) -> None:
    encoded = base64.b64encode(challenge)

    def repeated(line: bytes) -> bytes:
        said = encoded if repeats == "challenge" else server.lines[-1].strip()
        return b"535 5.7.8 wrong: " + said + b"\r\n"

    acts: dict[str, Act] = {"AUTH challenge": b"334 " + encoded + b"\r\n", "verdict": repeated}
    server = ScriptedServer(tls=certificates.good, mechanisms="CRAM-MD5", acts=acts)
    async with server:
        network = OneServerNetwork(server.port)
        async with running_demo(tmp_path, network=network, smtp_ca_file=certificates.authority_file) as demo:
            await set_up_elsewhere(demo)
            report = searchable(await run_test(demo, ADA))
            await demo.workspace.command(ADA, "/email-test", "transcript")
            shown = report + searchable(demo.workspace.messages(ADA)[-1])
            assert "S: 334 (challenge)" in shown
            assert server.lines[-1].strip().decode() not in shown
            assert encoded.decode() not in shown


@pytest.mark.parametrize("password", ["moonlit77harbour", "tomoonlit77harbour"])
async def test_what_an_admin_announces_to_the_server_stands_in_the_transcript_whether_it_is_the_password_or_not(
    tmp_path: Path, certificates: Certificates, password: str
) -> None:
    def greeted(line: bytes) -> bytes:
        return b"250-mail.test says hello to " + line.split()[1] + b"\r\n250 AUTH PLAIN\r\n"

    async with ScriptedServer(tls=certificates.good, acts={"EHLO encrypted": greeted}) as server:
        network = OneServerNetwork(server.port)
        async with running_demo(tmp_path, network=network, smtp_ca_file=certificates.authority_file) as demo:
            await set_up_elsewhere(demo, password=password)
            for guess in ("moonlit77harbour", "starlit77harbour"):
                await demo.workspace.command(GRACE, "/email-extra", f"add HELO {guess}.example.com @ada")
                await run_test(demo, GRACE, "@ada")
                await demo.workspace.command(GRACE, "/email-test", "transcript @ada")
                shown = searchable(demo.workspace.messages(GRACE)[-1])
                assert shown.count(f"C: EHLO {guess}.example.com") == 2
                assert f"S: 250-mail.test says hello to {guess}.example.com" in shown
                assert "repeated the password" not in shown


async def test_a_form_for_somebody_else_uses_the_stored_password_for_the_stored_account_alone_and_the_owner_hears(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with ScriptedServer(tls=certificates.good) as server:
        network = OneServerNetwork(server.port, {2525: server.port})
        async with running_demo(tmp_path, network=network, smtp_ca_file=certificates.authority_file) as demo:
            workspace = demo.workspace
            await set_up_elsewhere(demo)
            withheld, failed, passed = "stored password was not used", "Connection test failed", "nothing is saved yet"
            cases: Sequence[tuple[dict[str, str], str]] = (
                ({"User/Login": "root@example.com"}, withheld),
                ({"Email Address": "root@example.com", "User/Login": LOGIN}, withheld),
                ({"Port": "2525"}, withheld),
                ({"Encryption": "SSL"}, failed),
                ({"SMTP Server Address": "elsewhere.test"}, failed),
                ({"Port": "587"}, passed),
            )
            for typed, told in cases:
                server.heard.clear()
                await open_form(demo, GRACE, "edit @ada")
                for label, value in typed.items():
                    await workspace.fill(GRACE, label, value)
                await workspace.press(GRACE, "Test connection")
                await workspace.wait_view(GRACE, "Email profile", containing=told)
                await settled(demo)
                assert any(line.startswith(b"AUTH") for line in server.lines) == (told == passed)
                await workspace.cancel(GRACE)
            await notices_sent(demo)
            notices = [searchable(one) for one in workspace.messages(ADA) if "tested a form" in searchable(one)]
            assert ["was not used" in one for one in notices] == [told != passed for _, told in cases]
            assert "root@example.com" in notices[0]
            assert f"{HOST}:587" in notices[0]
            tested = [entry for entry in await history(demo) if entry[0] == GRACE]
            assert tested == [(GRACE, "tested a form")] * len(cases)


async def test_a_limit_that_a_server_names_has_no_room_for_the_password_either(
    tmp_path: Path, certificates: Certificates
) -> None:
    acts: dict[str, Act] = {"EHLO encrypted": b"250-mail.test\r\n250-SIZE 735195284012\r\n250 AUTH PLAIN\r\n"}
    async with ScriptedServer(tls=certificates.good, acts=acts) as server:
        network = OneServerNetwork(server.port)
        async with running_demo(tmp_path, network=network, smtp_ca_file=certificates.authority_file) as demo:
            await set_up_elsewhere(demo, password="735195284012")
            for user, text in ((ADA, ""), (GRACE, "@ada")):
                assert "735195" not in str((await run_test(demo, user, text)).blocks)


async def test_only_the_owner_learns_what_a_refused_password_is_like(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with ScriptedServer(tls=certificates.good) as server:
        network = OneServerNetwork(server.port)
        async with running_demo(tmp_path, network=network, smtp_ca_file=certificates.authority_file) as demo:
            await set_up_elsewhere(demo, password="wr\u200bong-ü ")
            admins = await run_test(demo, GRACE, "@ada")
            assert "Connection test failed at Sign-in" in searchable(admins)
            for trait in ("ends with a blank", "invisible character", "signs beyond ASCII", "Remove the"):
                assert trait not in str(admins.blocks)
            owns = await run_test(demo, ADA)
            assert "The password ends with a blank" in searchable(owns)
            owns.reader = None
            await demo.workspace.press(GRACE, "Remove the blanks from the password and test again", message=owns)
            await demo.workspace.wait_message(GRACE, "Only the owner can change what stands in the password.")
            password = (await profile_of(demo)).password
            assert password is not None
            assert password.get_secret_value().endswith(" ")
            await demo.workspace.press(ADA, "Remove the blanks from the password and test again", message=owns)
            fixed = await demo.workspace.wait_message(ADA, "Changed: `Password changed`")
            await settled(demo)
            fixed.reader = None
            await demo.workspace.press(GRACE, "Undo", message=fixed)
            await demo.workspace.wait_message(GRACE, "can no longer be undone")
            await demo.workspace.press(ADA, "Undo", message=fixed)
            await demo.workspace.wait_message(ADA, "Undone: Password changed")
            assert not {"fixed", "undone"} & {action for _, action in await history(demo)}
