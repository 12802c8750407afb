"""Background jobs: bounded in number, awaited on stop; whoever started one is notified when it fails."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bot.observability.log import Outcome, current_reference, log_undelivered, set_outcome
from bot.profiles.errors import NotAllowedError, UserError, broken_off_sentence
from bot.slack.web_api.errors import SLACK_ERRORS
from storage.engines.transactions import DatabaseUnavailableError

log = logging.getLogger(__name__)

_LAST_NOTICE_SECONDS = 5.0
"""How long cancelled jobs get to notify their owners."""

MOST_RUNS = 10
"""Works on many profiles under way at once."""

INTERRUPTED = "The bot is being restarted, so this was interrupted. Please run it again in a minute."
RESTARTING = "The bot is being restarted. Please try again in a minute."


def unexpected(reference: str) -> str:
    """Return the sentence for an error that nobody expected."""
    return (
        f"Something went wrong (reference {reference}). Please look how things stand before you try again; if it "
        "stays, give whoever runs the bot this reference."
    )


def not_taken(reference: str) -> str:
    """Return the sentence for an answer that Slack did not take; what was wanted may be done."""
    return (
        f"Slack did not take the bot's answer (reference {reference}). Please look how things stand before you try "
        "again."
    )


class Jobs:
    """The registry of background jobs of one process."""

    def __init__(self, *, most: int, most_runs: int = MOST_RUNS) -> None:
        """`most_runs` bounds works on many profiles, which take no place of the others."""
        self._most = most
        self._most_runs = most_runs
        self._tasks: set[asyncio.Task[None]] = set()
        self._runs: set[asyncio.Task[None]] = set()
        self._draining = False

    @property
    def running(self) -> int:
        """The number of jobs under way."""
        return len(self._tasks)

    def start(
        self, name: str, work: Callable[[], Coroutine[Any, Any, None]], *, notify: Callable[[str], Awaitable[object]]
    ) -> None:
        """Start `work` in the background; `notify` gets a sentence for the person when it fails or is interrupted.

        `name` says what it is and for whom, in ids: it is logged when the work is refused.

        Raises:
            UserError: too many jobs are under way, or the bot is stopping.
        """
        if len(self._tasks) - len(self._runs) >= self._most:
            raise UserError("Many tests are running right now. Please try again in a minute.")
        self._begin(name, work, notify)

    def start_run(
        self, name: str, work: Callable[[], Coroutine[Any, Any, None]], *, notify: Callable[[str], Awaitable[object]]
    ) -> None:
        """Start work on many profiles, in a place of its own; all else as `start`."""
        if len(self._runs) >= self._most_runs:
            raise UserError("Much work on many profiles is under way right now. Please try again in a minute.")
        task = self._begin(name, work, notify)
        self._runs.add(task)
        task.add_done_callback(self._runs.discard)

    async def start_shown_run(
        self, name: str, work: Callable[[], Coroutine[Any, Any, None]], *, notify: Callable[[str], Awaitable[object]]
    ) -> None:
        """Start work on many profiles whose beginning is shown already; where it is refused, `notify` gets that too."""
        try:
            self.start_run(name, work, notify=notify)
        except UserError as error:
            set_outcome(Outcome.TOLD)
            await notify(str(error))

    def _begin(
        self, name: str, work: Callable[[], Coroutine[Any, Any, None]], notify: Callable[[str], Awaitable[object]]
    ) -> asyncio.Task[None]:
        if self._draining:
            raise UserError(RESTARTING)
        task = asyncio.create_task(self._run(name, work, notify), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(
        self, name: str, work: Callable[[], Coroutine[Any, Any, None]], notify: Callable[[str], Awaitable[object]]
    ) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            await _notify(notify, INTERRUPTED)
        except UserError as error:
            if isinstance(error, NotAllowedError):
                log.info("Refused: %s.", name)
            await _notify(notify, str(error))
        except DatabaseUnavailableError as error:
            await _notify(notify, broken_off_sentence(error))
        except SLACK_ERRORS as error:
            log_undelivered(log, "Slack did not take what a background job had to show", error)
            await _notify(notify, not_taken(current_reference()))
        except Exception:
            reference = current_reference()
            log.exception("A background job failed (reference %s).", reference, extra={"reference": reference})
            await _notify(notify, unexpected(reference))

    async def drain(self, seconds: float) -> None:
        """Take no new jobs, wait up to `seconds` for those under way, then interrupt the rest."""
        self._draining = True
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=_LAST_NOTICE_SECONDS)


async def _notify(notify: Callable[[str], Awaitable[object]], sentence: str) -> None:
    try:
        await notify(sentence)
    except Exception as error:  # noqa: BLE001 - the person cannot be reached; nobody else is to be notified
        log_undelivered(log, "A job's owner could not be told", error)
