"""Answers to commands that are ready only after Slack has stopped waiting for them."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.slack.middleware.request_log import ServedApp, log_undelivered
from bot.slack.replies.response_url import ResponseUrl
from bot.slack.views.message import Message
from bot.slack.web_api.errors import SLACK_FAILS

log = logging.getLogger(__name__)

SECONDS = 3.0
"""How long Slack waits (https://docs.slack.dev/interactivity/implementing-slash-commands); then the person reads
`operation_timeout`, and whatever the acknowledgement says is thrown away."""


@dataclass(frozen=True, kw_only=True)
class _Written(Message):
    """A message that is worded already."""

    document: Mapping[str, Any]

    def payload(self) -> dict[str, Any]:
        return dict(self.document)


class PunctualApp(ServedApp):
    """The app, whose answers to commands reach people although they come too late for Slack.

    A form that is submitted stays open at Slack with all that was typed, and buttons are answered elsewhere anyway.
    """

    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        """Serve a request; what Slack does not wait for any more is posted where the command was typed."""
        began = time.monotonic()
        response = await super().async_dispatch(req)
        if time.monotonic() - began < SECONDS or not _answers_a_command(req, response):
            return response
        written = _Written(text="", document=json.loads(response.body))
        client = req.context.get("client") or self.client
        try:
            await ResponseUrl(client, req.body).answer(written, replace=False)
        except SLACK_FAILS as error:
            log_undelivered(log, "An answer came too late, and could not be said elsewhere", error)
        return BoltResponse(status=200)


def _answers_a_command(request: AsyncBoltRequest, response: BoltResponse) -> bool:
    kind = response.first_headers().get("content-type", "")
    return response.status == 200 and "command" in request.body and kind.startswith("application/json")
