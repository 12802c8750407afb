"""The address at which one interaction is answered: five posts, within half an hour.

https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
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

from bot.slack.replies.direct_message import say
from bot.slack.views.message import Message
from bot.slack.web_api.errors import SLACK_FAILS

log = logging.getLogger(__name__)

POSTS = 5
GOOD_SECONDS = 30 * 60.0

SECONDS = 2.0
"""For one post: Slack may be waiting for the acknowledgement meanwhile."""

_TRIES = 3
_LONGEST_WAIT = 1.5
"""Seconds that Slack may ask to wait; for more, another way is quicker."""


class ResponseUrl:
    """Where one command or press is answered; what does not fit there any more is said to the person elsewhere."""

    def __init__(self, client: AsyncWebClient, body: Mapping[str, Any]) -> None:
        """Answer the request that has this body."""
        self._client = client
        self._url = str(body.get("response_url") or "")
        self._user = user_in(body)
        self._channel = channel_in(body)
        self._left = POSTS
        self._until = time.monotonic() + GOOD_SECONDS

    async def answer(self, message: Message, *, replace: bool) -> None:
        """Post what must not be lost: where the address takes it no more, in the channel or by direct message.

        Raises:
            SlackApiError, aiohttp.ClientError, TimeoutError, OSError: the person cannot be reached at all.
        """
        for attempt in range(_TRIES):
            if not self._usable(keeping=0):
                break
            wait = await self._posted(message, replace=replace)
            if wait is None:
                return
            if attempt + 1 == _TRIES or wait > _LONGEST_WAIT:
                break
            # Many instances may have been refused at the same moment.
            await asyncio.sleep(wait + random.uniform(0, 0.2))  # noqa: S311 - it guards nothing
        # What did not take this takes nothing else, and is not asked again and again.
        self._left = 0
        await say(self._client, self._user, self._channel, message)

    async def progress(self, message: Message, *, replace: bool) -> None:
        """Post what the next post replaces; it never takes the last two posts, and one lost is no loss."""
        if self._usable(keeping=2):
            await self._posted(message, replace=replace)

    def _usable(self, *, keeping: int) -> bool:
        return bool(self._url) and self._left > keeping and time.monotonic() < self._until

    async def _posted(self, message: Message, *, replace: bool) -> float | None:
        """Post once; gives None when Slack took it, else the seconds after which it may take it."""
        self._left -= 1
        try:
            async with asyncio.timeout(SECONDS):
                answer = await self._webhook().send(
                    **message.payload(), response_type=None if replace else "ephemeral", replace_original=replace
                )
        except SLACK_FAILS as error:
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
    """Tell whether an answer with status 200 is Slack's own yes, and no refusal and no page of something between."""
    text = body.strip()
    if not text.startswith("{"):
        return not text.startswith("<")
    try:
        return json.loads(text).get("ok") is not False
    except ValueError:
        return False


def _wait_of(answer: WebhookResponse) -> float:
    """Tell after how long a refused post may be taken; for ever where Slack says that it never will be."""
    if answer.status_code == 429:
        asked = str(answer.headers.get("Retry-After", ""))
        return float(asked) if asked.isdecimal() else 1.0
    return 0.0 if answer.status_code >= 500 else float("inf")


def user_in(body: Mapping[str, Any]) -> str:
    """Tell who sent a request, as far as an answer needs it; empty when it names nobody."""
    return str(body.get("user_id") or (body.get("user") or {}).get("id") or "")


def channel_in(body: Mapping[str, Any]) -> str:
    """Tell the channel in which something was typed or pressed; empty in modals and on the Home tab."""
    return str(body.get("channel_id") or (body.get("channel") or {}).get("id") or "")
