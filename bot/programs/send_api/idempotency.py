"""Idempotency-Key: the same request is not sent twice, whichever instance gets it, and whatever broke meanwhile.

A row is there before the provider is asked. Its answer is stored with it when it is one that stays true; when nothing
was sent and trying again may help, the row is taken away. A row without an answer means that the letter is being sent
or that its process died: after RUNNING_SECONDS nobody knows, and it is never sent by itself again.
"""

import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.profiles.tokens.program import Sender
from bot.programs.send_api.answers import Answer, Problem, ProblemError, problem
from storage.database import Database
from storage.engines.transactions import DatabaseUnavailableError
from storage.tables.idempotent_sends import KEPT_SECONDS

log = logging.getLogger(__name__)

MOST_CHARACTERS = 256
KEPT_HOURS = KEPT_SECONDS // 3600
RUNNING_SECONDS = 900.0
"""As long as a session with a provider may take; a row without an answer is older only if its process died."""

_NOBODY_KNOWS = (
    "The message with this Idempotency-Key was given to the mail provider, or was about to be, when the bot was cut "
    "off. It may have been sent, and is not sent again by itself. Look whether it arrived; to send it in any case, use "
    "another key."
)


def checked_key(key: str) -> str:
    """Return an Idempotency-Key that may be used.

    Raises:
        ProblemError: it is empty, too long, or has other characters than printable ASCII.
    """
    if not (0 < len(key) <= MOST_CHARACTERS and key.isascii() and key.isprintable()):
        raise ProblemError(
            problem(
                Problem.INVALID_REQUEST,
                f"An Idempotency-Key has 1 to {MOST_CHARACTERS} printable characters of ASCII, for example a UUID.",
            )
        )
    return key


def digest_of(*parts: bytes) -> str:
    """Return the SHA-256 (hex) of a request's parts; each counts with its length."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class IdempotentSends:
    """Sends once what is asked for several times with the same key, in one database."""

    database: Database

    async def once(self, sender: Sender, key: str, digest: str, send: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return what `send` answers, or what it answered before to the same request.

        Raises:
            ProblemError: the key was used for another request, or the same one is being sent.
            DatabaseUnavailableError: nothing was sent, for nobody can say whether it was before.
        """
        if (before := await self._answered_before(sender, key, digest)) is not None:
            before.headers["Idempotency-Status"] = "replayed"
            return before
        try:
            answer = await send()
        except ProblemError:
            # Nothing was given to the provider.
            await self._end(sender, key, None)
            raise
        await self._end(sender, key, answer if answer.is_kept else None)
        return answer

    async def _answered_before(self, sender: Sender, key: str, digest: str) -> Answer | None:
        async with self.database.writing() as tx:
            stored = await tx.idempotent_sends.begin(
                sender.person.workspace, sender.person.user, token_id=sender.program.id, key=key, body_digest=digest
            )
        if stored is None:
            return None
        if stored.body_digest != digest:
            raise ProblemError(
                problem(
                    Problem.KEY_CONFLICT,
                    f"This Idempotency-Key was used for another message in the last {KEPT_HOURS} hours, so nothing was "
                    "sent. Use a new key for each message.",
                )
            )
        if stored.answer is not None:
            return Answer.from_document(stored.answer)
        left = stored.begun_at + RUNNING_SECONDS - (await self.database.now()).timestamp()
        if left > 0:
            raise ProblemError(
                problem(
                    Problem.STILL_RUNNING,
                    "The message with this Idempotency-Key is being sent, or the bot was cut off meanwhile. Ask again "
                    "with the same key and body to learn what became of it.",
                    wait=min(left, 10.0),
                )
            )
        return problem(Problem.OUTCOME_UNKNOWN, _NOBODY_KNOWS)

    async def _end(self, sender: Sender, key: str, answer: Answer | None) -> None:
        """Store the answer; without one, forget the send, so that it can be asked for again."""
        try:
            async with self.database.writing() as tx:
                if answer is None:
                    await tx.idempotent_sends.forget(sender.program.id, key)
                else:
                    await tx.idempotent_sends.finish(sender.program.id, key, answer.to_document())
        except DatabaseUnavailableError as error:
            # The program gets its answer all the same; who asks again is told that nobody knows.
            log.warning("What became of a message could not be stored for its Idempotency-Key: %s.", error.fault)
