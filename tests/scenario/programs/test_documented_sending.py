"""Whoever lets a program send as the documents say, line by line, comes through."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from bot.demo.mail import DemoMail
from bot.demo.run import free_port, running_demo, submission_settings
from tests.documents import sending_lines
from tests.scenario.people import set_up
from tests.scenario.programs.people import add_program

pytestmark = pytest.mark.databases("sqlite")

LETTER = "From: ada@demo.example\nTo: ada@demo.example\nSubject: Label for crate 7\n\nIt is ready.\n"
"""As an editor writes it, with lines that end in LF."""


async def test_every_line_that_sends_delivers_one_message(tmp_path: Path) -> None:
    lines = sending_lines()
    assert len(lines) > 2
    for name in {line.split()[0] for line in lines}:
        if shutil.which(name) is None:
            pytest.skip(f"needs {name}: install the package {name}")
    mail = DemoMail()
    (tmp_path / "letter.eml").write_text(LETTER, newline="")
    given = {**submission_settings(tmp_path, mail), "submission_port": free_port()}
    async with running_demo(tmp_path, mail=mail, **given) as demo:
        await set_up(demo, "U0ADA")
        token = await add_program(demo)
        stand_ins = {
            "https://email.example.com": demo.bot_url,
            "@example.com": "@demo.example",
            "mail.example.com:465": f"127.0.0.1:{given['submission_tls_port']}",
            "mail.example.com": "127.0.0.1",
            "--port 465": f"--port {given['submission_tls_port']}",
            "--port 587": f"--port {given['submission_port']}",
        }
        trust = {"CURL_CA_BUNDLE": str(mail.authority_file(tmp_path)), "TOKEN": token, "EMAIL_PROFILE_TOKEN": token}
        for number, line in enumerate(lines, start=1):
            command = line
            for example, stand_in in stand_ins.items():
                command = command.replace(example, stand_in)
            process = await asyncio.create_subprocess_exec(
                "sh", "-ec", command, cwd=tmp_path, env={**os.environ, **trust}, stdout=asyncio.subprocess.PIPE
            )
            out, _ = await process.communicate()
            assert process.returncode == 0, f"{line}: {out.decode()}"
            assert len(mail.mailbox) == number, f"{line}: {out.decode()}"
