"""The submission server: times, bounds, its certificate, its stop, and what it logs."""

import ast
import asyncio
import io
import logging
import re
import smtplib
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from aiosmtpd import smtp
from aiosmtpd.smtp import Session
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bot.observability import log
from bot.programs.submission import connections, dialogue, server, session
from bot.programs.submission.certificate import CertificateError, ServerCertificate
from bot.programs.submission.connections import Connections, counted
from bot.programs.submission.server import Place, PortError, SubmissionServer
from bot.smtp.account import Encryption
from tests.fakes.certificate_files import NAME, CertificateFiles
from tests.fakes.smtp_client import RawClient, b64, plain
from tests.unit.programs.submission.conftest import Counted, Serving, serving
from tests.unit.programs.submission.fakes import ADDRESS, FakeSending, FakeTokens

BEGUN = (f"MAIL FROM:<{ADDRESS}>", "RCPT TO:<grace@mail.test>", "DATA")


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.002)


def client_of(serving: Serving) -> RawClient:
    return RawClient(serving.port(Encryption.NONE))


async def test_who_does_not_sign_in_is_sent_away_however_much_they_say(
    in_clear: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "SIGN_IN_SECONDS", 0.1)
    async with client_of(in_clear) as client:
        for _ in range(3):
            client.send(b"NOOP\r\n")
            await asyncio.sleep(0.02)
        assert "421 4.7.0 Nobody signed in" in await client.rest()
    assert in_clear.counted.sessions == ["late"]


async def test_a_program_that_says_nothing_is_sent_away(in_clear: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "COMMAND_SECONDS", 0.05)
    async with client_of(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        client.send(b"NOO")
        assert (await client.rest()).startswith("421 4.4.2 Nothing came")
    await until(lambda: in_clear.counted.sessions == ["late"])
    assert in_clear.sending.open_sessions == 0


async def test_a_letter_that_comes_to_no_end_is_not_waited_for_for_ever(
    in_clear: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "DATA_SECONDS", 0.1)
    async with client_of(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        await client.say(*BEGUN)
        for _ in range(3):
            client.send(b"and so on\r\n")
            await asyncio.sleep(0.02)
        assert (await client.rest()).startswith("421 4.4.2 Nothing came")
    assert in_clear.sending.letters == []


async def test_a_session_ends_in_time_and_an_answer_that_is_waited_for_is_given_first(
    in_clear: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "SESSION_SECONDS", 0.5)
    is_over = asyncio.Event()
    in_clear.sending.before_answer = is_over.wait
    async with client_of(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        await client.say(*BEGUN)
        client.send(b"Hello\r\n.\r\n")
        await asyncio.sleep(0.55)
        is_over.set()
        assert await client.reply() == "250 2.0.0 mail.test: Taken"
        assert (await client.rest()).startswith("421 4.4.2 The session has lasted too long")


async def test_a_program_that_does_not_read_is_not_waited_for_for_ever(
    in_clear: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def say_much(
        _dialogue: object, _server: object, asked: Session, _envelope: object, name: str, _usual: object
    ) -> list[str]:
        asked.host_name = name
        return [*(f"250-{'x' * 490}" for _ in range(200)), "250 AUTH PLAIN"]

    monkeypatch.setattr(dialogue.Dialogue, "handle_EHLO", say_much)
    monkeypatch.setattr(session, "UNREAD_SECONDS", 0.1)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.connect(("127.0.0.1", in_clear.port(Encryption.NONE)))
        connection.setblocking(False)
        sign_in = f"EHLO a\r\nAUTH PLAIN {plain(ADDRESS, in_clear.tokens.text)}\r\n".encode()
        async with asyncio.timeout(10):
            loop = asyncio.get_running_loop()
            with suppress(ConnectionError):
                await loop.sock_sendall(connection, sign_in)
                while "lost" not in in_clear.counted.sessions:
                    await loop.sock_sendall(connection, b"EHLO a\r\n" * 10)
                    await asyncio.sleep(0)
    await until(lambda: in_clear.server.sessions == in_clear.sending.open_sessions == 0)
    assert in_clear.counted.sign_ins == ["signed_in"]


async def test_of_a_letter_that_is_refused_the_end_is_not_waited_for_for_ever(
    in_clear: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MOST_REFUSED_BYTES", 100_000)
    in_clear.sending.most_bytes = 1000
    async with client_of(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        await client.say(*BEGUN)
        with suppress(ConnectionError):
            for _ in range(100):
                client.send(b"0123456789" * 1000)
                await client.writer.drain()
        await until(lambda: in_clear.counted.sessions == ["refused"])
    assert in_clear.sending.held < 500_000


async def test_a_program_that_leaves_while_it_waits_breaks_its_letter_off_and_ends_its_session(
    in_clear: Serving,
) -> None:
    waits, broken_off = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        waits.set()
        try:
            await asyncio.Event().wait()
        finally:
            broken_off.set()

    in_clear.sending.before_answer = wait
    async with client_of(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        await client.say(*BEGUN)
        client.send(b"Hello\r\n.\r\n")
        await waits.wait()
    await until(lambda: in_clear.sending.open_sessions == 0)
    assert broken_off.is_set()
    assert in_clear.sending.letters == []
    assert in_clear.counted.sessions == ["lost"]


async def test_a_stop_ends_idle_sessions_at_once_and_waits_for_letters_under_way(in_clear: Serving) -> None:
    may_go_on = asyncio.Event()
    in_clear.sending.before_answer = may_go_on.wait
    async with client_of(in_clear) as idle, client_of(in_clear) as busy, client_of(in_clear) as begun:
        await idle.greeted()
        await busy.signed_in(ADDRESS, in_clear.tokens.text)
        await busy.say(*BEGUN)
        busy.send(b"Hello\r\n.\r\n")
        await begun.signed_in(ADDRESS, in_clear.tokens.text)
        await begun.say(BEGUN[0])
        stopping = asyncio.create_task(in_clear.server.close(10.0))
        assert (await idle.rest()).startswith("421 4.3.2 The server is about to stop")
        assert (await begun.say(*BEGUN[1:])).startswith("354")
        assert not stopping.done()
        may_go_on.set()
        assert (await busy.rest()).splitlines() == [
            "250 2.0.0 mail.test: Taken",
            "421 4.3.2 The server is about to stop. Try again in a minute.",
        ]
        assert await begun.say("Hello\r\n.") == "250 2.0.0 mail.test: Taken"
        await stopping
        with pytest.raises(OSError, match=r"refused|failed"):
            await asyncio.open_connection("127.0.0.1", in_clear.port(Encryption.NONE))
    assert in_clear.server.sessions == 0
    assert in_clear.counted.sessions == ["stopped"] * 3
    assert in_clear.sending.open_sessions == 0


async def test_a_stop_does_not_wait_longer_than_it_is_told(in_clear: Serving) -> None:
    in_clear.sending.before_answer = asyncio.Event().wait
    async with client_of(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        await client.say(*BEGUN)
        client.send(b"Hello\r\n.\r\n")
        await asyncio.sleep(0.01)
        await in_clear.server.close(0.05)
        assert in_clear.server.sessions == 0
    assert in_clear.sending.letters == []


async def test_a_stop_does_not_wait_for_an_answer_that_nobody_is_told_any_more(
    in_clear: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "ABORTED_SECONDS", 0.05)

    is_answered = asyncio.Event()

    async def hold_on() -> None:
        while not is_answered.is_set():
            with suppress(asyncio.CancelledError):
                await is_answered.wait()

    in_clear.sending.before_answer = hold_on
    async with client_of(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        await client.say(*BEGUN)
        client.send(b"Hello\r\n.\r\n")
        await asyncio.sleep(0.01)
        async with asyncio.timeout(10):
            await in_clear.server.close(0.01)
    is_answered.set()


async def test_one_peer_has_no_more_than_its_places(in_clear: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_OF_A_PEER", 2)
    async with client_of(in_clear) as first, client_of(in_clear) as second:
        await first.greeted()
        await second.greeted()
        async with client_of(in_clear) as third:
            assert (await third.rest()).startswith("421 4.7.0 There are too many connections")
        assert await second.say("QUIT") == "221 2.0.0 Bye."
        await until(lambda: in_clear.server.sessions == 1)
        async with client_of(in_clear) as fourth:
            await fourth.greeted()
    assert in_clear.counted.sessions[0] == "crowded"


async def test_places_are_for_those_who_sign_in(in_clear: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_UNKNOWN", 2)
    monkeypatch.setattr(connections, "YOUNG_SECONDS", 0.0)
    async with client_of(in_clear) as program:
        await program.signed_in(ADDRESS, in_clear.tokens.text)
        async with client_of(in_clear) as first, client_of(in_clear) as second, client_of(in_clear) as third:
            await third.signed_in(ADDRESS, in_clear.tokens.text)
            assert "421 4.7.0 There are too many" in await first.rest()
            assert (await second.reply()).startswith("220")
            assert await second.say("NOOP") == "250 2.0.0 OK"
            assert await program.say("NOOP") == "250 2.0.0 OK"


class Noted:
    """A connection that notes whether it had to go."""

    def __init__(self) -> None:
        self.is_gone = False

    def crowd_out(self) -> None:
        self.is_gone = True

    def leave(self) -> None: ...

    def abort(self) -> None: ...


async def test_nobody_young_has_to_go_and_nobody_who_signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST", 3)
    bound = Connections()
    there = [Noted() for _ in range(3)]
    assert all(bound.admit(one, f"192.0.2.{number}") for number, one in enumerate(there))
    assert not bound.admit(Noted(), "192.0.2.9")
    monkeypatch.setattr(connections, "YOUNG_SECONDS", 0.0)
    bound.sign_in(there[0])
    assert bound.admit(Noted(), "192.0.2.9")
    assert [one.is_gone for one in there] == [False, True, False]
    assert len(bound) == 3


def test_addresses_of_one_customer_are_counted_together() -> None:
    assert counted("192.0.2.1") == counted("::ffff:192.0.2.1") == "192.0.2.1"
    assert counted("2001:db8::1") == counted("2001:db8::ffff%eth0") == "2001:db8::/64"
    assert counted("2001:db8:0:1::1") != counted("2001:db8::1")


def served_name(port: int, files: CertificateFiles) -> str:
    """Return the name in the certificate that a new connection is shown."""
    context = ssl.create_default_context(cadata=files.authority.cert_pem.bytes().decode())
    with smtplib.SMTP_SSL("127.0.0.1", port, context=context, timeout=10) as client:
        shown = client.sock.getpeercert()  # type: ignore[union-attr] # of an SSLSocket
    return str(next(value for kind, value in shown["subjectAltName"] if kind == "DNS"))


async def test_a_certificate_is_read_anew_when_it_changed_and_a_bad_one_does_not_take_its_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    files = CertificateFiles(tmp_path)
    async with serving(files) as opened:
        port = opened.port(Encryption.SSL)
        assert await asyncio.to_thread(served_name, port, files) == NAME
        files.write("renewed.example.test")
        assert await asyncio.to_thread(served_name, port, files) == "renewed.example.test"
        files.certificate.write_text("nothing of the kind")
        assert await asyncio.to_thread(served_name, port, files) == "renewed.example.test"
        files.certificate.unlink()
        assert await asyncio.to_thread(served_name, port, files) == "renewed.example.test"
        files.write("third.example.test")
        assert await asyncio.to_thread(served_name, port, files) == "third.example.test"
    told = [record.getMessage() for record in caplog.records if "certificate" in record.getMessage()]
    assert [text.split(" ", 3)[:3] for text in told] == [
        ["The", "certificate", "for"],
        ["The", "new", "certificate"],
        ["The", "new", "certificate"],
        ["The", "certificate", "for"],
    ]
    assert all(str(tmp_path) not in text for text in told)


def test_a_certificate_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    files = CertificateFiles(tmp_path)
    other = CertificateFiles(tmp_path / "others")
    with pytest.raises(CertificateError, match="the key is not that of the certificate"):
        ServerCertificate(files.certificate, other.key)
    # The new one may be of another kind.
    rsa_key = generate_private_key(public_exponent=65_537, key_size=2048)
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    other.key.write_bytes(rsa_key.private_bytes(*form))
    with pytest.raises(CertificateError, match="the key is not that of the certificate"):
        ServerCertificate(files.certificate, other.key)
    with pytest.raises(CertificateError, match="no PEM files"):
        ServerCertificate(files.key, files.key)
    with pytest.raises(CertificateError, match="No such file"):
        ServerCertificate(tmp_path / "nowhere.pem", files.key)


async def test_a_connection_that_is_not_encrypted_as_its_port_has_it_ends(encrypted: Serving) -> None:
    async with RawClient(encrypted.port(Encryption.SSL)) as client:
        client.send(b"EHLO client.test\r\n")
        with pytest.raises((ConnectionError, AssertionError)):
            assert await client.rest()
    async with RawClient(encrypted.port(Encryption.TLS)) as client:
        await client.greeted()
        await client.say("STARTTLS")
        client.send(b"EHLO client.test\r\n" * 10)
        with pytest.raises((ConnectionError, AssertionError)):
            assert await client.rest()
    await until(lambda: len(encrypted.counted.sessions) == 2)
    assert encrypted.counted.sessions[0] == "failed"
    assert encrypted.server.sessions == 0


def encrypt_and_leave(port: int, *, reset: bool) -> None:
    """Send the end of the handshake and that of the connection in one packet, as those do who look at certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(received, sent)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.sendall(sent.read())
                received.write(connection.recv(65_536))
        with suppress(ssl.SSLWantReadError):
            tls.unwrap()
        connection.sendall(sent.read())
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("reset", [False, True])
async def test_who_leaves_once_the_connection_is_encrypted_takes_no_place_and_no_line_of_the_log(
    encrypted: Serving, caplog: pytest.LogCaptureFixture, *, reset: bool
) -> None:
    for _ in range(20):
        await asyncio.to_thread(encrypt_and_leave, encrypted.port(Encryption.SSL), reset=reset)
    await until(lambda: len(encrypted.counted.sessions) == 20)
    assert encrypted.server.sessions == 0
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_old_tls_is_refused(encrypted: Serving, files: CertificateFiles) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        async with RawClient(encrypted.port(Encryption.SSL), tls=context):
            pass


async def test_a_port_that_is_taken_is_told_with_its_setting(in_clear: Serving) -> None:
    port = in_clear.port(Encryption.NONE)
    second = SubmissionServer(
        Place(host="127.0.0.1", port=port, tls_port=None, name=NAME),
        certificate=None,
        tokens=FakeTokens().rules(),
        sending=FakeSending().rules(),
        observer=Counted(),
    )
    with pytest.raises(PortError, match=f"nothing can be served on 127.0.0.1:{port} ") as caught:
        await second.open()
    assert caught.value.setting == "SUBMISSION_PORT"
    assert second.sessions == 0


async def test_the_loopback_of_ipv6_is_this_machine_too_and_an_address_is_announced_in_brackets() -> None:
    tokens = FakeTokens()
    there = SubmissionServer(
        Place(host="::1", port=0, tls_port=None, name="::1"),
        certificate=None,
        tokens=tokens.rules(),
        sending=FakeSending().rules(),
        observer=Counted(),
    )
    try:
        await there.open()
    except PortError:
        pytest.skip("needs IPv6 on the loopback")

    def sign_in() -> bytes:
        with smtplib.SMTP("::1", there.ports[Encryption.NONE], timeout=10) as client:
            announced = client.ehlo()[1].splitlines()[0]
            client.login(ADDRESS, tokens.text)
            return announced

    assert await asyncio.to_thread(sign_in) == b"[IPv6:::1]"
    assert tokens.asked == [(ADDRESS, "::1")]
    await there.close(1.0)


async def test_in_the_clear_only_this_machine_is_served(monkeypatch: pytest.MonkeyPatch, in_clear: Serving) -> None:
    monkeypatch.setattr(server, "ip_address", lambda _: type("Address", (), {"is_loopback": False}))
    async with client_of(in_clear) as client:
        with pytest.raises((ConnectionError, AssertionError)):
            assert await client.rest()


CANARY = "kanarienvogel-5b1"


async def test_nothing_of_a_token_or_a_letter_is_logged_however_much_is_asked_for(
    in_clear: Serving, encrypted: Serving, files: CertificateFiles
) -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root, library = logging.getLogger(), logging.getLogger("mail.log")
    levels = root.level, library.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    library.setLevel(logging.DEBUG)
    trust = ssl.create_default_context(cadata=files.authority.cert_pem.bytes().decode())
    try:
        for opened, client in (
            (in_clear, client_of(in_clear)),
            (encrypted, RawClient(encrypted.port(Encryption.SSL), tls=trust)),
        ):
            async with client:
                await client.greeted()
                # In every wrong place, too.
                await client.say(opened.tokens.text, f"AUTH PLAIN {CANARY}", f"AUTH LOGIN {b64(CANARY)}", b64(CANARY))
                await client.say(f"AUTH XOAUTH2 {b64(CANARY)}", f"NOOP {CANARY}", f"HELO {CANARY}", "EHLO a")
                await client.say(f"AUTH PLAIN {plain(ADDRESS, opened.tokens.text)}", f"VRFY {CANARY}")
                await client.say(f"MAIL FROM:<{CANARY}@mail.test>", f"RCPT TO:<{CANARY}@mail.test>", *BEGUN)
                await client.say(f"Subject: {CANARY}\r\n\r\n{CANARY}\r\n.", f"{CANARY} {CANARY}", "QUIT")
    finally:
        root.removeHandler(handler)
        root.setLevel(levels[0])
        library.setLevel(levels[1])
    text = written.getvalue()
    for secret in (CANARY, b64(CANARY).rstrip("=")[:-1], in_clear.tokens.text, encrypted.tokens.text, "epb_"):
        assert secret not in text
    for opened in (in_clear, encrypted):
        assert b64(opened.tokens.text)[:-4] not in text
        assert plain(ADDRESS, opened.tokens.text)[:-4] not in text
        assert len(opened.sending.letters) == 1


def test_the_program_logs_nothing_of_the_library_either() -> None:
    assert log.LIBRARY_LEVELS["mail"] == logging.CRITICAL


async def test_every_reply_but_greetings_has_an_enhanced_code(in_clear: Serving) -> None:
    lines = ("RSET", "NOOP", "VRFY a", "HELP", "EXPN", "ETRN", "MAIL", "RCPT", "DATA", "DATA x", "AUTH", "STARTTLS")
    async with client_of(in_clear) as client:
        await client.signed_in(ADDRESS, in_clear.tokens.text)
        for line in (
            *lines,
            *BEGUN[:2],
            "MAIL FROM:<ada@mail.test>",
            "STARTTLS x",
            "RCPT TO:<a> X=1",
            "QUIT x",
            "QUIT",
        ):
            reply = await client.say(line)
            assert re.match(r"([245])\d\d \1\.\d+\.\d+ \S", reply), f"{line}: {reply}"


def test_the_private_parts_of_the_library_are_left_alone() -> None:
    own = {
        node.attr
        for file in (Path(session.__file__), Path(dialogue.__file__))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
    }
    assert own
    library = set(re.findall(r"\b_[a-z]\w*", Path(smtp.__file__).read_text(encoding="utf-8")))
    streams = {name for name in dir(asyncio.StreamReaderProtocol) if name.startswith("_")}
    assert own & (library | streams) == set()
