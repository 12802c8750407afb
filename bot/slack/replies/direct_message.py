"""Messages to one person in their conversation with the bot, when no response_url is at hand.

A message in the channel where they stand would need the bot to be a member of it
(https://docs.slack.dev/reference/methods/chat.postEphemeral), which it nearly never is.
"""

import asyncio

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.views.message import Message, notice

POST_TIMEOUT_SECONDS = 10.0
"""How long posting may take, with waiting and retries."""

UPLOAD_TIMEOUT_SECONDS = 30.0
"""How long a file may take, which is four calls."""

_FILE = "message.txt"
_BELOW = "It is too long for a message, so it is in the file below."


async def post_to_person(client: AsyncWebClient, user: str, message: Message) -> None:
    """Post a message to one person, or in the conversation with them that `user` names; a long one as a file.

    Raises:
        SlackApiError, aiohttp.ClientError, TimeoutError, OSError: Slack did not take it.
    """
    if message.is_too_long:
        comment = f"{message.text} {_BELOW}"
        await post_file(client, user, comment, filename=_FILE, content=message.plain_text())
        return
    async with asyncio.timeout(POST_TIMEOUT_SECONDS):
        await client.chat_postMessage(channel=user, **message.payload())


async def post_file(
    client: AsyncWebClient, user: str, comment: str, *, filename: str, content: str, title: str | None = None
) -> None:
    """Post a comment as `post_to_person` does, and a file below it, which nobody else can open.

    Raises:
        SlackApiError, aiohttp.ClientError, TimeoutError, OSError: Slack did not take one of them.
    """
    async with asyncio.timeout(UPLOAD_TIMEOUT_SECONDS):
        # Only Slack's answer to a message names the conversation that a file can be shared in.
        posted = await client.chat_postMessage(channel=user, **notice(comment).payload())
        await client.files_upload_v2(channel=posted["channel"], filename=filename, content=content, title=title)
