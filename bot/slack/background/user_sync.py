"""Keeps the list of a workspace's people in step with Slack."""

import asyncio
import logging
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.profiles.errors import DirectoryError, UserError
from bot.profiles.people.access import Member, Person
from bot.profiles.people.members import MembersPage, OnChange, finish_reading, sync_page, upsert_member
from bot.slack.web_api.errors import error_code, is_ratelimited, retry_after_seconds
from bot.slack.workspaces.users import SlackDirectory
from bot.slack.workspaces.workspaces import Workspaces
from storage.database import Database
from storage.engines.transactions import DatabaseUnavailableError
from storage.tables.people_readings import StoredReading

log = logging.getLogger(__name__)

USERS_PER_PAGE = 200
"""https://docs.slack.dev/reference/methods/users.list recommends no more; it takes up to 1000."""

SECONDS_PER_PAGE = 3.0
"""users.list is a method of tier 2: about 20 calls a minute (https://docs.slack.dev/apis/web-api/rate-limits)."""

SECONDS_PER_LOOKUP = 0.6
"""users.info is a method of tier 4: about 100 calls a minute."""

RETRY_AFTER_SECONDS = 30.0
"""How long to wait after a refused page for which Slack names no time."""

READING_SECONDS = 86_400.0
"""After so long a reading that was cut short begins anew: nobody knows whether Slack still takes its cursor."""

_AT_THE_END = "~"
"""In place of a team, behind all of them: every page is read."""

KeepLease = Callable[[float], Awaitable[None]]
"""Called before the next seconds of a reading, so that no other instance takes it for dead."""


async def _no_lease(_seconds: float) -> None:
    """Keep nothing: whoever reads holds no lease."""


@dataclass(kw_only=True)
class UserSync:
    """Reads all people of a workspace now and then, and stores what Slack tells meanwhile.

    `clock` returns the time now, the same to all instances; `sleep` waits for so many seconds.
    """

    database: Database
    workspaces: Workspaces
    directory: SlackDirectory
    clock: Callable[[], Awaitable[datetime]]
    on_change: OnChange
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _heard_while_reading: dict[str, set[Person]] = field(default_factory=dict, init=False)
    _acted_on: set[Person] = field(default_factory=set, init=False)
    _acted: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    # Reading everybody

    async def read_everybody(self, workspace: str, *, keep_lease: KeepLease = _no_lease) -> bool:
        """Read all people of a workspace page by page, and store each page as it comes.

        It goes on where a reading was cut short, on this or another instance. Who is gone is noticed at the end. No
        more than 20 pages a minute are asked for, and when Slack asks to wait, so long.

        Returns False when another instance reads them by now.

        Raises:
            SlackApiError, aiohttp.ClientError, TimeoutError, OSError: Slack does not answer; where it goes on is kept.
        """
        async with self.database.writing() as tx:
            reading = await tx.readings.under_way(workspace, seconds=READING_SECONDS)
            reading = reading or await tx.readings.begin(workspace)
        read = await self._read_pages(reading, keep_lease)
        if read is None:
            return False
        await self._finish(read, keep_lease)
        self.on_change(Person(workspace=workspace, user=""))
        return True

    async def _read_pages(self, reading: StoredReading, keep_lease: KeepLease) -> StoredReading | None:
        """Read all pages that are left; None when another instance has gone on meanwhile."""
        teams = sorted(team or "" for team in await self.workspaces.teams_of(reading.workspace))
        several, steps = len(teams) > 1, [*teams, _AT_THE_END]
        while (team := steps[bisect_left(steps, reading.team)]) != _AT_THE_END:
            cursor = reading.cursor if team == reading.team else ""
            try:
                following = await self._read_page(reading, team, cursor, several=several, keep_lease=keep_lease)
            except SlackApiError as error:
                if error_code(error) != "invalid_cursor" or not cursor:
                    raise
                async with self.database.writing() as tx:
                    reading = await tx.readings.begin(reading.workspace)
                continue
            after = team if following else steps[steps.index(team) + 1]
            async with self.database.writing() as tx:
                moved = await tx.readings.go_on(reading, team=after, cursor=following)
            if moved is None:
                return None
            reading = moved
            if after != _AT_THE_END:
                await self._wait(SECONDS_PER_PAGE, keep_lease)
        return reading

    async def _read_page(
        self, reading: StoredReading, team: str, cursor: str, *, several: bool, keep_lease: KeepLease
    ) -> str:
        """Read one page and store it; return the cursor of the next, empty when there is none."""
        workspace = reading.workspace
        # An event from now on is newer than what is read.
        heard = self._heard_while_reading.setdefault(workspace, set())
        try:
            answer = await self._ask(workspace, team, cursor, keep_lease)
            members = [self.directory.read(Person(workspace, str(user["id"])), user) for user in answer["members"]]
            page = MembersPage(workspace=workspace, members=members, began_at=reading.began_at, several_teams=several)
            await sync_page(self.database, page, at=await self.clock(), newer=heard)
        finally:
            self._heard_while_reading.pop(workspace, None)
        return (answer.get("response_metadata") or {}).get("next_cursor") or ""

    async def _ask(self, workspace: str, team: str, cursor: str, keep_lease: KeepLease) -> AsyncSlackResponse:
        while True:
            client = await self.workspaces.client_for(workspace)
            try:
                return await client.users_list(limit=USERS_PER_PAGE, cursor=cursor or None, team_id=team or None)
            except SlackApiError as error:
                if not is_ratelimited(error):
                    raise
                asked = retry_after_seconds(error, at_most=READING_SECONDS) or RETRY_AFTER_SECONDS
            log.info("Slack asks to wait %.0f s before the next people of %s are read.", asked, workspace)
            await self._wait(asked, keep_lease)

    async def _wait(self, seconds: float, keep_lease: KeepLease) -> None:
        await keep_lease(seconds)
        await self.sleep(seconds)

    async def _finish(self, reading: StoredReading, keep_lease: KeepLease) -> None:
        async def look_up(person: Person) -> Member | None:
            await self._wait(SECONDS_PER_LOOKUP, keep_lease)
            self.directory.forget(person)
            return await self.directory.member(person)

        try:
            await finish_reading(
                self.database, reading.workspace, began_at=reading.began_at, look_up=look_up, clock=self.clock
            )
        except DirectoryError:
            log.warning("Slack did not say who has left %s; the next reading asks again.", reading.workspace)
        async with self.database.writing() as tx:
            await tx.readings.end(reading)

    # What is heard of single people

    async def user_changed(self, workspace: str, user: Mapping[str, Any]) -> None:
        """Store what Slack says of a person whose record there changed."""
        member = self.directory.read(Person(workspace=workspace, user=user["id"]), user)
        self.directory.forget(member.person)
        self._heard_while_reading.get(workspace, set()).add(member.person)
        if await upsert_member(self.database, member, at=await self.clock()):
            self.on_change(member.person)

    def acted(self, owner: Person) -> None:
        """Note that a person's profile changed: who is not read yet is looked up alone."""
        if owner.user:
            self._acted_on.add(owner)
            self._acted.set()

    async def run(self) -> None:
        """Look up those whom the list does not know by name when they act, until cancelled."""
        while True:
            await self._acted.wait()
            self._acted.clear()
            people, self._acted_on = self._acted_on, set()
            for person in people:
                try:
                    await self._look_up(person)
                except (UserError, DatabaseUnavailableError) as error:
                    log.info("A person was not looked up (%s); the next reading has them.", type(error).__name__)
                except Exception:
                    # Only a stop ends this.
                    log.exception("A person could not be looked up.")

    async def _look_up(self, person: Person) -> None:
        async with self.database.reading() as tx:
            known = await tx.people.get(person.workspace, person.user)
        if known is not None and known.name:
            return
        member = await self.directory.member(person)
        if member is not None and await upsert_member(self.database, member, at=await self.clock()):
            self.on_change(person)

    # The bot itself

    async def uninstalled(self, workspace: str, event: str) -> None:
        """Note that the bot was removed from a workspace."""
        if await self.workspaces.removed(workspace):
            log.warning("Slack reports %s in %s: the bot token no longer works.", event, workspace)
