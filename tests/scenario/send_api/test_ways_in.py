"""Ways in without a token: none lets a letter leave, and none tells more than that there is no token."""

import asyncio
import base64
import json

import aiohttp
import pytest

from tests.named import case
from tests.scenario.raw_http import head, wire
from tests.scenario.send_api.programs import SendingProgram

pytestmark = [pytest.mark.databases("sqlite"), pytest.mark.asyncio(loop_scope="package")]

LETTER = json.dumps({"to": "grace@mail.test", "text": "x"}).encode()
JSON = "application/json"
OTHERS = base64.b64encode(b"ada@mail.test:secret").decode()

HEADERS: dict[str, dict[str, str]] = {
    "nothing": {},
    "an empty scheme": {"Authorization": ""},
    "the scheme alone": {"Authorization": "Bearer"},
    "the scheme and a blank": {"Authorization": "Bearer "},
    "the token without a scheme": {"Authorization": "{token}"},
    "another scheme": {"Authorization": "Token {token}"},
    "basic": {"Authorization": f"Basic {OTHERS}"},
    "basic with the token": {"Authorization": "Basic {token}"},
    "two tokens": {"Authorization": "Bearer {token} {token}"},
    "a token behind a comma": {"Authorization": "Bearer wrong, Bearer {token}"},
    "a quoted token": {"Authorization": 'Bearer "{token}"'},
    "a token as a parameter": {"Authorization": "Bearer token={token}"},
    "the public part": {"Authorization": "Bearer {id}"},
    "the token in capitals": {"Authorization": "Bearer {upper}"},
    "the token cut short": {"Authorization": "Bearer {short}"},
    "the token and more": {"Authorization": "Bearer {token}x"},
    "letters beyond ASCII": {"Authorization": "Bearer é"},
    "a wildcard": {"Authorization": "Bearer *"},
    "null": {"Authorization": "Bearer null"},
    "SQL": {"Authorization": "Bearer ' OR 1=1 --"},
    "a JSON Web Token of no algorithm": {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."},
    "what Slack signs with": {"X-Slack-Signature": "v0=0", "X-Slack-Request-Timestamp": "0"},
    "a key's header": {"X-API-Key": "{token}"},
    "a header of other gateways": {"X-Access-Token": "{token}"},
    "a cookie": {"Cookie": "token={token}; Authorization=Bearer {token}"},
    "a proxy's header": {"Proxy-Authorization": "Bearer {token}"},
    "a header of the user": {"X-Remote-User": "ada@mail.test", "X-Forwarded-User": "U0ADA"},
}
"""Also what would be a token elsewhere: it is taken from one place alone, so that no log of a proxy holds it."""

PATHS = (
    "/v1/send?token={token}",
    "/v1/send?access_token={token}",
    "/v1/send?api_key={token}",
    "/V1/send",
    "/v1/SEND",
    "/v1//send",
    "//v1/send",
    "/v1/send/",
    "/v1/./send",
    "/v1/x/../send",
    "/v1/%73end",
    "/v1/send%00",
    "/v1/send;x=y",
    "/v1/send.json",
    "/v1/",
    "/v1",
    "/v2/send",
    "/api/v1/send",
    "/v1/profile/../send",
    "/v1/openapi.json/../send",
    "/slack/events/../../v1/send",
)


async def test_no_header_but_the_one_opens_the_api(program: SendingProgram) -> None:
    parts = {"token": program.token, "id": program.token[:12], "short": program.token[:-1]}
    parts["upper"] = program.token.upper()

    async def tried(name: str, headers: dict[str, str]) -> None:
        given = {key: value.format(**parts) for key, value in headers.items()}
        answer = await program.ask("POST", "/v1/send", LETTER, token="", headers={"Content-Type": JSON, **given})
        with case(name):
            assert (answer.status, answer.problem) == (401, "wrong_token")

    await asyncio.gather(*(tried(name, headers) for name, headers in HEADERS.items()))
    assert program.letters == []


async def test_no_path_leads_past_the_token(program: SendingProgram) -> None:
    async with wire(program.demo.bot_url) as connection:
        for path in PATHS:
            with case(path):
                request = head(path.format(token=program.token), Content_Type=JSON, Content_Length=len(LETTER))
                connection.send(request + LETTER)
                assert await connection.status() in (401, 404, 405)
    assert program.letters == []


async def test_no_method_but_post_sends(program: SendingProgram) -> None:
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"):
        with case(method):
            headers = {"Authorization": f"Bearer {program.token}", "X-HTTP-Method-Override": "POST"}
            url = f"{program.demo.bot_url}/v1/send"
            async with (
                aiohttp.ClientSession() as session,
                session.request(method, url, data=LETTER, headers=headers) as answer,
            ):
                assert answer.status == 405
                assert answer.headers["Allow"] == "POST"
                assert "Access-Control-Allow-Origin" not in answer.headers
    assert program.letters == []
