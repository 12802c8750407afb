"""The command `sendmail`, started as programs start it, through the running API."""

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.smtp_server import HangUp
from tests.named import case
from tests.scenario.send_api.conftest import MakeProgram
from tests.scenario.send_api.programs import OWN, SendingProgram, parsed

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.asyncio(loop_scope="package")]

LETTER = "From: ada@mail.test\nTo: grace@mail.test\nSubject: Report\n\nready\n.\nReally\n"
REPOSITORY = Path(__file__).parents[3]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the command ended."""

    code: int | None
    said: str


async def sendmail(
    program: SendingProgram | None,
    *arguments: str,
    given: str | bytes = LETTER,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Start the command with a letter as its standard input; a program lends it its token."""
    settings = dict(environment or {})
    if program is not None:
        settings = {"EMAIL_PROFILE_URL": program.demo.bot_url, "EMAIL_PROFILE_TOKEN": program.token, **settings}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "sendmail", *arguments),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **settings},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate(given.encode() if isinstance(given, str) else given)
    ended = Ended(code=process.returncode, said=said.decode())
    if program is not None:
        assert program.token not in ended.said
    return ended


async def test_a_letter_goes_from_standard_input_to_the_provider(program: SendingProgram) -> None:
    assert await sendmail(program, "-t", "-i") == Ended(code=0, said="")
    (letter,) = program.letters
    assert letter.endswith(b"Subject: Report\r\n\r\nready\r\n.\r\nReally\r\n")
    assert program.envelopes == [OWN.encode(), b"grace@mail.test"]
    program.provider.heard.clear()
    told = await sendmail(program, "-v", "-f", OWN, "anna@mail.test", "carl@mail.test")
    assert told.code == 0
    assert "250 2.0.0 mail.test: queued" in told.said
    assert program.envelopes == [OWN.encode(), b"anna@mail.test", b"carl@mail.test"]
    assert program.letters[0].endswith(b"\r\n\r\nready\r\n")


async def test_with_t_the_named_recipients_are_besides_those_of_the_letter_and_bcc_is_taken_out(
    program: SendingProgram,
) -> None:
    letter = LETTER.replace("Subject", "Bcc: boss@mail.test\nSubject")
    assert (await sendmail(program, "-ti", "anna@mail.test", given=letter)).code == 0
    assert program.envelopes == [OWN.encode(), b"anna@mail.test", b"grace@mail.test", b"boss@mail.test"]
    assert b"boss@" not in program.letters[0]


async def test_what_cron_sends_to_root_goes_to_the_profiles_own_address(program: SendingProgram) -> None:
    letter = "From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@box> backup\nX-Cron-Env: <A=b>\n\nfailed\n"
    assert (
        await sendmail(program, "-FCronDaemon", "-i", "-B8BITMIME", "-oem", "-f", "root", "root", given=letter)
    ).code == 0
    read = parsed(program.letters[0])
    assert program.envelopes == [OWN.encode(), OWN.encode()]
    assert (str(read["From"]), str(read["To"])) == (f"Cron Daemon <{OWN}>", OWN)
    assert str(read["Subject"]) == "Cron <root@box> backup"


async def test_what_php_sends_with_mixed_line_ends_arrives_with_one_kind(program: SendingProgram) -> None:
    letter = f"To: grace@mail.test\r\nSubject: Order\r\nFrom: {OWN}\r\n\r\none\ntwo\r\nthree\n"
    assert (await sendmail(program, "-t", "-i", given=letter)).code == 0
    assert program.letters[0].endswith(b"\r\n\r\none\r\ntwo\r\nthree\r\n")


@pytest.mark.skipif(shutil.which("php") is None, reason="PHP is not installed")
async def test_phps_own_mail_function_sends_through_the_command(program: SendingProgram, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(program.token, encoding="ascii")
    settings = f"EMAIL_PROFILE_TOKEN_FILE={token} EMAIL_PROFILE_URL={program.demo.bot_url} PYTHONPATH={REPOSITORY}"
    code = """
        $headers = ["From" => "ada@mail.test", "Cc" => "anna@mail.test", "X-Order" => "4711"];
        exit(mail("grace@mail.test", "Label", "one\\n.\\ntwo\\n", $headers, "-fada@mail.test") ? 0 : 1);
    """
    process = await asyncio.create_subprocess_exec(
        *("php", "-n", "-d", f"sendmail_path=/usr/bin/env {settings} {sys.executable} -m bot sendmail -t -i"),
        *("-r", code),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert program.envelopes == [OWN.encode(), b"grace@mail.test", b"anna@mail.test"]
    read = parsed(program.letters[0])
    assert (str(read["Subject"]), str(read["X-Order"])) == ("Label", "4711")
    # PHP ends each letter with a line end of its own.
    assert program.letters[0].rstrip().endswith(b"\r\n\r\none\r\n.\r\ntwo")


async def test_a_token_comes_from_a_file_too(program: SendingProgram, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{program.token}\n", encoding="ascii")
    environment = {"EMAIL_PROFILE_TOKEN": "", "EMAIL_PROFILE_TOKEN_FILE": str(file)}
    assert (await sendmail(program, "-t", environment=environment)).code == 0
    assert len(program.letters) == 1


SETTINGS: dict[str, tuple[dict[str, str], int, str]] = {
    "no token": ({}, 78, "There is no token: set EMAIL_PROFILE_TOKEN"),
    "a file that is not there": ({"EMAIL_PROFILE_TOKEN_FILE": "/nowhere"}, 78, "/nowhere cannot be read"),
    "another machine without TLS": (
        {"EMAIL_PROFILE_TOKEN": "x", "EMAIL_PROFILE_URL": "http://192.0.2.1:3000"},
        78,
        "begins with http:// and leads",
    ),
    "no address": ({"EMAIL_PROFILE_TOKEN": "x", "EMAIL_PROFILE_URL": "localhost"}, 78, "is no web address"),
    "nobody there": (
        {"EMAIL_PROFILE_TOKEN": "x", "EMAIL_PROFILE_URL": "http://127.0.0.1:9"},
        75,
        "cannot be reached (Connection refused)",
    ),
}


@pytest.mark.databases()
async def test_what_is_set_wrongly_is_told_in_one_line_with_its_exit_code() -> None:
    for name, (environment, code, words) in SETTINGS.items():
        with case(name):
            ended = await sendmail(None, "-t", environment=environment)
            assert ended.code == code
            assert words in ended.said
            assert ended.said.count("\n") == 1
    assert (await sendmail(None, "-bs", environment={})).code == 64
    assert (await sendmail(None, environment={})).code == 64
    help_text = await sendmail(None, "--help", environment={})
    assert (help_text.code, "Usage: email-profile-bot sendmail" in help_text.said) == (0, True)


async def test_each_answer_of_the_api_has_its_exit_code(program: SendingProgram) -> None:
    from_eve = LETTER.replace(OWN, "eve@mail.test")
    steps: dict[str, tuple[dict[str, str], str | bytes, int, str]] = {
        "another From": ({}, from_eve, 77, "has to be ada@mail.test"),
        "a CR within a line": ({}, b"From: ada@mail.test\nTo: grace@mail.test\n\na\rb\n", 65, "CR and LF together"),
        "a wrong token": ({"EMAIL_PROFILE_TOKEN": "epb_wrong"}, LETTER, 77, "No program has this token"),
    }
    for name, (environment, letter, code, words) in steps.items():
        with case(name):
            ended = await sendmail(program, "-t", given=letter, environment=environment)
            assert (ended.code, words in ended.said) == (code, True), ended.said
    replies = {
        "RCPT": (b"550 5.1.1 no Grace\r\n", 67),
        "END": (b"554 5.7.1 spam\r\n", 69),
        "MAIL": (b"450 4.2.1 later\r\n", 75),
    }
    usual = dict(program.provider.acts)
    for step, (reply, code) in replies.items():
        with case(step):
            program.provider.acts = {**usual, step: reply}
            ended = await sendmail(program, "-t")
            assert (ended.code, reply[4:9].decode() in ended.said) == (code, True), ended.said


async def test_where_nobody_knows_whether_it_was_sent_the_command_says_so_and_does_not_try_again(
    program: SendingProgram,
) -> None:
    program.provider.acts = {**program.provider.acts, "END": HangUp()}
    ended = await sendmail(program, "-t")
    assert (ended.code, "may have been sent" in ended.said) == (75, True)
    assert len(program.letters) == 1


async def test_a_profile_that_needs_its_owner_is_a_reason_to_try_again_later(make_program: MakeProgram) -> None:
    async with make_program() as program:
        program.provider.password = "changed at the provider"
        ended = await sendmail(program, "-t")
        assert (ended.code, "Slack" in ended.said) == (75, True)
