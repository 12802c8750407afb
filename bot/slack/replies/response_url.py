"""The address at which one interaction is answered: five posts, within half an hour.

https://docs.slack.dev/interactivity/handling-user-interaction#message_responses. Only the address that came with a
press replaces a message, the one that was pressed in; at a command's own each post is a new message
(https://github.com/slackapi/bolt-python/issues/1268).
"""

import asyncio
import json
import logging
import random
import time
from collections.abc import Mapping
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook import WebhookResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.profiles.people.access import Person
from bot.slack.replies.direct_message import post_to_person
from bot.slack.views.message import Message, notice
from bot.slack.views.private_metadata import ReplyAddress
from bot.slack.web_api.errors import SLACK_ERRORS

log = logging.getLogger(__name__)

POSTS = 5
VALID_SECONDS = 30 * 60.0

POST_TIMEOUT_SECONDS = 2.0
"""For one post: Slack may be waiting for the acknowledgement meanwhile."""

IN_A_FILE = "This is too long for a message, so it is a file in your messages with the bot."

_TRIES = 3
_LONGEST_RETRY_SECONDS = 1.5
"""How long Slack may ask to wait; for more, another way is quicker."""


class ResponseUrl:
    """Where one command or press is answered; what it takes no more reaches the person elsewhere."""

    def __init__(self, client: AsyncWebClient, body: Mapping[str, Any]) -> None:
        """`body` is that of the request to answer."""
        self._client = client
        self._url = str(body.get("response_url") or "")
        self._user = user_in(body)
        self._left = POSTS
        self._until = time.monotonic() + VALID_SECONDS

    @classmethod
    def remembered(cls, client: AsyncWebClient, caller: Person, reply: ReplyAddress | None) -> "ResponseUrl":
        """Return the address that a modal remembers of the request that opened it; without one where it is not theirs.

        What a modal remembers grants nothing: what is the caller's is posted nowhere but where they stood themselves.
        """
        if reply is None or (reply.workspace, reply.user) != (caller.workspace, caller.user):
            return cls(client, {"user_id": caller.user})
        made = cls(client, {"user_id": caller.user, "response_url": reply.url})
        made._until = time.monotonic() + min(reply.until - time.time(), VALID_SECONDS)
        return made

    async def answer(self, message: Message, *, replace: bool) -> None:
        """Post what must not be lost: where the address takes it no more, by direct message; a long one as a file.

        Raises:
            SlackApiError, aiohttp.ClientError, TimeoutError, OSError: the person cannot be reached at all.
        """
        if message.is_too_long:
            await post_to_person(self._client, self._user, message)
            message = notice(IN_A_FILE)
        for attempt in range(_TRIES):
            if not self._usable(keeping=0):
                break
            wait = await self._posted(message, replace=replace)
            if wait is None:
                return
            if attempt + 1 == _TRIES or wait > _LONGEST_RETRY_SECONDS:
                break
            # Many instances may have been refused at the same moment.
            await asyncio.sleep(wait + random.uniform(0, 0.2))  # noqa: S311 - it guards nothing
        # What did not take this takes nothing else, and is not asked again and again.
        self._left = 0
        await post_to_person(self._client, self._user, message)

    async def progress(self, message: Message, *, replace: bool) -> None:
        """Post what the next post replaces; it never takes the last two posts, and one lost is no loss."""
        if self._usable(keeping=2):
            await self._posted(message, replace=replace)

    def _usable(self, *, keeping: int) -> bool:
        return bool(self._url) and self._left > keeping and time.monotonic() < self._until

    async def _posted(self, message: Message, *, replace: bool) -> float | None:
        """Post once; return None when Slack took it, else the seconds after which it may take it."""
        self._left -= 1
        try:
            async with asyncio.timeout(POST_TIMEOUT_SECONDS):
                answer = await self._webhook().send(
                    **message.payload(), response_type=None if replace else "ephemeral", replace_original=replace
                )
        except SLACK_ERRORS as error:
            log.info("An answer was not taken (%s).", type(error).__name__)
            return 0.0
        if answer.status_code == 200 and _taken(answer.body):
            return None
        log.info("An answer was not taken (%d).", answer.status_code)
        return _wait_of(answer)

    def _webhook(self) -> AsyncWebhookClient:
        client = self._client
        return AsyncWebhookClient(
            self._url, session=client.session, proxy=client.proxy, ssl=client.ssl, retry_handlers=[]
        )


def _taken(body: str) -> bool:
    """Whether an answer with status 200 is Slack's own yes, and neither a refusal nor a page of some proxy."""
    text = body.strip()
    if not text.startswith("{"):
        return not text.startswith("<")
    try:
        return json.loads(text).get("ok") is not False
    except ValueError:
        return False


def _wait_of(answer: WebhookResponse) -> float:
    """Return the seconds after which a refused post may be taken; infinity where Slack says that it never will be."""
    if answer.status_code == 429:
        asked = str(answer.headers.get("Retry-After", ""))
        return float(asked) if asked.isdecimal() else 1.0
    return 0.0 if answer.status_code >= 500 else float("inf")


def user_in(body: Mapping[str, Any]) -> str:
    """Return the user id of whoever sent a request; empty when it names nobody."""
    user = body.get("user")
    return str(body.get("user_id") or (user.get("id") if isinstance(user, Mapping) else "") or "")


def reply_address(body: Mapping[str, Any], caller: Person) -> ReplyAddress | None:
    """Return what a modal that a caller's request opens is to remember; None on the Home tab and in another modal."""
    url = body.get("response_url")
    if not (isinstance(url, str) and url):
        return None
    return ReplyAddress(workspace=caller.workspace, user=caller.user, url=url, until=time.time() + VALID_SECONDS)


async def post_where_opened(
    client: AsyncWebClient, caller: Person, reply: ReplyAddress | None, message: Message
) -> None:
    """Post a message where a person stood who opened a modal; where that takes it no more, by direct message.

    Raises:
        SlackApiError, aiohttp.ClientError, TimeoutError, OSError: the person cannot be reached at all.
    """
    await ResponseUrl.remembered(client, caller, reply).answer(message, replace=False)
