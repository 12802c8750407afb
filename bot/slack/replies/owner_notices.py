"""Notices to people about what somebody else did to their profile: a direct message, one for each change."""

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


class OwnerNotices:
    """Sends notices to the owners of profiles, in the background."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def changed(self, client: AsyncWebClient, caller: Person, changed: ProfileChange) -> None:
        """Notify the owner of what somebody else changed; nothing changed, or their own doing, needs no notice."""
        if changed.view.owner != caller and changed.fields:
            self._start(changed.view.owner, lambda: self.send_changed(client, caller, changed))

    async def send_changed(self, client: AsyncWebClient, caller: Person, changed: ProfileChange) -> None:
        """Notify the owner as `changed` does, within a job that is running already."""
        owner = changed.view.owner
        if owner != caller and changed.fields:
            message = cards.changed_message(changed, changed_by=caller.user)
            await client.chat_postMessage(channel=owner.user, **message.payload())

    def deleted(self, client: AsyncWebClient, caller: Person, owner: Person) -> None:
        """Notify the owner that somebody else deleted their profile."""

        async def send() -> None:
            await client.chat_postMessage(channel=owner.user, **cards.deleted_message(caller.user).payload())

        if owner != caller:
            self._start(owner, send)

    def _start(self, owner: Person, send: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            self._jobs.start(f"notice to {owner.user}", send, notify=_nobody)
        except UserError:
            # The change is made, and whoever made it must not hear otherwise.
            log.warning("The owner of a changed profile could not be notified: too much is under way.")


async def _nobody(_sentence: str) -> None:
    """Notify nobody: whoever made the change has their answer, and the owner cannot be reached."""
