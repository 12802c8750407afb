"""Messages to one person in their conversation with the bot, when no response_url is at hand.

A message in the channel where they stand would need the bot to be a member of it
(https://docs.slack.dev/reference/methods/chat.postEphemeral), which it nearly never is.
"""

import asyncio

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.views.message import Message

POST_TIMEOUT_SECONDS = 10.0
"""How long posting may take, with waiting and retries."""


async def post_to_person(client: AsyncWebClient, user: str, message: Message) -> None:
    """Post a message to one person, or in the conversation with them that `user` names.

    Raises:
        SlackApiError, aiohttp.ClientError, TimeoutError, OSError: Slack did not take it.
    """
    async with asyncio.timeout(POST_TIMEOUT_SECONDS):
        await client.chat_postMessage(channel=user, **message.payload())
