"""Acknowledgements of commands that are ready only after Slack has stopped waiting for them."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.observability.log import log_undelivered
from bot.slack.middleware.held_ack import is_held
from bot.slack.middleware.overload import Dispatch
from bot.slack.replies.response_url import ResponseUrl
from bot.slack.views.message import Message
from bot.slack.web_api.errors import SLACK_ERRORS

log = logging.getLogger(__name__)

ACK_TIMEOUT_SECONDS = 3.0
"""How long Slack waits (https://docs.slack.dev/interactivity/implementing-slash-commands); then the person reads
`operation_timeout`, and whatever the acknowledgement says is thrown away."""


@dataclass(frozen=True, kw_only=True)
class _SerializedMessage(Message):
    """A message whose payload was made already."""

    document: Mapping[str, Any]

    def payload(self) -> dict[str, Any]:
        return dict(self.document)


def post_late_acks(dispatch: Dispatch, client: AsyncWebClient) -> Dispatch:
    """Return a dispatch that posts a command's answer at its response_url when it is too late for an acknowledgement.

    One that was held on purpose is left alone: what comes after it is posted by whoever held it. A form that is
    submitted stays open at Slack with all that was typed, and buttons are answered elsewhere anyway.
    `client` posts for requests whose workspace is not known.
    """

    async def serve(request: AsyncBoltRequest) -> BoltResponse:
        began = time.monotonic()
        response = await dispatch(request)
        in_time = time.monotonic() - began < ACK_TIMEOUT_SECONDS
        if in_time or is_held(request.context) or not _answers_a_command(request, response):
            return response
        url = ResponseUrl(request.context.get("client") or client, request.body)
        message = _SerializedMessage(text="", document=json.loads(response.body))
        try:
            await url.answer(message, replace=False)
        except SLACK_ERRORS as error:
            log_undelivered(log, "An answer came too late, and could not be said elsewhere", error)
        return BoltResponse(status=200)

    return serve


def _answers_a_command(request: AsyncBoltRequest, response: BoltResponse) -> bool:
    kind = response.first_headers().get("content-type", "")
    return response.status == 200 and "command" in request.body and kind.startswith("application/json")
