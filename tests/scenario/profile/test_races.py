"""Two saves at once: one wins, the other is told, and no record is a mixture of both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext
from datetime import UTC, datetime
from unittest.mock import AsyncMock

import pytest
from pydantic import SecretStr

from bot.profiles.account.email_profiles import EmailProfiles
from bot.profiles.account.profile import EmailProfile, ProfileForm
from bot.profiles.account.records import ProfileState, load
from bot.profiles.connection_tests import connection_tests
from bot.profiles.connection_tests.counted_tests import Follow
from bot.profiles.connection_tests.running_tests import RunningTests
from bot.profiles.errors import EditConflictError
from bot.profiles.people.access import Access, Member, Person
from bot.profiles.people.members import state_from_number, upsert_member
from bot.smtp.account import Account, Outgoing
from bot.smtp.check.report import Report
from storage.crypto.keyring import Keyring, generate_key
from storage.database import Database
from tests.counts import scaled
from tests.databases import KINDS
from tests.store import Store

pytestmark = pytest.mark.databases(*KINDS)

ADA = Person(workspace="T1", user="U1")


class Everybody:
    """A directory in which everybody is a plain member."""

    async def member(self, person: Person) -> Member | None:
        return Member(person=person, name=person.user, address="a@demo.example", is_admin=False)


@pytest.fixture
async def instances(store: Store) -> AsyncIterator[tuple[EmailProfiles, EmailProfiles, Database]]:
    """Two instances of the rules on one database."""
    keyring = Keyring.from_text(generate_key())
    databases = [Database.connect(store.url, keyring) for _ in range(2)]
    first, second = (
        EmailProfiles(
            database=database, access=Access(Everybody()), clock=lambda: datetime.now(UTC), on_change=lambda _: None
        )
        for database in databases
    )
    yield first, second, databases[0]
    for database in databases:
        await database.close()


def form(side: str, number: int) -> ProfileForm:
    return ProfileForm(
        address=f"{side}{number}@{side}.example",
        login=f"{side}{number}",
        password=SecretStr(f"password of {side}{number}"),
        host=f"smtp-{number}.{side}.example",  # One server takes only so many tests a minute.
        port="587",
        authenticate=True,
    )


async def test_of_two_saves_at_once_one_wins_and_the_other_is_told(
    instances: tuple[EmailProfiles, EmailProfiles, Database],
) -> None:
    first, second, database = instances
    for number in range(scaled(quick=40, full=1000)):
        results = await asyncio.gather(
            *(
                rules.save(caller=ADA, owner=ADA, form=form(side, number), expected_revision=number)
                for rules, side in ((first, "one"), (second, "two"))
            ),
            return_exceptions=True,
        )
        told = [result for result in results if isinstance(result, EditConflictError)]
        assert len(told) == 1, results
        async with database.reading() as tx:
            stored = await tx.profiles.get("T1", "U1")
        assert stored is not None
        assert stored.revision == told[0].revision == number + 1
        profile = EmailProfile.from_document(stored.document)
        side = "one" if isinstance(results[1], EditConflictError) else "two"
        won = form(side, number)
        assert (profile.address, profile.login, profile.host) == (won.address, won.login, won.host)
        assert profile.password == won.password
        assert profile.password_host == won.host


async def test_a_name_that_is_learnt_while_a_profile_is_saved_is_kept(
    instances: tuple[EmailProfiles, EmailProfiles, Database],
) -> None:
    rules, _, database = instances
    for number in range(scaled(quick=30, full=1000)):
        person = Person(workspace="T1", user=f"U{number}")
        member = Member(person=person, name="Ada Lovelace", address="a@demo.example", is_admin=False)
        await asyncio.gather(
            rules.save(caller=person, owner=person, form=form("one", number), expected_revision=0),
            upsert_member(database, member, at=datetime.now(UTC)),
        )
        async with database.reading() as tx:
            known = await tx.people.get("T1", person.user)
        assert known is not None
        assert (known.name, "lovelace" in known.words) == ("Ada Lovelace", True)


class PassingTester:
    """Passes every account at once."""

    async def test(self, account: Account, progress: Follow) -> Report:
        return Report(
            host=account.host,
            port=account.port,
            encryption=account.encryption,
            stages=(),
            seconds=0.0,
            tested_at=datetime.now(UTC),
        )

    async def send(self, account: Account, outgoing: Outgoing, progress: Follow) -> Report:
        raise NotImplementedError


async def test_the_list_is_right_when_a_profile_is_saved_while_its_test_is_kept(
    instances: tuple[EmailProfiles, EmailProfiles, Database], store: Store
) -> None:
    rules, _, database = instances
    other = Database.connect(store.url, database.keyring)
    tests = connection_tests.ConnectionTests(
        database=other,
        tester=PassingTester(),
        judge=AsyncMock(return_value=()),
        message_place=lambda *_: nullcontext(),
        access=Access(Everybody()),
        profiles=rules,
        running=RunningTests(database=other, access=Access(Everybody())),
        clock=lambda: datetime.now(UTC),
        on_change=lambda _: None,
    )
    states = set()
    for number in range(scaled(quick=20, full=500)):
        person = Person(workspace="T1", user=f"U{number}")
        await rules.save(caller=person, owner=person, form=form("one", number), expected_revision=0)
        await asyncio.gather(
            tests.test_in_bulk(caller=person, owner=person),
            rules.save(caller=person, owner=person, form=form("two", number), expected_revision=1),
        )
        async with database.reading() as tx:
            known = await tx.people.get("T1", person.user)
            stored = (await load(tx, person)).view
        assert known is not None
        assert state_from_number(known.state) is stored.state
        states.add(stored.state)
    assert ProfileState.NOT_TESTED in states
    await other.close()
