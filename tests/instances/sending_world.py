"""Real processes of the program with submission servers, and the people whose programs send through them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.demo.mail import DemoMail
from bot.demo.serve import serving_workspace
from bot.demo.stand_in.workspace import Workspace
from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from tests.databases import Maker
from tests.instances.noting_provider import NotingProvider
from tests.instances.programs import MESSAGES_A_DAY, ProgramValues, store_programs
from tests.scenario.crowd import crowd
from tests.scenario.operating.test_command_line import GOOD
from tests.scenario.starting import RunningProgram, running


@dataclass(frozen=True)
class SendingWorld:
    """A database with people and their programs, on which bots are started."""

    folder: Path
    settings: Mapping[str, str]
    programs: Sequence[ProgramValues]

    @asynccontextmanager
    async def bot(self, port: int) -> AsyncIterator[RunningProgram]:
        """Run a bot with a submission server in the clear until the block ends, in which it is killed."""
        given = {**self.settings, "SUBMISSION_PORT": str(port)}
        async with running(self.folder, "run", given=given) as started:
            await started.address()
            yield started

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """Open the database beside the bots."""
        keyring = Keyring.from_text(self.settings["ENCRYPTION_KEYS"])
        database = Database.connect(self.settings["DATABASE_URL"], keyring)
        try:
            yield database
        finally:
            await database.close()


@asynccontextmanager
async def sending_world(
    maker: Maker, folder: Path, provider: NotingProvider, *, people: int, messages_a_day: int = MESSAGES_A_DAY
) -> AsyncIterator[SendingWorld]:
    """Set up so many people, each with a profile at the provider and a program."""
    members, key = crowd(people), generate_key()
    workspace = Workspace(
        signing_secret=GOOD["SLACK_SIGNING_SECRET"], bot_token=GOOD["SLACK_BOT_TOKEN"], people=members
    )
    with maker.upgraded(folder / "profiles.db") as url:
        profiles = {member.id: provider.profile(member.address) for member in members}
        programs = await store_programs(url, Keyring.from_text(key), profiles, messages_a_day=messages_a_day)
        async with serving_workspace(workspace, DemoMail(), port=0):
            settings = {
                **GOOD,
                **provider.settings,
                "DATABASE_URL": url,
                "ENCRYPTION_KEYS": key,
                "PORT": "0",
                "SLACK_API_URL": f"{workspace.base_url}/api/",
            }
            yield SendingWorld(folder, settings, tuple(programs.values()))
