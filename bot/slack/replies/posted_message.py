"""A message that the bot posted to one person, and replaces by what comes next."""

import asyncio
import logging
import time

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.observability.log import log_undelivered
from bot.slack.replies.direct_message import post_to_person
from bot.slack.views.message import Message
from bot.slack.web_api.clients import without_retries
from bot.slack.web_api.errors import SLACK_ERRORS, retry_after_seconds

log = logging.getLogger(__name__)

UPDATE_TIMEOUT_SECONDS = 5.0
"""For one update of the message; after one that Slack did not take, so long none is tried."""


class PostedMessage:
    """Shows how far something is, and what came of it, in place of what the message said."""

    def __init__(self, client: AsyncWebClient, *, channel: str, ts: str) -> None:
        self._client = client
        self.channel = channel
        self.ts = ts
        self._silent_until = 0.0

    async def show(self, message: Message) -> None:
        """Replace the message; one that Slack does not take now is left out."""
        if time.monotonic() < self._silent_until:
            return
        try:
            await self._update(message)
        except SLACK_ERRORS as error:
            wait = retry_after_seconds(error) if isinstance(error, SlackApiError) else 0.0
            self._silent_until = time.monotonic() + max(wait, UPDATE_TIMEOUT_SECONDS)
            log_undelivered(log, "Progress could not be shown", error)

    async def end(self, message: Message) -> None:
        """Replace the message for the last time; where Slack does not take that, post a new one below.

        Raises:
            SlackApiError, aiohttp.ClientError, TimeoutError, OSError: Slack took neither.
        """
        try:
            await self._update(message)
        except SLACK_ERRORS as error:
            log.info("A posted message was not replaced (%s).", type(error).__name__)
            await post_to_person(self._client, self.channel, message)

    async def _update(self, message: Message) -> None:
        async with asyncio.timeout(UPDATE_TIMEOUT_SECONDS):
            await without_retries(self._client).chat_update(channel=self.channel, ts=self.ts, **message.payload())
