"""Letters that programs write themselves."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.named import case
from tests.scenario.raw_http import head, wire
from tests.scenario.send_api.programs import LETTER, OWN, SendingProgram, parsed

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.asyncio(loop_scope="package")]

SIGNED = (
    b"DKIM-Signature: v=1; a=rsa-sha256; d=mail.test; s=x; h=from:to; bh=AAAA; b=BBBB\r\n"
    b"MIME-Version: 1.0\r\n"
    b"From:  Ada  <ada@mail.test>\r\n"
    b"TO: grace@mail.test,\r\n\tanna@mail.test\r\n"
    b"Message-ID: <1@mail.test>\r\n"
    b"Date: Mon, 30 Nov 2026 10:00:00 +0000\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n"
    b"\r\n"
    b"Gr\xc3\xbc\xc3\x9fe  \r\n.\r\n..\r\n\r\n"
)


async def test_a_letter_leaves_byte_for_byte_below_one_trace_line(program: SendingProgram) -> None:
    answer = await program.send_raw(SIGNED)
    assert (answer.status, answer.members["messageId"]) == (200, "<1@mail.test>")
    (letter,) = program.letters
    assert letter.endswith(SIGNED)
    added = letter.removesuffix(SIGNED)
    assert added.startswith(b"Received: ")
    assert added.count(b"Received: ") == 1
    assert b" from " not in added
    assert program.envelopes == [OWN.encode(), b"grace@mail.test", b"anna@mail.test"]


async def test_lines_that_all_end_in_lf_are_taken_and_mixed_ones_refused(program: SendingProgram) -> None:
    assert (await program.send_raw(LETTER.replace(b"\r\n", b"\n"))).status == 200
    assert b"\n" not in program.letters[0].replace(b"\r\n", b"")
    program.provider.heard.clear()
    for name, end in {"LF": b"\n.\r\n", "CR": b"\r.\r", "LF alone": b"\n.\n", "CR and CRLF": b"\r.\r\n"}.items():
        with case(name):
            smuggled = LETTER + end + b"MAIL FROM:<eve@mail.test>\r\nRCPT TO:<x@mail.test>\r\nDATA\r\n" + LETTER
            answer = await program.send_raw(smuggled)
            assert (answer.status, answer.problem) == (400, "invalid_message")
    assert program.letters == []


async def test_the_envelope_may_be_told_apart_from_the_letter(program: SendingProgram) -> None:
    answer = await program.send_raw(LETTER, Envelope_To="x@mail.test, y@mail.test", Envelope_From=OWN)
    assert answer.status == 200
    assert program.envelopes == [OWN.encode(), b"x@mail.test", b"y@mail.test"]
    answer = await program.send_raw(LETTER, Envelope_From="eve@mail.test")
    assert (answer.status, answer.problem) == (403, "not_permitted")
    assert (await program.send_raw(LETTER, Envelope_To="x")).status == 400
    assert (await program.send_raw(LETTER, Envelope_To="")).status == 400
    assert (await program.send_raw(LETTER, Envelope_From="")).status == 403
    assert len(program.letters) == 1


async def test_bcc_is_taken_out_and_missing_headers_are_added(program: SendingProgram) -> None:
    letter = b"From: ada@mail.test\r\nBcc: boss@mail.test,\r\n hidden@mail.test\r\nX-A: b\r\n\r\nReady.\r\n"
    answer = await program.send_raw(letter)
    assert answer.status == 200
    assert program.envelopes == [OWN.encode(), b"boss@mail.test", b"hidden@mail.test"]
    assert b"boss" not in program.letters[0]
    assert b"hidden" not in program.letters[0]
    read = parsed(program.letters[0])
    assert read["Message-ID"] == answer.members["messageId"]
    assert read["Date"]
    assert program.letters[0].endswith(b"X-A: b\r\n\r\nReady.\r\n")


WRITTEN = {
    "a name in quotation marks, with a comma": (b'"Hopper, Grace" <grace@mail.test>', [b"grace@mail.test"]),
    "an encoded name": (b"=?utf-8?q?H=C3=B6pper=2C_x?= <grace@mail.test>", [b"grace@mail.test"]),
    "letters beyond ASCII in a name": (b"H\xc3\xb6pper <grace@mail.test>", [b"grace@mail.test"]),
    "bytes that are no text": (b"H\xf6pper <grace@mail.test>", [b"grace@mail.test"]),
    "a group": (b"Team: grace@mail.test, anna@mail.test;", [b"grace@mail.test", b"anna@mail.test"]),
    "the same twice": (b"grace@mail.test, Grace <grace@mail.test>", [b"grace@mail.test"]),
}


async def test_recipients_are_found_however_mail_programs_write_them(program: SendingProgram) -> None:
    for name, (written, recipients) in WRITTEN.items():
        with case(name):
            program.provider.heard.clear()
            answer = await program.send_raw(LETTER.replace(b"To: grace@mail.test", b"To: " + written))
            assert answer.status == 200, answer.members
            assert program.envelopes[1:] == recipients


REFUSED = {
    "nothing": (b"", "The message is empty"),
    "blanks": (b" \r\n\r\n", "The message is empty"),
    "nobody": (b"From: ada@mail.test\r\n\r\nx\r\n", "names no recipient"),
    "groups alone": (b"From: ada@mail.test\r\nTo: undisclosed-recipients:;\r\n\r\nx\r\n", "names no recipient"),
    "no address": (b"From: ada@mail.test\r\nTo: root\r\n\r\nx\r\n", "A recipient is no address"),
    "nested comments": (b"From: ada@mail.test\r\nTo: " + b"(" * 30_000 + b"\r\n\r\nx\r\n", "Bcc"),
    "too many addresses": (
        b"From: ada@mail.test\r\nTo: " + b"a@b.example,\r\n " * 5000 + b"\r\n\r\nx\r\n",
        "at most 64,000",
    ),
    "too many recipients": (
        b"From: ada@mail.test\r\nTo: " + b",\r\n ".join(b"a%d@b.example" % n for n in range(101)) + b"\r\n\r\nx\r\n",
        "at most 100 recipients",
    ),
    "no From": (b"To: grace@mail.test\r\n\r\nx\r\n", "no From"),
    "two of it": (
        b"From: ada@mail.test\r\nFrom: ada@mail.test\r\nTo: grace@mail.test\r\n\r\nx\r\n",
        "more than one From",
    ),
    "a header without end": (LETTER.partition(b"\r\n\r\n")[0] + b"\r\na:b" * 1_000_000, "header is too long"),
    "a long line": (LETTER + b"x" * 999 + b"\r\n", "more than 998"),
}


async def test_what_is_no_letter_is_refused_and_nothing_leaves(program: SendingProgram) -> None:
    for name, (letter, words) in REFUSED.items():
        with case(name):
            answer = await program.send_raw(letter)
            assert answer.status == 400
            assert words in answer.members["detail"]
    assert program.letters == []


async def test_a_letter_from_anybody_else_is_refused(program: SendingProgram) -> None:
    for sender in (
        b"eve@mail.test",
        b"Ada <ada@mail.test>, eve@mail.test",
        b"ada@mail.test (eve@mail.test)",
        b"ada@MAIL.TEST.evil",
    ):
        with case(sender.decode()):
            answer = await program.send_raw(LETTER.replace(b"From: ada@mail.test", b"From: " + sender))
            assert answer.status in (400, 403)
            assert OWN in answer.members["detail"]
    assert program.letters == []


async def test_a_letter_of_many_megabytes_leaves_whole_and_one_too_large_is_not_read(program: SendingProgram) -> None:
    large = LETTER + b"0123456789abcdef" * 4 + b"\r\n" + (b"x" * 76 + b"\r\n") * 100_000
    assert (await program.send_raw(large)).status == 200
    assert program.letters[0].endswith(large)
    program.provider.heard.clear()
    answer = await program.send_raw(b"x" * 25_000_001)
    assert (answer.status, answer.problem, answer.members["limit"]) == (413, "too_large", 25_000_000)
    answer = await program.send(b"x" * 10_000_001)
    assert (answer.status, answer.problem, answer.members["limit"]) == (413, "too_large", 10_000_000)
    assert program.provider.lines == []


async def test_a_letter_whose_length_is_not_told_before_is_bounded_too(program: SendingProgram) -> None:
    async def pieces(number: int) -> AsyncIterator[bytes]:
        yield LETTER
        for _ in range(number):
            yield b"x" * 76 + b"\r\n"
            await asyncio.sleep(0)

    url, headers = f"{program.demo.bot_url}/v1/send", {"Content-Type": "message/rfc822"}
    headers["Authorization"] = f"Bearer {program.token}"
    async with program.session.post(url, data=pieces(1_000), headers=headers) as answer:
        assert answer.status == 200
    assert program.letters[0].endswith(LETTER + (b"x" * 76 + b"\r\n") * 1_000)
    async with wire(program.demo.bot_url) as connection:
        chunk = b"%x\r\n%s\r\n" % (1_000_000, b"x" * 1_000_000)
        given = {"Content_Type": "message/rfc822", "Transfer_Encoding": "chunked"}
        connection.send(head("/v1/send", Authorization=headers["Authorization"], **given) + chunk * 25 + b"1\r\nx\r\n")
        assert await connection.status() == 413
