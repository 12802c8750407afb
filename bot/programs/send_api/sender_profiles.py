"""The profile that a program sends with: its address, and whether it can send now."""

from dataclasses import dataclass

from bot.profiles.account.records import load
from bot.profiles.people.access import Person
from bot.profiles.sending.letters import Cause, LetterRefusedError
from bot.profiles.sending.ready_profiles import ready_profile
from bot.smtp.check.report import Fault, StageName
from storage.database import Database


@dataclass(frozen=True, kw_only=True)
class SenderProfile:
    """A profile as programs see it: its address, and the name that is shown with it.

    Where it needs its owner, `stage` is the stage of a connection test at which it fails and `code` what fails there,
    each None where that is not known.
    """

    address: str
    name: str
    is_ready: bool
    stage: StageName | None = None
    code: Fault | None = None


async def sender_profile(database: Database, person: Person) -> SenderProfile:
    """Read the profile of a program's owner.

    Raises:
        LetterRefusedError: there is none any more, or it cannot be read.
    """
    async with database.reading() as tx:
        loaded = await load(tx, person)
        address, name = loaded.profile.address, loaded.profile.extras.get("FROM_NAME", "")
        try:
            await ready_profile(tx, person)
        except LetterRefusedError as error:
            if error.cause is Cause.ENDED or not address:
                raise
            last = loaded.view.last_test
            at_that_stage = last is not None and last.failed_stage is not None and last.failed_stage.name is error.stage
            code = last.fault if last is not None and at_that_stage else None
            return SenderProfile(address=address, name=name, is_ready=False, stage=error.stage, code=code)
        return SenderProfile(address=address, name=name, is_ready=True)
