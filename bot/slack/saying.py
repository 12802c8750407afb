"""Saying something to one person where they are, when no response_url is at hand."""

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.people import Person
from bot.slack.refusals import refusal
from bot.slack.views.message import Message

_NOT_IN_CHANNEL = ("not_in_channel", "channel_not_found", "user_not_in_channel", "is_archived", "invalid_arguments")


async def say(client: AsyncWebClient, person: Person, channel: str, message: Message) -> None:
    """Say something to one person alone, in `channel` or, where the bot is not in it, by direct message."""
    if channel:
        try:
            await client.chat_postEphemeral(channel=channel, user=person.user, **message.payload())
            return
        except SlackApiError as error:
            if refusal(error) not in _NOT_IN_CHANNEL:
                raise
    await client.chat_postMessage(channel=person.user, **message.payload())
