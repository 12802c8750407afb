"""How requests reach the bot: signed HTTP, or an envelope over Socket Mode."""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

ACK_SECONDS = 3.0
"""https://docs.slack.dev/interactivity/implementing-slash-commands: answer within 3000 milliseconds."""


class DeliveryError(Exception):
    """The bot did not acknowledge; `str(error)` is what Slack shows: operation_timeout or dispatch_failed."""


class Delivery:
    """Sends to the bot: over a connected socket if there is one, else to its events address."""

    def __init__(self, signing_secret: str) -> None:
        self._secret = signing_secret
        self.events_url: str | None = None
        self._session: aiohttp.ClientSession | None = None
        self.sockets: list[web.WebSocketResponse] = []
        self._awaited: dict[str, asyncio.Future[Any]] = {}

    async def open(self) -> None:
        """Prepare for sending."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ACK_SECONDS))

    async def close(self) -> None:
        """Close everything."""
        for socket in list(self.sockets):
            await socket.close()
        if self._session is not None:
            await self._session.close()

    async def send(self, kind: str, payload: dict[str, Any]) -> Any:
        """Send one request and return what the acknowledgement carries (a dict, or None).

        `kind` is an envelope type of Socket Mode: slash_commands, interactive or events_api.

        Raises:
            DeliveryError: no acknowledgement in time, or an error.
        """
        try:
            async with asyncio.timeout(ACK_SECONDS):
                if self.sockets:
                    return await self._over_socket(kind, payload)
                return await self._over_http(kind, payload)
        except TimeoutError:
            raise DeliveryError("operation_timeout") from None
        except aiohttp.ClientError:
            raise DeliveryError("dispatch_failed") from None

    async def _over_http(self, kind: str, payload: dict[str, Any]) -> Any:
        if self.events_url is None or self._session is None:
            raise DeliveryError("dispatch_failed")
        body, content_type = encoded(kind, payload)
        headers = {"Content-Type": content_type, **signature(self._secret, body)}
        async with self._session.post(self.events_url, data=body.encode(), headers=headers) as answer:
            text = await answer.text()
            if answer.status != 200:
                raise DeliveryError("dispatch_failed")
            if not text:
                return None
            return json.loads(text) if answer.content_type == "application/json" else {"text": text}

    async def _over_socket(self, kind: str, payload: dict[str, Any]) -> Any:
        envelope_id = secrets.token_hex(8)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._awaited[envelope_id] = answer
        try:
            await self.sockets[-1].send_json(
                {
                    "type": kind,
                    "envelope_id": envelope_id,
                    "accepts_response_payload": kind != "events_api",
                    "payload": payload,
                }
            )
            return await answer
        finally:
            del self._awaited[envelope_id]

    def acknowledged(self, envelope: dict[str, Any]) -> None:
        """Hand an acknowledgement that came over a socket to whoever waits for it."""
        answer = self._awaited.get(str(envelope.get("envelope_id")))
        if answer is not None and not answer.done():
            answer.set_result(envelope.get("payload"))


def encoded(kind: str, payload: dict[str, Any]) -> tuple[str, str]:
    """Write a payload as Slack does over HTTP; return body and content type."""
    if kind == "events_api":
        return json.dumps(payload), "application/json"
    form = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
    return urlencode(form), "application/x-www-form-urlencoded"


def signature(secret: str, body: str, *, at: int | None = None) -> dict[str, str]:
    """Sign a body: https://docs.slack.dev/authentication/verifying-requests-from-slack."""
    timestamp = str(int(time.time()) if at is None else at)
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}
