"""The colleagues of the demo's two personas, who set up their accounts as people do, by commands and forms.

So that an admin finds everything that there is to find: what works, what fails at each stage, and what was never begun.
"""

import asyncio
import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum

from bot.demo.mail import ACCOUNTS, HOST, DemoAccount
from bot.demo.stand_in.delivery import DeliveryError
from bot.demo.stand_in.people import DemoPerson
from bot.demo.stand_in.views import PlatformError
from bot.demo.stand_in.workspace import Workspace

AT_ONCE = 2
"""People who set up their accounts at the same time; the page is used meanwhile."""

_SECOND_HOST = "smtp.demo.example"
_PASSWORD = "difference engine 1822"  # noqa: S105 - an account of the demo's mail server alone


class Way(Enum):
    """How far a colleague comes."""

    WORKS = "tested, and it works"
    WRONG_PASSWORD = "the password is an old one"  # noqa: S105 - says what went wrong
    CLOSED_PORT = "nothing answers on the port"
    WRONG_PORT = "the port expects TLS from the first byte"
    WRONG_ENCRYPTION = "the port does not begin with TLS"
    OTHER_NAME = "the certificate is for other names"
    MISSPELT_SERVER = "there is no such server"
    FOREIGN_SENDER = "the server takes no mail from this address"
    UNTESTED = "saved, never tested"
    WITHOUT_PASSWORD = "set up by an admin, who knows no password"  # noqa: S105
    NOTHING = "never began"
    LEFT = "left the company"


_NAMES: dict[Way, tuple[str, ...]] = {
    Way.WORKS: (
        "Alan Turing",
        "Annie Easley",
        "Betty Holberton",
        "Christopher Strachey",
        "Dorothy Vaughan",
        "Émilie du Châtelet",
        "Frances Allen",
        "George Boole",
        "Gottfried Leibniz",
        "Jean Bartik",
        "Karen Spärck Jones",
        "Katherine Johnson",
        "Konrad Zuse",
        "Kurt Gödel",
        "Margaret Hamilton",
        "Maurice Wilkes",
        "Rózsa Péter",
    ),
    Way.WRONG_PASSWORD: ("Blaise Pascal", "Hedy Lamarr", "John Backus"),
    Way.CLOSED_PORT: ("Claude Shannon",),
    Way.WRONG_PORT: ("Edsger Dijkstra",),
    Way.WRONG_ENCRYPTION: ("Kathleen Booth",),
    Way.OTHER_NAME: ("Niklaus Wirth",),
    Way.MISSPELT_SERVER: ("Dennis Ritchie",),
    Way.FOREIGN_SENDER: ("Mary Jackson",),
    Way.UNTESTED: ("Alonzo Church", "Gladys West", "Joan Clarke", "Tom Kilburn"),
    Way.WITHOUT_PASSWORD: ("Edith Clarke", "John McCarthy", "Mary Kenneth Keller"),
    Way.NOTHING: ("Evelyn Boyd Granville", "John von Neumann", "Zdzisław Pawlak"),
    Way.LEFT: ("Charles Wheatstone", "Percy Ludgate"),
}
_ADMIN = "Margaret Hamilton"


@dataclass(frozen=True, kw_only=True)
class Colleague:
    """A person of the workspace, and how far they come."""

    person: DemoPerson
    way: Way


def _handle(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.replace("ł", "l")).encode("ascii", "ignore").decode().lower()
    return re.sub(r"\W+", ".", plain)


def _colleagues() -> Iterator[Colleague]:
    for way, names in _NAMES.items():
        for name in names:
            handle = _handle(name)
            person = DemoPerson(
                id=f"U1{handle.replace('.', '').upper()}"[:20],
                handle=handle,
                name=name,
                address=f"{handle}@demo.example",
                role="admin" if name == _ADMIN else "member",
                is_admin=name == _ADMIN,
            )
            yield Colleague(person=person, way=way)


def colleagues() -> tuple[Colleague, ...]:
    """Return everybody who works in the demo's workspace besides the two personas."""
    return tuple(_colleagues())


def accounts_with(people: Sequence[Colleague]) -> tuple[DemoAccount, ...]:
    """Return the mail server's accounts: those of the personas and one of each colleague."""
    return (
        *ACCOUNTS,
        *(DemoAccount(address=one.person.address, login=one.person.address, password=_PASSWORD) for one in people),
    )


@dataclass(frozen=True, kw_only=True)
class _Account:
    """What is typed into the form."""

    address: str
    login: str
    password: str = _PASSWORD
    host: str = HOST
    port: str = "587"
    encryption: str = "TLS"


_DIFFERENCES: dict[Way, dict[str, str]] = {
    Way.WRONG_PASSWORD: {"password": "as last year"},
    Way.CLOSED_PORT: {"port": "2525"},
    Way.WRONG_PORT: {"port": "465"},
    Way.WRONG_ENCRYPTION: {"encryption": "SSL"},
    Way.OTHER_NAME: {"host": "old-mail.demo.example"},
    Way.MISSPELT_SERVER: {"host": "mial.demo.example"},
    Way.FOREIGN_SENDER: {"address": "invoices@demo.example"},
    Way.WITHOUT_PASSWORD: {"password": ""},
}


def _account(one: Colleague, number: int) -> _Account:
    address = one.person.address
    # Two servers share the tests, so that a minute's limit of one server leaves room for whoever tries the demo.
    usual = _Account(address=address, login=address, host=(HOST, _SECOND_HOST)[number % 2])
    return replace(usual, **_DIFFERENCES.get(one.way, {}))


async def settle_in(workspace: Workspace, people: Sequence[Colleague], stop: asyncio.Event) -> None:
    """Let every colleague set up and test an account as far as they come: a few seconds; `stop` lets nobody begin."""
    places = asyncio.Semaphore(AT_ONCE)

    async def begin(one: Colleague, account: _Account) -> None:
        async with places:
            if not stop.is_set():
                await _settle(workspace, one, account)

    async with asyncio.TaskGroup() as group:
        for number, one in enumerate(people):
            group.create_task(begin(one, _account(one, number)))
    admin = next(one.person.id for one in people if one.person.is_admin)
    # One after the other: an admin has one screen.
    for number, one in enumerate(people):
        if one.way is Way.WITHOUT_PASSWORD and not stop.is_set():
            await _set_up(workspace, admin, _account(one, number), of=f" @{one.person.handle}")


async def _settle(workspace: Workspace, one: Colleague, account: _Account) -> None:
    if one.way in (Way.NOTHING, Way.WITHOUT_PASSWORD):
        return
    user = one.person.id
    await _set_up(workspace, user, account)
    if one.way is Way.LEFT:
        with suppress(DeliveryError):
            await workspace.change_person(replace(one.person, is_deactivated=True))
    elif one.way is not Way.UNTESTED:
        await workspace.command(user, "/email-test")


async def _set_up(workspace: Workspace, user: str, account: _Account, *, of: str = "") -> None:
    """Fill the form, of one's own profile or that of whom `of` mentions, and save it."""
    entries = {
        "Email Address": account.address,
        "User/Login": account.login,
        "Password": account.password,
        "SMTP Server Address": account.host,
        "Port": account.port,
        "Encryption": account.encryption,
    }
    # Who is told to come back later stays where they are: the demo goes on.
    with suppress(PlatformError):
        await workspace.command(user, "/email-profile", f"edit{of}")
        await workspace.wait_view(user, "Email profile")
        for label, value in entries.items():
            await workspace.fill(user, label, value)
        await workspace.submit(user)
        await workspace.wait_message(user, "profile")
