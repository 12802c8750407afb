"""What `/email-profile` is measured against: programs that check Slack's signature and send a fixed answer.

Run as `python -m tests.benchmarks.rivals aiohttp|bolt PORT`; `flask_app` is served by gunicorn. Bolt has the flag
that the bot sets.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import flask
from aiohttp import web
from slack_bolt import Ack, App
from slack_bolt.adapter.flask import SlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.signature import SignatureVerifier

SECRET = "SLACK_SIGNING_SECRET"
"""The environment variable that the rivals read, as the program does."""

ANSWER = "ANSWER_FILE"
"""The environment variable that names a file with the JSON that they answer."""

_IDENTITY = {"enterprise_id": None, "team_id": "T0DEMO", "bot_token": "xoxb-x", "bot_user_id": "U0BOT"}


def _answer() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(Path(os.environ[ANSWER]).read_text(encoding="utf-8"))
    return read


def aiohttp_app() -> web.Application:
    """Bare aiohttp that checks the signature: the floor."""
    verifier = SignatureVerifier(os.environ[SECRET])
    said = _answer()

    async def answer(request: web.Request) -> web.Response:
        body = await request.text()
        if not verifier.is_valid_request(body, dict(request.headers)):
            return web.Response(status=401)
        return web.json_response(said)

    application = web.Application()
    application.router.add_post("/slack/events", answer)
    return application


def bolt_app() -> web.Application:
    """Bolt's AsyncApp on its own server."""

    async def authorize(**_: Any) -> AuthorizeResult:
        return AuthorizeResult(**_IDENTITY)

    app = AsyncApp(signing_secret=os.environ[SECRET], authorize=authorize, process_before_response=True)
    said = _answer()

    @app.command("/email-profile")
    async def answer(ack: AsyncAck) -> None:
        await ack(said)

    return app.web_app()


def flask_app() -> flask.Flask:
    """Bolt's App behind Flask, as its documentation shows it."""

    def authorize(**_: Any) -> AuthorizeResult:
        return AuthorizeResult(**_IDENTITY)

    app = App(signing_secret=os.environ[SECRET], authorize=authorize, process_before_response=True)
    said = _answer()

    @app.command("/email-profile")
    def answer(ack: Ack) -> None:
        ack(said)

    handler = SlackRequestHandler(app)
    served = flask.Flask(__name__)

    @served.post("/slack/events")
    def events() -> flask.Response:
        return handler.handle(flask.request)

    return served


if __name__ == "__main__":
    made = {"aiohttp": aiohttp_app, "bolt": bolt_app}[sys.argv[1]]()
    web.run_app(made, host="127.0.0.1", port=int(sys.argv[2]), access_log=None, print=None)
