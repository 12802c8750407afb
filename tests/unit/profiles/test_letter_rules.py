"""From whom a letter may say that it is, and what form it has: whatever could be read in two ways is refused."""

import asyncio
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.profiles.sending.header import MAX_HEADER_BYTES, Header
from bot.profiles.sending.letter_rules import LetterRules
from bot.profiles.sending.letters import Cause, LetterRefusedError
from tests.counts import scaled

ADA = "ada@lovelace.example"
RULES = LetterRules(address=ADA)


def refusal(content: bytes, rules: LetterRules = RULES) -> LetterRefusedError | None:
    try:
        asyncio.run(rules.check_content(content))
    except LetterRefusedError as refused:
        return refused
    return None


def letter(*header: str, body: bytes = b"text\r\n") -> bytes:
    return "".join(f"{line}\r\n" for line in header).encode() + b"\r\n" + body


@pytest.mark.parametrize(
    "value",
    [
        ADA,
        f"<{ADA}>",
        f"Ada Lovelace <{ADA}>",
        f'"Lovelace, Ada" <{ADA}>',
        f'"Ada \\"the first\\"" <{ADA}>',
        f"=?utf-8?q?Ada_L=C3=B6velace?= <{ADA}>",
        f"Ädä <{ADA}>",
        f"{ADA} (Ada Lovelace)",
        f"Ada <{ADA}> (Cron Daemon)",
        f'"{ADA}" <{ADA}>',
        "Ada\r\n <ada@lovelace.example>",
        "ADA@Lovelace.Example",
        f"Dr. Ada K. Lovelace <{ADA}>",
        f"=?utf-8?b?QWRhIEzDtnZlbGFjZQ==?= <{ADA}>",
        f"=?iso-8859-1?q?Ada?= =?utf-8*de?q?_L=C3=B6velace?= <{ADA}>",
        f'"Ada @ Lovelace & Co" <{ADA}>',
    ],
)
def test_one_address_of_the_profile_s_is_taken_in_each_usual_form(value: str) -> None:
    assert refusal(letter(f"From: {value}", "To: x@y.test")) is None


@pytest.mark.parametrize(
    "value",
    [
        "eve@evil.example",
        f"{ADA}, eve@evil.example",
        f"eve@evil.example, {ADA}",
        f"eve@evil.example <{ADA}>",
        f"<{ADA}> <eve@evil.example>",
        f"<eve@evil.example> {ADA}",
        f"{ADA} <eve@evil.example>",
        f"<@evil.example:{ADA}>",
        f"friends: {ADA};",
        f'"eve@evil.example" <{ADA}>',
        f"=?utf-8?b?ZXZlQGV2aWwuZXhhbXBsZQ==?= <{ADA}>",
        f"=?utf-8?q?eve=40evil=2Eexample?= <{ADA}>",
        f"=?utf-8?q?Ada=0D=0ABcc=3A_x?= <{ADA}>",
        f'"eve\\@evil.example" <{ADA}>',
        f'eve"@"evil.example <{ADA}>',
        f"=?utf-8*en?q?eve=40evil.example?= <{ADA}>",
        f"=?unknown?q?eve=40evil.example?= <{ADA}>",
        f"=?us-ascii?q?eve=40evil.example=FF?= <{ADA}>",
        f"=?utf-8?b?ZXZlQGV2aWwuZXhhbXBsZQ=?= <{ADA}>",
        f"=?utf-8?b?ZXZlQGV2aWwuZXhhbXBsZX?= <{ADA}>",
        f"=?utf-8?b?ZXZl-QGV2 aWwuZXhhbXBsZQ?= <{ADA}>",
        f"=?utf-7?q?eve+AEA-evil.example?= <{ADA}>",
        f"eve=?utf-8?q?=40evil.example?= <{ADA}>",
        f"=?utf-8?q?eve?= =?iso-8859-1?q?=40evil.example?= <{ADA}>",
        f"=?utf-8?q?=3D=3Futf-8=3Fq=3Feve=3D40evil.example=3F=3D?= <{ADA}>",
        f"eve\uff20evil.example <{ADA}>",
        f"=?utf-8?q?eve=EF=B9=ABevil.example?= <{ADA}>",
        f"=?utf-8?q?Ada=1B=5B2J?= <{ADA}>",
        f"{ADA} (eve=?utf-8?q?=40evil.example?=)",
        f"{ADA} (eve@evil.example)",
        f"(comment) {ADA}",
        f'"Ada" <{ADA}',
        f'"Ada <{ADA}>',
        "ada@lovelace.example.evil.example",
        "ada@evil.example@lovelace.example",
        '"ada@lovelace.example"@evil.example',
        "ada%evil.example@lovelace.example.",
        "",
        "ada",
        "undisclosed",
        "\u212ada@lovelace.example",
        "a" * 900 + "\r\n " + "b" * 900 + f" <{ADA}>",
    ],
)
def test_anything_else_in_from_is_refused_with_the_address_that_is_allowed(value: str) -> None:
    refused = refusal(letter(f"From: {value}", "To: x@y.test"))
    assert refused is not None
    assert refused.reply.code == 550
    assert ADA in refused.reply.text
    assert "evil" not in refused.reply.text


@pytest.mark.parametrize(
    ("header", "enhanced", "words"),
    [
        ((), "5.6.0", "has no From"),
        (("To: x@y.test",), "5.6.0", "has no From"),
        ((f"From: {ADA}", f"From: {ADA}"), "5.6.0", "more than one From"),
        ((f"From: {ADA}", "FROM : eve@evil.example"), "5.6.0", "more than one From"),
        ((f"From: {ADA}", "from\t: eve@evil.example"), "5.6.0", "more than one From"),
        ((f"From: {ADA}", "Sender: eve@evil.example"), "5.7.1", "Sender in the message's header has to be"),
        ((f"From: {ADA}", f"Sender: {ADA}", f"Sender: {ADA}"), "5.6.0", "more than one Sender"),
        ((f"From: {ADA}", "Resent-From: eve@evil.example"), "5.7.1", "Resent-From in the message's header has to be"),
        ((f"From: {ADA}", f"Resent-From: {ADA}", "RESENT-SENDER: eve@evil.example"), "5.7.1", "Resent-Sender in"),
        (("From eve Mon Nov 30", f"From: {ADA}"), "5.6.0", "is no field"),
        ((" folded", f"From: {ADA}"), "5.6.0", "begins with a blank"),
        ((f"From: {ADA}", " ", "From: eve@evil.example"), "5.6.0", "a line of it is blank"),
        ((f"From: {ADA}", "no colon"), "5.6.0", "is no field"),
        ((f"From: {ADA}", ": no name"), "5.6.0", "is no field"),
        ((f"From: {ADA}", "Sübject: x"), "5.6.0", "is no field"),
        ((f"From: {ADA}", "Subject: a\x01b"), "5.6.0", "control character"),
        ((f"From: {ADA}", "Subject: a\x7fb"), "5.6.0", "control character"),
        ((f"From: {ADA}", *["X: y"] * (MAX_HEADER_BYTES // 6 + 1)), "5.6.0", "is too long"),
    ],
)
def test_a_header_that_could_be_read_in_two_ways_is_refused(header: tuple[str, ...], enhanced: str, words: str) -> None:
    refused = refusal(letter(*header))
    assert refused is not None
    assert (refused.reply.code, refused.reply.enhanced) == (550, enhanced)
    assert words in refused.reply.text


@pytest.mark.parametrize(
    ("content", "enhanced"),
    [
        (letter(f"From: {ADA}", body=b"a\nb\r\n"), "5.6.11"),
        (letter(f"From: {ADA}", body=b"a\rb\r\n"), "5.6.11"),
        (letter(f"From: {ADA}", body=b"a\r\n.\n"), "5.6.11"),
        (letter(f"From: {ADA}", body=b"a\n.\r\n"), "5.6.11"),
        (letter(f"From: {ADA}", body=b"a\r\n.\r"), "5.6.11"),
        (letter(f"From: {ADA}", body=b"\n"), "5.6.11"),
        (f"From: {ADA}\nTo: x\n\ntext".encode(), "5.6.11"),
        (letter(f"From: {ADA}", body=b"x" * 999 + b"\r\n"), "5.6.0"),
        (letter(f"From: {ADA}", body=b"a\r\n" * 50_000 + b"x" * 999), "5.6.0"),
        (letter(f"From: {ADA}", body=b"x" * 300_000), "5.6.0"),
        (letter(f"From: {ADA}", body=b"a\0b\r\n"), "5.6.0"),
        (letter(f"From: {ADA}", body=b"a\r\n" * 50_000 + b"\n"), "5.6.11"),
        (f"From: {ADA}".encode(), "5.6.0"),
        (b"", "5.6.0"),
        (b"\r\n", "5.6.0"),
    ],
)
def test_lines_end_in_cr_and_lf_and_have_at_most_998_characters(content: bytes, enhanced: str) -> None:
    refused = refusal(content)
    assert refused is not None
    assert (refused.cause, refused.reply.code, refused.reply.enhanced) == (Cause.FORM, 550, enhanced)


def test_mail_from_is_the_profile_s_address_and_never_empty() -> None:
    for good in (ADA, "ada@LOVELACE.example", "Ada@lovelace.example"):
        RULES.check_sender(good)
    for bad in ("", "eve@evil.example", f"{ADA}.evil.example", f" {ADA}", f"{ADA}> SIZE=1", "ada@", "\u212ada@x"):
        with pytest.raises(LetterRefusedError) as refused:
            RULES.check_sender(bad)
        assert (refused.value.reply.code, refused.value.reply.enhanced) == (553, "5.7.1")
        assert ADA in str(refused.value)


def test_recipients_are_addresses_and_of_the_own_domain_where_a_program_may_send_no_further() -> None:
    for good in ("x@y.test", '"x y"@y.test', "grüße@bücher.test", "x@[192.0.2.1]", "x+tag@y.test", "o'hara@y.test"):
        RULES.check_recipient(good, own_domain_only=False)
    bad = (
        "",
        "x",
        "x@",
        "@y",
        "x@y@z",
        "x y@z.test",
        "x@y.test>",
        "<x@y.test",
        "x@y.test\r\nDATA",
        "x@y\0.test",
        "\udcff@y.test",
        "x@\udcff.test",
        "a" * 260 + "@y",
    )
    for address in bad:
        with pytest.raises(LetterRefusedError) as refused:
            RULES.check_recipient(address, own_domain_only=False)
        assert (refused.value.reply.code, refused.value.reply.enhanced) == (553, "5.1.3")
    RULES.check_recipient("charles@LOVELACE.example", own_domain_only=True)
    led_on = ("x%y.test@lovelace.example", "y.test!x@lovelace.example", '"x@y.test"@lovelace.example')
    for address in ("x@y.test", "x@sub.lovelace.example", "x@lovelace.example.evil.test", *led_on):
        with pytest.raises(LetterRefusedError) as refused:
            RULES.check_recipient(address, own_domain_only=True)
        assert (refused.value.reply.code, refused.value.reply.enhanced) == (550, "5.7.1")
        assert "lovelace.example alone" in str(refused.value)


def test_a_profile_without_an_address_sends_nothing() -> None:
    assert refusal(letter("From: @"), LetterRules(address="")) is not None
    with pytest.raises(LetterRefusedError):
        LetterRules(address="").check_sender("")


_LINES = st.lists(st.binary(max_size=60).map(lambda line: re.sub(rb"[\r\n\0]", b"", line)), max_size=8)


@settings(max_examples=scaled(quick=100, full=10_000), deadline=None)
@given(_LINES, st.sampled_from([b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r\n"]))
def test_whatever_is_taken_has_one_from_of_the_profile_s(lines: list[bytes], end: bytes) -> None:
    content = f"From: {ADA}\r\n".encode() + end.join([*lines, b""]) + b"\r\ntext\r\n"
    if refusal(content) is None:
        header = Header.of(content)
        assert [field.value for field in header.named("from")] == [ADA]
        assert b"".join(field.raw for field in header.fields) == content[: header.length]
