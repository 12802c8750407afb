"""What `/email-profile` is measured against: programs that check Slack's signature and answer "ok".

Run as `python -m tests.benchmarks.rivals aiohttp|bolt PORT`; `flask_app` is served by gunicorn.
"""

import os
import sys
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

_IDENTITY = {"enterprise_id": None, "team_id": "T0DEMO", "bot_token": "xoxb-x", "bot_user_id": "U0BOT"}


def aiohttp_app() -> web.Application:
    """Bare aiohttp that checks the signature: the floor."""
    verifier = SignatureVerifier(os.environ[SECRET])

    async def answer(request: web.Request) -> web.Response:
        body = await request.text()
        good = verifier.is_valid_request(body, dict(request.headers))
        return web.json_response({"text": "ok"}, status=200 if good else 401)

    application = web.Application()
    application.router.add_post("/slack/events", answer)
    return application


def bolt_app() -> web.Application:
    """Bolt's AsyncApp on its own server, as it comes."""

    async def authorize(**_: Any) -> AuthorizeResult:
        return AuthorizeResult(**_IDENTITY)

    app = AsyncApp(signing_secret=os.environ[SECRET], authorize=authorize)

    @app.command("/email-profile")
    async def answer(ack: AsyncAck) -> None:
        await ack("ok")

    return app.web_app()


def flask_app() -> flask.Flask:
    """Bolt's App behind Flask, as its documentation shows it."""

    def authorize(**_: Any) -> AuthorizeResult:
        return AuthorizeResult(**_IDENTITY)

    app = App(signing_secret=os.environ[SECRET], authorize=authorize)

    @app.command("/email-profile")
    def answer(ack: Ack) -> None:
        ack("ok")

    handler = SlackRequestHandler(app)
    served = flask.Flask(__name__)

    @served.post("/slack/events")
    def events() -> flask.Response:
        return handler.handle(flask.request)

    return served


if __name__ == "__main__":
    made = {"aiohttp": aiohttp_app, "bolt": bolt_app}[sys.argv[1]]()
    web.run_app(made, host="127.0.0.1", port=int(sys.argv[2]), access_log=None, print=None)
