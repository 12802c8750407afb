"""Real programs send through the submission server, and what they were given arrives byte for byte."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.smtp.account import Encryption
from tests.counts import scaled
from tests.fakes import dkim
from tests.fakes.certificate_files import NAME
from tests.fakes.smtp_client import RawClient
from tests.scenario.programs.clients import CLIENTS, Values, by_nodemailer
from tests.scenario.programs.conftest import ADA_ADDRESS, GRACE_ADDRESS, Reached

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.asyncio(loop_scope="module")]

LETTER = "\r\n".join(
    [
        "Received: from a press by another (made up)",
        "From: =?utf-8?q?Ada_=C3=84?= <ada@demo.example>",
        "To: Grace Hopper <grace@demo.example>",
        "Subject: A label with everything that gets",
        "\tbroken on the way,  two blanks and a fold",
        "Date: Mon, 30 Nov 2026 12:00:00 +0100",
        "Message-ID: <label-1@press.example>",
        "X-Odd:no blank behind the colon",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        "Größe: 12 × 7 cm, Zażółć gęślą jaźń, 標籤",
        ".",
        "..",
        ".hidden",
        "  blanks before, and behind  ",
        "\ta tab",
        "From here on the line begins with From",
        "a long line " + "x" * 980,
        "",
        "",
        "an end after two empty lines",
        "",
    ]
).encode()

TOLD = scaled(quick=("smtplib", "msmtp"), full=tuple(CLIENTS))
"""Programs whose words about a refusal are looked at."""

TRACE = re.compile(
    rb"Received: by \S+ with (ESMTPS?A) id [0-9a-f]+;\r\n\t\w{3}, \d{2} \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}\r\n"
)


def values_of(reached: Reached, encryption: Encryption) -> Values:
    """Return what is typed into Ada's program."""
    return Values(
        address=ADA_ADDRESS,
        token=reached.token,
        port=reached.port(encryption),
        encryption=encryption,
        authority_file=reached.files.authority_file if reached.files else None,
    )


def without_trace(content: bytes, protocol: bytes) -> bytes:
    """Return a letter without the line that was added before it."""
    trace = TRACE.match(content)
    assert trace is not None, content[:200]
    assert trace[1] == protocol
    return content[trace.end() :]


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("encryption", [Encryption.SSL, Encryption.TLS])
async def test_a_letter_arrives_as_it_was_given_but_for_the_trace_line(
    reached_by_tls: Reached, name: str, encryption: Encryption, tmp_path: Path
) -> None:
    values = values_of(reached_by_tls, encryption)
    assert await CLIENTS[name](values, GRACE_ADDRESS, LETTER, tmp_path) == ""
    assert [one.recipients for one in reached_by_tls.delivered] == [(GRACE_ADDRESS,)]
    assert without_trace(reached_by_tls.last(), b"ESMTPSA") == LETTER


@pytest.mark.parametrize("name", TOLD)
async def test_on_this_machine_a_letter_may_come_in_the_clear(reached: Reached, name: str, tmp_path: Path) -> None:
    values = values_of(reached, Encryption.NONE)
    assert await CLIENTS[name](values, GRACE_ADDRESS, LETTER, tmp_path) == ""
    assert without_trace(reached.last(), b"ESMTPA") == LETTER


@pytest.mark.parametrize("name", TOLD)
async def test_what_the_provider_refuses_is_told_in_its_words(reached: Reached, name: str, tmp_path: Path) -> None:
    values = values_of(reached, Encryption.NONE)
    said = await CLIENTS[name](values, "nobody@demo.example", LETTER, tmp_path)
    assert said
    if name != "curl":
        assert "No such mailbox here" in said
    assert reached.delivered == []


@pytest.mark.parametrize("name", TOLD)
async def test_a_wrong_token_is_told_as_such(reached_by_tls: Reached, name: str, tmp_path: Path) -> None:
    values = replace(values_of(reached_by_tls, Encryption.SSL), token=f"{reached_by_tls.token}x")
    said = await CLIENTS[name](values, GRACE_ADDRESS, LETTER, tmp_path)
    assert said
    if name != "curl":
        assert "User and password do not fit" in said
    assert reached_by_tls.delivered == []


@pytest.mark.parametrize("way", ["simple/simple", "relaxed/relaxed", "relaxed/simple"])
async def test_a_signature_made_before_survives(reached: Reached, way: str, tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    covered = ("From", "To", "Subject", "Date", "Message-ID", "X-Odd", "Reply-To", "Received")
    signed = dkim.sign(LETTER, key, headers=covered[:-1] if way != "relaxed/simple" else covered[:6], way=way)
    assert dkim.verifies(signed, key.public_key())
    assert not dkim.verifies(signed.replace(b"a tab", b"a tab."), key.public_key())
    values = values_of(reached, Encryption.NONE)
    assert await CLIENTS["smtplib"](values, GRACE_ADDRESS, signed, tmp_path) == ""
    arrived = reached.last()
    assert dkim.verifies(arrived, key.public_key())
    assert without_trace(arrived, b"ESMTPA") == signed


async def test_a_signature_that_somebody_else_s_program_made_survives(reached: Reached, tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    signing = {"domainName": "demo.example", "keySelector": "test", "privateKey": text}
    values = values_of(reached, Encryption.NONE)
    assert await by_nodemailer(values, GRACE_ADDRESS, LETTER, tmp_path, signing=signing) == ""
    arrived = reached.last()
    assert dkim.verifies(arrived, key.public_key())
    assert not dkim.verifies(arrived.replace(b"Subject: A label", b"Subject: B label"), key.public_key())


async def test_what_is_missing_is_added_and_blind_copies_are_taken_out(reached: Reached, tmp_path: Path) -> None:
    values = values_of(reached, Encryption.NONE)
    letter = (
        b"From: ada@demo.example\r\nBcc: secret@demo.example,\r\n other@demo.example\r\nSubject: x\r\n\r\nHello\r\n"
    )
    assert await CLIENTS["smtplib"](values, GRACE_ADDRESS, letter, tmp_path) == ""
    arrived = without_trace(reached.last(), b"ESMTPA")
    added, _, rest = arrived.partition(b"From:")
    assert re.fullmatch(rb"Date: [^\r\n]+\r\nMessage-ID: <[0-9a-f]+@demo.example>\r\n", added)
    assert rest == b" ada@demo.example\r\nSubject: x\r\n\r\nHello\r\n"


async def test_the_name_of_the_server_is_the_one_that_programs_are_told(reached_by_tls: Reached) -> None:
    async with RawClient(reached_by_tls.port(Encryption.TLS)) as client:
        assert await client.reply() == f"220 {NAME} ESMTP"
