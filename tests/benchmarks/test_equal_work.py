"""A side of a comparison that did less than the others is named as failed, with the reason and without a ratio."""

import asyncio
import json
import smtplib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from slack_sdk.signature import SignatureVerifier

from bot.smtp.account import Encryption
from storage.crypto.keyring import generate_key
from tests.benchmarks import commands, connections, files, load, store, thousand
from tests.benchmarks.client import signed
from tests.benchmarks.driver import Outcome
from tests.benchmarks.figures import Comparison, Failed, Figure, MachineLoad, UnequalWorkError, attempted, print_table
from tests.benchmarks.mail_server import MailServer, Session, mail_server
from tests.fakes.smtp_server import LOGIN, PASSWORD

SECRET = "0123456789abcdef0123456789abcdef"
ANSWER = {"response_type": "ephemeral", "text": "Your email profile: it works.", "blocks": [{"type": "divider"}]}


def test_who_failed_once_is_named_with_the_reason_and_has_no_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    comparison: Comparison[float] = Comparison(base="bare")
    for ours, theirs, swaks in ((2.0, 1.0, 1.0), (4.0, 1.0, Failed("the server saw no AUTH")), (9.0, 3.0, 0.1)):
        comparison.note("ours", ours)
        comparison.note("bare", theirs)
        comparison.note("swaks", swaks)

    def cells(side: str) -> Sequence[str]:
        return [comparison.figure(side, lambda value: value).text(1, " s"), comparison.ratio(side, lambda value: value)]

    print_table(["side", "took", "beside bare"], comparison.rows(cells), runs=3, load=MachineLoad())
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert rows[2] == "| ours | 4.0 s (2.0–9.0) | 3.00 × (2.00–4.00) |"
    assert rows[4] == "| swaks | failed: the server saw no AUTH |  |"


def test_nobody_has_a_ratio_when_the_side_that_all_are_compared_with_failed() -> None:
    comparison: Comparison[float] = Comparison(base="bare")
    comparison.note("ours", 1.0)
    comparison.note("bare", Failed("it answered nothing"))
    assert comparison.ratio("ours", lambda value: value) == "–"


def test_a_figure_is_told_with_its_range() -> None:
    assert Figure([3100.4, 3447.0, 3580.2]).text(0, "/s") == "3,447/s (3,100–3,580)"


def test_the_load_of_the_machine_is_told() -> None:
    assert "load of the machine" in MachineLoad().text()


# Acknowledging a command


Handler = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def rival(handler: Handler) -> AsyncIterator[commands.Server]:
    application = web.Application()
    application.router.add_post("/slack/events", handler)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield commands.Server(port=runner.addresses[0][1], pid=1)
    finally:
        await runner.cleanup()


def handler(
    answer: dict[str, Any] = ANSWER, *, checks: bool = True, failing_every: int = 0, plain: str | None = None
) -> Handler:
    verifier, taken = SignatureVerifier(SECRET), [0]

    async def handle(request: web.Request) -> web.Response:
        good = verifier.is_valid_request(await request.text(), dict(request.headers))
        if checks and not good:
            return web.Response(status=401)
        taken[0] += 1
        if failing_every and taken[0] % failing_every == 0:
            return web.Response(status=500)
        return web.Response(text=json.dumps(answer) if plain is None else plain)

    return handle


async def measured(of: Handler) -> commands.Figures | Failed:
    fields = commands.fields_of("U0ADA")
    work = commands.Work(request=signed(SECRET, fields), forged=signed("f" * 32, fields), answer=ANSWER)
    async with rival(of) as server:
        return await attempted(commands.measured(server, work, seconds=0.1))


async def test_a_server_that_sends_the_same_answer_is_measured() -> None:
    assert isinstance(await measured(handler()), commands.Figures)


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        (handler(plain="ok"), "answers were other than wanted, 2 bytes for"),
        (handler({**ANSWER, "blocks": []}), "answers were other than wanted"),
        (handler(plain=""), "answers were other than wanted, 0 bytes for"),
        (handler(checks=False), "a forged signature was answered with 200"),
        (handler(failing_every=7), "requests were answered with 500"),
    ],
    ids=["short", "less", "nothing", "unchecked", "broken"],
)
async def test_a_server_that_does_less_is_named_as_failed(of: Handler, reason: str) -> None:
    failed = await measured(of)
    assert isinstance(failed, Failed)
    assert reason in failed.reason


# Testing a connection


def client(*, sign_in: str | None = PASSWORD, sender: bool = True, recipient: bool = True, leave: bool = True) -> Any:
    """A client that leaves something out; it checks no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def work(port: int) -> None:
        smtp = smtplib.SMTP_SSL("127.0.0.1", port, context=context, timeout=5, local_hostname="x")
        smtp.ehlo()
        if sign_in is not None:
            smtp.docmd("AUTH", f"PLAIN {connections.plain(LOGIN, sign_in)}")
        if sender:
            smtp.mail(LOGIN)
        if recipient:
            smtp.rcpt(LOGIN)
        if leave:
            smtp.quit()
        else:
            smtp.close()

    return lambda port: asyncio.to_thread(work, port)


async def idle(_port: int) -> None:
    """What a program does that ends at once."""


async def result(server: MailServer, work: connections.Client) -> connections.Tested | Failed:
    return await attempted(connections.tested(server, server.tls_port, work, tests=1, delay=0))


async def test_a_client_that_does_less_than_a_whole_test_is_named_as_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.benchmarks.mail_server.SESSION_SECONDS", 0.5)
    async with mail_server(tmp_path) as server:
        for work, reason in (
            (client(sign_in=None), "the server saw no AUTH"),
            (client(sign_in="wrong"), "the server answered AUTH with 535"),
            (client(sender=False), "the server saw no MAIL"),
            (client(recipient=False), "the server saw no RCPT"),
            (client(leave=False), "the server saw no QUIT"),
            (idle, "the server saw no session"),
        ):
            assert await result(server, work) == Failed(reason)
        whole = await result(server, client())
        assert isinstance(whole, connections.Tested)
        assert whole.replies == 6


async def test_a_swaks_that_did_not_test_is_named_as_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.benchmarks.mail_server.SESSION_SECONDS", 0.5)
    no_tls = "*** TLS not available: requires Net::SSLeay.  Exiting"
    cases = {
        None: "it is not installed",
        f"echo '{no_tls}'; exit 10": f"it ended with 10 {no_tls}",
        "exit 0": "the server saw no session",
    }
    async with mail_server(tmp_path) as server:
        monkeypatch.setenv("PATH", str(tmp_path))
        for script, reason in cases.items():
            if script is not None:
                (tmp_path / "swaks").write_text(f"#!/bin/sh\n{script}\n")
                (tmp_path / "swaks").chmod(0o755)
            kind = connections.kind_of("TLS", server.tls_port, Encryption.SSL, tmp_path / "authority.pem")
            swaks = next(client for client in kind.clients if client.startswith("swaks"))
            kind.comparison.note(swaks, await result(server, kind.clients[swaks]))
            assert kind.cell(swaks) == f"failed: {reason}"


def whole_session() -> Session:
    return Session((("greeting", 220), ("EHLO encrypted", 250), ("verdict", 235), ("QUIT", 221)))


@pytest.mark.parametrize(
    ("seen", "sessions", "reason"),
    [
        (thousand.Run(passed=999, acks=[0.1, 0.1]), 1000, "999 of 1000 tests passed"),
        (thousand.Run(passed=1000, acks=[0.1, 0.1]), 998, "the server saw 998 of 1000 clients sign in"),
        (thousand.Run(passed=1000, acks=[0.1, 0.1], lost=1), 1000, "1 commands were not answered, 2 were"),
    ],
)
def test_a_thousand_tests_of_which_some_were_none_are_named_as_failed(
    seen: thousand.Run, sessions: int, reason: str
) -> None:
    with pytest.raises(UnequalWorkError, match=reason):
        thousand.require_all_done(seen, [whole_session()] * sessions)


# Commands at a rate


@pytest.mark.parametrize(
    ("command", "outcome", "kind"),
    [
        (("/email-profile", ""), (0.1, 200, '{"text":"Your email profile: it works."'), "served"),
        (("/email-profile", ""), (0.1, 200, '{"text":"Something went wrong (reference 1)'), "wrong"),
        (("/email-profile", ""), (0.1, 200, ""), "wrong"),
        (("/email-extra", ""), (0.1, 200, '{"text":"Your email profile: it works."'), "wrong"),
        (("/email-profile", "edit"), (0.1, 200, ""), "served"),
        (("/email-profile", "edit"), (0.1, 200, '{"text":"Something went wrong'), "wrong"),
        (("/email-profile", ""), (0.1, 200, '{"text":"The bot is busy. Nothing was done."'), "busy"),
        (("/email-profile", ""), (0.1, 503, "busy"), "5xx"),
        (("/email-profile", ""), (None, 0, ""), "silent"),
    ],
)
def test_an_answer_is_told_by_what_it_says(command: load.Command, outcome: Outcome, kind: str) -> None:
    assert load.kind_of(command, outcome) == kind


def offered(*outcomes: Outcome) -> load.Offered:
    command = ("/email-profile", "")
    return load.Offered(commands=[command] * len(outcomes), outcomes=outcomes, rss=(1, 1, 1), cpu=1, forms=0)


def test_a_load_that_was_not_served_has_no_figures() -> None:
    good: Outcome = (0.1, 200, '{"text":"Your email profile: it works."')
    figures = {"half within": lambda one: one.percentile("served", 50)}
    assert load.rows_of("load", [offered(good, good)], allowed={"served"}, figures=figures) == [
        ["load: half within", "100 (100–100)"]
    ]
    rows = load.rows_of(
        "load", [offered(good, good), offered(good, (0.1, 500, ""))], allowed={"served"}, figures=figures
    )
    assert rows == [["load", "failed: 2 sent: served 1, 5xx 1; 0 of 0 forms opened"]]


# Reading records


async def test_who_reads_less_than_the_record_is_named_as_failed() -> None:
    async def whole(_user: str) -> bytes:
        return store.DOCUMENT

    async def half(_user: str) -> bytes:
        return store.DOCUMENT[:10]

    timed = await store.timed({"whole": whole, "half": half})
    assert isinstance(timed["whole"], float)
    assert timed["half"] == Failed(f"10 bytes of a record were read in place of {len(store.DOCUMENT)}")


# Files


async def test_only_what_a_request_calls_is_counted() -> None:
    counting = files.Counting("a password")

    async def someone_else() -> None:
        generate_key()

    async def act() -> None:
        generate_key()

    async def request() -> None:
        files.of_a_request.set(True)
        await asyncio.create_task(act())

    with counting.everywhere():
        alone = await counting.record(lambda: asyncio.create_task(someone_else()))
        recording = await counting.record(lambda: asyncio.create_task(request()))
    assert not alone.files
    assert dict(recording.files) == {"storage/crypto/keyring.py": 1}
