"""Where an answer to a press appears: in place of the message that was pressed in, or in a modal.

Whatever becomes of that place, the last word reaches the person: else in the channel, else by direct message.
"""

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from slack_sdk.models.blocks import PlainTextObject
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.replies.direct_message import say
from bot.slack.replies.modals import NotOpenedError, is_in_modal, opened, show_in
from bot.slack.replies.response_url import ResponseUrl, channel_in, user_in
from bot.slack.views.message import Message
from bot.slack.web_api.errors import SLACK_FAILS

log = logging.getLogger(__name__)


class Answer(Protocol):
    """A place that shows a message, and then another one instead."""

    async def show(self, message: Message) -> None:
        """Show a message in place of what is there."""
        ...

    async def progress(self, message: Message) -> None:
        """Show how far something is, where that costs no new message; what Slack does not take is left out."""
        ...


class InMessage:
    """In place of the message that was pressed in, or of the answer to a command."""

    def __init__(self, url: ResponseUrl) -> None:
        """Answer through a response_url."""
        self._url = url

    async def show(self, message: Message) -> None:
        """Replace the message."""
        await self._url.answer(message, replace=True)

    async def progress(self, message: Message) -> None:
        """Replace the message, as long as posts are left for what comes after."""
        await self._url.progress(message, replace=True)


class Beside:
    """Below the message that was pressed in, which stays; each answer is a new message."""

    def __init__(self, url: ResponseUrl) -> None:
        """Answer through a response_url."""
        self._url = url

    async def show(self, message: Message) -> None:
        """Post a message."""
        await self._url.answer(message, replace=False)

    async def progress(self, message: Message) -> None:
        """Leave it: each would be one more message."""


class Said:
    """In the channel or by direct message, where Slack did not open a modal; each answer is a new message."""

    def __init__(self, client: AsyncWebClient, body: Mapping[str, Any]) -> None:
        """Answer the request that has this body."""
        self._client = client
        self._body = body

    async def show(self, message: Message) -> None:
        """Post a message."""
        await say(self._client, user_in(self._body), channel_in(self._body), message)

    async def progress(self, message: Message) -> None:
        """Leave it: each would be one more message."""


class InModal:
    """In a modal that is open."""

    def __init__(self, client: AsyncWebClient, body: Mapping[str, Any], *, view_id: str, title: str) -> None:
        """Answer the request that has this body in the modal `view_id`."""
        self._client = client
        self._body = body
        self._view_id = view_id
        self._title = title
        self._takes_progress = True

    async def show(self, message: Message) -> None:
        """Replace what the modal shows."""
        try:
            await show_in(self._client, self._view_id, answer_view(message, title=self._title))
        except SLACK_FAILS as error:
            log.info("A modal was not changed (%s).", type(error).__name__)
            await Said(self._client, self._body).show(message)

    async def progress(self, message: Message) -> None:
        """Replace what the modal shows, if Slack takes it."""
        if not self._takes_progress:
            return
        try:
            await show_in(self._client, self._view_id, answer_view(message, title=self._title))
        except SLACK_FAILS as error:
            self._takes_progress = False
            log.info("A modal was not changed (%s).", type(error).__name__)


def answer_view(message: Message, *, title: str) -> View:
    """Make a modal of a message."""
    return View(
        type="modal",
        title=PlainTextObject(text=title),
        close=PlainTextObject(text="Close"),
        blocks=list(message.blocks),
    )


async def answer_to(body: Mapping[str, Any], client: AsyncWebClient, *, title: str, first: Message) -> Answer:
    """Find where the answer to a press belongs, and show `first` there where a modal has to be opened.

    A press in a message comes with a response_url; one in a modal stays in that modal; one on the Home tab opens one.
    """
    if body.get("response_url"):
        return InMessage(ResponseUrl(client, body))
    if is_in_modal(body):
        return InModal(client, body, view_id=body["view"]["id"], title=title)
    try:
        view_id = await opened(client, body, answer_view(first, title=title))
    except NotOpenedError:
        return Said(client, body)
    return InModal(client, body, view_id=view_id, title=title)


async def answer_beside(body: Mapping[str, Any], client: AsyncWebClient, *, title: str, first: Message) -> Answer:
    """Find where an answer belongs that leaves what was pressed in as it is, and show `first` there.

    Below a message; from the Home tab in a modal; in a modal in a further one.
    """
    answer: Answer
    if body.get("response_url"):
        answer = Beside(ResponseUrl(client, body))
    else:
        try:
            view_id = await opened(client, body, answer_view(first, title=title))
        except NotOpenedError:
            answer = Said(client, body)
        else:
            return InModal(client, body, view_id=view_id, title=title)
    await answer.show(first)
    return answer
