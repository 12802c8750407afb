"""Messages to one person where they are, when no response_url is at hand."""

import asyncio
import logging

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.views.message import Message
from bot.slack.web_api.errors import SLACK_ERRORS, error_code

log = logging.getLogger(__name__)

POST_TIMEOUT_SECONDS = 10.0
"""How long one way of posting may take, with waiting and retries, before the next is tried."""

_NOT_IN_CHANNEL = ("not_in_channel", "channel_not_found", "user_not_in_channel", "is_archived", "invalid_arguments")


async def post_to_person(client: AsyncWebClient, user: str, channel: str, message: Message) -> None:
    """Post a message for one person alone, in `channel` or, where that cannot be, as a direct message.

    Raises:
        SlackApiError, aiohttp.ClientError, TimeoutError, OSError: Slack took neither.
    """
    if channel:
        try:
            async with asyncio.timeout(POST_TIMEOUT_SECONDS):
                await client.chat_postEphemeral(channel=channel, user=user, **message.payload())
            return
        except SLACK_ERRORS as error:
            if not (isinstance(error, SlackApiError) and error_code(error) in _NOT_IN_CHANNEL):
                log.warning("Slack did not show a message in its channel (%s).", type(error).__name__)
    async with asyncio.timeout(POST_TIMEOUT_SECONDS):
        await client.chat_postMessage(channel=user, **message.payload())
