"""Publishes Home tabs on a visit and after changes, whoever made them; the same content only once."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Collection
from dataclasses import dataclass, field

from slack_sdk.errors import SlackApiError
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.observability.log import log_undelivered
from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.connection_tests.connection_tests import ConnectionTests
from bot.profiles.errors import DirectoryError, NotAllowedError
from bot.profiles.people.access import Person
from bot.profiles.people.history import History
from bot.profiles.people.people_list import ListQuery, PeopleList
from bot.profiles.people.workspace_defaults import WorkspaceDefaults
from bot.profiles.tokens.program_tokens import ProgramTokens
from bot.slack.views import home as views
from bot.slack.views.password_entry import PasswordEntry
from bot.slack.web_api.errors import SLACK_ERRORS, error_code, is_temporary, retry_after_seconds
from bot.slack.workspaces.workspaces import NotInstalledError, Workspaces
from storage.database import Database

log = logging.getLogger(__name__)

SETTLE_SECONDS = 1.0
"""Changes within so long are shown by one publication: a test of many profiles makes hundreds."""

MOST_TABS = 200
"""Home tabs brought up to date after a change; whoever has theirs behind these sees it on the next visit."""

PUBLISH_TIMEOUT_SECONDS = 2.0
"""For one publication: on a visit Slack waits for the bot's answer meanwhile."""

_TRIES = 3
RETRY_SECONDS = 2.0
"""Between tries; Slack's own Retry-After is rarely longer for this method."""


@dataclass(kw_only=True)
class HomeTabs:
    """Publishes Home tabs, each in its reader's own workspace; `programs` is None where they are switched off."""

    profiles: EmailProfiles
    programs: ProgramTokens | None
    connections: ConnectionTests
    listing: PeopleList
    defaults: WorkspaceDefaults
    history: History
    entry: PasswordEntry
    database: Database
    workspaces: Workspaces
    _stale: dict[str, set[str]] = field(default_factory=dict, init=False)
    _missed: set[Person] = field(default_factory=set, init=False)
    _changed: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def publish_on_visit(self, reader: Person, *, shown: bool) -> None:
        """Publish on a visit, with one try: Slack waits for the answer to its event, and sends it again when late."""
        if not await self.publish(reader, shown=shown, tries=1):
            self._missed.add(reader)
            self._changed.set()

    def changed(self, owner: Person) -> None:
        """Note that a person's profile changed; the tabs that show it are published again soon."""
        self._stale.setdefault(owner.workspace, set()).add(owner.user)
        self._changed.set()

    async def run(self) -> None:
        """Publish after changes until cancelled."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            self._changed.clear()
            stale, self._stale = self._stale, {}
            missed, self._missed = self._missed, set()
            # A workspace in which Slack is slow shall not keep the others waiting.
            async with asyncio.TaskGroup() as tasks:
                for workspace, owners in stale.items():
                    tasks.create_task(self._refresh(workspace, owners, missed))
                for reader in missed:
                    tasks.create_task(self._publish_again(reader))

    async def _publish_again(self, reader: Person) -> None:
        try:
            await self.publish(reader, shown=False, tries=_TRIES - 1)
        except NotInstalledError:
            log.info("No Home tabs are shown in %s any more.", reader.workspace)
        except Exception:
            # The next visit tries again; only a stop ends this.
            log.exception("A Home tab could not be published.")

    async def _refresh(self, workspace: str, owners: set[str], missed: Collection[Person]) -> None:
        """Publish the tabs that show `owners`, but for those in `missed`, who get theirs anyway."""
        try:
            async with self.database.reading() as tx:
                users = await tx.homes.users(workspace, owners=owners, limit=MOST_TABS)
            for reader in (Person(workspace=workspace, user=user) for user in users):
                if reader not in missed:
                    await self.publish(reader, shown=True, tries=_TRIES)
        except NotInstalledError:
            log.info("No Home tabs are shown in %s any more.", workspace)
        except Exception:
            # The next change or visit tries again; only a stop ends this.
            log.exception("Home tabs could not be brought up to date.")

    async def publish(self, reader: Person, *, shown: bool, tries: int) -> bool:
        """Publish a person's tab when it differs from what is `shown` there; return False when Slack failed."""
        try:
            admin = await self._admin_part(reader)
        except DirectoryError:
            if shown:
                # Who is no admin only because Slack is silent shall not lose what they see.
                return True
            admin = None
        view = await self._view(reader, admin)
        digest = hashlib.sha256(json.dumps(view.to_dict(), sort_keys=True).encode()).hexdigest()
        async with self.database.reading() as tx:
            known = await tx.homes.digest(reader.workspace, reader.user)
        if shown and known == digest:
            return True
        # Home tabs count their tries themselves.
        client = await self.workspaces.client_for(reader.workspace)
        if not await self._published(client, reader.user, view, tries):
            return False
        async with self.database.writing() as tx:
            await tx.homes.note(reader.workspace, reader.user, digest, shows_everybody=admin is not None)
        return True

    async def _published(self, client: AsyncWebClient, user: str, view: View, tries: int) -> bool:
        lost: BaseException = TimeoutError()
        for attempt in range(tries):
            pause = RETRY_SECONDS
            try:
                async with asyncio.timeout(PUBLISH_TIMEOUT_SECONDS):
                    await client.views_publish(user_id=user, view=view)
                return True
            except SlackApiError as error:
                if not is_temporary(error):
                    log_undelivered(log, f"A Home tab was not taken: {error_code(error)}", error)
                    return False
                pause, lost = max(pause, retry_after_seconds(error)), error
            except SLACK_ERRORS as error:
                lost = error
                log.info("Slack did not take a Home tab (%s).", type(error).__name__)
            if attempt + 1 < tries:
                await asyncio.sleep(pause)
        log_undelivered(log, f"A Home tab could not be published in {tries} tries", lost)
        return False

    async def _view(self, reader: Person, admin: views.AdminPart | None) -> View:
        try:
            view = await self.profiles.show(caller=reader, owner=reader)
        except NotAllowedError as error:
            return views.refused(str(error))
        return views.home(view, reader=reader.user, entry=self.entry, own=await self._own_part(reader), admin=admin)

    async def _own_part(self, reader: Person) -> views.OwnPart:
        last = await self.connections.last_result(reader=reader, owner=reader)
        programs = await self.programs.list_for_card(caller=reader, owner=reader) if self.programs else None
        history = await self.history.latest(caller=reader, owner=reader)
        return views.OwnPart(last=last, history=history, programs=programs)

    async def _admin_part(self, reader: Person) -> views.AdminPart | None:
        try:
            page = await self.listing.page(caller=reader, query=ListQuery())
            stored = await self.defaults.show(caller=reader)
            recent = await self.history.recent_changes(caller=reader)
        except NotAllowedError:
            return None
        return views.AdminPart(page=page, defaults=stored, recent=recent)
