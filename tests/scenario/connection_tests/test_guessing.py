"""Nobody guesses passwords through the bot: what was refused counts for the mailbox, and for whoever tried."""

import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import SecretStr

from bot.app import open_bot
from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.people import PEOPLE, TEAM, DemoPerson
from bot.demo.stand_in.platform import searchable
from bot.profiles.account.profile import EmailProfile
from bot.profiles.connection_tests.limits import (
    FAILED_SIGN_INS,
    FAILED_SIGN_INS_EVERYWHERE,
    LOGINS_OF_A_PERSON,
    RateLimitedError,
)
from bot.profiles.connection_tests.sign_ins import CountedSignIn
from bot.server import serving
from bot.smtp.account import ReachedServer
from bot.smtp.network.connect import Network
from bot.smtp.network.guard import Address, literal
from storage.engines.transactions import DatabaseFault, DatabaseUnavailableError
from tests.counts import scaled
from tests.databases import Maker
from tests.fakes.certificates import Certificates
from tests.fakes.many_slacks import ManySlacks
from tests.fakes.slack_places import Place, User
from tests.fakes.smtp_server import HOST, LOGIN, PASSWORD, OneServerNetwork, ScriptedServer
from tests.scenario.many import Many, install, many_settings
from tests.scenario.people import ADA, GRACE, notices_sent, open_form, run_test, settled
from tests.scenario.started_before import StartedBefore

MALLORY, OSCAR = "U0MALLORY", "U0OSCAR"
GUESSERS = [
    DemoPerson(id=user, handle=name.lower(), name=name, address=f"{name.lower()}@demo.example")
    for user, name in ((MALLORY, "Mallory"), (OSCAR, "Oscar"))
]
FIRST, SECOND = "9.9.9.1", "9.9.9.2"
OWN, OWN_TOO, OWN_IPV6 = "127.0.0.1", "127.0.0.2", "::1"
NAMES = {"mail.test": FIRST, "other.test": FIRST, "third.test": SECOND}
REFUSED = "could lock the mailbox"


class Leads(Network):
    """Names lead to addresses on the internet, and the ports of those to servers of this machine."""

    def __init__(self, ports: Mapping[tuple[str, int], int]) -> None:
        super().__init__()
        self._ports = ports

    async def resolve(self, host: str) -> list[Address]:
        return [literal(host) or ip_address(NAMES[host])]

    async def mail_servers(self, domain: str) -> tuple[str, ...]:
        return ()

    async def connect(self, addresses: Sequence[Address], port: int) -> socket.socket:
        local = self._ports[str(addresses[0]), port]
        return await super().connect([ip_address("127.0.0.1")], local)


@dataclass
class Attacked:
    """A bot, and two mail servers with keys of their own that keep the same mailbox."""

    demo: Demo
    servers: Sequence[ScriptedServer]
    asked: list[str] = field(default_factory=list)

    @property
    def sign_ins(self) -> int:
        """How many sign-ins the servers got."""
        return sum(one.line.startswith(b"AUTH") for server in self.servers for one in server.heard)

    async def guess(
        self, user: str, *, host: str = "mail.test", login: str = LOGIN, password: str = "wrong", port: str = "465"
    ) -> str:
        """Try a password on a mailbox from a form of one's own; return what the form says then."""
        workspace = self.demo.workspace
        await workspace.command(user, "/email-profile", "edit")
        await workspace.wait_view(user, "Email profile")
        await self._fill(user, host=host, login=login, password=password, port=port)
        await workspace.press(user, "Test connection")
        await settled(self.demo)
        view = workspace.view(user)
        assert view is not None
        shown = str(view.content)
        while workspace.view(user) is not None:
            await workspace.cancel(user)
        return shown

    async def lock(self, user: str, *, host: str = "mail.test") -> None:
        """Try wrong passwords on a mailbox until the bot tries no more."""
        for _ in range(3):
            await self.guess(user, host=host)

    async def save_accepted(self, user: str) -> None:
        """Store a profile with its password that the server just accepted in a test of the form."""
        assert "Connection test passed" in await self.guess(user, password=PASSWORD)
        await self.save(user)

    async def save(self, user: str, *, password: str = PASSWORD, host: str = "mail.test", port: str = "465") -> None:
        """Store a profile."""
        workspace = self.demo.workspace
        await workspace.command(user, "/email-profile", "edit")
        await workspace.wait_view(user, "Email profile")
        await self._fill(user, host=host, login=LOGIN, password=password, port=port)
        assert await workspace.submit(user) == {}
        await settled(self.demo)

    async def _fill(self, user: str, **typed: str) -> None:
        labels = {"host": "SMTP Server Address", "login": "User/Login", "password": "Password", "port": "Port"}
        for name, value in typed.items():
            await self.demo.workspace.fill(user, labels[name], value)
        await self.demo.workspace.fill(user, "Email Address", LOGIN)
        await self.demo.workspace.fill(user, "Encryption", "SSL")


@asynccontextmanager
async def attacked(
    folder: Path, started: StartedBefore, ports: Mapping[tuple[str, int], int] | None = None, **given: Any
) -> AsyncIterator[Attacked]:
    """Open a bot and its two servers; `ports` says which of them (0, 1) answers at an address and port."""
    authority = trustme.CA()
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(file)
    async with AsyncExitStack() as stack:
        servers = []
        for _ in range(2):
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(*NAMES, FIRST, SECOND, OWN, OWN_TOO, OWN_IPV6).configure_cert(tls)
            servers.append(await stack.enter_async_context(ScriptedServer(tls=tls, implicit=True)))
        leads = {where: servers[which].port for where, which in (ports or {(FIRST, 465): 0}).items()}
        demo = await stack.enter_async_context(
            running_demo(
                folder,
                network=Leads(leads),
                people=[*PEOPLE, *GUESSERS],
                smtp_ca_file=file,
                smtp_allowed_networks=(ip_network("127.0.0.0/8"), ip_network("::1/128")),
                encryption_keys=started.key,
                **given,
            )
        )
        yield Attacked(demo, servers)
        assert not demo.workspace.refusals


@pytest.fixture(autouse=True)
def _tests_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other limits than those against guessing are far away."""
    for name in ("TESTS_OF_A_PERSON", "TESTS_OF_A_WORKSPACE", "TESTS_OF_A_TARGET"):
        monkeypatch.setattr(f"bot.profiles.connection_tests.limits.{name}", ())


SPELLINGS = (
    "ada@mail.test",
    "ADA@Mail.Test",
    "ada",
    "MAIL\\ada",
    "ＡＤＡ＠mail.test",
    "ａｄａ",
    "a\u200bda\u00ad@mail.test",
    "a d a",
    "ada@mail.test.",
    "ada+1@mail.test",
    "ada%mail.test",
    "mail.test/ada",
    "ada/mail.test",
    "MAIL/ada/shared",
    "ada@mail.test\\shared",
    "someone*ada",
    "àdà@mail.test",
    "a.d.a@mail.test",
    '"ada"@mail.test',
    "ada@elsewhere.test",
)


async def test_a_login_in_many_spellings_is_refused_three_times_in_all(started: StartedBefore, tmp_path: Path) -> None:
    async with attacked(tmp_path, started) as attack:
        spellings = scaled(quick=SPELLINGS[::3], full=SPELLINGS)
        said = [await attack.guess((MALLORY, OSCAR)[number % 2], login=one) for number, one in enumerate(spellings)]
        assert attack.sign_ins == 3
        assert all(REFUSED in one and "failed at Sign-in" not in one for one in said[3:])


async def test_a_login_is_refused_ten_times_in_a_day_however_long_somebody_waits_between(
    started: StartedBefore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short, of_a_day = FAILED_SIGN_INS
    async with attacked(tmp_path, started) as attack:
        for number in range(4):
            # As if a quarter of an hour had gone by.
            later = (replace(short, name=f"{short.name}, {number}"), of_a_day)
            monkeypatch.setattr("bot.profiles.connection_tests.sign_ins.FAILED_SIGN_INS", later)
            await attack.lock((MALLORY, OSCAR)[number % 2])
        assert attack.sign_ins == 10
        assert "This login was refused ten times in a day" in await attack.guess(ADA)
        assert attack.sign_ins == 10


WAYS = {
    "another name of its address": ({(FIRST, 465): 0, (FIRST, 2525): 1}, "mail.test", ("other.test", "2525")),
    "its address itself": ({(FIRST, 465): 0, (FIRST, 2525): 1}, "mail.test", (FIRST, "2525")),
    "its address, written as one of IPv6": (
        {(FIRST, 465): 0, (FIRST, 2525): 1},
        "mail.test",
        (f"::ffff:{FIRST}", "2525"),
    ),
    "a name with another address": ({(FIRST, 465): 0, (SECOND, 465): 0}, "mail.test", ("third.test", "465")),
    "another address": ({(FIRST, 465): 0, (SECOND, 465): 0}, "mail.test", (SECOND, "465")),
    "the other loopback": ({(OWN, 465): 0, (OWN_IPV6, 465): 1}, OWN, (OWN_IPV6, "465")),
    "another address of the loopback": ({(OWN, 465): 0, (OWN_TOO, 465): 1}, OWN, (OWN_TOO, "465")),
}


@pytest.mark.parametrize(("ports", "host", "other"), WAYS.values(), ids=WAYS)
async def test_a_server_is_the_same_by(
    started: StartedBefore, tmp_path: Path, ports: dict[tuple[str, int], int], host: str, other: tuple[str, str]
) -> None:
    async with attacked(tmp_path, started, ports) as attack:
        for _ in range(3):
            assert "failed at Sign-in" in await attack.guess(MALLORY, host=host)
        said = await attack.guess(OSCAR, host=other[0], port=other[1])
        assert attack.sign_ins == 3
        assert REFUSED in said
        # An address that is typed is known to be locked before anything is tried.
        known = "Nothing was tested or changed." in said
        assert known or "The test ended before the sign-in, and the last result stays as it was." in said
        assert known is (literal(other[0]) is not None and other[0] != SECOND)
        assert "failed at Sign-in" not in said


async def test_a_lock_never_stops_the_stored_password_that_was_accepted_last(
    started: StartedBefore, tmp_path: Path
) -> None:
    async with attacked(tmp_path, started) as attack:
        demo, workspace = attack.demo, attack.demo.workspace
        await attack.save_accepted(ADA)
        await attack.lock(MALLORY)
        assert REFUSED in await attack.guess(MALLORY)
        for change in ("", "FROM_NAME Ada", "HELO pc17.example.com"):
            if change:
                await workspace.command(ADA, "/email-extra", f"add {change}")
            assert searchable(await run_test(demo, ADA)).startswith("Connection test passed"), change
        # What is typed is a guess, even if it is the stored one.
        before = attack.sign_ins
        assert REFUSED in await attack.guess(ADA, password=PASSWORD)
        assert attack.sign_ins == before
        # It holds for that password alone, and once it is refused, it is a guess like any other.
        attack.servers[0].acts = {"verdict": b"535 5.7.8 changed\r\n"}
        assert "failed at Sign-in" in searchable(await run_test(demo, ADA))
        assert REFUSED in await run_refused(demo, ADA)
        assert attack.sign_ins == before + 1


async def test_what_an_admin_stores_for_somebody_else_is_a_guess_even_if_it_was_accepted_before(
    started: StartedBefore, tmp_path: Path
) -> None:
    async with attacked(tmp_path, started) as attack:
        demo, workspace = attack.demo, attack.demo.workspace
        await attack.save_accepted(ADA)
        await attack.lock(MALLORY)
        before = attack.sign_ins
        for stored in (PASSWORD, "wrong"):
            await open_form(demo, GRACE, "edit @ada")
            await workspace.fill(GRACE, "Password", stored)
            assert await workspace.submit(GRACE) == {}
            for user, text in ((GRACE, "@ada"), (ADA, "")):
                workspace.all_messages.clear()
                await workspace.command(user, "/email-test", text)
                assert REFUSED in searchable(await workspace.wait_message(user, REFUSED))
        assert attack.sign_ins == before
        # As soon as the owner types it again, it is the one that was accepted.
        await attack.save(ADA)
        assert searchable(await run_test(demo, ADA)).startswith("Connection test passed")


async def test_an_admins_test_of_a_form_that_breaks_off_at_a_limit_is_in_the_history(
    started: StartedBefore, tmp_path: Path
) -> None:
    async with attacked(tmp_path, started) as attack:
        demo, workspace = attack.demo, attack.demo.workspace
        await attack.save(ADA)
        await attack.lock(MALLORY)
        before = attack.sign_ins
        await open_form(demo, GRACE, "edit @ada")
        await workspace.fill(GRACE, "SMTP Server Address", "other.test")
        await workspace.fill(GRACE, "Password", "a guess")
        await workspace.press(GRACE, "Test connection")
        await workspace.wait_view(GRACE, "Email profile", containing="ended before the sign-in")
        await settled(demo)
        assert attack.sign_ins == before
        await workspace.command(ADA, "/email-profile", "history")
        told = searchable(workspace.messages(ADA)[-1])
        assert "tested a form" in told
        assert "broken off at a limit" in told
        assert "other.test" in told


async def test_a_password_that_one_server_accepted_is_a_guess_at_another_behind_the_same_name(
    started: StartedBefore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = {(FIRST, 465): 0, (SECOND, 465): 1}
    async with attacked(tmp_path, started, ports) as attack:
        attack.servers[1].password = "mallory's own"
        monkeypatch.setitem(NAMES, "other.test", SECOND)
        await attack.lock(OSCAR)
        await attack.save(MALLORY, host="other.test", password="mallory's own")
        assert searchable(await run_test(attack.demo, MALLORY)).startswith("Connection test passed")
        monkeypatch.setitem(NAMES, "other.test", FIRST)
        before = attack.sign_ins
        assert REFUSED in await run_refused(attack.demo, MALLORY)
        assert attack.sign_ins == before


async def run_refused(demo: Demo, user: str) -> str:
    """Test a profile, and wait for the sentence in place of a report."""
    demo.workspace.all_messages.clear()
    await demo.workspace.command(user, "/email-test")
    return searchable(await demo.workspace.wait_message(user, "You can try again"))


async def test_a_lock_is_told_to_admins_once(
    started: StartedBefore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with attacked(tmp_path, started) as attack:
        for user, host in ((MALLORY, "mail.test"), (OSCAR, "other.test")):
            await attack.lock(user, host=host)
            # As if a quarter of an hour had gone by.
            later = tuple(replace(one, name=f"{one.name}, later") for one in FAILED_SIGN_INS)
            monkeypatch.setattr("bot.profiles.connection_tests.sign_ins.FAILED_SIGN_INS", later)
        assert attack.sign_ins == 6
        await notices_sent(attack.demo)
        told = [searchable(one) for one in attack.demo.workspace.messages(GRACE)]
        assert len(told) == 1
        assert f"The login `{LOGIN}` at `mail.test` was refused so often that the bot locks it" in told[0]
        assert f"The last test was by <@{MALLORY}>" in told[0]
        assert not any("locks" in searchable(one) for one in attack.demo.workspace.messages(ADA))


async def test_a_lock_at_a_server_of_ones_own_hides_no_lock_at_another(started: StartedBefore, tmp_path: Path) -> None:
    async with attacked(tmp_path, started, {(FIRST, 465): 0, (SECOND, 465): 1}) as attack:
        for host in ("third.test", "mail.test"):
            await attack.lock(MALLORY, host=host)
        await notices_sent(attack.demo)
        told = [searchable(one) for one in attack.demo.workspace.messages(GRACE)]
        assert [host in one for host, one in zip(("third.test", "mail.test"), told, strict=True)] == [True, True]


async def test_a_lock_is_told_to_whoever_is_an_admin_by_now_or_by_the_settings(
    started: StartedBefore, tmp_path: Path
) -> None:
    async with attacked(tmp_path, started, admin_user_ids=OSCAR) as attack:
        workspace = attack.demo.workspace
        await workspace.change_person(replace(workspace.people[ADA], is_admin=True))
        await workspace.change_person(replace(workspace.people[GRACE], is_admin=False))
        await attack.demo.bot.housekeeping.user_sync.read_everybody(TEAM)
        await attack.lock(MALLORY)
        await notices_sent(attack.demo)
        told = {
            user for user in workspace.people if any("locks" in searchable(one) for one in workspace.messages(user))
        }
        assert told == {ADA, OSCAR}


async def test_without_the_database_nobody_is_signed_in(
    started: StartedBefore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unavailable(*_: object) -> None:
        raise DatabaseUnavailableError(DatabaseFault.SILENT)

    async with attacked(tmp_path, started) as attack:
        monkeypatch.setattr(CountedSignIn, "reach", unavailable)
        said = await attack.guess(MALLORY)
        assert "The bot cannot reach its database at the moment" in said
        assert attack.sign_ins == 0


async def test_a_person_has_ten_refused_sign_ins_in_a_day_and_reads_how_many_are_left(
    started: StartedBefore, tmp_path: Path
) -> None:
    async with attacked(tmp_path, started) as attack:
        for number in range(10):
            said = await attack.guess(MALLORY, login=f"person{number}x@mail.test")
            left = 9 - number
            told = f"You may have 10 refused sign-ins in a day, of which {left} {'is' if left == 1 else 'are'} left."
            assert (told if left else "10 of your sign-ins were refused in a day, and the bot tries no more") in said
        said = await attack.guess(MALLORY, login="somebody@mail.test")
        assert "Ten of your sign-ins were refused in a day" in said
        assert attack.sign_ins == 10
        assert "failed at Sign-in" in await attack.guess(OSCAR, login="somebody@mail.test")
        await notices_sent(attack.demo)
        messages = [searchable(one) for one in attack.demo.workspace.messages(GRACE)]
        assert len(messages) == 1
        assert f"10 sign-ins of <@{MALLORY}> were refused in a day" in messages[0]


async def test_a_person_tries_so_many_different_logins_in_a_day(
    started: StartedBefore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = replace(LOGINS_OF_A_PERSON, max_uses=2, sentence="You have tried two different logins in a day.")
    monkeypatch.setattr("bot.profiles.connection_tests.sign_ins.LOGINS_OF_A_PERSON", two)
    async with attacked(tmp_path, started) as attack:
        attack.servers[0].acts = {"verdict": b"235 2.7.0 welcome\r\n"}
        for login in ("ada@mail.test", "grace@mail.test", "ADA", "MAIL\\grace"):
            assert "Connection test passed" in await attack.guess(MALLORY, login=login)
        assert "You have tried two different logins in a day." in await attack.guess(MALLORY, login="third")
        assert "Connection test passed" in await attack.guess(MALLORY, login="ada")
        assert attack.sign_ins == 5


async def test_a_login_is_refused_so_often_whatever_workspaces_it_is_tried_from(
    certificates: Certificates, trust: ssl.SSLContext, maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = replace(FAILED_SIGN_INS_EVERYWHERE, max_uses=2, sentence="This login was refused twice.")
    for name in ("FAILED_SIGN_INS_EVERYWHERE", "_OF_EVERY_SPELLING", "_WITHOUT_DOMAIN"):
        monkeypatch.setattr(f"bot.profiles.connection_tests.sign_ins.{name}", replace(two, name=name))
    logins = {
        "T0ONE": LOGIN,
        "T0TWO": "MAIL\\ADA",
        "T0THREE": LOGIN.upper(),
        "T0FOUR": "ada",
        "T0FIVE": "bob@mail.test",
    }
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(ScriptedServer(tls=certificates.good, implicit=True))
        slacks = await stack.enter_async_context(ManySlacks().serving())
        places = [Place(slacks.team(key, User(ADA, "Ada", "ada@mail.test"))) for key in logins]
        url = stack.enter_context(maker.upgraded(tmp_path / "many.db"))
        settings = many_settings(slacks, url, smtp_allowed_networks=(ip_network("127.0.0.0/8"),))
        network = OneServerNetwork(server.port)
        bot = await stack.enter_async_context(open_bot(settings, network=network, trust=trust))
        many = Many(slacks, bot, settings, await stack.enter_async_context(serving(bot, settings)))
        said = []
        for place, login in zip(places, logins.values(), strict=True):
            await install(many, place)
            async with bot.database.writing() as tx:
                await tx.profiles.save(place.key, ADA, guessed(login).to_document(), replacing=None)
            said.append(await many.command(place, ADA, "/email-test"))
        assert ["failed at Sign-in" in one for one in said] == [True, True, False, False, True]
        assert ["This login was refused twice." in one for one in said] == [False, False, True, True, False]
        assert sum(one.line.startswith(b"AUTH") for one in server.heard) == 3


def guessed(login: str) -> EmailProfile:
    """Return a profile with a password that is wrong."""
    return EmailProfile(
        address=LOGIN,
        login=login,
        password=SecretStr("wrong"),
        password_host=HOST,
        password_set_at=datetime.now(UTC),
        host=HOST,
        port=465,
        extras={"SSL": "Y"},
    )


async def test_all_workspaces_together_have_thirty_refused_sign_ins_a_day_for_a_login_at_an_address(
    http_demo: Demo,
) -> None:
    server = ReachedServer(addresses=(ip_address(FIRST),), pin="")
    reached = 0
    spelled = ("ada@mail.test", "MAIL\\ada", "ADA@mail.test", "ada", "info@one.test", "info@two.test")
    counts = dict.fromkeys(spelled, 0)
    for number in range(60):
        login = spelled[number % 4]
        counts[login] += await tries(http_demo, f"T{number}", login, server)
    reached = sum(counts.values())
    assert reached == 30
    for login in spelled[4:]:
        # They are two mailboxes, of people who know nothing of each other.
        for number in range(30):
            counts[login] += await tries(http_demo, f"T{number}", login, server)
    assert counts["info@one.test"] == counts["info@two.test"] == 30
    assert not await tries(http_demo, "T99", "info", server)
    # A login that all customers of a service share counts for none of them, any other one of theirs does.
    for number in range(31):
        assert await tries(http_demo, f"T{number}", "apikey", server, "smtp.sendgrid.net")
        assert await tries(http_demo, f"T{number}", "eve@one.test", server, "smtp-relay.brevo.com") is (number < 30)


async def tries(demo: Demo, workspace: str, login: str, server: ReachedServer, host: str = "mail.test") -> bool:
    """Whether a sign-in of a workspace is let through to a server."""
    sign_in = CountedSignIn(workspace=workspace, caller="U1", host=host, login=login, accepted_at="")
    try:
        async with demo.bot.database.writing() as tx:
            await sign_in.begin(tx)
            await sign_in.reach(tx, server)
    except RateLimitedError:
        return False
    return True
