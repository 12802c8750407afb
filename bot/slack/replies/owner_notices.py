"""Telling people what was done to their profile by somebody else: by direct message, once a change."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.account.changes import ProfileChange
from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from bot.slack.replies.jobs import Jobs
from bot.slack.views import card as cards

log = logging.getLogger(__name__)


async def nobody(_sentence: str) -> None:
    """Tell nobody: whoever made the change has their answer, and the owner cannot be reached."""


class OwnerNotices:
    """The owners of profiles, and how they are told."""

    def __init__(self, jobs: Jobs) -> None:
        """Tell them in the background."""
        self._jobs = jobs

    def tell(self, client: AsyncWebClient, caller: Person, changed: ProfileChange) -> None:
        """Tell the owner what somebody else changed; nothing changed, or their own doing, is not told."""

        async def work() -> None:
            await self.told(client, caller, changed)

        if changed.view.owner != caller and changed.fields:
            self._start(changed.view.owner, work)

    async def told(self, client: AsyncWebClient, caller: Person, changed: ProfileChange) -> None:
        """Tell the owner within a job that is running already."""
        owner = changed.view.owner
        if owner != caller and changed.fields:
            message = cards.changed_message(changed, changed_by=caller.user)
            await client.chat_postMessage(channel=owner.user, **message.payload())

    def tell_deleted(self, client: AsyncWebClient, caller: Person, owner: Person) -> None:
        """Tell the owner that somebody else deleted their profile."""

        async def work() -> None:
            await client.chat_postMessage(channel=owner.user, **cards.deleted_message(caller.user).payload())

        if owner != caller:
            self._start(owner, work)

    def _start(self, owner: Person, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            self._jobs.start(f"telling {owner.user}", work, tell=nobody)
        except UserError:
            # The change is made, and whoever made it must not hear otherwise.
            log.warning("The owner of a changed profile could not be told: too much is under way.")
