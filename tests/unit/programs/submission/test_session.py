"""One connection to the submission server: what is offered, taken and refused, in which words and order."""

import asyncio
import re
import ssl

import pytest

from bot.profiles.connection_tests.limits import DAY, Limit, RateLimitedError
from bot.profiles.sending.letters import Cause, LetterRefusedError
from bot.smtp.account import Encryption
from bot.smtp.check.report import Reply
from bot.smtp.transport.connection import Offers
from storage.engines.transactions import DatabaseFault, DatabaseUnavailableError
from storage.tables.limits import Window
from tests.fakes.certificate_files import NAME, CertificateFiles
from tests.fakes.smtp_client import RawClient, b64, plain
from tests.unit.programs.submission.conftest import Serving
from tests.unit.programs.submission.fakes import ADDRESS, FakeSession

BEGUN = (f"MAIL FROM:<{ADDRESS}>", "RCPT TO:<grace@mail.test>", "DATA")


@pytest.fixture
def trust(files: CertificateFiles) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=files.authority.cert_pem.bytes().decode())


def in_clear_client(serving: Serving) -> RawClient:
    return RawClient(serving.port(Encryption.NONE))


async def test_a_greeting_comes_at_once_and_what_is_offered_can_be_had(in_clear: Serving) -> None:
    async with in_clear_client(in_clear) as client:
        async with asyncio.timeout(0.1):
            assert await client.reply() == f"220 {NAME} ESMTP"
        assert (await client.say("EHLO client.test")).splitlines() == [
            f"250-{NAME}",
            "250-SIZE 35000000",
            "250-8BITMIME",
            "250-PIPELINING",
            "250-ENHANCEDSTATUSCODES",
            "250 AUTH PLAIN LOGIN",
        ]


async def test_who_signed_in_is_told_what_their_provider_offers_as_soon_as_that_is_known(in_clear: Serving) -> None:
    async with in_clear_client(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        assert "SMTPUTF8" not in await client.say("EHLO client.test")
        in_clear.sending.offers = Offers(size=10_000_000, utf8=True)
        offered = (await client.say("EHLO client.test")).splitlines()
        assert "250-SIZE 10000000" in offered
        assert "250-SMTPUTF8" in offered
        in_clear.sending.offers = Offers(size=100_000_000, utf8=False)
        offered = (await client.say("EHLO client.test")).splitlines()
        assert "250-SIZE 35000000" in offered
        assert "250-SMTPUTF8" not in offered


async def test_before_encryption_nothing_but_encryption_is_offered_or_done(
    encrypted: Serving, trust: ssl.SSLContext
) -> None:
    async with RawClient(encrypted.port(Encryption.TLS)) as client:
        await client.greeted()
        offered = await client.say("EHLO client.test")
        assert "STARTTLS" in offered
        assert "AUTH" not in offered
        for line in (f"AUTH PLAIN {plain(ADDRESS, encrypted.tokens.text)}", *BEGUN, "VRFY ada", "HELP", "RSET"):
            assert (await client.say(line)).startswith("530 5.7.0 Must issue a STARTTLS"), line
        assert (await client.say("STARTTLS")).startswith("220")
        await client.starttls(trust)
        assert (await client.say("MAIL FROM:<ada@mail.test>")).startswith("503 5.5.1")
        offered = await client.say("EHLO client.test")
        assert "AUTH PLAIN LOGIN" in offered
        assert "STARTTLS" not in offered
        assert (await client.say("STARTTLS")).startswith("503 5.5.1")
        assert await client.say(f"AUTH PLAIN {plain(ADDRESS, encrypted.tokens.text)}") == "235 2.7.0 Signed in."
    assert encrypted.tokens.asked == [(ADDRESS, "127.0.0.1")]


async def test_what_is_sent_behind_starttls_in_the_clear_is_never_done(
    encrypted: Serving, trust: ssl.SSLContext
) -> None:
    async with RawClient(encrypted.port(Encryption.TLS)) as client:
        await client.greeted()
        client.send(b"STARTTLS\r\nEHLO smuggled\r\nNOOP\r\nRSET\r\n")
        assert (await client.reply()).startswith("220")
        await client.starttls(trust)
        client.send(b"NOOP\r\n")
        assert await client.reply() == "250 2.0.0 OK"
        # Who greeted before encryption is not known behind it either.
        assert (await client.say("AUTH PLAIN")).startswith("503 5.5.1")


async def test_implicit_tls_needs_no_starttls(encrypted: Serving, trust: ssl.SSLContext) -> None:
    async with RawClient(encrypted.port(Encryption.SSL), tls=trust) as client:
        await client.signed_in(ADDRESS, encrypted.tokens.text)
        assert (await client.say("STARTTLS")).startswith("503 5.5.1")
        assert (await client.say(*BEGUN)).startswith("354")
        assert await client.say("Hello\r\n.") == "250 2.0.0 mail.test: Taken"
    assert [letter.content for letter in encrypted.sending.letters] == [b"Hello\r\n"]
    assert encrypted.sending.said[0] == "ESMTPSA"


async def test_commands_that_come_all_at_once_are_answered_in_their_order(in_clear: Serving) -> None:
    async with in_clear_client(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        in_clear.sending.recipients["nobody@mail.test"] = Reply(code=550, enhanced="5.1.1", text="mail.test: Nobody")
        lines = [BEGUN[0], BEGUN[1], "RCPT TO:<nobody@mail.test>", "NOOP", "DATA"]
        client.send("".join(f"{line}\r\n" for line in lines).encode())
        replies = [await client.reply() for _ in lines]
        assert [reply[:9] for reply in replies] == ["250 2.1.0", "250 2.1.0", "550 5.1.1", "250 2.0.0", "354 Send "]
        client.send(b"One\r\n.\r\nRSET\r\nNOOP\r\nQUIT\r\n")
        assert re.sub(r" .*", "", await client.rest()).split() == ["250", "250", "250", "221"]
    (letter,) = in_clear.sending.letters
    assert letter.recipients == ("grace@mail.test",)


async def test_a_letter_that_does_not_wait_for_the_reply_to_data_ends_the_connection(in_clear: Serving) -> None:
    async with in_clear_client(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        client.send(b"DATA\r\nMAIL FROM:<ada@mail.test>\r\nRCPT TO:<x@mail.test>\r\nDATA\r\nSmuggled\r\n.\r\n")
        assert await client.rest() == "554 5.5.0 Wait for the reply to DATA before the message.\r\n"
    assert in_clear.sending.letters == []
    assert in_clear.counted.sessions == ["refused"]


async def test_lines_that_do_not_end_with_cr_lf_are_refused_and_many_of_them_end_the_connection(
    in_clear: Serving,
) -> None:
    async with in_clear_client(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        for line in (
            b"RSET\n",
            b"MAIL FROM:<ada@mail.test>\rRSET\r\n",
            b"NOOP\0\r\n",
            b"NOOP " + b"a" * 2000 + b"\r\n",
        ):
            client.send(line)
            assert (await client.reply()).startswith("500 5.5.2 "), line
        client.send(b"NOOP\n" * 20)
        assert (await client.rest()).splitlines()[-1].startswith("421 4.7.0 ")
    assert not any(said.startswith("MAIL") for said in in_clear.sending.said)


async def test_who_does_not_sign_in_is_told_so_whatever_they_ask(in_clear: Serving) -> None:
    async with in_clear_client(in_clear) as client:
        await client.greeted()
        for line in (*BEGUN, "VRFY ada", "HELP", "MAIL FROM:<>"):
            assert (await client.say(line)).startswith("530 5.7.0 Sign in first"), line
        assert await client.say("EXPN all") == "502 5.5.1 EXPN not implemented"
        client.send(b"NOOP\r\n" * 60)
        assert (await client.rest()).splitlines()[-1].startswith("421 4.7.0")


@pytest.mark.parametrize(
    "lines",
    [
        ["AUTH PLAIN {plain}"],
        ["auth plain {plain}"],
        ["AUTH PLAIN", "{plain}"],
        ["AUTH LOGIN", "{user}", "{token}"],
        ["AUTH LOGIN {user}", "{token}"],
        ["AUTH PLAIN {acting}"],
        ["AUTH PLAIN {by_id}"],
    ],
)
async def test_a_program_signs_in_in_each_way_that_programs_know(in_clear: Serving, lines: list[str]) -> None:
    token = in_clear.tokens.text
    forms = {
        "plain": plain(ADDRESS, token),
        "user": b64(ADDRESS),
        "token": b64(token),
        "acting": b64(f"{ADDRESS}\0{ADDRESS}\0{token}"),
        "by_id": plain(in_clear.tokens.token.id, token),
    }
    async with in_clear_client(in_clear) as client:
        await client.greeted()
        assert await client.say(*(line.format(**forms) for line in lines)) == "235 2.7.0 Signed in."
        assert (await client.say("AUTH PLAIN")).startswith("503 5.5.1 ")
    assert in_clear.counted.sign_ins == ["signed_in"]


@pytest.mark.parametrize(
    ("lines", "reply"),
    [
        (["AUTH PLAIN", "*"], "501 5.7.0"),
        (["AUTH LOGIN", "*"], "501 5.7.0"),
        (["AUTH LOGIN", b64(ADDRESS), "*"], "501 5.7.0"),
        (["AUTH PLAIN !!!"], "501 5.5.2"),
        (["AUTH PLAIN", "!!!"], "501 5.5.2"),
        (["AUTH PLAIN", ""], "501 5.5.2"),
        (["AUTH PLAIN ="], "501 5.5.2"),
        ([f"AUTH PLAIN {b64('a')}"], "501 5.5.2"),
        ([f"AUTH PLAIN {b64('a' + chr(0) + 'b' + chr(0) + 'c' + chr(0) + 'd')}"], "501 5.5.2"),
        (["AUTH PLAIN /w=="], "501 5.5.2"),
        ([f"AUTH PLAIN {b64('grace@mail.test' + chr(0) + ADDRESS + chr(0) + 'x')}"], "535 5.7.8"),
        (["AUTH CRAM-MD5"], "504 5.5.4"),
        (["AUTH XOAUTH2 abc"], "504 5.5.4"),
        (["AUTH EXTERNAL ="], "504 5.5.4"),
        (["AUTH"], "501 5.5.4"),
        (["AUTH PLAIN a b"], "501 5.5.4"),
        ([f"AUTH PLAIN {plain(ADDRESS, 'epb_wrong')}"], "535 5.7.8"),
        ([f"AUTH PLAIN {plain(ADDRESS, '')}"], "535 5.7.8"),
        (["AUTH LOGIN", b64(ADDRESS), b64("wrong")], "535 5.7.8"),
        (["AUTH LOGIN", "", ""], "535 5.7.8"),
    ],
)
async def test_a_sign_in_that_is_none_is_refused_and_nobody_is_signed_in(
    in_clear: Serving, lines: list[str], reply: str
) -> None:
    async with in_clear_client(in_clear) as client:
        await client.greeted()
        assert (await client.say(*lines)).startswith(f"{reply} ")
        assert (await client.say(BEGUN[0])).startswith("530 5.7.0")
    assert in_clear.sending.said == []


async def test_a_malformed_line_within_a_sign_in_ends_the_sign_in(in_clear: Serving) -> None:
    async with in_clear_client(in_clear) as client:
        await client.greeted()
        await client.say("AUTH LOGIN")
        client.send(b64(ADDRESS).encode() + b"\n")
        assert (await client.reply()).startswith("500 5.5.2")
        assert await client.say("NOOP") == "250 2.0.0 OK"
    assert in_clear.tokens.asked == []
    assert in_clear.counted.sign_ins == ["abandoned"]


async def test_a_third_wrong_sign_in_ends_the_connection(in_clear: Serving) -> None:
    async with in_clear_client(in_clear) as client:
        await client.greeted()
        wrong = f"AUTH PLAIN {plain(ADDRESS, 'wrong')}"
        first = await client.say(wrong)
        assert first.startswith("535 5.7.8 User and password do not fit.")
        assert await client.say(wrong) == first
        client.send(f"{wrong}\r\n{wrong}\r\n".encode())
        assert await client.rest() == f"421 4{first[5:]}\r\n"
    assert in_clear.counted.sign_ins == ["wrong"] * 3


@pytest.mark.parametrize(
    ("error", "ended", "words"),
    [
        (
            RateLimitedError(
                Limit("wrong tokens", 10, DAY, "Too many were wrong."),
                Window(taken=False, left=0, ends_at=60.0, wait=60.0),
            ),
            "too_many",
            "Too many were wrong.",
        ),
        (DatabaseUnavailableError(DatabaseFault.SILENT), "failed", "Try again later."),
    ],
)
async def test_a_program_that_cannot_sign_in_just_now_keeps_its_letter(
    in_clear: Serving, error: Exception, ended: str, words: str
) -> None:
    in_clear.tokens.error = error
    async with in_clear_client(in_clear) as client:
        await client.greeted()
        reply = await client.say(f"AUTH PLAIN {plain(ADDRESS, in_clear.tokens.text)}")
        assert reply.startswith("454 4.7.0 ")
        assert words in reply
    assert in_clear.counted.sign_ins == [ended]


async def test_envelopes_are_read_as_clients_write_them(in_clear: Serving) -> None:
    async with in_clear_client(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        for line in (
            "MAIL FROM:<ada@mail.test>",
            "mail from: <ada@mail.test> SIZE=100 BODY=8BITMIME",
            "MAIL FROM:<ada@mail.test> AUTH=<> SIZE=5",
            "MAIL FROM:<ada@mail.test> SMTPUTF8",
        ):
            assert await client.say(line) == "250 2.1.0 OK", line
            await client.say("RSET")
    assert in_clear.sending.said[1:] == [
        "MAIL ada@mail.test 0",
        "MAIL ada@mail.test 100 8BITMIME",
        "MAIL ada@mail.test 5",
        "MAIL ada@mail.test 0 SMTPUTF8",
    ]


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("MAIL FROM:<eve@mail.test>", "553 5.7.1 Letters here are from ada@mail.test."),
        ("MAIL FROM:<>", "553 5.7.1"),
        ("MAIL FROM:", "501 5.5.4"),
        ("MAIL", "501 5.5.4"),
        ("MAIL FROM:ada", "553 5.7.1"),
        ("MAIL FROM:<ada@mail.test> <eve@mail.test>", "501 5.5.4"),
        ("MAIL FROM:<ada@mail.test>,<eve@mail.test>", "501 5.5.4"),
        ("MAIL FROM:<ada@mail.test> SIZE=2000000", "552 5.3.4"),
        ("MAIL FROM:<ada@mail.test> SIZE=99999999999999999999999999", "552 5.3.4"),
        ("MAIL FROM:<ada@mail.test> SIZE=x", "501 5.5.4"),
        ("MAIL FROM:<ada@mail.test> SIZE=\N{SUPERSCRIPT TWO}", "501 5.5.4"),
        ("MAIL FROM:<=?utf-8?q?ada?=@mail.test>", "553 5.1.3"),
        ("MAIL FROM:<ada@mail.test> BODY=BINARYMIME", "501 5.5.4"),
        ("MAIL FROM:<ada@mail.test> RET=HDRS", "555 5.5.4"),
        (f"MAIL FROM:<{'(' * 900}", "553 5.1.3"),
        ("RCPT TO:<grace@mail.test>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
        ("BDAT 5 LAST", "500 5.5.2"),
    ],
)
async def test_an_envelope_that_breaks_a_rule_is_refused(in_clear: Serving, line: str, reply: str) -> None:
    async with in_clear_client(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        assert (await client.say(line)).startswith(reply)
        assert (await client.say("DATA")).startswith("503 5.5.1")
        assert (await client.say(*BEGUN)).startswith("354")
        assert await client.say("Good\r\n.") == "250 2.0.0 mail.test: Taken"


async def test_a_recipient_is_whom_the_program_named_and_nobody_who_is_encoded_in_it(in_clear: Serving) -> None:
    async with in_clear_client(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        await client.say("MAIL FROM:<ada@mail.test>")
        for address in (
            "=?utf-8?q?eve=40evil.test?=@mail.test",
            "=?utf-8?b?Z3JhY2U=?=@mail.test",
            "grace@=?utf-8?q?evil.test?=",
            "=?utf-8?q?=ff?=@mail.test",
        ):
            assert (await client.say(f"RCPT TO:<{address}>")).startswith("553 5.1.3"), address
        await client.say("RCPT TO:<grace@mail.test>", "DATA", "Good\r\n.")
    (letter,) = in_clear.sending.letters
    assert letter.recipients == ("grace@mail.test",)


async def test_a_letter_that_is_too_large_is_refused_and_the_next_one_is_taken(in_clear: Serving) -> None:
    in_clear.sending.most_bytes = 10_000
    async with in_clear_client(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        assert (await client.say(*BEGUN)).startswith("354")
        for _ in range(100):
            client.send(b"0123456789" * 100 + b"\r\n")
            await client.writer.drain()
        assert (await client.say(".")).startswith("552 5.3.4 ")
        assert (await client.say(*BEGUN)).startswith("354")
        assert await client.say("Small\r\n.") == "250 2.0.0 mail.test: Taken"
    assert [letter.content for letter in in_clear.sending.letters] == [b"Small\r\n"]
    assert in_clear.sending.held < 20_000


async def test_a_letter_with_bare_line_ends_is_refused_as_a_whole(in_clear: Serving) -> None:
    async with in_clear_client(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        assert (await client.say(*BEGUN)).startswith("354")
        client.send(b"One\n.\nMAIL FROM:<eve@mail.test>\r\nRCPT TO:<x@mail.test>\r\nDATA\r\nTwo\r\n.\r\n")
        assert (await client.reply()).startswith("550 5.6.11 ")
        assert await client.say("NOOP") == "250 2.0.0 OK"
    assert in_clear.sending.letters == []


async def test_a_program_whose_token_has_ended_is_signed_in_no_more(
    in_clear: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ended(*_: object, **__: object) -> Reply:
        raise LetterRefusedError(Cause.ENDED, 535, "5.7.8", "The token is not there any more.")

    async with in_clear_client(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        monkeypatch.setattr(FakeSession, "begin", ended)
        assert (await client.say(BEGUN[0])).startswith("535 5.7.8 ")
        assert (await client.say(BEGUN[0])).startswith("530 5.7.0 ")


async def test_an_error_of_ours_tells_nothing_and_says_that_a_letter_may_have_been_sent(
    in_clear: Serving, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object, **__: object) -> Reply:
        raise RuntimeError("secret words")

    async with in_clear_client(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        assert (await client.say(*BEGUN)).startswith("354")
        monkeypatch.setattr(FakeSession, "deliver", fail)
        assert await client.say("Hello\r\n.") == (
            "451 4.4.2 Something went wrong here, and the message may have been sent."
        )
        monkeypatch.setattr(FakeSession, "begin", fail)
        assert await client.say(BEGUN[0]) == "451 4.3.0 Something went wrong here. Try again later."
    assert "RuntimeError in fail" in caplog.text
    assert "secret words" not in caplog.text


async def test_what_a_provider_says_is_one_bounded_line_of_ascii(in_clear: Serving) -> None:
    said = "Grüße\r\n250 2.0.0 OK " + "x" * 1000
    in_clear.sending.recipients["grace@mail.test"] = Reply(code=550, enhanced="", text=said)
    async with in_clear_client(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        reply = await client.say(*BEGUN[:2])
        assert reply.startswith("550 5.0.0 Gr??e??250 2.0.0 OK xxx")
        assert len(reply) <= 510
        assert await client.say("NOOP") == "250 2.0.0 OK"
