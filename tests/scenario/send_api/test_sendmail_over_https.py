"""The command `sendmail` and a bot behind https."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from tests.scenario.send_api.test_sendmail_command import sendmail

pytestmark = [pytest.mark.databases(), pytest.mark.asyncio(loop_scope="package")]


@asynccontextmanager
async def behind_https(authority: trustme.CA, seen: list[str]) -> AsyncIterator[str]:
    """Serve something that takes every letter, and notes the tokens that it is shown."""

    async def take(request: web.Request) -> web.Response:
        await request.read()
        seen.append(request.headers["Authorization"])
        return web.json_response({"id": "1", "messageId": "<1@mail.test>", "response": "250 OK"})

    application = web.Application()
    application.router.add_post("/mail/v1/send", take)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(tls)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        yield f"https://localhost:{runner.addresses[0][1]}/mail"
    finally:
        await runner.cleanup()


async def test_a_token_goes_to_a_server_with_a_good_certificate_alone(tmp_path: Path) -> None:
    authority, seen = trustme.CA(), list[str]()
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(trusted)
    async with behind_https(authority, seen) as url:
        settings = {"EMAIL_PROFILE_URL": url, "EMAIL_PROFILE_TOKEN": "epb_secret"}
        refused = await sendmail(None, "-t", environment=settings)
        assert refused.code == 75
        assert "cannot be reached" in refused.said
        assert "epb_secret" not in refused.said
        assert seen == []
        ended = await sendmail(None, "-t", environment={**settings, "SSL_CERT_FILE": str(trusted)})
        assert (ended.code, ended.said) == (0, "")
        assert seen == ["Bearer epb_secret"]
