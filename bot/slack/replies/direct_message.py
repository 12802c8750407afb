"""Saying something to one person where they are, when no response_url is at hand."""

import asyncio
import logging

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.views.message import Message
from bot.slack.web_api.errors import SLACK_FAILS, refusal

log = logging.getLogger(__name__)

SECONDS = 10.0
"""How long one way of saying it may take, with waiting and trying again, before the next is tried."""

_NOT_IN_CHANNEL = ("not_in_channel", "channel_not_found", "user_not_in_channel", "is_archived", "invalid_arguments")


async def say(client: AsyncWebClient, user: str, channel: str, message: Message) -> None:
    """Say something to one person alone, in `channel` or, where that cannot be, by direct message.

    Raises:
        SlackApiError, aiohttp.ClientError, TimeoutError, OSError: Slack took neither.
    """
    if channel:
        try:
            async with asyncio.timeout(SECONDS):
                await client.chat_postEphemeral(channel=channel, user=user, **message.payload())
            return
        except SLACK_FAILS as error:
            if not (isinstance(error, SlackApiError) and refusal(error) in _NOT_IN_CHANNEL):
                log.warning("Slack did not show a message in its channel (%s).", type(error).__name__)
    async with asyncio.timeout(SECONDS):
        await client.chat_postMessage(channel=user, **message.payload())
