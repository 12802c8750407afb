"""Settings for known programs: real programs send with them as they stand, once the token is put in its place."""

import json
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.demo.run import Demo
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import searchable
from bot.profiles.people.access import Person
from bot.programs.program_settings import ProgramSettings, ServerSettings
from bot.programs.snippets import TOKEN_PLACEHOLDER, Snippet, find_snippet, snippets
from bot.smtp.account import Encryption
from tests.scenario.people import ADA
from tests.scenario.programs.clients import run_client
from tests.scenario.programs.conftest import ADA_ADDRESS, GRACE_ADDRESS, Reached
from tests.scenario.programs.people import listed, tokens_of

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.asyncio(loop_scope="module")]

LETTER = f"From: {ADA_ADDRESS}\nTo: {GRACE_ADDRESS}\nSubject: Label 4711\n\nThe label is printed.\n"
ODD = ProgramSettings(
    address='o\'brien+"$x\\y"@demo.example',
    server=ServerSettings(host="mail-out.example", port=465, encryption=Encryption.SSL),
    api_url="https://email.example",
)
BY_TLS = (Encryption.SSL, Encryption.TLS)


def settings(reached: Reached, encryption: Encryption) -> ProgramSettings:
    """Return what is typed into Ada's programs for the running server."""
    server = ServerSettings(host="127.0.0.1", port=reached.port(encryption), encryption=encryption)
    return ProgramSettings(address=ADA_ADDRESS, server=server, api_url=reached.demo.bot_url)


def pasted(reached: Reached, encryption: Encryption, snippet_id: str) -> str:
    """Return the settings with the token in its place."""
    snippet = find_snippet(settings(reached, encryption), snippet_id)
    assert snippet is not None
    text = "\n".join(snippet.lines)
    assert text.count(TOKEN_PLACEHOLDER) == 1
    return text.replace(TOKEN_PLACEHOLDER, reached.token)


def trusting(reached: Reached) -> dict[str, str]:
    """Return an environment in which programs trust the test's authority as they do those of the system."""
    file = str(reached.files.authority_file) if reached.files else ""
    return {**os.environ, **({"SSL_CERT_FILE": file, "CURL_CA_BUNDLE": file} if file else {})}


async def send_with(reached: Reached, encryption: Encryption, program: str, folder: Path) -> str:
    """Send a letter with a program as its settings say; return what went wrong."""
    text, environment = pasted(reached, encryption, program), trusting(reached)
    (folder / "letter.eml").write_text(LETTER)
    if program == "python":
        given = f"import email\nmessage = email.message_from_string({LETTER!r})\n{text}"
        return await run_client(sys.executable, "-c", given, environment=environment)
    if program == "curl":
        command = shlex.split(text.replace("\\\n", " ").replace("grace@navy.example", GRACE_ADDRESS))
        return await run_client(*command, environment=environment, folder=folder)
    file = folder / "msmtprc"
    trusted = f"\ntls_trust_file {reached.files.authority_file}" if reached.files else ""
    file.write_text(text + trusted)
    file.chmod(0o600)
    return await run_client("msmtp", f"--file={file}", GRACE_ADDRESS, given=LETTER.encode())


@pytest.mark.parametrize("program", ["python", "curl", "msmtp"])
@pytest.mark.parametrize("encryption", BY_TLS)
async def test_a_program_sends_with_its_settings_as_they_stand(
    reached_by_tls: Reached, encryption: Encryption, program: str, tmp_path: Path
) -> None:
    assert await send_with(reached_by_tls, encryption, program, tmp_path) == ""
    assert b"Subject: Label 4711\r\n" in reached_by_tls.last()


async def test_curl_sends_lines_that_end_in_crlf_as_the_note_says(reached: Reached, tmp_path: Path) -> None:
    snippet = find_snippet(settings(reached, Encryption.NONE), "curl")
    assert snippet is not None
    assert "Where its lines end in CR LF already, leave out --crlf." in snippet.note
    command = pasted(reached, Encryption.NONE, "curl").replace("grace@navy.example", GRACE_ADDRESS)
    (tmp_path / "letter.eml").write_text(LETTER, newline="\r\n")
    given = shlex.split(command.replace("\\\n", " ").replace("--crlf", ""))
    assert await run_client(*given, folder=tmp_path) == ""
    assert b"Subject: Label 4711\r\n" in reached.last()


@pytest.mark.parametrize("program", ["python", "curl", "msmtp"])
async def test_a_program_of_this_machine_sends_without_encryption(
    reached: Reached, program: str, tmp_path: Path
) -> None:
    assert await send_with(reached, Encryption.NONE, program, tmp_path) == ""
    assert b"Subject: Label 4711\r\n" in reached.last()


async def test_cron_sends_through_the_script_that_stands_in_for_sendmail(reached: Reached, tmp_path: Path) -> None:
    text = pasted(reached, Encryption.NONE, "sendmail")
    assert f"install -m 600 -o www-data /dev/stdin /etc/email-profile-token <<< {reached.token}\n" in text
    token, script = tmp_path / "token", tmp_path / "sendmail"
    token.write_text(f"{reached.token}\n")
    lines = text.partition("#!/bin/sh\n")[2]
    script.write_text("#!/bin/sh\n" + lines.replace("/etc/email-profile-token", str(token)))
    script.chmod(0o755)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    letter = b"From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@host> backup\n\nDone.\n"
    given = ("-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root")
    assert await run_client(str(script), *given, given=letter, environment={**os.environ, "PATH": path}) == ""
    assert b"Subject: Cron <root@host> backup\r\n" in reached.last()


async def test_the_list_says_how_many_messages_a_program_sent_in_a_day(reached: Reached, tmp_path: Path) -> None:
    demo = reached.demo
    before = await sent_today(demo)
    assert await send_with(reached, Encryption.NONE, "python", tmp_path) == ""
    assert await send_with(reached, Encryption.NONE, "python", tmp_path) == ""
    assert await sent_today(demo) == before + 2
    assert f"from `127.0.0.1` · {before + 2} today, 10000 allowed" in searchable(await listed(demo))


async def sent_today(demo: Demo) -> int:
    owner = Person(TEAM, ADA)
    (program,) = await tokens_of(demo).list(caller=owner, owner=owner)
    return program.sent_today


async def test_php_reads_the_settings_with_every_sign_that_an_address_can_have(tmp_path: Path) -> None:
    php, nextcloud = (find_snippet(ODD, snippet_id) for snippet_id in ("php", "nextcloud"))
    assert php is not None
    assert nextcloud is not None
    file = tmp_path / "settings.php"
    file.write_text("<?php\n" + "\n".join(php.lines))
    assert await run_client("php", "-l", str(file)) == ""
    file.write_text("<?php\necho json_encode([" + "\n".join(nextcloud.lines) + "]) === $argv[1] ? '' : exit(1);")
    local, _, domain = ODD.address.rpartition("@")
    wanted = {
        "mail_smtpmode": "smtp",
        "mail_smtphost": "mail-out.example",
        "mail_smtpport": 465,
        "mail_smtpsecure": "ssl",
        "mail_smtpauth": True,
        "mail_smtpname": ODD.address,
        "mail_smtppassword": TOKEN_PLACEHOLDER,
        "mail_from_address": local,
        "mail_domain": domain,
    }
    assert await run_client("php", str(file), json.dumps(wanted, separators=(",", ":"))) == ""


def named(program_settings: ProgramSettings) -> dict[str, Snippet]:
    return {snippet.program: snippet for snippet in snippets(program_settings)}


@pytest.mark.asyncio(loop_scope="function")
async def test_each_program_is_told_host_port_user_and_where_the_token_goes() -> None:
    assert ODD.server is not None
    for encryption in Encryption:
        plain = replace(ODD, address=ADA_ADDRESS, server=replace(ODD.server, port=2465, encryption=encryption))
        known = named(plain)
        assert len(known) == 14
        for program, snippet in known.items():
            text = "\n".join(snippet.lines)
            assert text.count(TOKEN_PLACEHOLDER) == 1, program
            if program not in ("Send API", "cron, PHP mail()"):
                assert "mail-out.example" in text, program
                assert "2465" in text, program
                assert ADA_ADDRESS.split("@")[0] in text, program


@pytest.mark.asyncio(loop_scope="function")
async def test_no_program_is_told_an_encryption_that_it_could_leave_out() -> None:
    assert ODD.server is not None
    wanted = {
        Encryption.SSL: {
            "MarkMagic": "SSL Y",
            "JavaMail": "mail.smtp.ssl.enable=true",
            ".NET (MailKit)": "SecureSocketOptions.SslOnConnect",
            "PHP (PHPMailer)": "ENCRYPTION_SMTPS",
            "Postfix": "smtp_tls_wrappermode = yes",
            "msmtp": "tls_starttls off",
            "GitLab": "['smtp_tls'] = true",
            "Scanner, printer": "SSL/TLS (not STARTTLS)",
        },
        Encryption.TLS: {
            "MarkMagic": "TLS Y",
            "JavaMail": "mail.smtp.starttls.required=true",
            ".NET (MailKit)": "SecureSocketOptions.StartTls",
            "PHP (PHPMailer)": "ENCRYPTION_STARTTLS",
            "Python (smtplib)": "client.starttls(context=ssl.create_default_context())",
            "Postfix": "smtp_tls_security_level = verify",
            "curl": "--ssl-reqd",
            "Grafana": "MandatoryStartTLS",
            "Scanner, printer": "STARTTLS",
        },
    }
    for encryption, words in wanted.items():
        known = named(replace(ODD, server=replace(ODD.server, encryption=encryption)))
        for program, word in words.items():
            assert word in "\n".join(known[program].lines), program


@pytest.mark.asyncio(loop_scope="function")
async def test_without_a_server_programs_send_through_the_web_alone() -> None:
    assert list(named(replace(ODD, server=None))) == ["Send API", "cron, PHP mail()"]
