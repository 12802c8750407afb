"""Plain messages in people's conversations with the bot."""

from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.people.access import Person
from bot.slack.listeners.services import Payload
from bot.slack.replies.conversation import Conversation

_TYPED = (None, "file_share")
"""The subtypes of what a person sends (https://docs.slack.dev/reference/events/message); others tell of changes."""


class ConversationListeners:
    """The event of a message, which Slack sends where `message.im` and `im:history` are granted."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    def register(self, app: AsyncApp) -> None:
        """Register the event."""
        app.event("message")(self.said)

    async def said(self, event: Payload, client: AsyncWebClient, caller: Person | None) -> None:
        """Answer a person's message; never one of a bot, which may answer too."""
        own = event.get("channel_type") == "im" and event.get("subtype") in _TYPED
        if caller is None or not own or event.get("bot_id") or event.get("user") != caller.user:
            return
        channel, ts = event.get("channel"), event.get("ts")
        if isinstance(channel, str) and isinstance(ts, str):
            await self._conversation.answer(client, caller, channel=channel, ts=ts)
