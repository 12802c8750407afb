"""Where it is told what became of an email: in the acknowledgement, in the modal, or in Slack once that is closed."""

import asyncio
import logging
import time

from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.people.access import Person
from bot.slack.replies.modals import ClosedModalError, update_open_modal
from bot.slack.replies.response_url import post_where_opened
from bot.slack.views.message import Message
from bot.slack.views.private_metadata import ReplyAddress
from bot.slack.web_api.errors import SLACK_ERRORS

log = logging.getLogger(__name__)

SETTLING_SECONDS = 0.5
"""After an acknowledgement that draws a modal: one that is drawn anew before Slack has read it is drawn over by it."""


class SentEmailReply:
    """The answer to one submission; it is given once."""

    def __init__(self, client: AsyncWebClient, caller: Person, *, view_id: str, reply: ReplyAddress | None) -> None:
        """`view_id` is the modal that was submitted, `reply` where the caller stood when they opened it."""
        self._client = client
        self._caller = caller
        self._view_id = view_id
        self._reply = reply
        self._first: asyncio.Future[View] = asyncio.get_running_loop().create_future()
        self._acknowledged_at: float | None = None

    async def first(self, seconds: float) -> View | None:
        """Return the answer where it is given in so many seconds, for the acknowledgement; else None."""
        await asyncio.wait({self._first}, timeout=seconds)
        self._acknowledged_at = time.monotonic()
        return self._first.result() if self._first.done() else None

    async def tell(self, view: View, message: Message) -> None:
        """Give the answer: `view` in the modal, or `message` where the person stood who has closed it.

        Raises:
            SlackApiError, aiohttp.ClientError, TimeoutError, OSError: the person cannot be reached at all.
        """
        if self._acknowledged_at is None:
            self._first.set_result(view)
            return
        await asyncio.sleep(max(0.0, self._acknowledged_at + SETTLING_SECONDS - time.monotonic()))
        try:
            await update_open_modal(self._client, self._view_id, view)
        except (ClosedModalError, *SLACK_ERRORS) as error:
            log.info("A modal was not changed (%s).", type(error).__name__)
            await post_where_opened(self._client, self._caller, self._reply, message)
