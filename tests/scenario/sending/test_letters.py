"""Letters of programs leave as they came, over connections that are signed in once."""

import asyncio
import base64
import hashlib
import re
from typing import Any

import pytest

from bot.profiles.sending.letters import Cause, LetterRefusedError, Outcome
from tests.fakes.smtp_server import LOGIN, PASSWORD
from tests.scenario.people import ADA, open_form, profile_of
from tests.scenario.sending.letters import HEADER, LETTER, TO, Sent, without_trace

BODIES = {
    "dots": b".\r\n..\r\n.hidden\r\n\r\n.",
    "no end": b"no line end",
    "nothing": b"",
    "8 bit": "Grüße, ⚡\r\n".encode() + bytes(range(128, 256)) + b"\r\n",
    "longest line": b"x" * 998 + b"\r\n",
    "looks like an end": b"QUIT\r\nMAIL FROM:<eve@evil.test>\r\nDATA\r\n",
    "pieces": b"".join(b"%09d.\r\n.%d\r\n" % (number, number) for number in range(20_000)),
}


async def test_a_letter_leaves_byte_for_byte_with_one_trace_line_and_the_provider_s_answer_comes_back(
    sent: Sent,
) -> None:
    delivery = await sent.send()
    assert (delivery.outcome, str(delivery.reply)) == (Outcome.TAKEN, "250 2.0.0 mail.test: queued")
    assert delivery.message_id == "<label-1843@mail.test>"
    (letter,) = sent.letters
    assert without_trace(letter) == LETTER
    assert letter.split(b";")[0].startswith(b"Received: by [127.0.0.1] with ESMTPSA id ")
    assert any(line.startswith(f"MAIL FROM:<{LOGIN}>".encode()) for line in sent.provider.lines)
    assert f"RCPT TO:<{TO}>\r\n".encode() in sent.provider.lines
    assert not sent.provider.said_in_clear(b"MAIL")


async def test_whatever_the_body_is_like_it_arrives_as_it_was(sent: Sent) -> None:
    for name, body in BODIES.items():
        content = HEADER.encode() + b"\r\n" + body
        delivery = await sent.send(content)
        assert delivery.outcome is Outcome.TAKEN, name
        ended = content if content.endswith(b"\r\n") else content + b"\r\n"
        assert without_trace(sent.letters[-1]) == ended, name
    assert len(sent.letters) == len(BODIES)


async def test_what_is_missing_in_the_header_is_added_and_bcc_is_taken_out_and_nothing_else_changes(sent: Sent) -> None:
    before = f"X-Odd:   as it  was\r\nFrom: {LOGIN}\r\nBCC: eve@other.test,\r\n\tmallory@other.test\r\nTo: {TO}\r\n"
    behind = "resent-bcc: eve@other.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    delivery = await sent.send(f"{before}{behind}\r\nBcc: in the body\r\n".encode(), TO, "eve@other.test")
    header, _, body = sent.letters[0].decode().partition("\r\n\r\n")
    added, _, kept = header.partition("X-Odd:")
    assert re.fullmatch(
        r"Received: .*;\r\n\t.* \+0000\r\nDate: .* \+0000\r\nMessage-ID: <[0-9a-f]{32}@mail.test>\r\n", added
    )
    assert kept == f"   as it  was\r\nFrom: {LOGIN}\r\nTo: {TO}\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?="
    assert body == "Bcc: in the body\r\n.\r\n"
    assert delivery.message_id in added
    assert b"mallory" not in sent.letters[0]


async def test_a_signature_made_before_survives_and_nothing_is_added_that_it_says_is_not_there(sent: Sent) -> None:
    signed = f"From: Ada <{LOGIN}>\r\nTo: {TO}\r\nSubject: Signed\r\n"
    body = b"As it was signed.\r\n"
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    signature = f"DKIM-Signature: v=1; c=simple/simple; h=From:To:\r\n Subject:Date:Message-ID; bh={digest}; b=\r\n"
    content = f"{signature}{signed}\r\n".encode() + body
    delivery = await sent.send(content)
    assert without_trace(sent.letters[0]) == content
    assert delivery.message_id == ""


async def test_letters_of_a_session_and_of_the_next_one_go_over_one_connection_with_one_sign_in(sent: Sent) -> None:
    for _ in range(2):
        async with sent.session() as session:
            for _ in range(2):
                assert (await session.begin(LOGIN)).code == 250
                assert (await session.recipient(TO)).code == 250
                assert (await session.deliver(LETTER)).outcome is Outcome.TAKEN
    assert (sent.sign_ins, sent.provider.connections, len(sent.letters)) == (1, 1, 4)


async def test_a_connection_without_letters_is_said_goodbye_to_and_one_of_before_a_change_is_not_used_any_more(
    sent: Sent,
) -> None:
    ended = asyncio.Event()
    sent.provider.on_end = lambda _: ended.set()
    sent.sending.connections.kept.seconds = 0.05
    await sent.send()
    async with asyncio.timeout(5):
        await ended.wait()
    assert sent.provider.lines[-1] == b"QUIT\r\n"
    sent.sending.connections.kept.seconds = 10.0
    await sent.send()
    await sent.demo.workspace.command(ADA, "/email-extra", "add FROM_NAME Ada")
    await sent.send()
    assert (await profile_of(sent.demo)).extras["FROM_NAME"] == "Ada"
    assert (sent.sign_ins, len(sent.letters)) == (3, 3)


async def test_a_letter_of_a_profile_whose_address_changes_meanwhile_is_refused_and_no_connection_stays_open(
    sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens = sent.sending.connections.open

    async def changed_meanwhile(*given: Any) -> Any:
        await open_form(sent.demo, ADA)
        await sent.demo.workspace.fill(ADA, "Email Address", "countess@mail.test")
        await sent.demo.workspace.fill(ADA, "User/Login", LOGIN)
        assert await sent.demo.workspace.submit(ADA) == {}
        return await opens(*given)

    ended = asyncio.Event()
    sent.provider.on_end = lambda _: ended.set()
    sent.sending.connections.kept.seconds = 0.0
    monkeypatch.setattr(sent.sending.connections, "open", changed_meanwhile)
    with pytest.raises(LetterRefusedError) as refused:
        await sent.send()
    assert (refused.value.cause, refused.value.reply.code) == (Cause.SENDER, 553)
    assert not any(line.startswith(b"MAIL") for line in sent.provider.lines)
    async with asyncio.timeout(5):
        await ended.wait()


@pytest.mark.parametrize("how", ["closed", "421"])
async def test_a_kept_connection_that_the_provider_has_ended_costs_no_letter(sent: Sent, how: str) -> None:
    await sent.send()
    if how == "closed":
        sent.provider.hang_up()
        await asyncio.sleep(0.05)
    else:
        refusals = iter([b"421 4.4.2 idle for too long\r\n"])
        sent.provider.acts = {"MAIL": lambda _: next(refusals, b"250 2.1.0 OK\r\n")}
    delivery = await sent.send()
    assert (delivery.outcome, sent.sign_ins, len(sent.letters)) == (Outcome.TAKEN, 2, 2)


async def test_the_envelope_says_what_the_provider_offers_and_the_program_asks_for(sent: Sent) -> None:
    async with sent.session() as session:
        assert session.offers is None
        assert (await session.begin(LOGIN, size=900, utf8=True, eight_bit=True)).code == 250
        assert session.offers is not None
        assert (session.offers.size, session.offers.utf8) == (1000, True)
        await session.recipient("grüße@other.test")
    assert f"MAIL FROM:<{LOGIN}> SMTPUTF8 BODY=8BITMIME SIZE=900\r\n".encode() in sent.provider.lines
    assert "RCPT TO:<grüße@other.test>\r\n".encode() in sent.provider.lines
    assert sent.provider.lines[-1] == b"RSET\r\n"
    assert sent.letters == []


async def test_nothing_of_a_letter_is_logged(sent: Sent, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    await sent.send(LETTER.replace(b"A label.", b"canary-in-the-body"))
    log = "\n".join(record.getMessage() for record in caplog.records)
    assert [canary for canary in ("canary-in-the-body", "Label 1843", TO, PASSWORD) if canary in log] == []
