"""PHP's mail() through the command `sendmail`, as php.ini names it."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.scenario.send_api.programs import OWN, SendingProgram
from tests.scenario.send_api.test_sendmail_command import REPOSITORY

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.asyncio(loop_scope="package")]

SCRIPT = """
$headers = ['From' => $argv[1], 'Cc' => 'anna@mail.test', 'X-Odd' => 'a  b', 'MIME-Version' => '1.0',
    'Content-Type' => 'text/plain; charset=utf-8', 'Content-Transfer-Encoding' => '8bit'];
exit(mail('Grace <grace@mail.test>', 'An order', "Größe: 12 × 7 cm\\n.\\n.hidden\\n  標籤  \\n", $headers) ? 0 : 1);
"""
ADDED = re.compile(rb"Received: [^\r]*\r\n\t[^\r]*\r\nDate: [^\r]*\r\nMessage-ID: [^\r]*\r\n")


async def mail(program: SendingProgram, given: Path) -> tuple[int | None, str]:
    """Call mail() in a script, and write what PHP gave its sendmail into a file; returns the exit code and words."""
    if shutil.which("php") is None:
        pytest.skip("needs php: install php-cli to send from it")
    token = given.with_name("token")
    token.write_text(program.token, encoding="ascii")
    settings = f"EMAIL_PROFILE_TOKEN_FILE={token} EMAIL_PROFILE_URL={program.demo.bot_url} PYTHONPATH={REPOSITORY}"
    sendmail = f"tee {given} | /usr/bin/env {settings} {sys.executable} -m bot sendmail -t -i"
    php_ini = given.with_name("php.ini")
    php_ini.write_text(f'sendmail_path = "{sendmail}"\n', encoding="ascii")
    process = await asyncio.create_subprocess_exec(
        *("php", "-c", str(php_ini), "-r", SCRIPT, OWN),
        env={"PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_what_mail_gives_arrives_as_it_was_given_with_one_kind_of_line_ends(
    program: SendingProgram, tmp_path: Path
) -> None:
    given = tmp_path / "given"
    assert await mail(program, given) == (0, "")
    assert program.envelopes == [OWN.encode(), b"grace@mail.test", b"anna@mail.test"]
    (arrived,) = program.letters
    assert ADDED.sub(b"", arrived, count=1) == given.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


@pytest.mark.parametrize("answer", [b"550 5.7.1 not this one", b"451 4.3.0 not now"])
async def test_mail_returns_false_where_a_letter_was_not_taken(
    program: SendingProgram, answer: bytes, tmp_path: Path
) -> None:
    program.provider.acts = {**program.provider.acts, "END": answer + b"\r\n"}
    code, said = await mail(program, tmp_path / "given")
    assert code == 1
    assert answer.decode().split(" ", 2)[2] in said
