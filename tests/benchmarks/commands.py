"""How fast `/email-profile` is acknowledged, against bare frameworks, in one run on one machine."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.signature import SignatureVerifier

from bot.demo.delivery import encoded, signature
from bot.demo.run import open_office
from tests.scenario.people import ADA, set_up

REQUESTS = 600
AT_ONCE = 32


async def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_office(Path(folder)) as office:
            await set_up(office, ADA)
            secret = office.workspace.signing_secret
            rivals = [
                ("bare aiohttp, signature checked", await _bare_aiohttp(secret)),
                ("bare Bolt AsyncApp, answering ok", await _bare_bolt(secret)),
            ]
            servers = [(name, f"http://127.0.0.1:{port}/slack/events", stop) for name, (port, stop) in rivals]
            servers.append(("email-profile-bot, a real record opened", f"{office.bot_url}/slack/events", _nothing))
            figures = {name: await _measure(url, secret, office.workspace.base_url) for name, url, _ in servers}
            for _, _, stop in servers:
                await stop()
    bolt_median, bolt_rate = figures["bare Bolt AsyncApp, answering ok"]
    print(f"Acknowledging /email-profile: {REQUESTS} signed requests each, client and server in one process")
    for name, (median, rate) in figures.items():
        print(
            f"  {name:42} {median * 1000:6.2f} ms median alone ({median / bolt_median:4.2f} x Bolt), "
            f"{rate:5.0f}/s at {AT_ONCE} at once ({rate / bolt_rate:4.2f} x Bolt)"
        )


async def _measure(url: str, secret: str, answers: str) -> tuple[float, float]:
    """Give the median seconds one after the other, and requests a second at `AT_ONCE` at once."""
    fields = {"command": "/email-profile", "text": "", "team_id": "T0DEMO", "user_id": ADA, "channel_id": "C0GENERAL"}
    body, kind = encoded("slash_commands", {**fields, "trigger_id": "1.2", "response_url": f"{answers}/respond/x"})
    async with aiohttp.ClientSession() as session:

        async def once() -> float:
            began = time.perf_counter()
            headers = {"Content-Type": kind, **signature(secret, body)}
            async with session.post(url, data=body.encode(), headers=headers) as answer:
                assert answer.status == 200
                await answer.read()
            return time.perf_counter() - began

        for _ in range(20):
            await once()
        alone = [await once() for _ in range(REQUESTS // 4)]
        left = iter(range(REQUESTS))

        async def worker() -> None:
            for _ in left:
                await once()

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
        return statistics.median(alone), REQUESTS / (time.perf_counter() - began)


Stop = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    """Stop nothing: the office stops itself."""


async def _serve(handler: Callable[[web.Request], Awaitable[web.Response]]) -> tuple[int, Stop]:
    application = web.Application()
    application.router.add_post("/slack/events", handler)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner.addresses[0][1], runner.cleanup


async def _bare_aiohttp(secret: str) -> tuple[int, Stop]:
    verifier = SignatureVerifier(secret)

    async def handler(request: web.Request) -> web.Response:
        body = await request.text()
        good = verifier.is_valid_request(body, dict(request.headers))
        return web.json_response({"text": "ok"}, status=200 if good else 401)

    return await _serve(handler)


async def _bare_bolt(secret: str) -> tuple[int, Stop]:
    async def authorize(**_: Any) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id="T0DEMO", bot_token="xoxb-x", bot_user_id="U0BOT")

    app = AsyncApp(signing_secret=secret, authorize=authorize)

    @app.command("/email-profile")
    async def answer(ack: AsyncAck) -> None:
        await ack("ok")

    return await _serve(app.server(port=0).handle_post_requests)
