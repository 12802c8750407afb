"""Signing in with servers as they really are: broken mechanisms, odd replies, refusals for other reasons."""

import asyncio
import base64
import json
import os
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.profiles.account.fixes import apply_fix
from bot.profiles.account.profile import EmailProfile
from bot.profiles.account.records import account_of
from bot.profiles.connection_tests.results import ConnectionTestResult, interpret_report
from bot.smtp.account import Account, Encryption
from bot.smtp.advice.row import Fix
from bot.smtp.check.report import Fault, Report, StageName
from tests.fakes.certificates import Certificates
from tests.fakes.smtp_server import HOST, LOGIN, PASSWORD, Act, HangUp, OneServerNetwork, ScriptedServer, Silence
from tests.scenario.connection_tests.testers import a_tester

# The connection test alone: it knows no database.
pytestmark = pytest.mark.databases()

TIMEOUT = 1.5
PROFILE = EmailProfile(
    address=LOGIN,
    login=LOGIN,
    password=SecretStr(PASSWORD),
    password_host=HOST,
    host=HOST,
    port=587,
    extras={"TLS": "Y"},
)


class OneServer:
    """Where profiles are tested."""

    def __init__(self, server: ScriptedServer, trust: ssl.SSLContext) -> None:
        self._tester = a_tester(OneServerNetwork(server.port), trust, timeout=TIMEOUT)

    async def test(self, profile: EmailProfile = PROFILE) -> ConnectionTestResult:
        account = account_of(profile)
        report = await self._tester.test(account, lambda _: None)
        assert PASSWORD not in repr(report)
        return interpret_report(report, account, profile)

    async def test_account(self, account: Account) -> Report:
        return await self._tester.test(account, lambda _: None)


@asynccontextmanager
async def at(server: ScriptedServer, trust: ssl.SSLContext) -> AsyncIterator[OneServer]:
    async with server:
        yield OneServer(server, trust)


def words(result: ConnectionTestResult) -> str:
    assert result.advice is not None
    return " ".join((result.advice.what, result.advice.why, result.advice.do))


def press(profile: EmailProfile, result: ConnectionTestResult, kind: Fix) -> EmailProfile:
    (fix,) = [fix for fix in result.fixes if fix.kind is kind]
    return apply_fix(profile, fix)


BROKEN: dict[str, Act] = {
    "502": b"502 Invalid input from 203.0.113.9 to logic.qq.example.\r\n",
    "503": b"503 AUTH command used when not advertised\r\n",
    "504": b"504 5.7.4 Unrecognized authentication type\r\n",
    "500": b"500 5.3.3 Unrecognized command\r\n",
    "501": b"501 5.5.2 Cannot Decode response\r\n",
    "454": b"454 4.7.0 Temporary authentication failure\r\n",
    "535": b"535 5.7.8 Invalid authentication mechanism\r\n",
    "no SMTP": b"what?\r\n",
    "hangs up": HangUp(),
    "silent": Silence(),
}


@pytest.mark.parametrize("how", BROKEN)
async def test_a_listed_mechanism_that_does_not_work_is_named_and_another_passes(
    certificates: Certificates, trust: ssl.SSLContext, how: str
) -> None:
    server = ScriptedServer(tls=certificates.good, acts={"AUTH PLAIN": BROKEN[how]})
    async with at(server, trust) as there:
        result = await there.test()
        assert result.report.failed_stage is not None
        assert result.report.failed_stage.name is StageName.SIGN_IN
        assert "LOGIN" in words(result)
        assert not re.search(r"firewall|port 25|Authentication Required off", words(result))
        kinds = {fix.kind for fix in result.fixes}
        assert Fix.DO_NOT_AUTHENTICATE not in kinds
        assert Fix.AUTH_PLAIN not in kinds
        assert sum(line.startswith(b"AUTH") for line in server.lines) == 1
        again = await there.test(press(PROFILE, result, Fix.AUTH_LOGIN))
        assert again.report.passed, again.report


async def test_a_mechanism_that_asks_for_more_and_more_is_broken(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    server = ScriptedServer(tls=certificates.good, acts={"verdict": b"334 cGF0aWVuY2U=\r\n"})
    async with at(server, trust) as there:
        result = await there.test()
    assert result.report.fault is Fault.MECHANISM_BROKEN
    assert "the server lists PLAIN, but it did not work" in words(result)


async def test_plain_inside_tls_comes_before_a_cram_md5_that_never_works(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    refused = b"535 5.7.8 Error: authentication failed: bad protocol / cancel\r\n"
    server = ScriptedServer(
        tls=certificates.good, mechanisms="CRAM-MD5 DIGEST-MD5 LOGIN PLAIN", acts={"AUTH CRAM-MD5": refused}
    )
    chosen = replace(PROFILE, extras={"TLS": "Y", "AUTH": "CRAM-MD5"})
    async with at(server, trust) as there:
        assert (await there.test()).report.passed
        result = await there.test(chosen)
        assert result.report.fault is Fault.MECHANISM_BROKEN
        assert "signing in with CRAM-MD5 failed" in words(result)
        assert (await there.test(press(chosen, result, Fix.AUTH_PLAIN))).report.passed


async def test_a_mechanism_that_is_chosen_and_not_listed_gives_way_by_a_button(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    chosen = replace(PROFILE, extras={"TLS": "Y", "AUTH": "CRAM-MD5"})
    async with at(ScriptedServer(tls=certificates.good), trust) as there:
        result = await there.test(chosen)
        assert result.report.fault is Fault.CHOSEN_MECHANISM_NOT_OFFERED
        assert "AUTH" in words(result)
        assert (await there.test(press(chosen, result, Fix.AUTH_PLAIN))).report.passed


@pytest.mark.parametrize("act", [Silence(), HangUp(), b"\x00garbage\r\n"], ids=["silent", "hangs up", "no SMTP"])
@pytest.mark.parametrize("step", ["AUTH", "AUTH challenge", "verdict", "MAIL", "RCPT"])
async def test_from_the_sign_in_on_port_and_encryption_are_called_right(
    certificates: Certificates, trust: ssl.SSLContext, step: str, act: Act
) -> None:
    server = ScriptedServer(tls=certificates.good, mechanisms="LOGIN", acts={step: act})
    async with at(server, trust) as there:
        result = await there.test()
    said = words(result).lower()
    assert "port and encryption are right" in said
    assert not re.search(r"firewall|port 25|587|465|kind of encryption|not a mail port|smtp server address", said)
    assert not result.fixes
    assert result.advice is not None
    assert result.advice.field is None


PROMPTS = (b"334\r\n", b"334 \r\n", b"334 VXNlciBOYW1lAA==\r\n", b"334 dXNlcm5hbWU6\r\n", b"334 not base64!\r\n")


@pytest.mark.parametrize("prompt", PROMPTS)
async def test_login_answers_prompts_in_any_words_and_in_none(
    certificates: Certificates, trust: ssl.SSLContext, prompt: bytes
) -> None:
    server = ScriptedServer(tls=certificates.good, mechanisms="LOGIN", acts={"AUTH challenge": prompt})
    async with at(server, trust) as there:
        assert (await there.test()).report.passed


class AsksForCredentials(ScriptedServer):
    """Ignores what comes along with AUTH PLAIN, and asks for it."""

    def __init__(self, certificates: Certificates, **acts: Act) -> None:
        super().__init__(tls=certificates.good, mechanisms="PLAIN", acts={"AUTH": b"334 \r\n", **acts})


async def test_plain_is_sent_again_to_a_server_that_asks_for_it(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    blob = base64.b64encode(f"\0{LOGIN}\0{PASSWORD}".encode()) + b"\r\n"
    server = AsksForCredentials(certificates)
    server.acts = {"AUTH": b"334 \r\n", blob.split(b" ")[0].strip().upper().decode(): b"235 2.7.0 welcome\r\n"}
    async with at(server, trust) as there:
        report = (await there.test()).report
    assert report.passed, report
    assert blob in server.lines
    assert "C: AUTH PLAIN (credentials)" in report.transcript
    assert "C: (credentials)" in report.transcript


@pytest.mark.parametrize(
    ("verdict", "passes"),
    [
        (b"235\r\n", True),
        (b"235 2.7.0 ok\n", True),
        (b"235-2.7.0 ok\r\n235 2.7.0 really\r\n", True),
        (b"235-hm\r\n\r\n235 ok\r\n", True),
        (b"250 2.7.0 ok\r\n", True),
        (b"221 bye\r\n", False),
        (b"354 go on\r\n", False),
    ],
)
async def test_a_verdict_counts_by_its_code(
    certificates: Certificates, trust: ssl.SSLContext, verdict: bytes, passes: bool
) -> None:
    server = ScriptedServer(tls=certificates.good, mechanisms="PLAIN", acts={"verdict": verdict})
    async with at(server, trust) as there:
        assert (await there.test()).report.passed is passes


@pytest.mark.parametrize(
    "offered",
    [
        b"250-mail.test\r\n250-\r\n250-AUTH PLAIN   \r\n250 \r\n",
        b"250-\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n",
        b"250-mail.test\n250 AUTH=PLAIN LOGIN\n",
        b"250-mail.test\r\n250-AUTH = PLAIN LOGIN\r\n250 OK\r\n",
        b"250-mail.test\r\n\r\n250-auth plain,login\r\n250 OK\r\n",
        b"250-mail.test\r\n250-AUTH\tPLAIN\r\n250 OK\r\n",
        b"250-mail.test\r\n250-AUTH\r\n250-AUTH=PLAIN\r\n250 OK\r\n",
    ],
)
async def test_mechanisms_are_read_in_every_spelling(
    certificates: Certificates, trust: ssl.SSLContext, offered: bytes
) -> None:
    server = ScriptedServer(tls=certificates.good, acts={"EHLO encrypted": offered})
    async with at(server, trust) as there:
        report = (await there.test()).report
    assert report.passed, report


@pytest.mark.parametrize(
    ("encoding", "said", "fault"),
    [
        ("gb18030", "请使用授权码登录", Fault.APP_PASSWORD_NEEDED),
        ("gb18030", "登录失败，密码错误", Fault.SIGN_IN_REFUSED),
        ("windows-1251", "Ошибка: неверный логин или пароль", Fault.SIGN_IN_REFUSED),
        ("windows-1251", "Почтовый ящик заблокирован", Fault.ACCOUNT_DISABLED),
        ("shift_jis", "パスワードが違います", Fault.SIGN_IN_REFUSED),
        ("windows-1252", "Benutzername oder Kennwort ungültig", Fault.SIGN_IN_REFUSED),
        ("utf-8", "Échec d'authentification", Fault.SIGN_IN_REFUSED),
    ],
)
async def test_a_refusal_in_another_encoding_can_be_read(
    certificates: Certificates, trust: ssl.SSLContext, encoding: str, said: str, fault: Fault
) -> None:
    server = ScriptedServer(
        tls=certificates.good, mechanisms="LOGIN", acts={"verdict": f"535 {said}\r\n".encode(encoding)}
    )
    async with at(server, trust) as there:
        report = (await there.test()).report
    assert report.reply is not None
    assert report.reply.text == said
    assert report.fault is fault
    assert any(said in line for line in report.transcript)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "shift_jis"])
async def test_a_password_that_is_repeated_in_another_encoding_is_not_shown(
    certificates: Certificates, trust: ssl.SSLContext, encoding: str
) -> None:
    password = "日本語 passwd"
    server = ScriptedServer(tls=certificates.good, acts={"AUTH": f"535 bad {password}\r\n".encode(encoding)})
    async with at(server, trust) as there:
        result = await there.test(replace(PROFILE, password=SecretStr(password)))
    assert "passwd" not in repr(result)


async def test_a_pasted_blank_at_the_passwords_end_is_named_and_taken_away_by_a_button(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    pasted = replace(PROFILE, password=SecretStr(f"{PASSWORD} "))
    server = ScriptedServer(tls=certificates.good)
    async with at(server, trust) as there:
        result = await there.test(pasted)
        assert "The password ends with a blank." in words(result)
        assert (await there.test(press(pasted, result, Fix.REMOVE_BLANKS))).report.passed
    kept = ScriptedServer(tls=certificates.good, password=f"{PASSWORD} ")
    async with at(kept, trust) as there:
        assert (await there.test(pasted)).report.passed


async def test_an_invisible_character_in_the_password_is_named_and_taken_away_by_a_button(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    pasted = replace(PROFILE, password=SecretStr(f"\ufeff{PASSWORD}\u200b"))
    async with at(ScriptedServer(tls=certificates.good), trust) as there:
        result = await there.test(pasted)
        assert "an invisible character in it (U+FEFF, U+200B)" in words(result)
        assert (await there.test(press(pasted, result, Fix.REMOVE_INVISIBLE))).report.passed


async def test_windows_sign_ins_alone_are_told_as_what_they_are(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    server = ScriptedServer(tls=certificates.good, mechanisms="GSSAPI NTLM")
    async with at(server, trust) as there:
        result = await there.test()
        assert "Basic authentication" in words(result)
        assert "AUTH" not in words(result)
    async with at(ScriptedServer(tls=certificates.good, mechanisms="XOAUTH2 OAUTHBEARER"), trust) as there:
        assert (await there.test()).report.fault is Fault.ONLY_OAUTH


@pytest.mark.parametrize(
    "acts",
    [
        {"greeting": b"220 mail.test Microsoft ESMTP MAIL Service ready\r\n"},
        {"EHLO encrypted": b"250-mail.test\r\n250-AUTH LOGIN\r\n250-X-EXPS GSSAPI NTLM\r\n250 XRDST\r\n"},
    ],
)
async def test_exchange_proposes_a_login_with_its_domain(
    certificates: Certificates, trust: ssl.SSLContext, acts: dict[str, Act]
) -> None:
    refused: dict[str, Act] = {**acts, "AUTH": b"535 5.7.3 Authentication unsuccessful\r\n"}
    async with at(ScriptedServer(tls=certificates.good, acts=refused), trust) as there:
        assert "DOMAIN\\user" in words(await there.test())
        assert "DOMAIN\\user" not in words(await there.test(replace(PROFILE, login="CORP\\ada")))


async def test_an_exchange_of_ones_own_has_an_admin_and_no_provider(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    acts: dict[str, Act] = {
        "greeting": b"220 mail.test Microsoft ESMTP MAIL Service ready\r\n",
        "MAIL": b"550 5.7.60 SMTP; Client does not have permissions to send as this sender\r\n",
    }
    async with at(ScriptedServer(tls=certificates.good, acts=acts), trust) as there:
        said = words(await there.test())
    assert "the Exchange admin" in said
    assert "mail provider" not in said


async def test_no_word_of_a_stored_password_where_one_was_typed(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    async with at(ScriptedServer(tls=certificates.good, password="another"), trust) as there:
        assert "stored" not in words(await there.test())


async def test_the_transcript_names_commands_and_prompts_and_no_credentials(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    server = ScriptedServer(tls=certificates.good, mechanisms="LOGIN")
    async with at(server, trust) as there:
        transcript = (await there.test()).report.transcript
    start = transcript.index("C: AUTH LOGIN")
    assert transcript[start : start + 6] == (
        "C: AUTH LOGIN",
        "S: 334 VXNlcm5hbWU6 (that is: Username:)",
        "C: (login)",
        "S: 334 UGFzc3dvcmQ6 (that is: Password:)",
        "C: (password)",
        "S: 235 2.7.0 welcome",
    )
    assert base64.b64encode(LOGIN.encode()).decode() not in "".join(transcript)


def refusals_of_tokens() -> list[str]:
    """The challenges with which tokens are refused, in the wire vectors of curl."""
    folder = os.environ.get("CORPORA", "")
    if not folder:
        return []
    found = (re.findall(r"334 %b64\[(\{.*?\})\]b64%", path.read_text()) for path in Path(folder, "curl").glob("test9*"))
    return sorted({one for several in found for one in several})


async def refused_token(server: ScriptedServer, trust: ssl.SSLContext) -> Report:
    async def fetch() -> SecretStr:
        return SecretStr("ya29.canary-token")

    async with at(server, trust) as there:
        account = replace(account_of(PROFILE), password=None, token=fetch)
        report = await there.test_account(account)
        assert report.fault is Fault.TOKEN_REFUSED
        result = interpret_report(report, account, PROFILE)
        assert "password" not in words(result)
        assert "canary-token" not in repr(report)
    return report


def refusing(challenge: str, certificates: Certificates) -> ScriptedServer:
    acts: dict[str, Act] = {
        "AUTH": b"334 " + base64.b64encode(challenge.encode()) + b"\r\n",
        "": b"535 5.7.8 Username and Password not accepted\r\n",
    }
    return ScriptedServer(tls=certificates.good, mechanisms="LOGIN XOAUTH2", acts=acts)


async def test_what_a_provider_says_of_a_token_can_be_read(certificates: Certificates, trust: ssl.SSLContext) -> None:
    said = json.dumps({"status": "400", "schemes": "Bearer", "scope": "https://mail.google.com/"})
    report = await refused_token(refusing(said, certificates), trust)
    assert report.failed_stage is not None
    assert "status 400, schemes Bearer, scope https://mail.google.com/" in report.failed_stage.detail
    assert any("https://mail.google.com/" in line for line in report.transcript)


async def test_what_others_record_of_refused_tokens_can_be_read(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    challenges = refusals_of_tokens()
    if not challenges:
        pytest.skip("needs curl's wire vectors: set CORPORA to the folder that holds them")
    for challenge in challenges:
        report = await refused_token(refusing(challenge, certificates), trust)
        assert report.failed_stage is not None
        assert f"status {json.loads(challenge)['status']}" in report.failed_stage.detail


Answers = Callable[[bytes], list[bytes]]


def _usual(line: bytes) -> bytes:
    return {b"QUIT": b"221 bye\r\n", b"AUTH": b"235 ok\r\n"}.get(line[:4].upper(), b"250 ok\r\n")


def swallows_all_but_the_first(batch: bytes) -> list[bytes]:
    return [_usual(batch)]


def swallows_all_but_the_last(batch: bytes) -> list[bytes]:
    return [_usual(batch.splitlines()[-1])]


def out_of_sequence(batch: bytes) -> list[bytes]:
    lines = batch.splitlines()
    if len(lines) == 1:
        return [_usual(batch)]
    return [b"250 ok\r\n", *(b"503 5.5.1 Bad sequence of commands\r\n" for _ in lines[1:])]


def not_recognised(batch: bytes) -> list[bytes]:
    return [_usual(batch)] if len(batch.splitlines()) == 1 else [b"502 5.5.2 Error: command not recognized\r\n"]


def rejects_pipelining(batch: bytes) -> list[bytes]:
    return (
        [_usual(batch)]
        if len(batch.splitlines()) == 1
        else [b"554 5.5.0 Error: SMTP protocol synchronization\r\n", b""]
    )


def hangs_up(batch: bytes) -> list[bytes]:
    return [_usual(batch)] if len(batch.splitlines()) == 1 else [b""]


def hangs_up_after_mail(batch: bytes) -> list[bytes]:
    return [_usual(batch)] if len(batch.splitlines()) == 1 else [b"250 ok\r\n", b""]


def garbage(batch: bytes) -> list[bytes]:
    return [_usual(batch)] if len(batch.splitlines()) == 1 else [b"\x00\x00 hm\r\n"]


@asynccontextmanager
async def batching(answers: Answers, tls: ssl.SSLContext, batches: list[bytes]) -> AsyncIterator[int]:
    """Run a server with TLS from the first byte that reads whatever came together; an empty answer hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test\r\n")
        while batch := await reader.read(65536):
            batches.append(batch)
            if batch.startswith(b"EHLO"):
                replies = [b"250-mail.test\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n"]
            else:
                replies = answers(batch)
            for reply in replies:
                if reply:
                    writer.write(reply)
                    await asyncio.sleep(0.01)
            if b"" in replies:
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    "answers",
    [
        swallows_all_but_the_first,
        swallows_all_but_the_last,
        out_of_sequence,
        not_recognised,
        rejects_pipelining,
        hangs_up,
        hangs_up_after_mail,
        garbage,
    ],
    ids=lambda answers: answers.__name__,
)
async def test_a_server_that_cannot_do_the_pipelining_it_offers_passes_one_command_at_a_time(
    certificates: Certificates, trust: ssl.SSLContext, answers: Answers
) -> None:
    batches: list[bytes] = []
    async with batching(answers, certificates.good, batches) as port:
        tester = a_tester(OneServerNetwork(port), trust, timeout=4)
        account = replace(account_of(PROFILE), port=465, encryption=Encryption.SSL)
        report = await tester.test(account, lambda _: None)
        assert report.passed, report
        assert report.fault is None
        assert sum(batch.startswith(b"AUTH") for batch in batches) <= 2
        assert PASSWORD not in repr(report)


@pytest.mark.parametrize(
    "reply", [b"550 5.7.1 no\r\n", b"503 5.5.1 Error: need EHLO and AUTH first !\r\n", b"530 5.7.0 Authenticate\r\n"]
)
async def test_a_sender_that_is_really_refused_is_not_tried_again(
    certificates: Certificates, trust: ssl.SSLContext, reply: bytes
) -> None:
    server = ScriptedServer(tls=certificates.good, pipelining=True, acts={"MAIL": reply})
    async with at(server, trust) as there:
        report = (await there.test()).report
    assert report.failed_stage is not None
    assert report.failed_stage.name is StageName.SENDER
    assert server.connections == 1


async def test_a_server_that_does_not_know_of_its_encryption_is_told_as_that(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    behind_a_proxy = b"250-mail.test\r\n250-STARTTLS\r\n250 8BITMIME\r\n"
    async with at(ScriptedServer(tls=certificates.good, acts={"EHLO encrypted": behind_a_proxy}), trust) as there:
        result = await there.test()
    assert result.report.fault is Fault.ENCRYPTION_NOT_SEEN
    assert "the link is encrypted" in words(result)
    assert not result.fixes
