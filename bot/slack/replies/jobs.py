"""Background jobs: bounded in number, never lost, awaited on stop; their owner is told when they fail."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bot.profiles.errors import NotAllowedError, UserError, outage_sentence
from bot.slack.middleware.request_log import log_undelivered, reference_now
from bot.slack.web_api.errors import SLACK_FAILS, note_refusal
from storage.engines.unavailable import DatabaseUnavailableError

log = logging.getLogger(__name__)

_LAST_WORDS = 5.0
"""Seconds that cancelled jobs get to tell their owners."""

INTERRUPTED = "The bot is being restarted, so this was interrupted. Please run it again in a minute."
RESTARTING = "The bot is being restarted. Please try again in a minute."


def unexpected(reference: str) -> str:
    """Say that something went wrong that the person cannot mend."""
    return (
        f"Something went wrong (reference {reference}). Nothing was changed. Try again; if it stays, give "
        "whoever runs the bot this reference."
    )


def not_taken(reference: str) -> str:
    """Say that Slack did not take what the bot had to show or to ask; what was wanted may be done."""
    return (
        f"Slack did not take the bot's answer (reference {reference}). Please look how things stand before you try "
        "again."
    )


class Jobs:
    """The registry of background jobs of one process."""

    def __init__(self, *, most: int) -> None:
        """Run at most `most` jobs at once."""
        self._most = most
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = False

    @property
    def running(self) -> int:
        """How many jobs are under way."""
        return len(self._tasks)

    def start(
        self, name: str, work: Callable[[], Coroutine[Any, Any, None]], *, tell: Callable[[str], Awaitable[object]]
    ) -> None:
        """Begin `work` in the background; `tell` gets a sentence for the person when it fails or is interrupted.

        `name` says what it is and for whom, in ids: it is logged when the work is refused.

        Raises:
            UserError: too many jobs are under way, or the bot is stopping.
        """
        if self._draining:
            raise UserError(RESTARTING)
        if len(self._tasks) >= self._most:
            raise UserError("Many tests are running right now. Please try again in a minute.")
        task = asyncio.create_task(self._run(name, work, tell), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(
        self, name: str, work: Callable[[], Coroutine[Any, Any, None]], tell: Callable[[str], Awaitable[object]]
    ) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            await self._tell(tell, INTERRUPTED)
        except UserError as error:
            if isinstance(error, NotAllowedError):
                note_refusal(name)
            await self._tell(tell, str(error))
        except DatabaseUnavailableError as error:
            await self._tell(tell, outage_sentence(error))
        except SLACK_FAILS as error:
            log_undelivered(log, "Slack did not take what a background job had to show", error)
            await self._tell(tell, not_taken(reference_now()))
        except Exception:
            reference = reference_now()
            log.exception("A background job failed (reference %s).", reference, extra={"reference": reference})
            await self._tell(tell, unexpected(reference))

    async def _tell(self, tell: Callable[[str], Awaitable[object]], sentence: str) -> None:
        try:
            await tell(sentence)
        except Exception as error:  # noqa: BLE001 - the person cannot be reached; there is nobody left to tell
            log_undelivered(log, "A job's owner could not be told", error)

    async def drain(self, seconds: float) -> None:
        """Take no new jobs, wait up to `seconds` for those under way, then interrupt the rest."""
        self._draining = True
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=_LAST_WORDS)
