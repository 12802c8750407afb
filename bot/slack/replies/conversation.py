"""What the bot says of itself in a person's conversation with it: a welcome, and short answers to plain messages."""

import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.account.records import ProfileState
from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from bot.slack.replies.direct_message import post_to_person
from bot.slack.replies.jobs import Jobs
from bot.slack.views import conversation as views
from storage.database import Database

log = logging.getLogger(__name__)

ANSWER_INTERVAL_SECONDS = 60
"""A person gets one answer within so long, however many messages they type."""

OLDEST_SECONDS = 600.0
"""Slack may deliver events late, after an outage; an answer to an older message would puzzle."""

_REMEMBERED_SECONDS = 3600
"""How long a message is known to be answered: longer than its event may come again and still be answered."""


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """Writes into people's conversations with the bot, once, whichever instance an event comes to."""

    database: Database
    profiles: EmailProfiles
    jobs: Jobs
    clock: Callable[[], float] = time.time

    async def welcome(self, client: AsyncWebClient, person: Person) -> None:
        """Welcome a person who opens the conversation for the first time and could set up a profile."""
        async with self.database.writing() as tx:
            if not await tx.homes.welcome(person.workspace, person.user):
                return

        async def post() -> None:
            view = await self.profiles.show(caller=person, owner=person)
            if view.state is ProfileState.NOT_SET_UP:
                await post_to_person(client, person.user, views.welcome(person.user))

        self._start(person.user, post)

    async def answer(self, client: AsyncWebClient, person: Person, *, channel: str, ts: str) -> None:
        """Answer a plain message; `ts` is its time, by which Slack also names it."""
        if not self._is_recent(ts):
            return
        async with self.database.writing() as tx:
            message = "\n".join(("message", person.workspace, channel, ts))
            if not await tx.requests.take(message, seconds=_REMEMBERED_SECONDS):
                return
            answered = "\n".join(("answer", person.workspace, person.user))
            if not await tx.requests.take(answered, seconds=ANSWER_INTERVAL_SECONDS):
                return

        async def post() -> None:
            await post_to_person(client, channel, views.answer(person.user))

        self._start(person.user, post)

    def _is_recent(self, ts: str) -> bool:
        try:
            return self.clock() - float(ts) < OLDEST_SECONDS
        except ValueError:
            return False

    def _start(self, user: str, post: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            self.jobs.start(f"greeting of {user}", post, notify=_nobody)
        except UserError:
            log.warning("A person was not greeted: too much is under way.")


async def _nobody(_sentence: str) -> None:
    """Notify nobody: what could not be posted was only a greeting."""
