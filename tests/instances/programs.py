"""People with profiles and programs that send with them, in the database of the real program."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.demo.stand_in.people import TEAM
from bot.profiles.account.profile import EmailProfile
from bot.profiles.people.access import Access, Member, Person
from bot.profiles.tokens.program_form import ProgramForm
from bot.profiles.tokens.program_tokens import ProgramTokens
from storage.crypto.keyring import Keyring
from storage.database import Database
from tests.instances.cluster import store_profiles

MESSAGES_A_DAY = 10_000


@dataclass(frozen=True, kw_only=True)
class ProgramValues:
    """What somebody typed into a program: the address that it sends from, and its token."""

    address: str
    token: str = field(repr=False)
    user: str
    id: str


class Everybody:
    """A directory in which everybody is a plain member."""

    async def member(self, person: Person) -> Member | None:
        """Return a member of that id."""
        return Member(person=person, name=person.user, address=f"{person.user}@demo.example", is_admin=False)


def program_tokens(database: Database) -> ProgramTokens:
    """The rules for tokens on a database beside the instances."""
    return ProgramTokens(
        database=database, access=Access(Everybody()), clock=lambda: datetime.now(UTC), on_change=lambda _: None
    )


async def store_programs(
    url: str, keyring: Keyring, profiles: Mapping[str, EmailProfile], *, messages_a_day: int = MESSAGES_A_DAY
) -> dict[str, ProgramValues]:
    """Store a profile for each user, and a program that sends with it; return what was typed into it, by user."""
    await store_profiles(url, keyring, profiles)
    database = Database.connect(url, keyring)
    try:
        return {user: await _add(database, user, profile, messages_a_day) for user, profile in profiles.items()}
    finally:
        await database.close()


async def _add(database: Database, user: str, profile: EmailProfile, messages_a_day: int) -> ProgramValues:
    person = Person(workspace=TEAM, user=user)
    program, token = await program_tokens(database).add(
        caller=person, owner=person, form=ProgramForm(name="Labels", messages_a_day=str(messages_a_day))
    )
    return ProgramValues(address=profile.address, token=token.secret().get_secret_value(), user=user, id=program.id)
