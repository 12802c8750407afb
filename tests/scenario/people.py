"""What the people of the stand-in workspace do again and again."""

import asyncio
from datetime import timedelta

from bot.demo.run import Demo
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import Message
from bot.profiles.account.profile import EmailProfile
from tests.fakes.smtp_server import HOST, LOGIN, PASSWORD

ADA = "U0ADA"
GRACE = "U0GRACE"

PEOPLE_READ = """
    SELECT 1 FROM leases reading CROSS JOIN leases purge
    WHERE reading.name LIKE 'people of %' AND purge.name = 'purge' AND reading.ends_at > purge.ends_at
"""
"""SQL that is answered by something once the bot has read all people: that holds for a day, a purge for an hour."""


async def fill_form(
    demo: Demo,
    user: str,
    *,
    owner: str | None = None,
    port: str = "587",
    password: str | None = None,
    encryption: str | None = None,
) -> None:
    """Fill the open form with the account that the demo's mail server keeps for `owner`.

    `encryption` is "TLS", "SSL" or "none"; None leaves the menu as it is.
    """
    workspace = demo.workspace
    account = demo.mail.account(workspace.people[owner or user].address)
    await workspace.fill(user, "Email Address", account.address)
    await workspace.fill(user, "User/Login", account.login)
    await workspace.fill(user, "Password", password or account.password)
    await workspace.fill(user, "SMTP Server Address", demo.mail.host)
    await workspace.fill(user, "Port", port)
    if encryption is not None:
        await workspace.fill(user, "Encryption", encryption)


async def set_up(
    demo: Demo, user: str, *, port: str = "587", extra: str | None = "TLS Y", password: str | None = None
) -> Message:
    """Set up a profile for `user` by form and command; return the card.

    `extra` is added by command to a profile that the form made without encryption; None leaves that to the form.
    """
    workspace = demo.workspace
    await workspace.command(user, "/email-profile", "edit")
    await workspace.wait_view(user, "Email profile")
    await fill_form(demo, user, port=port, password=password, encryption="none" if extra else None)
    assert await workspace.submit(user) == {}
    card = await workspace.wait_message(user, "Your email profile")
    if extra:
        await workspace.command(user, "/email-extra", f"add {extra}")
    return card


async def set_up_elsewhere(
    demo: Demo, *, host: str = HOST, port: str = "587", extra: str = "TLS Y", password: str = PASSWORD
) -> Message:
    """Set up a profile of Ada's for the scripted server instead of the demo's; return the card."""
    workspace = demo.workspace
    await workspace.command(ADA, "/email-profile", "edit")
    await workspace.wait_view(ADA, "Email profile")
    filled = {
        "Email Address": LOGIN,
        "User/Login": LOGIN,
        "Password": password,
        "SMTP Server Address": host,
        "Port": port,
        "Encryption": "none",
    }
    for label, value in filled.items():
        await workspace.fill(ADA, label, value)
    assert await workspace.submit(ADA) == {}
    card = await workspace.wait_message(ADA, "Your email profile")
    await workspace.command(ADA, "/email-extra", f"add {extra}")
    return card


async def run_test(demo: Demo, user: str, text: str = "") -> Message:
    """Type `/email-test` into an empty channel and wait for the finished report."""
    demo.workspace.all_messages.clear()
    await demo.workspace.command(user, "/email-test", text)
    return await demo.workspace.wait_message(user, "Connection test")


async def open_form(demo: Demo, user: str, text: str = "edit") -> None:
    """Open the form of the profile."""
    await demo.workspace.command(user, "/email-profile", text)
    await demo.workspace.wait_view(user, "Email profile")


def buttons(message: Message) -> list[str]:
    """Return what the buttons of a message say."""
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return [element["text"]["text"] for row in rows for element in row]


def typed(demo: Demo, user: str, label: str) -> object:
    """Return what stands in an input of the modal on top."""
    view = demo.workspace.view(user)
    assert view is not None
    _, key = view.labelled(label)
    return view.values.get(key)


async def profile_of(demo: Demo, user: str = ADA) -> EmailProfile:
    """Return what is stored of a person who has a profile."""
    async with demo.bot.database.reading() as tx:
        stored = await tx.profiles.get(TEAM, user)
    assert stored is not None
    return EmailProfile.from_document(stored.document)


async def history(demo: Demo, user: str = ADA) -> list[tuple[str, str]]:
    """Return who did what to a profile, newest first."""
    async with demo.bot.database.reading() as tx:
        return [(entry.actor, entry.action) for entry in await tx.audit.page(TEAM, subject=user, limit=100)]


async def settled(demo: Demo) -> None:
    """Wait until no background job is under way."""
    async with asyncio.timeout(10):
        while demo.bot.jobs.running:
            await asyncio.sleep(0.002)


async def notices_sent(demo: Demo) -> None:
    """Wait until no message to anybody waits in the outbox, with nothing between one and the next."""
    outbox = demo.bot.outbox
    outbox.pace = outbox.person_pace = 0.0
    async with asyncio.timeout(20):
        while True:
            async with demo.bot.database.reading() as tx:
                if not await tx.outbox.waiting():
                    return
            await asyncio.sleep(0.03)


async def from_save_to_entry(demo: Demo) -> timedelta:
    """Return the time from the last save of Ada's profile to the last entry about it."""
    async with demo.bot.database.reading() as tx:
        (newest,) = await tx.audit.page(TEAM, subject=ADA, limit=1)
        stored = await tx.profiles.get(TEAM, ADA)
    assert stored
    return newest.at - stored.updated_at
