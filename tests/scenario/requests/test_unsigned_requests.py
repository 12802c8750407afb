"""What Slack did not sign costs next to nothing: refused by its head, never parsed, told in the log now and then."""

import asyncio
import gzip
import json
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from bot.demo.run import Demo
from bot.demo.stand_in.delivery import encoded
from bot.slack.signature import SlackSignature
from tests.named import case
from tests.scenario.people import ADA
from tests.scenario.raw_http import Wire, head, signed_bytes, wire

pytestmark = pytest.mark.databases("sqlite")

MOST = 256 * 1024
COMMAND = {"command": "/email-profile", "text": "help", "team_id": "T0DEMO", "user_id": ADA}
FORM = "application/x-www-form-urlencoded"


def signed(demo: Demo, body: bytes, *, at: int | None = None) -> dict[str, str]:
    return signed_bytes(demo.workspace.signing_secret, body, at=at)


def command(size: int = 0) -> bytes:
    """A command that is answered with the help, filled up to a size."""
    body = encoded("slash_commands", COMMAND)[0].encode()
    return body + b"&x=" + b"x" * (size - len(body) - 3) if size else body


async def status_of(demo: Demo, request: bytes) -> int:
    """Send a request; returns the status of its answer."""
    async with wire(demo.bot_url) as connection:
        connection.send(request)
        return await connection.status()


async def asked(demo: Demo, request: bytes) -> bytes:
    """Send a request and hang up nothing; returns all that is answered until the bot closes."""
    async with wire(demo.bot_url) as connection:
        connection.send(request)
        return await connection.everything()


def heads(demo: Demo) -> Mapping[str, dict[str, str]]:
    """Heads that cannot be Slack's; each is right but for one thing."""
    right, now = signed(demo, command()), int(time.time())
    stamp, sign = right["X-Slack-Request-Timestamp"], right["X-Slack-Signature"]
    stamps = {
        "no timestamp": None,
        "an empty one": "",
        "one of six minutes ago": str(now - 360),
        "one of in six minutes": str(now + 360),
        "a word": "soon",
        "digits of another script": "".join(chr(ord("٠") + int(digit)) for digit in stamp),
        "a sign": f"+{stamp}",
        "a fraction": f"{stamp}.5",
        "a huge one": "9" * 400,
        "below nothing": "-1",
    }
    signs = {
        "no signature": None,
        "no version": sign.removeprefix("v0="),
        "of another version": sign.replace("v0=", "v1="),
        "too short": sign[:-1],
        "too long": f"{sign}0",
        "in capitals": sign.upper(),
        "no digits": "v0=" + "é" * 64,
    }
    wrong = {name: {**right, "X-Slack-Request-Timestamp": value} for name, value in stamps.items()}
    wrong |= {name: {**right, "X-Slack-Signature": value} for name, value in signs.items()}
    return {name: {key: value for key, value in fields.items() if value is not None} for name, fields in wrong.items()}


async def test_what_cannot_be_slacks_by_its_head_is_refused_before_a_byte_of_its_body(http_demo: Demo) -> None:
    wrong = heads(http_demo)
    # Each waits a second for a body that does not come, after its answer.
    answers = await asyncio.gather(
        *(asked(http_demo, head(Content_Length=1000, Content_Type=FORM, **fields)) for fields in wrong.values())
    )
    for name, said in zip(wrong, answers, strict=True):
        with case(name):
            assert said.startswith(b"HTTP/1.1 401 ")
            assert b"connection: close" in said.lower()


async def test_what_says_that_it_is_too_large_is_refused_before_a_byte_of_its_body(http_demo: Demo) -> None:
    requests = (head(Content_Length=length, **signed(http_demo, b"")) for length in (MOST + 1, 10**9, 10**30))
    # The last one is no length for anybody.
    assert [await status_of(http_demo, request) for request in requests] == [413, 413, 400]


async def test_what_turns_out_too_large_is_read_no_further(http_demo: Demo) -> None:
    body = command(MOST + 1)
    fields = {"Transfer-Encoding": "chunked", "Content-Type": FORM, **signed(http_demo, body)}
    # The last chunk is announced and never comes: whoever wants to read it all waits.
    chunk = b"%x\r\n%s\r\n" % (len(body), body) + b"10\r\n"
    assert await status_of(http_demo, head(**fields) + chunk) == 413


async def test_a_request_as_large_as_may_be_is_served(http_demo: Demo) -> None:
    body = command(MOST)
    assert len(body) == MOST
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{http_demo.bot_url}/slack/events", data=body, headers={"Content-Type": FORM, **signed(http_demo, body)}
        ) as answer,
    ):
        assert (answer.status, "email-profile edit" in await answer.text()) == (200, True)


async def test_nothing_of_a_forged_request_is_parsed(http_demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[object] = []
    # Whatever reads bodies for Bolt, or looks for a command in them, would note it.
    for place in (
        "bot.slack.request.to_bolt_request",
        "bot.slack.request.looks_like_command",
        "slack_bolt.request.async_request.parse_body",
    ):
        monkeypatch.setattr(place, lambda *what, **_: parsed.append(what))
    monkeypatch.setattr("bot.slack.middleware.overload.MOST_AT_ONCE", 0)
    bodies = [command(), json.dumps({"type": "event_callback"}).encode(), b"payload=%7B%7D", b"\xff\xfe", b"{" * 9000]
    for body in bodies:
        forged = {**signed(http_demo, body + b" "), "Content-Type": FORM, "Content-Length": str(len(body))}
        async with wire(http_demo.bot_url) as connection:
            connection.send(head(**forged) + body)
            assert await connection.status() == 401
    assert parsed == []


async def test_the_signature_is_that_of_the_bytes_that_came(http_demo: Demo) -> None:
    # A compressed body that Slack would have signed before compressing it: never unpacked, so never a bomb.
    bomb = gzip.compress(command(8 * MOST))
    assert len(bomb) < MOST
    fields = {"Content-Encoding": "gzip", "Content-Type": FORM, "Content-Length": str(len(bomb))}
    for signs, status in ((signed(http_demo, command(8 * MOST)), 401), (signed(http_demo, bomb), 400)):
        async with wire(http_demo.bot_url) as connection:
            connection.send(head(**fields, **signs) + bomb)
            assert await connection.status() == status
    body = command().replace(b"text=help", b"text=h\xe9lp")
    latin = {"Content-Type": f"{FORM}; charset=latin-1", "Content-Length": str(len(body))}
    async with wire(http_demo.bot_url) as connection:
        connection.send(head(**latin, **signed(http_demo, body.decode("latin-1").encode())) + body)
        assert await connection.status() == 401


async def test_who_asks_before_sending_a_body_is_refused_before_it(http_demo: Demo) -> None:
    body = command()
    asks = {"Expect": "100-continue", "Content-Type": FORM, "Content-Length": str(len(body))}
    assert await status_of(http_demo, head(**asks, **signed(http_demo, body, at=int(time.time()) - 900))) == 401
    async with wire(http_demo.bot_url) as connection:
        connection.send(head(**asks, **signed(http_demo, body)))
        assert await connection.status() == 100
        connection.send(body)
        assert await connection.status() == 200


async def test_refusals_are_counted_and_told_in_one_line_now_and_then(
    http_demo: Demo, caplog: pytest.LogCaptureFixture
) -> None:
    body = command()
    fields = {"Content-Type": FORM, "Content-Length": str(len(body)), "X-Canary": "canary-7f3a"}
    stale = signed(http_demo, body, at=int(time.time()) - 900)

    async def refused(connection: Wire, signs: Mapping[str, str]) -> None:
        connection.send(head(**fields, **signs) + body)
        assert await connection.status() == 401

    async with wire(http_demo.bot_url) as one, wire(http_demo.bot_url) as other:
        for _ in range(20):
            await refused(one, {})
            await refused(other, stale)
    told = [record.getMessage() for record in caplog.records if record.name == "bot.slack.request"]
    assert told == ["Refused: requests without Slack's signature, 1 since the last such line."]
    assert "canary" not in caplog.text
    assert b'command="other",outcome="refused"} 40.0' in await http_demo.bot.metrics.text()
    assert b'email_profile_bot_ack_seconds_count{way="http"}' not in await http_demo.bot.metrics.text()


def test_a_signature_is_compared_as_bytes_whatever_stands_there() -> None:
    signature, body = SlackSignature(SecretStr("8f742231b10e")), b"token=\xff\x00&text="
    right: dict[str, Any] = signed_bytes("8f742231b10e", body)
    assert signature.fits(right, body)
    assert not signature.fits(right, body + b"x")
    assert not SlackSignature(SecretStr("8f742231b10f")).fits(right, body)
    assert not signature.fits({**right, "X-Slack-Signature": "v0=" + "é" * 64}, body)
    assert not signature.fits({}, body)
