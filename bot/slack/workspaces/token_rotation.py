"""Renews tokens that expire (token rotation): one at a time over all instances, because a refresh token works once.

https://docs.slack.dev/authentication/using-token-rotation
"""

import asyncio
import logging
from collections.abc import Callable

from slack_sdk.errors import SlackTokenRotationError
from slack_sdk.oauth.installation_store import Bot
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator

from bot.profiles.errors import UserError
from bot.profiles.people.retention import token_lease
from bot.slack.web_api.errors import error_code
from bot.slack.workspaces.installation import RENEWED_BEFORE_MINUTES, Installed, read_installed, to_document
from storage.database import Database
from storage.engines.transactions import DatabaseUnavailableError
from storage.tables.table import StaleRevisionError

log = logging.getLogger(__name__)

LEASE_SECONDS = 60.0
"""Longer than one answer of Slack's may take, so that no second instance begins meanwhile."""

REFUSED_PAUSE_SECONDS = 300.0
FAILED_PAUSE_SECONDS = 15.0
"""How long nobody retries after Slack refused, or did not answer."""

RENEWAL_WAIT_SECONDS = 1.5
"""How long a request waits for the renewal of a token that has expired: Slack itself waits 3 s for our answer."""

SAVE_RETRY_SECONDS = 1.0
FINISH_SECONDS = 5.0
# Anything else, such as bad_client_secret, is somebody else's fault than the token's, and passes.
_FOR_GOOD = ("invalid_refresh_token", "account_inactive", "token_revoked")
_POLL_SECONDS = 0.1
_SAVES = 5

OnRenewal = Callable[[str], None]
"""Called with how a renewal ended: renewed, refused or failed."""


class TokenExpiredError(UserError):
    """A token has expired, and the new one is not there yet."""

    def __init__(self) -> None:
        super().__init__("Slack has not given the bot a new token yet, so nothing was done. Try again in a minute.")


class TokenRotation:
    """The renewals under way in this process; each goes on when the request that needed it has gone."""

    def __init__(self, *, database: Database, rotator: AsyncTokenRotator, on_renewal: OnRenewal) -> None:
        self._database = database
        self._rotator = rotator
        self._on_renewal = on_renewal
        self._running: dict[str, asyncio.Task[None]] = {}
        self._refused: dict[str, int] = {}

    async def fresh(self, workspace: str, installed: Installed) -> Installed | None:
        """Return an installation whose token can be used now; None when it has expired for good.

        A token that still works is returned at once, and renewed in the background.

        Raises:
            TokenExpiredError: it has expired, and Slack has not issued the next one yet.
        """
        if not installed.expires_soon:
            return installed
        if self._refused.get(workspace) == installed.revision:
            return None if installed.is_expired else installed
        renewal = self._running.get(workspace) or self._start(workspace)
        if not installed.is_expired:
            return installed
        await asyncio.wait([renewal], timeout=RENEWAL_WAIT_SECONDS)
        now = await read_installed(self._database, workspace)
        if now is None or self._refused.get(workspace) == now.revision:
            return None
        if now.is_expired:
            raise TokenExpiredError
        return now

    async def finish(self) -> None:
        """Wait a few seconds for those under way: a token that Slack has issued and is not stored would be lost."""
        if self._running:
            await asyncio.wait(self._running.values(), timeout=FINISH_SECONDS)

    def _start(self, workspace: str) -> asyncio.Task[None]:
        task = asyncio.create_task(self._renew_under_lease(workspace), name=token_lease(workspace))
        self._running[workspace] = task
        task.add_done_callback(lambda _: self._running.pop(workspace, None))
        return task

    async def _renew_under_lease(self, workspace: str) -> None:
        lease = token_lease(workspace)
        try:
            async with self._database.writing() as tx:
                taken = await tx.leases.take(lease, seconds=LEASE_SECONDS)
            if not taken:
                await self._wait_for_others(workspace)
                return
            pause = await self._renew(workspace)
            async with self._database.writing() as tx:
                await (tx.leases.end_in(lease, seconds=pause) if pause else tx.leases.drop(lease))
        except DatabaseUnavailableError as error:
            log.warning("The token of %s could not be renewed: %s.", workspace, error.fault)
        except Exception as error:  # noqa: BLE001 - nobody awaits this, and its text may hold tokens
            log.error("Renewing the token of %s broke (%s).", workspace, type(error).__name__)  # noqa: TRY400

    async def _wait_for_others(self, workspace: str) -> None:
        """Wait until another instance has stored its renewal."""
        for _ in range(round(RENEWAL_WAIT_SECONDS / _POLL_SECONDS)):
            await asyncio.sleep(_POLL_SECONDS)
            now = await read_installed(self._database, workspace)
            if now is None or not now.expires_soon:
                return

    async def _renew(self, workspace: str) -> float:
        """Renew a token; return the seconds until somebody may retry, 0 when it is done."""
        # Read again under the lease: another instance may have been quicker.
        installed = await read_installed(self._database, workspace)
        if installed is None or not installed.expires_soon:
            return 0.0
        try:
            bot = await self._rotator.perform_bot_token_rotation(
                bot=installed.bot, minutes_before_expiration=RENEWED_BEFORE_MINUTES
            )
            if bot is None:
                raise ValueError("the new token is no bot's")
        except SlackTokenRotationError as error:
            why = error_code(error.api_error)
            if why in _FOR_GOOD:
                return self._refused_for_good(workspace, installed, why)
            return self._failed(workspace, why or "no answer that can be read")
        except Exception as error:  # noqa: BLE001 - whatever Slack's answer broke, its text may hold tokens
            return self._failed(workspace, type(error).__name__)
        await self._store(workspace, bot, installed.revision)
        self._refused.pop(workspace, None)
        self._on_renewal("renewed")
        return 0.0

    async def _store(self, workspace: str, bot: Bot, revision: int) -> None:
        """Store what Slack issued, with retries: the refresh token before is used up."""
        for attempt in range(_SAVES):
            try:
                async with self._database.writing() as tx:
                    await tx.installations.save(workspace, to_document(bot), expected_revision=revision)
            except StaleRevisionError:
                # Installed again, or removed, meanwhile: what is stored now counts.
                return
            except DatabaseUnavailableError:
                if attempt + 1 == _SAVES:
                    raise
                await asyncio.sleep(SAVE_RETRY_SECONDS)
            else:
                return

    def _failed(self, workspace: str, why: str) -> float:
        log.warning("Slack did not renew the token of %s (%s); trying again soon.", workspace, why)
        self._on_renewal("failed")
        return FAILED_PAUSE_SECONDS

    def _refused_for_good(self, workspace: str, installed: Installed, why: str) -> float:
        log.warning(
            "Slack refuses to renew the token of %s (%s). When it is over, the app has to be installed there again.",
            workspace,
            why,
        )
        self._refused[workspace] = installed.revision
        self._on_renewal("refused")
        return REFUSED_PAUSE_SECONDS
