"""Many people in the stand-in workspace, with accounts and profiles."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from bot.demo.mail import ACCOUNTS, DemoAccount, DemoMail
from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.people import PEOPLE, TEAM, DemoPerson
from bot.demo.stand_in.platform import Message
from bot.demo.stand_in.workspace import Workspace
from bot.profiles.account.profile import EmailProfile
from bot.profiles.account.records import profile_view
from bot.profiles.people.access import Person
from bot.profiles.people.members import update_person_from
from tests.scenario.people import GRACE
from tests.scenario.started_before import StartedBefore

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
    return DemoMail(accounts=[*ACCOUNTS, *accounts])


async def people_read(demo: Demo, count: int) -> None:
    """Wait until the bot has read so many people from the workspace."""
    async with asyncio.timeout(20):
        while True:
            async with demo.bot.database.reading() as tx:
                if sum((await tx.people.counts(TEAM)).values()) >= count:
                    return
            await asyncio.sleep(0.05)


async def give_profiles(
    demo: Demo, people: Iterable[DemoPerson], *, failing: Collection[DemoPerson] = (), port: int = 587
) -> None:
    """Store a profile for each of them, as saving the form would; the password of those `failing` is wrong."""
    async with demo.bot.database.writing() as tx:
        for person in people:
            profile = EmailProfile(
                address=person.address,
                login=person.address,
                password=SecretStr("wrong" if person in failing else SECRET),
                password_host=demo.mail.host,
                host=demo.mail.host,
                port=port,
                extras={"TLS": "Y"},
            )
            stored = await tx.profiles.save(TEAM, person.id, profile.to_document(), replacing=None)
            view = profile_view(Person(workspace=TEAM, user=person.id), stored, None)
            await update_person_from(tx, view, at=datetime.now(UTC))


CROWD = crowd(40)
BAD = {person.id for person in CROWD[7:10]}


async def set_up_crowd(demo: Demo) -> None:
    """Set twelve of the crowd up, three of them with a wrong password."""
    await give_profiles(demo, CROWD[:12], failing=CROWD[7:10])


@asynccontextmanager
async def crowded_demo(folder: Path, crowded: StartedBefore) -> AsyncIterator[Demo]:
    """Open a demo with the crowd in the folder of a test, which holds a copy of the crowd's database."""
    people = [*PEOPLE, *CROWD]
    async with running_demo(folder, mail=mail_for(CROWD), people=people, encryption_keys=crowded.key) as opened:
        yield opened
    assert not opened.workspace.refusals


def lines(message: Message) -> list[str]:
    """Return the lines of the list."""
    return [block["text"]["text"] for block in message.blocks if block.get("accessory", {}).get("type") == "overflow"]


def users(message: Message) -> list[str]:
    """Return the ids of the people in the list."""
    return [line.partition("<@")[2].partition(">")[0] for line in lines(message)]


async def begin_run(workspace: Workspace, shown: Message, press: str = "Test these") -> None:
    """Press “Test these” or “Test these again”, and the button of the question."""
    await workspace.press(GRACE, press, message=shown)
    question = await workspace.wait_message(GRACE, "It can be stopped at any moment")
    await workspace.press(GRACE, labels(question)[0], message=question)


def labels(message: Message) -> list[str]:
    """Return the words on the buttons of a message."""
    return [
        element["text"]["text"]
        for block in message.blocks
        for element in block.get("elements", ())
        if element["type"] == "button"
    ]


async def listed(demo: Demo, search: str | None = None) -> Message:
    """Show an admin the list, or whom a search finds in it."""
    demo.workspace.all_messages.clear()
    await demo.workspace.command(GRACE, "/email-profile", "list")
    shown = await demo.workspace.wait_message(GRACE, "Work with email")
    if search is not None:
        await demo.workspace.enter_in(GRACE, "Search", search, message=shown)
    return shown
