"""Where the reply to a press appears: in place of the message that was pressed in, below it, or in a modal.

Whatever becomes of that place, the last word reaches the person: else by direct message.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

from slack_sdk.models.blocks import PlainTextObject
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.replies.direct_message import post_to_person
from bot.slack.replies.modals import NotOpenedError, is_in_modal, open_modal, update_modal
from bot.slack.replies.posted_message import PostedMessage
from bot.slack.replies.response_url import ResponseUrl, user_in
from bot.slack.views.message import Message
from bot.slack.web_api.errors import SLACK_ERRORS

log = logging.getLogger(__name__)

BEGINNING_AFTER_SECONDS = 2.0
"""After so long it is said that something has begun, where these words stay above the answer."""

FIRST_PROGRESS_SECONDS = 2.0
PROGRESS_GROWTH = 4
LONGEST_PROGRESS_SECONDS = 32.0
"""Between messages about how far something is: soon at first, then seldom, for a response_url has few posts."""


class Reply(Protocol):
    """A place that shows a message, and then another one instead."""

    async def begin(self, message: Message) -> None:
        """Show that something has begun, which ends with a message of its own."""
        ...

    async def show(self, message: Message) -> None:
        """Show a message in place of what is there."""
        ...

    async def progress(self, message: Message) -> None:
        """Show how far something is, where that costs no new message; what Slack does not take is left out."""
        ...

    async def fail(self, message: Message) -> None:
        """Show why something did not begin, beside what was pressed in, which stays; or why it broke off, instead."""
        ...


class CommandReply:
    """The answer to a command: its acknowledgement, held for a moment; what comes later is one message more.

    Nothing posted for a command can be replaced, so nothing is shown meanwhile.
    """

    def __init__(self, url: ResponseUrl) -> None:
        self._url = url
        self._begun: Message | None = None
        self._held = True
        self._answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

    async def first(self, seconds: float) -> Message | None:
        """Return what the acknowledgement says: the answer when it comes in so many seconds, else what has begun.

        From then on answers are posted at the command's response_url. None when nothing is known to have begun.
        """
        await asyncio.wait({self._answer}, timeout=seconds)
        self._held = False
        return self._answer.result() if self._answer.done() else self._begun

    async def begin(self, message: Message) -> None:
        """Keep what the acknowledgement says when the answer takes longer."""
        self._begun = message

    async def show(self, message: Message) -> None:
        """Give the answer."""
        if self._held and not self._answer.done():
            self._answer.set_result(message)
        else:
            await self._url.answer(message, replace=False)

    async def progress(self, message: Message) -> None:
        """Skip it: each would be one more message."""

    async def fail(self, message: Message) -> None:
        """Give the answer."""
        await self.show(message)


class ReplaceMessage:
    """Replaces the message that was pressed in."""

    def __init__(self, url: ResponseUrl) -> None:
        self._url = url
        self._replaced = False

    async def begin(self, message: Message) -> None:
        """Replace the message."""
        await self.show(message)

    async def show(self, message: Message) -> None:
        """Replace the message."""
        self._replaced = True
        await self._url.answer(message, replace=True)

    async def progress(self, message: Message) -> None:
        """Replace the message, as long as posts are left for what comes after."""
        self._replaced = True
        await self._url.progress(message, replace=True)

    async def fail(self, message: Message) -> None:
        """Post below the message; one that was replaced already is replaced again."""
        await self._url.answer(message, replace=self._replaced)


class FollowUpReply:
    """Posts below the message that was pressed in, which stays; each reply is a new message."""

    def __init__(self, url: ResponseUrl) -> None:
        self._url = url

    async def begin(self, message: Message) -> None:
        """Post a message."""
        await self.show(message)

    async def show(self, message: Message) -> None:
        """Post a message."""
        await self._url.answer(message, replace=False)

    async def progress(self, message: Message) -> None:
        """Skip it: each would be one more message."""

    async def fail(self, message: Message) -> None:
        """Post a message."""
        await self.show(message)


class DirectReply:
    """Posts a direct message, where Slack did not open a modal, and then replaces it, as it would the modal's words."""

    def __init__(self, client: AsyncWebClient, body: Mapping[str, Any]) -> None:
        """`body` is that of the request to reply to."""
        self._client = client
        self._body = body
        self._posted: PostedMessage | None = None

    async def begin(self, message: Message) -> None:
        """Post a message."""
        await self.show(message)

    async def show(self, message: Message) -> None:
        """Replace the message that was posted; the first one, one too long for that, or one not taken is posted."""
        if self._posted is not None and not message.is_too_long:
            await self._posted.end(message)
            return
        posted = await post_to_person(self._client, user_in(self._body), message)
        self._posted = PostedMessage(self._client, channel=posted.channel, ts=posted.ts)

    async def progress(self, message: Message) -> None:
        """Replace the message that was posted, as long as Slack takes that."""
        if self._posted is not None:
            await self._posted.show(message)

    async def fail(self, message: Message) -> None:
        """Post a message; one that was posted already is replaced."""
        await self.show(message)


class ModalReply:
    """Replaces what a modal shows."""

    def __init__(self, client: AsyncWebClient, body: Mapping[str, Any], *, view_id: str, title: str) -> None:
        """`body` is that of the request to reply to, `view_id` the open modal."""
        self._client = client
        self._body = body
        self._view_id = view_id
        self._title = title
        self._takes_progress = True
        self._replaced = False

    async def begin(self, message: Message) -> None:
        """Replace what the modal shows."""
        await self.show(message)

    async def show(self, message: Message) -> None:
        """Replace what the modal shows; where Slack does not take that, post the message."""
        self._replaced = True
        if not await self._update(message):
            await DirectReply(self._client, self._body).show(message)

    async def progress(self, message: Message) -> None:
        """Replace what the modal shows, until Slack once does not take it."""
        self._takes_progress = self._takes_progress and await self._update(message)
        self._replaced = self._replaced or self._takes_progress

    async def fail(self, message: Message) -> None:
        """Open a modal on top, or else post the message; a modal that was replaced already is replaced again."""
        if self._replaced:
            await self.show(message)
        else:
            await show_on_top(self._client, self._body, message, title=self._title)

    async def _update(self, message: Message) -> bool:
        try:
            await update_modal(self._client, self._view_id, message_modal(message, title=self._title))
        except SLACK_ERRORS as error:
            log.info("A modal was not changed (%s).", type(error).__name__)
            return False
        return True


class OpenedModalReply(ModalReply):
    """Replaces what a modal shows that was opened for this reply alone."""

    async def fail(self, message: Message) -> None:
        """Replace what the modal shows."""
        await self.show(message)


async def show_on_top(client: AsyncWebClient, body: Mapping[str, Any], message: Message, *, title: str) -> None:
    """Show a message in a modal on top of the one that was pressed in; where Slack opens none, post it."""
    try:
        await open_modal(client, body, message_modal(message, title=title))
    except (NotOpenedError, *SLACK_ERRORS) as error:
        log.info("A modal was not opened (%s).", type(error).__name__)
        await DirectReply(client, body).show(message)


class Paced:
    """Shows how far something is, now and then, the longer it takes the more seldom."""

    def __init__(self, reply: Reply, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns seconds that never jump."""
        self._reply = reply
        self._clock = clock
        self._pause = FIRST_PROGRESS_SECONDS
        self._next = clock() + self._pause

    async def progress(self, message: Message) -> None:
        """Show a message, unless another was shown just now."""
        if self._clock() >= self._next:
            self._pause = min(self._pause * PROGRESS_GROWTH, LONGEST_PROGRESS_SECONDS)
            self._next = self._clock() + self._pause
            await self._reply.progress(message)


def message_modal(message: Message, *, title: str) -> View:
    """Return a modal that shows a message."""
    return View(
        type="modal",
        title=PlainTextObject(text=title),
        close=PlainTextObject(text="Close"),
        blocks=list(message.blocks),
    )


async def reply_in_place(body: Mapping[str, Any], client: AsyncWebClient, *, title: str, first: Message) -> Reply:
    """Return where the reply to a press belongs, with `first` shown there already where a modal has to be opened.

    A press in a message comes with a response_url; one in a modal stays in that modal; one on the Home tab opens one.
    """
    if body.get("response_url"):
        return ReplaceMessage(ResponseUrl(client, body))
    if is_in_modal(body):
        return ModalReply(client, body, view_id=body["view"]["id"], title=title)
    return await _opened_modal(body, client, title=title, first=first) or DirectReply(client, body)


async def reply_below(body: Mapping[str, Any], client: AsyncWebClient, *, title: str, first: Message) -> Reply:
    """Show `first` without changing what was pressed in, and return that place.

    Below a message; from the Home tab in a modal; in a modal in a further one.
    """
    if body.get("response_url"):
        reply: Reply = FollowUpReply(ResponseUrl(client, body))
    elif modal := await _opened_modal(body, client, title=title, first=first):
        return modal
    else:
        reply = DirectReply(client, body)
    await reply.show(first)
    return reply


async def begin_below(body: Mapping[str, Any], client: AsyncWebClient, *, title: str, beginning: Message) -> Reply:
    """Return the place of `reply_below` for an answer that may take a while.

    What has begun is shown there at once if the answer replaces it; below a message `beginning_if_slow` shows it.
    """
    if body.get("response_url"):
        return FollowUpReply(ResponseUrl(client, body))
    return await reply_below(body, client, title=title, first=beginning)


@asynccontextmanager
async def beginning_if_slow(reply: Reply, beginning: Message) -> AsyncIterator[None]:
    """Show what has begun, if what is done within takes longer than a moment."""

    async def begin() -> None:
        await asyncio.sleep(BEGINNING_AFTER_SECONDS)
        await reply.begin(beginning)

    waiting = asyncio.create_task(begin())
    try:
        yield
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def _opened_modal(
    body: Mapping[str, Any], client: AsyncWebClient, *, title: str, first: Message
) -> ModalReply | None:
    try:
        opened = await open_modal(client, body, message_modal(first, title=title))
    except NotOpenedError:
        return None
    return OpenedModalReply(client, body, view_id=opened.view_id, title=title)
