"""Sessions of hostile clients: what they say is put together of commands, letters and rubbish."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from hypothesis import strategies as st

from tests.fakes.smtp_client import RawClient, plain
from tests.scenario.programs.conftest import ADA_ADDRESS, GRACE_ADDRESS

EVE = "eve@evil.example"
ENDS = (
    *(b"\r\n.\r\n", b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\r\n.\n", b"\r\r\n.\r\r\n", b"\n\n.\r\n"),
    *(
        b"\r\n\x00.\r\n",
        b"\r\n.\x00\r\n",
        b"\r\n.\r\r\n",
        b"\r\n..\r\n",
        b"\r\n. \r\n",
        b"\x0b.\x0b",
        b"\r\n.\x85",
        b"\x00\n.\n",
    ),
)
"""What ends a letter here or somewhere else."""

_SMUGGLED = (
    f"MAIL FROM:<{ADA_ADDRESS}>\r\nRCPT TO:<{GRACE_ADDRESS}>\r\nDATA\r\nFrom: {EVE}\r\nSubject: smuggled\r\n\r\nx"
)
_COMMANDS = (
    *(
        "EHLO a",
        "HELO a",
        "RSET",
        "NOOP",
        "VRFY ada",
        "HELP",
        "QUIT",
        "STARTTLS",
        "AUTH PLAIN",
        "AUTH LOGIN",
        "*",
        "",
        "DATA",
    ),
    *(
        f"MAIL FROM:<{ADA_ADDRESS}>",
        f"MAIL FROM:<{EVE}>",
        "MAIL FROM:<>",
        f"MAIL FROM:<{ADA_ADDRESS.upper()}> SMTPUTF8",
    ),
    *(
        f"MAIL FROM:<{ADA_ADDRESS}> SIZE=10 BODY=8BITMIME",
        f"MAIL FROM:<{ADA_ADDRESS}>,<{EVE}>",
        f"MAIL FROM:{EVE} <{ADA_ADDRESS}>",
    ),
    *(
        f"RCPT TO:<{GRACE_ADDRESS}>",
        f"RCPT TO:<{ADA_ADDRESS}>",
        "RCPT TO:<nobody@demo.example>",
        f'RCPT TO:<"{EVE}"@demo.example>',
    ),
    *(
        f"RCPT TO:<{GRACE_ADDRESS}> NOTIFY=NEVER",
        "RCPT TO:<>",
        "BDAT 10 LAST",
        "XCLIENT LOGIN=ada",
        "DATA x",
        "AUTH PLAIN =",
    ),
)
_FROMS = (
    f"From: {ADA_ADDRESS}",
    f"From: Ada <{ADA_ADDRESS}>",
    f"from:{ADA_ADDRESS}",
    f"From: {EVE}",
    f"From: {ADA_ADDRESS}, {EVE}",
    f'From: "{EVE}" <{ADA_ADDRESS}>',
    f"From: <{EVE}> <{ADA_ADDRESS}>",
    f"From: {ADA_ADDRESS} ({EVE})",
    f"From: {EVE}\r\n <{ADA_ADDRESS}>",
    f"From: {ADA_ADDRESS}\r\nFrom: {EVE}",
    f"From : {EVE}\r\nFrom: {ADA_ADDRESS}",
    f"From\x00: {EVE}\r\nFrom: {ADA_ADDRESS}",
    f"From:{EVE}\nFrom: {ADA_ADDRESS}",
    f"From: {ADA_ADDRESS}\r\nSender: {EVE}",
    f"From: {ADA_ADDRESS}\r\nResent-From: {EVE}",
    f"\r\nFrom: {ADA_ADDRESS}",
    f" From: {EVE}\r\nFrom: {ADA_ADDRESS}",
    f"X: 1\r\n\r\nFrom: {ADA_ADDRESS}",
    f"From: =?utf-8?q?{EVE.replace('@', '=40')}?= <{ADA_ADDRESS}>",
    f"From: group: {EVE}, {ADA_ADDRESS};",
    f"From: <@{EVE}:{ADA_ADDRESS}>",
    "",
)
_LETTERS = st.builds(
    lambda sender, ends, bodies: b"".join(
        part for pair in zip((f"{sender}\r\nSubject: x\r\n\r\n".encode(), *bodies), ends, strict=False) for part in pair
    ),
    st.sampled_from(_FROMS),
    st.lists(st.sampled_from(ENDS), min_size=1, max_size=4),
    st.lists(st.sampled_from([_SMUGGLED.encode(), b"body", b"." * 3, b"y" * 1200, b"", b"QUIT\r\n"]), max_size=4),
)
_LINES = st.builds(
    lambda command, end: command.encode() + end,
    st.sampled_from(_COMMANDS),
    st.sampled_from([b"\r\n"] * 6 + [b"\n", b"\r", b"\0\r\n", b" \r\n", b"\r\r\n"]),
)
_BEHIND_DATA = re.compile(rb"data[^\n]*\n.", re.IGNORECASE | re.DOTALL)
_GOOD = (f"MAIL FROM:<{ADA_ADDRESS}>\r\nRCPT TO:<{GRACE_ADDRESS}>\r\n".encode(), b"DATA\r\n")
SESSIONS = st.lists(
    st.one_of(
        _LETTERS.map(lambda letter: (*_GOOD, letter, b"\r\n.\r\n")),
        st.lists(_LINES, min_size=1, max_size=4).map(lambda lines: (b"".join(lines),)),
        _LINES.map(lambda line: (line,)),
        _LETTERS.map(lambda letter: (letter,)),
        st.binary(max_size=40).map(lambda rubbish: (rubbish,)),
    ),
    min_size=1,
    max_size=6,
).map(lambda steps: [part for step in steps for part in step])


@dataclass
class Played:
    """What came of a session: the replies."""

    replies: list[str] = field(default_factory=list)
    letter: bytes | None = None
    """What was sent of the letter under way, and the line end before it."""

    @property
    def taken(self) -> int:
        """How often the client was told that a letter was taken."""
        return sum("250 2.0.0 mail.demo.example" in reply for reply in self.replies)


async def play(client: RawClient, token: str | None, steps: list[bytes], *, pieces: int, breaks_off: bool) -> Played:
    """Play a session, each step in pieces of so many bytes (0: whole), each line's answer waited for.

    Without a token nobody signs in; who breaks off ends the connection without a goodbye.
    """
    played = Played()
    async with client:
        await client.greeted()
        if token is not None:
            assert (await client.say(f"AUTH PLAIN {plain(ADA_ADDRESS, token)}")).startswith("235")
        for step in steps:
            # In pieces, what comes behind DATA would be a letter or not, as it happens.
            for piece in _cut(step, 0 if _BEHIND_DATA.search(step) else pieces):
                client.send(piece)
                await asyncio.sleep(0)
            if breaks_off and step is steps[-1]:
                return played
            if not await _answers(client, played, step):
                return played
        for step in (b"\r\n.\r\n", b"QUIT\r\n"):
            client.send(step)
            if not await _answers(client, played, step):
                break
    return played


async def _answers(client: RawClient, played: Played, step: bytes) -> bool:
    """Wait until every line of a step was answered, and a letter that ends in it; returns False at the end of all."""
    lines = step
    if played.letter is not None:
        before, end, lines = (played.letter + step).partition(b"\r\n.\r\n")
        if not end:
            played.letter = before
            return True
        played.letter = None
        if not await _read(client, played):
            return False
    for _ in range(lines.count(b"\n")):
        if played.letter is None and not await _read(client, played):
            return False
    return True


async def _read(client: RawClient, played: Played) -> bool:
    """Read a reply; returns False once the connection has ended."""
    reply = ""
    with suppress(ConnectionError):
        reply = await client.reply()
    played.replies.append(reply)
    if reply.startswith("354"):
        played.letter = b"\r\n"
    return bool(reply) and not reply.startswith("221")


def _cut(step: bytes, pieces: int) -> Iterator[bytes]:
    if not pieces:
        yield step
        return
    for place in range(0, len(step), pieces):
        yield step[place : place + pieces]
