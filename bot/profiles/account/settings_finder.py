"""Finds the settings for somebody's address: what the workspace's admins say of its domain, then everything else."""

from dataclasses import dataclass

from bot.discovery.findings import Findings
from bot.profiles.account.drafts import as_checked
from bot.profiles.account.profile import Field, JudgeServer, check_address, without_what_nobody_sees
from bot.profiles.account.settings_searches import SettingsSearches
from bot.profiles.errors import DirectoryError, NotAllowedError, UserError
from bot.profiles.people.access import Access, Person
from bot.profiles.people.defaults import Defaults, load_defaults
from bot.settings import DiscoverySetting


class FindingIsOffError(UserError):
    """Nothing is found on this bot."""

    def __init__(self) -> None:
        super().__init__(
            "Finding settings is switched off on this bot. Ask your mail provider for server, port and encryption."
        )


@dataclass(frozen=True, kw_only=True)
class FoundForPerson:
    """What was found for somebody who asked; with `tells_sources` also what each source said is for them.

    `judge_server` is what the workspace says of servers.
    """

    findings: Findings
    tells_sources: bool
    judge_server: JudgeServer


@dataclass(frozen=True, kw_only=True)
class SettingsFinder:
    """Finds settings for members; what is found is proposed, and changes nothing that is stored."""

    access: Access
    searches: SettingsSearches

    @property
    def is_on(self) -> bool:
        """Whether anything can be found."""
        return self.searches.discovery.setting is not DiscoverySetting.OFF

    async def known(self, address: str, *, workspace: str) -> Findings:
        """Return what is known at once of an address as it was typed, without asking the network."""
        return self.searches.known(as_checked(address), (await self._defaults(workspace)).rows)

    async def find(self, address: str, *, caller: Person) -> Findings:
        """Return what all sources know of an address as it was typed, in a few seconds at most.

        Raises:
            RateLimitedError: the caller has searched too often.
        """
        defaults = await self._defaults(caller.workspace)
        return await self.searches.find(as_checked(address), defaults.rows, caller=caller)

    async def answer(self, address: str, *, caller: Person) -> FoundForPerson:
        """Return what is found for any address; what each source said is for admins.

        Raises:
            NotAllowedError: the caller is no member.
            FindingIsOffError: nothing is found on this bot.
            UserError: it is no address.
            SearchUnderWayError: another search of the caller's is under way.
            RateLimitedError: the caller has searched too often.
        """
        await self.access.require_member(caller)
        if not self.is_on:
            raise FindingIsOffError
        try:
            checked = check_address(without_what_nobody_sees(Field.ADDRESS, address))
        except ValueError as error:
            raise UserError(str(error)) from None
        defaults = await self._defaults(caller.workspace)
        findings = await self.searches.find_without_waiting(checked, defaults.rows, caller=caller)
        return FoundForPerson(
            findings=findings, tells_sources=await self._is_admin(caller), judge_server=defaults.judge_server
        )

    async def _is_admin(self, caller: Person) -> bool:
        try:
            await self.access.require_admin(caller)
        except (NotAllowedError, DirectoryError):
            return False
        return True

    async def _defaults(self, workspace: str) -> Defaults:
        async with self.searches.database.reading() as tx:
            return (await load_defaults(tx, workspace)).defaults
