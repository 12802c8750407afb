"""A program that sends through the API, and the mail server behind it."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import aiohttp

from bot.demo.run import Demo
from tests.fakes.smtp_server import ScriptedServer

OWN = "ada@mail.test"
"""The address of the profile that programs send with here."""

EHLO = b"250-mail.test\r\n250-SIZE 35000000\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN LOGIN\r\n"
"""What the mail server offers once it is encrypted."""

LETTER = b"From: ada@mail.test\r\nTo: grace@mail.test\r\nSubject: Label\r\n\r\nReady.\r\n"


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a program was answered."""

    status: int
    headers: Mapping[str, str]
    members: dict[str, Any]

    @property
    def problem(self) -> str:
        """The name of the problem; empty where there is none."""
        return str(self.members.get("problem", ""))


@dataclass
class SendingProgram:
    """A program with a token; each answer that it gets is held to what the API promises of all of them."""

    demo: Demo
    provider: ScriptedServer
    session: aiohttp.ClientSession
    token: str = field(repr=False)

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Ask for something, with a token unless it is empty."""
        shown = self.token if token is None else token
        sent = {**({"Authorization": f"Bearer {shown}"} if shown else {}), **(headers or {})}
        url = f"{self.demo.bot_url}{path}"
        data = None if body is None else io.BytesIO(body)
        async with self.session.request(method, url, data=data, headers=sent) as answer:
            content = await answer.read()
            assert answer.headers["Content-Type"].startswith(
                "application/json" if answer.status < 400 else "application/problem+json"
            ), content
            assert self.token.encode() not in content
            members = json.loads(content)
            if answer.status >= 400:
                assert members["status"] == answer.status
                assert members["type"] == f"urn:problem-type:email-profile-bot:{members['problem']}"
                assert members["detail"].endswith(".")
            return Answered(status=answer.status, headers=answer.headers, members=members)

    async def send(self, fields: Mapping[str, Any] | bytes, *, token: str | None = None, **headers: str) -> Answered:
        """Send a letter as JSON; `_` in a header's name stands for `-`."""
        body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        return await self._send(body, "application/json", token, headers)

    async def send_raw(self, letter: bytes, *, token: str | None = None, **headers: str) -> Answered:
        """Send a letter as it is."""
        return await self._send(letter, "message/rfc822", token, headers)

    async def _send(self, body: bytes, kind: str, token: str | None, given: Mapping[str, str]) -> Answered:
        headers = {"Content-Type": kind, **{name.replace("_", "-"): value for name, value in given.items()}}
        return await self.ask("POST", "/v1/send", body, token=token, headers=headers)

    @property
    def letters(self) -> list[bytes]:
        """The letters that the provider got, as they were after the dots were taken out."""
        ends = b"\r\n.\r\n"
        got = [line[: -len(ends) + 2] for line in self.provider.lines if line.endswith(ends)]
        return [b"\r\n".join(line.removeprefix(b".") for line in letter.split(b"\r\n")) for letter in got]

    @property
    def envelopes(self) -> list[bytes]:
        """What the provider was told of senders and recipients, in their order."""
        told = [line.strip() for line in self.provider.lines if line.upper().startswith((b"MAIL", b"RCPT"))]
        return [line.partition(b"<")[2].partition(b">")[0] for line in told]

    def letter(self) -> EmailMessage:
        """Return the one letter that the provider got."""
        (content,) = self.letters
        return parsed(content)


def parsed(content: bytes) -> EmailMessage:
    """Read a letter as mail programs do."""
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message
