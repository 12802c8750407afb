"""Sends what is stored in the outbox: one message after the other, as quick as Slack takes them, each once.

A message is claimed in the database before it is sent, and ends there afterwards. When the process dies in between, or
Slack does not say whether it took it, it is sent once more; when that happens again, it ends, for it may have come
twice. Several instances send in turn in each workspace, at one pace for all of them, as is a pause that Slack asks
for; and never two at once to one person.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from slack_sdk.errors import SlackApiError

from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from bot.profiles.people.notices import FAULTY, TOO_LATE, UNCERTAIN, NotDueError, NoticeKind, Notices
from bot.profiles.people.retention import NOTICE_PERIOD, outbox_lease
from bot.slack.views.notices import notice_message
from bot.slack.views.password_entry import PasswordEntry
from bot.slack.web_api.errors import (
    SLACK_ERRORS,
    error_code,
    is_of_gateway,
    is_ratelimited,
    is_temporary,
    is_unanswered,
    retry_after_seconds,
)
from bot.slack.workspaces.workspaces import Workspaces
from storage.database import Database
from storage.engines.transactions import DatabaseUnavailableError
from storage.tables.outbox import LONGEST_PAUSE_SECONDS, MOST_UNKNOWN, SENT, StoredNotice

log = logging.getLogger(__name__)

Result = TypeVar("Result")

WORKSPACE_PACE_SECONDS = 0.25
"""Between two messages in a workspace: Slack takes several hundred a minute in all.

https://docs.slack.dev/apis/web-api/rate-limits#special-limits
"""

PERSON_PACE_SECONDS = 1.0
"""Between two messages to one person: about one a second is taken in a channel."""

CLAIM_SECONDS = 60.0
"""For sending one message; after so long another instance takes the one that claimed it for dead."""

SEND_TIMEOUT_SECONDS = 15.0
POLL_SECONDS = 15.0
"""How often the database is asked, because other instances write into it too."""

_SHORTEST_WAIT_SECONDS = 0.05
FIRST_PAUSE_SECONDS, LONGEST_BACKOFF_SECONDS = 5.0, 900.0
"""After a message that was not taken; the pause doubles each time."""

UNANSWERED_PAUSE_SECONDS = 3600.0
"""After a message that may have been taken: it is sent once more only, and Slack may be silent for a while."""

RETRY_AFTER_SECONDS = 30.0
"""How long to wait where Slack says that there were too many messages, and names no time."""

LAST_SEND_SECONDS = 5.0
"""How long a message that is just being sent keeps the process from stopping."""

# https://docs.slack.dev/reference/methods/chat.postMessage#errors: what is wrong with the app, and may be put right.
_OF_THE_APP = """
    invalid_auth not_authed account_inactive token_expired token_revoked missing_scope no_permission
    not_allowed_token_type ekm_access_denied access_denied org_login_required team_access_not_granted
    two_factor_setup_required team_added_to_org enterprise_is_restricted accesslimited service_unavailable
    request_timeout message_limit_exceeded
"""
_TO_BE_PUT_RIGHT = frozenset(_OF_THE_APP.split())


class Ended(StrEnum):
    """How a notice ended, for the metrics."""

    SENT = "sent"
    REFUSED = "refused"
    """By Slack, for good: it would refuse it again. Or it could not be made, a fault of the program."""
    DROPPED = "dropped"
    """It was out of date."""
    LOST = "lost"
    """It was sent twice, and Slack said neither time what became of it; or it waited too long."""


@dataclass(kw_only=True)
class Outbox:
    """Sends notices in the background; `pace` and `person_pace` are seconds, `count` counts how each ended."""

    database: Database
    workspaces: Workspaces
    notices: Notices
    entry: PasswordEntry
    count: Callable[[str, str], None]
    pace: float = WORKSPACE_PACE_SECONDS
    person_pace: float = PERSON_PACE_SECONDS
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _written: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _senders: dict[str, asyncio.Task[None]] = field(default_factory=dict, init=False)

    def wake(self, _owner: Person) -> None:
        """Look now: something was written."""
        self._written.set()

    async def run(self) -> None:
        """Send what is due until cancelled."""
        try:
            while True:
                self._written.clear()
                wait = await _to_its_end(self._round())
                try:
                    async with asyncio.timeout(wait):
                        await self._written.wait()
                except TimeoutError:
                    continue
        finally:
            senders = list(self._senders.values())
            for sender in senders:
                sender.cancel()
            await asyncio.gather(*senders, return_exceptions=True)

    async def _round(self) -> float:
        """Begin to send what is due now; return the seconds until there is more to do."""
        try:
            async with self.database.reading() as tx:
                lost = await tx.outbox.lost(older_than=NOTICE_PERIOD.total_seconds())
                waiting = await tx.outbox.waiting()
            # What was sent twice already without an answer, and what has waited too long.
            for stored in lost:
                await self._end(stored, UNCERTAIN if stored.unknown else TOO_LATE, Ended.LOST)
        except DatabaseUnavailableError as error:
            log.info("Messages to people wait: %s.", error)
            return POLL_SECONDS
        except Exception:
            # Only a stop ends this for good.
            log.exception("Messages to people could not be looked for.")
            return POLL_SECONDS
        due = [workspace for workspace, seconds in waiting.items() if not seconds]
        for workspace in due:
            # A workspace in which Slack is slow keeps no other waiting.
            if workspace not in self._senders:
                self._senders[workspace] = asyncio.create_task(self._send_all(workspace), name=f"outbox of {workspace}")
        if due or not waiting:
            # Whoever sends wakes this when it is done.
            return POLL_SECONDS
        return min(max(min(waiting.values()), _SHORTEST_WAIT_SECONDS), POLL_SECONDS)

    async def _send_all(self, workspace: str) -> None:
        """Send everything that is due in one workspace."""
        try:
            while (wait := await _to_its_end(self._send_next(workspace))) is not None:
                await self.sleep(wait)
        except DatabaseUnavailableError as error:
            log.info("Messages to people wait: %s.", error)
        except Exception:
            # Only a stop ends this for good.
            log.exception("Messages to people could not be sent.")
        else:
            self._written.set()
        finally:
            del self._senders[workspace]

    async def _send_next(self, workspace: str) -> float | None:
        """Send one message; return the seconds until the next may be sent, None when there is none for now."""
        lease = outbox_lease(workspace)
        async with self.database.writing() as tx:
            if not await tx.leases.take(lease, seconds=self.pace, longest=LONGEST_PAUSE_SECONDS):
                # Another instance has just sent something, or Slack asked for a pause.
                return min(await tx.leases.seconds_left(lease), POLL_SECONDS)
            stored = await tx.outbox.claim(workspace, seconds=CLAIM_SECONDS, person_pace=self.person_pace)
        if stored is None:
            return None
        await self._send(stored)
        return self.pace

    async def _send(self, stored: StoredNotice) -> None:
        try:
            content = await self.notices.content(stored)
            client = await self.workspaces.client_for(stored.workspace)
            message = notice_message(content, reader=stored.user, entry=self.entry)
            async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                await client.chat_postMessage(channel=stored.user, **message.payload())
        except NotDueError as error:
            await self._end(stored, error.outcome, Ended.DROPPED)
        except UserError as error:
            # The bot is not installed just now.
            await self._put_off(stored, type(error).__name__, seconds=_backoff(stored))
        except SLACK_ERRORS as error:
            await self._not_taken(stored, error)
        except DatabaseUnavailableError:
            raise
        except Exception:
            log.exception("A %s notice could not be made.", stored.kind)
            await self._end(stored, FAULTY, Ended.REFUSED)
        else:
            await self._end(stored, SENT, Ended.SENT)

    async def _not_taken(self, stored: StoredNotice, error: BaseException) -> None:
        if is_unanswered(error):
            await self._unanswered(stored, error)
        elif isinstance(error, SlackApiError):
            await self._refused(stored, error)
        else:
            await self._put_off(stored, type(error).__name__, seconds=_backoff(stored))

    async def _refused(self, stored: StoredNotice, error: SlackApiError) -> None:
        code = error_code(error) or "no answer"
        if is_ratelimited(error):
            seconds = retry_after_seconds(error, at_most=LONGEST_PAUSE_SECONDS) or RETRY_AFTER_SECONDS
            async with self.database.writing() as tx:
                # Nobody in the workspace is told anything before the time is over.
                await tx.leases.end_in(outbox_lease(stored.workspace), seconds=seconds)
                await tx.outbox.put_off(stored.record_id, seconds=seconds)
            log.info("Slack asks to wait %.0f s before the next message in %s.", seconds, stored.workspace)
        elif is_temporary(error) or code in _TO_BE_PUT_RIGHT:
            seconds = LONGEST_BACKOFF_SECONDS if is_of_gateway(error) else _backoff(stored)
            await self._put_off(stored, code, seconds=seconds)
        else:
            log.warning("A %s notice was refused for good (%s).", stored.kind, code, extra=_whose(stored))
            await self._end(stored, code[:64], Ended.REFUSED)

    async def _put_off(self, stored: StoredNotice, why: str, *, seconds: float) -> None:
        log.info("A %s notice waits for %.0f s (%s).", stored.kind, seconds, why, extra=_whose(stored))
        async with self.database.writing() as tx:
            await tx.outbox.put_off(stored.record_id, seconds=seconds)

    async def _unanswered(self, stored: StoredNotice, error: BaseException) -> None:
        if stored.unknown + 1 >= MOST_UNKNOWN:
            await self._end(stored, UNCERTAIN, Ended.LOST)
            return
        why = (error_code(error) if isinstance(error, SlackApiError) else "") or type(error).__name__
        seconds = UNANSWERED_PAUSE_SECONDS
        log.info(
            "A %s notice may have been sent (%s); it waits for %.0f s.", stored.kind, why, seconds, extra=_whose(stored)
        )
        async with self.database.writing() as tx:
            await tx.outbox.postpone(stored.record_id, seconds=seconds)

    async def _end(self, stored: StoredNotice, outcome: str, ended: Ended) -> None:
        async with self.database.writing() as tx:
            was_waiting = await tx.outbox.end(stored.record_id, outcome)
        if was_waiting:
            self.count(stored.kind if stored.kind in set(NoticeKind) else "other", ended)
        if ended is Ended.LOST:
            log.warning("A %s notice was given up (%s).", stored.kind, outcome, extra=_whose(stored))


def _whose(stored: StoredNotice) -> dict[str, str]:
    return {"workspace": stored.workspace, "user": stored.user}


def _backoff(stored: StoredNotice) -> float:
    return float(min(FIRST_PAUSE_SECONDS * 2 ** min(stored.tries, 16), LONGEST_BACKOFF_SECONDS))


async def _to_its_end(work: Coroutine[Any, Any, Result]) -> Result:
    """Wait for some work; when the task is cancelled, let it end first, for a moment: a message may be on its way."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        _, late = await asyncio.wait((task,), timeout=LAST_SEND_SECONDS)
        for one in late:
            one.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
