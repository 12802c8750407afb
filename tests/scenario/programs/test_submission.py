"""A program sends through the submission server and the profile, and is told what the provider said."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.platform import searchable
from bot.smtp.account import Encryption
from tests.fakes.certificates import Certificates
from tests.fakes.smtp_client import RawClient
from tests.fakes.smtp_server import LOGIN, OneServerNetwork, ScriptedServer, Silence, Then
from tests.scenario.people import ADA, buttons, notices_sent, open_form, set_up_elsewhere
from tests.scenario.programs.people import add_program, listed
from tests.scenario.started_before import StartedBefore

TO = "grace@elsewhere.test"
BEGUN = (f"MAIL FROM:<{LOGIN}>", f"RCPT TO:<{TO}>", "DATA")
LETTER = (
    f"From: Ada <{LOGIN}>\r\nDate: Mon, 30 Nov 2026 12:00:00 +0100\r\nMessage-ID: <1@press.test>\r\n\r\nA label.\r\n."
)
"""With the dot that ends it, and whose line end comes with the line."""


class Sends:
    """A program of Ada's, and the scripted server in the place of her provider."""

    def __init__(self, demo: Demo, provider: ScriptedServer, token: str) -> None:
        self.demo = demo
        self.provider = provider
        self.token = token

    def client(self) -> RawClient:
        """Return a connection to the submission server."""
        assert self.demo.bot.submission is not None
        return RawClient(self.demo.bot.submission.ports[Encryption.NONE])

    async def send(self) -> str:
        """Send a letter over a connection of its own; returns the last reply, which refuses it where it does."""
        async with self.client() as client:
            await client.signed_in(LOGIN, self.token)
            for line in BEGUN:
                reply = await client.say(line)
                if reply[0] not in "23":
                    return reply
            return await client.say(LETTER)

    @property
    def given(self) -> list[bytes]:
        """The letters that the provider was given."""
        return [line for line in self.provider.lines if line.endswith(b"\r\n.\r\n")]

    @property
    def sign_ins(self) -> int:
        """How often the provider was asked to sign somebody in."""
        return sum(line.startswith(b"AUTH") for line in self.provider.lines)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def sends(started: StartedBefore, certificates: Certificates, tmp_path: Path) -> AsyncIterator[Sends]:
    async with ScriptedServer(tls=certificates.good) as provider:
        given: dict[str, Any] = {"encryption_keys": started.key, "smtp_ca_file": certificates.authority_file}
        network = OneServerNetwork(provider.port)
        async with running_demo(tmp_path, network=network, submission_port=0, **given) as demo:
            await set_up_elsewhere(demo)
            yield Sends(demo, provider, await add_program(demo))
        assert not demo.workspace.refusals


async def test_a_letter_goes_out_and_the_program_s_owner_sees_that_it_was_used(sends: Sends) -> None:
    assert await sends.send() == "250 2.0.0 mail.test: queued"
    (letter,) = sends.given
    trace, _, rest = letter.partition(b"From:")
    assert trace.startswith(b"Received: by ")
    assert b"with ESMTPA id " in trace
    assert rest == LETTER.encode().partition(b"From:")[2] + b"\r\n"
    shown = searchable(await listed(sends.demo))
    assert "127.0.0.1" in shown
    assert "1 of 500" in shown or "1 today" in shown, shown


async def test_the_owner_is_told_of_a_refused_sign_in_once_and_after_the_repair_the_next_try_goes_out(
    sends: Sends,
) -> None:
    title = "Your mail server refuses the sign-in"
    sends.provider.password = "the new one"
    first = await sends.send()
    assert first.startswith(f"454 4.7.0 The mail account {LOGIN} has to be set right by its owner, in Slack")
    # The program keeps its letter, and tries again and again.
    for _ in range(3):
        assert await sends.send() == first
    assert sends.sign_ins == 1
    await notices_sent(sends.demo)
    (told,) = [one for one in sends.demo.workspace.messages(ADA) if title in searchable(one)]
    assert buttons(told) == ["Set a new password", "Test again"]
    await open_form(sends.demo, ADA)
    await sends.demo.workspace.fill(ADA, "Password", "the new one")
    assert await sends.demo.workspace.submit(ADA) == {}
    assert await sends.send() == "250 2.0.0 mail.test: queued"
    assert (sends.sign_ins, len(sends.given)) == (2, 1)
    await notices_sent(sends.demo)
    assert len([one for one in sends.demo.workspace.messages(ADA) if title in searchable(one)]) == 1


@pytest.mark.parametrize("act", [Then(b""), Then(b"25")], ids=["nothing", "half an answer"])
async def test_where_no_answer_comes_the_program_is_told_that_the_letter_may_have_been_sent(
    sends: Sends, act: Then
) -> None:
    sends.provider.acts = {"END": act}
    reply = await sends.send()
    assert reply.startswith("451 4.4.2 mail.test got the message and gave no answer, so it may have been sent.")
    assert len(sends.given) == 1


async def test_each_recipient_has_the_provider_s_own_answer(sends: Sends) -> None:
    sends.provider.acts = {
        "RCPT": lambda line: b"550 5.1.1 who?\r\n" if b"nobody" in line else b"250 2.1.5 fine\r\n",
        "END": b"250 2.6.0 Message <1@press.test> queued as 7\r\n",
    }
    async with sends.client() as client:
        await client.signed_in(LOGIN, sends.token)
        assert await client.say(BEGUN[0]) == "250 2.1.0 mail.test: OK"
        assert await client.say(f"RCPT TO:<{TO}>") == "250 2.1.5 mail.test: fine"
        assert await client.say("RCPT TO:<nobody@elsewhere.test>") == "550 5.1.1 mail.test: who?"
        assert await client.say("RCPT TO:<no address>") == (
            "553 5.1.3 This recipient is no email address; one looks like ada@example.com."
        )
        assert await client.say("DATA", LETTER) == "250 2.6.0 mail.test: Message <1@press.test> queued as 7"
        # What the provider offers is known by now.
        offered = await client.say("EHLO client.test")
        assert "250-SIZE 1000" in offered.splitlines()
        assert "250-SMTPUTF8" in offered.splitlines()
    said = [line for line in sends.provider.lines if line.startswith(b"RCPT")]
    assert said == [f"RCPT TO:<{TO}>\r\n".encode(), b"RCPT TO:<nobody@elsewhere.test>\r\n"]


async def test_a_letter_has_a_hundred_recipients_and_no_more(sends: Sends) -> None:
    async with sends.client() as client:
        await client.signed_in(LOGIN, sends.token)
        assert (await client.say(BEGUN[0])).startswith("250")
        client.send(b"".join(b"RCPT TO:<a%d@elsewhere.test>\r\n" % number for number in range(101)))
        replies = [await client.reply() for _ in range(101)]
        assert {reply[:3] for reply in replies[:100]} == {"250"}
        assert replies[100].startswith("452 4.5.3 A message has at most 100 recipients")
        assert (await client.say("DATA", LETTER)).startswith("250 2.0.0")
    assert len(sends.given) == 1


@pytest.mark.parametrize(
    ("header", "reply"),
    [
        ("From: eve@mail.test", "550 5.7.1 From in the message's header has to be ada@mail.test"),
        ("From: ada@mail.test\r\nFrom: ada@mail.test", "550 5.6.0 The message has more than one From"),
        ("Subject: no author", "550 5.6.0 The message has no From"),
        ("From: ada@mail.test\r\nSender: eve@mail.test", "550 5.7.1 Sender in the message's header has to be"),
        ("From: ada@mail.test\r\n\r\n" + "x" * 999, "550 5.6.0 A line of the message has more than 998 characters"),
        ("From: ada@mail.test\r\n\r\na\nb", "550 5.6.11 Each line of a message ends with CR and LF together"),
    ],
)
async def test_a_letter_that_breaks_a_rule_is_refused_and_the_next_one_goes_out(
    sends: Sends, header: str, reply: str
) -> None:
    async with sends.client() as client:
        await client.signed_in(LOGIN, sends.token)
        assert (await client.say(*BEGUN)).startswith("354")
        assert (await client.say(f"{header}\r\n\r\nHello\r\n.")).startswith(reply)
        assert (await client.say(*BEGUN)).startswith("354")
        assert (await client.say(LETTER)).startswith("250 2.0.0")
    assert len(sends.given) == 1


async def test_a_stop_waits_for_the_letter_that_is_under_way_and_tells_its_end(sends: Sends) -> None:
    server = sends.demo.bot.submission
    assert server is not None
    go_on = asyncio.Event()
    sends.provider.acts = {"END": Silence()}
    async with sends.client() as client, sends.client() as idle:
        await client.signed_in(LOGIN, sends.token)
        assert (await client.say(*BEGUN)).startswith("354")
        client.send(f"{LETTER}\r\n".encode())
        await sends.provider.silent.wait()
        stopping = asyncio.create_task(server.close(10.0))
        assert "421 4.3.2 The server is about to stop" in await idle.rest()
        assert not stopping.done()
        sends.provider.hang_up()
        said = (await client.rest()).splitlines()
        assert said[0].startswith("451 4.4.2 mail.test got the message and gave no answer")
        assert said[1].startswith("421 4.3.2")
        go_on.set()
        await stopping


CANARY = "kanarienvogel-7c2e"


async def test_nothing_of_a_token_or_a_letter_is_written_anywhere(
    everything_logged: io.StringIO, sends: Sends, tmp_path: Path
) -> None:
    logging.getLogger("mail.log").setLevel(logging.DEBUG)
    letter = f"From: {LOGIN}\r\nSubject: {CANARY}\r\nMessage-ID: <{CANARY}@press.test>\r\n\r\n{CANARY}\r\n."
    async with sends.client() as client:
        await client.greeted()
        await client.say(sends.token, f"AUTH PLAIN {sends.token}", f"NOOP {CANARY}")
    async with sends.client() as client:
        await client.signed_in(LOGIN, sends.token)
        assert (await client.say(*BEGUN)).startswith("354")
        assert (await client.say(letter)).startswith("250 2.0.0")
        assert (await client.say(*BEGUN)).startswith("354")
        assert (await client.say(f"X-{CANARY}\r\n{letter}")).startswith("550")
        await client.say(f"MAIL FROM:<{CANARY}@mail.test>", f"RCPT TO:<{CANARY}@mail.test>", CANARY)
    assert any(CANARY.encode() in line for line in sends.given)
    metrics = await sends.demo.bot.metrics.text()
    shown = "".join(searchable(message) for message in sends.demo.workspace.all_messages).encode()
    files = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    secret = sends.token.rpartition("_")[2]
    for where, text in (
        ("the log", everything_logged.getvalue().encode()),
        ("the metrics", metrics),
        ("messages", shown),
        ("files", files),
    ):
        assert CANARY.encode() not in text, where
        assert secret.encode() not in text, where
    assert "Serving programs" in everything_logged.getvalue()
