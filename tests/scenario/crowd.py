"""Many people in the stand-in workspace, with accounts and profiles."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import SecretStr

from bot.demo.mail import DemoAccount, DemoMail
from bot.demo.people import TEAM, DemoPerson
from bot.demo.run import Office
from bot.profiles.account.profile import EmailProfile
from bot.profiles.people.access import Person
from bot.profiles.people.members import refresh_state

NAMES = ("Alan Turing", "Barbara Liskov", "Edsger Dijkstra", "Émilie du Châtelet", "Zoë Quinn")
SECRET = "mass account secret"


def crowd(count: int) -> tuple[DemoPerson, ...]:
    """Make so many people; the first have names of their own."""
    return tuple(
        DemoPerson(
            id=f"U1{number:03}",
            handle=f"crowd{number:03}",
            name=NAMES[number] if number < len(NAMES) else f"Crowd {number:03}",
            address=f"crowd{number:03}@demo.example",
        )
        for number in range(count)
    )


def mail_for(people: Sequence[DemoPerson]) -> DemoMail:
    """A mail server that knows them too, all with one password."""
    accounts = [DemoAccount(address=person.address, login=person.address, password=SECRET) for person in people]
    return DemoMail(accounts=[*DemoMail().accounts, *accounts])


async def people_read(office: Office, count: int) -> None:
    """Wait until the bot has read so many people from the workspace."""
    async with asyncio.timeout(20):
        while True:
            async with office.bot.database.reading() as tx:
                if sum((await tx.people.counts(TEAM)).values()) >= count:
                    return
            await asyncio.sleep(0.05)


async def give_profile(office: Office, person: DemoPerson, *, password: str = SECRET) -> None:
    """Store a profile for somebody, as saving the form would."""
    profile = EmailProfile(
        address=person.address,
        login=person.address,
        password=SecretStr(password),
        password_host=office.mail.host,
        host=office.mail.host,
        port=587,
        extras={"TLS": "Y"},
    )
    async with office.bot.database.writing() as tx:
        await tx.profiles.save(TEAM, person.id, profile.to_document(), replacing=None)
        await refresh_state(tx, Person(workspace=TEAM, user=person.id), at=datetime.now(UTC))
