"""Letters that programs write as JSON: what leaves, and what is refused."""

import base64
import json
import time
from typing import Any

import pytest

from tests.named import case
from tests.scenario.send_api.programs import OWN, SendingProgram

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.asyncio(loop_scope="package")]

PDF = bytes(range(256)) * 40


async def test_a_letter_leaves_with_all_that_was_written(program: SendingProgram) -> None:
    answer = await program.send(
        {
            "to": ["Grace Höpper <grace@mail.test>", "anna@mail.test"],
            "cc": "carl@mail.test",
            "bcc": ["boss@mail.test", "grace@mail.test"],
            "subject": "Größe 4711",
            "text": "Grüße\r\n.\nFrom here\n",
            "html": '<p>Grüße <img src="cid:label-1"></p>',
            "attachments": [
                {"filename": "größe.pdf", "content": base64.b64encode(PDF).decode(), "contentType": "application/pdf"},
                {"filename": "l.png", "content": "iVBORw0K", "contentType": "image/png", "cid": "label-1"},
            ],
            "replyTo": "office@mail.test",
            "headers": {"X-Order": "4711", "List-Unsubscribe": f"<https://mail.test/{'x' * 90}>"},
            "from": "Label Printer",
        }
    )
    assert answer.status == 200
    letter = program.letter()
    assert answer.members == {
        "id": answer.members["id"],
        "messageId": letter["Message-ID"],
        "response": answer.members["response"],
    }
    assert answer.members["response"].startswith("250 2.0.0 ")
    assert "queued" in answer.members["response"]
    assert program.envelopes == [
        OWN.encode(),
        b"grace@mail.test",
        b"anna@mail.test",
        b"carl@mail.test",
        b"boss@mail.test",
    ]
    assert str(letter["From"]) == f"Label Printer <{OWN}>"
    assert str(letter["To"]) == "Grace Höpper <grace@mail.test>, anna@mail.test"
    assert (str(letter["Cc"]), str(letter["Reply-To"])) == ("carl@mail.test", "office@mail.test")
    assert (str(letter["Subject"]), str(letter["X-Order"])) == ("Größe 4711", "4711")
    assert f"List-Unsubscribe: <https://mail.test/{'x' * 90}>\r\n".encode() in program.letters[0]
    assert letter["Bcc"] is None
    assert b"boss@" not in program.letters[0]
    assert letter["Date"]
    text, html = letter.get_body(("plain",)), letter.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content() == "Grüße\r\n.\r\nFrom here\r\n"
    assert "cid:label-1" in html.get_content()
    pdf = next(part for part in letter.walk() if part.get_content_type() == "application/pdf")
    png = next(part for part in letter.walk() if part.get_content_type() == "image/png")
    assert (pdf.get_content(), pdf.get_filename()) == (PDF, "größe.pdf")
    assert (png["Content-ID"], png.get_content_disposition()) == ("<label-1>", "inline")
    assert program.letters[0].isascii()


async def test_a_letter_needs_no_more_than_somebody_to_go_to(program: SendingProgram) -> None:
    assert (await program.send({"to": "grace@mail.test"})).status == 200
    assert (await program.send({"bcc": ["grace@mail.test"], "text": "hidden"})).status == 200
    assert [b"grace@mail.test" in letter for letter in program.letters] == [True, False]


async def test_a_domain_beyond_ascii_is_written_as_every_server_knows_it(program: SendingProgram) -> None:
    assert (await program.send({"to": "Jürgen <grace@bücher.example>"})).status == 200
    assert program.envelopes[1] == b"grace@xn--bcher-kva.example"
    assert str(program.letter()["To"]) == "Jürgen <grace@xn--bcher-kva.example>"
    answer = await program.send({"to": "jürgen@mail.test"})
    assert (answer.status, answer.problem) == (422, "refused_by_provider")
    assert "ASCII" in answer.members["detail"]


REFUSED: dict[str, tuple[Any, str]] = {
    "nobody": ({"text": "x"}, "A message has 1 to 100 recipients, in `to`, `cc` and `bcc` together"),
    "too many": (
        {"to": [f"a{n}@mail.test" for n in range(60)], "cc": [f"b{n}@mail.test" for n in range(60)]},
        "1 to 100",
    ),
    "no object": ([], "The body is a JSON object"),
    "no address": ({"to": ["grace"]}, "`to[0]` has to be an address"),
    "two addresses in one": ({"to": ["a@mail.test, b@mail.test"]}, "`to[0]` has to be an address"),
    "a line break in an address": ({"to": ["a@mail.test\r\nBcc: b@mail.test"]}, "`to[0]` has to be one line"),
    "a line break in a name": ({"to": ['"A\nBcc: b@mail.test" <a@mail.test>']}, "`to[0]` has to be one line"),
    "a line break in the subject": (
        {"to": "a@mail.test", "subject": "x\r\nBcc: b@mail.test"},
        "`subject` has to be one line",
    ),
    "a line break that is encoded": (
        {"to": "a@mail.test", "subject": "=?utf-8?q?x=0D=0ABcc:_b?="},
        "not encoded as in a header",
    ),
    "a name that is encoded": ({"to": "=?utf-8?q?x=0D=0ABcc:_b?= <a@mail.test>"}, "not encoded as in a header"),
    "a line break in a header's name": (
        {"to": "a@mail.test", "headers": {"X\r\nBcc": "b@mail.test"}},
        "names of letters",
    ),
    "a line break in a header": ({"to": "a@mail.test", "headers": {"X-A": "x\nBcc: b@mail.test"}}, "one line"),
    "a second From": (
        {"to": "a@mail.test", "headers": {"from": "eve@mail.test"}},
        "may not have headers that another field",
    ),
    "a Sender": ({"to": "a@mail.test", "headers": {"Sender": "eve@mail.test"}}, "may not have headers"),
    "a content type": ({"to": "a@mail.test", "headers": {"Content-Type": "text/html"}}, "may not have headers"),
    "a resent header": ({"to": "a@mail.test", "headers": {"Resent-From": "eve@mail.test"}}, "may not have headers"),
    "a line break in a file's name": (
        {"to": "a@mail.test", "attachments": [{"filename": "a\r\nX: y", "content": ""}]},
        "`attachments[0].filename`",
    ),
    "no base64": ({"to": "a@mail.test", "attachments": [{"filename": "a", "content": "?"}]}, "has to be base64"),
    "a file by its address": (
        {"to": "a@mail.test", "attachments": [{"filename": "a", "path": "http://169.254.169.254/"}]},
        "is no field here",
    ),
    "a letter in a file": (
        {"to": "a@mail.test", "attachments": [{"filename": "a", "content": "", "contentType": "message/rfc822"}]},
        "has to be a media type",
    ),
    "half a surrogate pair": (b'{"to": "a@mail.test", "text": "\\ud800"}', "no JSON in UTF-8"),
    "a NUL": ({"to": "a@mail.test", "text": "\0"}, "U+0000"),
    "no JSON": (b'{"to": ', "no JSON in UTF-8"),
    "not UTF-8": (b'{"to": "\xff@mail.test"}', "no JSON in UTF-8"),
    "depth": (b"[" * 100_000, "no JSON in UTF-8"),
    "a misspelt field": ({"to": "a@mail.test", "attachment": []}, "`attachment` is no field here"),
    "a number for a text": ({"to": "a@mail.test", "text": 5}, "`text` has to be a text"),
}


async def test_what_breaks_a_rule_is_refused_with_the_name_of_the_field_and_nothing_leaves(
    program: SendingProgram,
) -> None:
    for name, (fields, words) in REFUSED.items():
        with case(name):
            answer = await program.send(fields)
            assert (answer.status, answer.problem) == (400, "invalid_request")
            assert words in answer.members["detail"]
    assert program.provider.lines == []


ENDLESS: dict[str, tuple[bytes, str]] = {
    "blanks in an address": (json.dumps({"to": f"{' ' * 500}<{' ' * 400}"}).encode(), "`to[0]` has to be an address"),
    "a long address": (json.dumps({"to": "a" * 5_000_000 + "@mail.test"}).encode(), "`to[0]` may have at most 1000"),
    "a long header": (json.dumps({"to": "a@mail.test", "headers": {"X": "a" * 9_000_000}}).encode(), "at most 900"),
    "many fields": (b"{%s}" % b",".join(b'"%x":0' % n for n in range(1_000_000)), "more than 5,000 values"),
    "many values": (b'{"to":[%s]}' % b",".join([b"0"] * 4_000_000), "more than 5,000 values"),
    "quotes without end": (b'{"to":"' + b'\\"' * 4_000_000, "no JSON in UTF-8"),
}


async def test_no_body_keeps_the_bot_from_its_work(program: SendingProgram) -> None:
    for name, (body, words) in ENDLESS.items():
        with case(name):
            began = time.perf_counter()
            answer = await program.send(body)
            assert (answer.status, answer.problem) == (400, "invalid_request")
            assert words in answer.members["detail"]
            assert time.perf_counter() - began < 2
    assert program.provider.lines == []


FROM = {
    "the address alone": (OWN, 200),
    "the address with a name": (f"Ada <{OWN.upper()}>", 200),
    "another address": ("eve@mail.test", 403),
    "another address under the own name": (f'"{OWN}" <eve@mail.test>', 403),
    "the own address with another as its name": (f'"eve@other.test" <{OWN}>', 403),
}


async def test_from_is_the_profiles_address_and_no_other(program: SendingProgram) -> None:
    for name, (sender, status) in FROM.items():
        with case(name):
            program.provider.heard.clear()
            answer = await program.send({"to": "grace@mail.test", "from": sender})
            assert answer.status == status, answer.members
            assert len(program.letters) == (1 if status == 200 else 0)
    assert answer.problem == "not_permitted"
    assert OWN in answer.members["detail"]
