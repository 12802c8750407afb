"""Generated JSON bodies: whatever they hold, what leaves is one letter, from the profile, with what was written."""

import json
import random
from collections.abc import Callable
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from typing import Any

import pytest

from bot.profiles.sending.rates import Rates
from tests.counts import scaled
from tests.named import case
from tests.scenario.send_api.conftest import MakeProgram
from tests.scenario.send_api.programs import EHLO, OWN, Answered, SendingProgram, parsed

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.asyncio(loop_scope="package")]

BODIES = scaled(quick=100, full=10_000)
SEED = 20261130

PIECES = (
    "Ada",
    "x",
    " ",
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "\r\n.\r\n",
    "\n.\n",
    "\0",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\u2028",
    "\u2029",
    "\ufeff",
    "\u202e",
    "é",
    "ß",
    "🎈",
    "'",
    '"',
    "\\",
    "<",
    ">",
    ",",
    ";",
    ":",
    "@",
    "(",
    ")",
    "[",
    "]",
    "=",
    "%0d%0a",
    "\\r\\n",
    "=?utf-8?q?a=0D=0AFrom:_eve=40mail.test?=",
    "=?utf-8?b?DQpGcm9tOiBldmVAbWFpbC50ZXN0?=",
    "=?",
    "?=",
    "From: eve@mail.test",
    "Bcc: eve@mail.test",
    "\r\nBcc: eve@mail.test",
    "\nFrom: eve@mail.test\n",
    "MAIL FROM:<eve@mail.test>\r\nRCPT TO:<eve@mail.test>\r\nDATA\r\n",
    "Content-Type: text/html",
    "--===============",
    "eve@mail.test",
    f"{OWN}, eve@mail.test",
    "<eve@mail.test>",
    "ada@mail.test",
    "a" * 80,
    "b " * 600,
    "c" * 1100,
    ".",
    "..",
    "From ",
)
ADDRESSES = ("grace@mail.test", "anna@other.test", "Grace Höpper <grace@mail.test>", '"A, B" <ab@mail.test>', OWN)
NAMES = ("X-Order", "References", "In-Reply-To", "From", "Bcc", "X_A", "List-Id", "Subject", "Content-Type", "X-A:", "")
TYPES = (
    "text/plain",
    "application/pdf",
    "image/png; name=x",
    "message/rfc822",
    "multipart/mixed",
    "text",
    "a/b\r\nX: y",
)


class Bodies:
    """Makes bodies, most of them nearly right."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def text(self, most: int = 4) -> str:
        return "".join(self._random.choices(PIECES, k=self._random.randint(0, most)))

    def address(self) -> str:
        one = self._random.choice(ADDRESSES)
        return one if self._often() else self.text(1) + one + self.text(1)

    def addresses(self) -> Any:
        if self._random.random() < 0.2:
            return self.address()
        return [self.address() for _ in range(self._random.randint(0, 3))]

    def attachment(self) -> dict[str, Any]:
        made: dict[str, Any] = {
            "filename": self.text() or "a.txt",
            "content": self._random.choice(("", "QUJD", "=", "QQ==")),
        }
        if self._random.random() < 0.5:
            made["contentType"] = self._random.choice(TYPES)
        if self._random.random() < 0.3:
            made["cid"] = self._random.choice(("label-1", "a@b", self.text(2)))
        return made

    def body(self) -> dict[str, Any]:
        made: dict[str, Any] = {"to": self.addresses() if self._random.random() < 0.9 else "grace@mail.test"}
        values: dict[str, Callable[[], Any]] = {
            "cc": self.addresses,
            "bcc": self.addresses,
            "subject": self.text,
            "text": lambda: self.text(8),
            "html": lambda: self.text(8),
            "attachments": lambda: [self.attachment() for _ in range(self._random.randint(0, 3))],
            "replyTo": self.addresses,
            "headers": lambda: {self._random.choice(NAMES): self.text() for _ in range(self._random.randint(0, 3))},
            "from": lambda: self._random.choice((OWN, f"Ada <{OWN}>", self.text(), f"{self.text()} <{OWN}>")),
        }
        for name, value in values.items():
            if self._random.random() < 0.4:
                made[name] = value()
        if not self._often():
            made[self._random.choice((*values, "to", "zzz"))] = self._random.choice((None, 5, [[]], {}, [None], True))
        return made

    def _often(self) -> bool:
        return self._random.random() < 0.85


def check(program: SendingProgram, body: dict[str, Any], answer: Answered) -> None:
    """Hold what left to what was written."""
    letters = program.letters
    assert len(letters) == (1 if answer.status == 200 else 0)
    assert answer.status in (200, 400, 403), answer.members
    if answer.status != 200:
        return
    (letter,) = letters
    assert program.envelopes[0] == OWN.encode()
    assert b"eve@" not in b" ".join(program.envelopes) or "eve@" in json.dumps(
        [body.get(n) for n in ("to", "cc", "bcc")]
    )
    assert b"\n" not in letter.replace(b"\r\n", b"")
    assert b"\r" not in letter.replace(b"\r\n", b"")
    assert max(map(len, letter.split(b"\r\n"))) <= 998
    head: Message[str, str] = BytesHeaderParser(policy=compat32).parsebytes(letter)
    own = {"received", "from", "to", "cc", "reply-to", "subject", "date", "message-id", "mime-version"}
    own |= {"content-type", "content-transfer-encoding"}
    given = [name.lower() for name in body.get("headers") or {}]
    names = [name.lower() for name, _ in head.items()]
    assert set(names) <= {*own, *given}
    assert all(names.count(name) == 1 for name in set(names) - set(given))
    message = parsed(letter)
    assert [one.addr_spec.lower() for one in message["From"].addresses] == [OWN]
    files = body.get("attachments") or []
    parts = [part for part in message.walk() if part.get_content_disposition()]
    names_of_files = sorted(str(file["filename"]).strip() for file in files)
    assert sorted(str(part.get_filename()).strip() for part in parts) == names_of_files
    if body.get("html") is None:
        text = message.get_body(("plain",))
        assert text is not None
        wanted = str(body.get("text") or "").replace("\r\n", "\n").replace("\r", "\n")
        assert text.get_content().replace("\r\n", "\n").rstrip("\n") == wanted.rstrip("\n")


async def test_generated_bodies_let_one_letter_leave_or_none_and_nothing_breaks(
    make_program: MakeProgram, caplog: pytest.LogCaptureFixture
) -> None:
    bodies = Bodies(SEED)
    sent = 0
    acts = {"EHLO encrypted": EHLO.replace(b"250-8BITMIME", b"250-SMTPUTF8\r\n250-8BITMIME")}
    async with make_program(acts, filled={"Messages a day": "10000"}) as program:
        program.demo.bot.sending.rates = Rates(program=BODIES, workspace=BODIES)
        for number in range(BODIES):
            body = bodies.body()
            with case(f"body {number} of seed {SEED}: {json.dumps(body)}"):
                program.provider.heard.clear()
                answer = await program.send(body)
                check(program, body, answer)
                sent += answer.status == 200
    assert sent > BODIES // 20
    assert "A request of a program failed" not in caplog.text
