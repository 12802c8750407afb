"""`check` on set-ups that are broken in every way: the cause and the remedy in one line each, and no secret."""

import asyncio
import json
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
import trustme
from aiohttp import web

from bot import doctor
from bot.demo.mail import DemoMail
from bot.demo.run import Demo, running_demo
from bot.doctor import mail
from bot.slack.ids import SCOPES
from bot.smtp.network.dns_records import NameAnswer
from bot.smtp.network.resolver import Resolver
from storage.crypto.keyring import generate_key
from tests.counts import scaled
from tests.fakes.smtp_server import ScriptedServer, Silence
from tests.scenario.people import ADA, set_up
from tests.scenario.starting import program, running
from tests.store import Store

pytestmark = pytest.mark.databases("sqlite")

LOOPBACK = "127.0.0.1"
DATABASE = "email-profiles.db"
CLOSED = 9
"""A port (discard) on which nothing listens."""
UNREACHED = {"SLACK_API_URL": f"http://{LOOPBACK}:{CLOSED}/api/"}
"""Settings with which Slack is asked nothing."""


class NumberedMail(DemoMail):
    """The demo's mail server, whose certificate names the address that it has."""

    def renew(self, *, until: datetime) -> None:
        self._authority.issue_cert(LOOPBACK, "mail.demo.example", not_after=until).configure_cert(self._tls)


@dataclass(frozen=True)
class Setup:
    """A running bot with everything around it, and the settings with which all of it is good."""

    demo: Demo
    folder: Path
    silent_port: int
    other_webs: Mapping[str, str]
    good: Mapping[str, str]

    @property
    def secrets(self) -> tuple[str, ...]:
        names = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "ENCRYPTION_KEYS")
        return tuple(self.good[name] for name in names)

    def copied(self, name: str, *statements: str) -> dict[str, str]:
        """Copy the database and change the copy; gives the setting that names it."""
        own, file = self.folder / DATABASE, self.folder / f"{name}.db"
        with closing(sqlite3.connect(own)) as source, closing(sqlite3.connect(file)) as to:
            source.backup(to)
            with to:
                for statement in statements:
                    to.execute(statement)
        return {"DATABASE_URL": f"sqlite:///{file}"}


@dataclass(frozen=True, kw_only=True)
class Broken:
    """One way of being broken: what it sets, which finding it spoils, and what must be said there.

    `around` changes what the settings lead to; `server` is given with --smtp.
    """

    subject: str
    says: Sequence[str]
    sets: Callable[[Setup], Mapping[str, str]] = field(default=lambda _: {})
    around: Callable[[Setup, pytest.MonkeyPatch], None] = field(default=lambda *_: None)
    server: Callable[[Setup], str] = field(default=lambda _: "")


def setting(name: str, value: str, *says: str) -> Broken:
    return Broken(subject="Settings", says=(f"{name}: ", "xample", *says), sets=lambda _: {name: value})


def database(name: str, *says: str, sql: str = "") -> Broken:
    statements = (sql,) if sql else ()
    return Broken(subject="Database", says=says, sets=lambda setup: setup.copied(name, *statements))


def rubbish(setup: Setup) -> Mapping[str, str]:
    (setup.folder / "rubbish.db").write_bytes(b"no database at all, canary" * 500)
    return {"DATABASE_URL": f"sqlite:///{setup.folder / 'rubbish.db'}"}


def public(web_there: str, *says: str) -> Broken:
    return Broken(subject="PUBLIC_URL", says=says, sets=lambda setup: {"PUBLIC_URL": setup.other_webs[web_there]})


def scopes(setup: Setup, patched: pytest.MonkeyPatch) -> None:
    patched.setattr(setup.demo.workspace, "scopes", "commands,chat:write,users:read")


def clock(seconds: float) -> Callable[[Setup, pytest.MonkeyPatch], None]:
    def shifted(setup: Setup, patched: pytest.MonkeyPatch) -> None:
        patched.setattr(setup.demo.workspace, "clock", lambda: time.time() + seconds)

    return shifted


def no_socket(setup: Setup, patched: pytest.MonkeyPatch) -> None:
    patched.setattr(setup.demo.workspace, "base_url", f"http://{LOOPBACK}:{CLOSED}")


KEY = generate_key()

STORING: dict[str, Broken] = {
    "no key": setting("ENCRYPTION_KEYS", "", "it is not set"),
    "no base64 for a key": setting("ENCRYPTION_KEYS", "canary!", "key 1 is not url-safe base64"),
    "no key file": Broken(
        subject="Settings",
        says=("ENCRYPTION_KEYS_FILE: ", "No such file"),
        sets=lambda _: {"ENCRYPTION_KEYS": "", "ENCRYPTION_KEYS_FILE": "/nowhere/keys"},
    ),
    "another key": Broken(
        subject="Keys", says=("ENCRYPTION_KEYS: ", "Put that key back"), sets=lambda _: {"ENCRYPTION_KEYS": KEY}
    ),
    "an altered check value": Broken(
        subject="Keys",
        says=("does not open the check value", "restore both from the same time"),
        sets=lambda setup: setup.copied("altered", "UPDATE key_checks SET sealed = zeroblob(length(sealed))"),
    ),
    "a record under an unknown key": Broken(
        subject="Keys",
        says=("ffffffff", "which is not configured", "Put that key back"),
        sets=lambda setup: setup.copied(
            "unknown", *(f"UPDATE {table} SET key_id = 'ffffffff'" for table in ("email_profiles", "key_checks"))
        ),
    ),
    "another kind of database": setting("DATABASE_URL", "mysql://canary:canary@db/x", "neither a sqlite:/// nor"),
    "no folder for the database": setting("DATABASE_URL", "sqlite:////nowhere/x.db", "cannot be opened"),
    "no PostgreSQL": Broken(
        subject="Database",
        says=("DATABASE_URL: it does not answer", "See whether it runs"),
        sets=lambda _: {"DATABASE_URL": f"postgresql://bot:canary@{LOOPBACK}:{CLOSED}/x"},
    ),
    "no database in the file": Broken(subject="Database", says=("damaged, or no database", "Restore"), sets=rubbish),
    "an older schema": database(
        "older", "at 0001", "Run `email-profile-bot db upgrade`", sql="UPDATE alembic_version SET version_num = '0001'"
    ),
    "a newer schema": database(
        "newer", "at 9999", "Install that version again", sql="UPDATE alembic_version SET version_num = '9999'"
    ),
    "half a copy": database(
        "half", "not complete", "db copy", sql="INSERT INTO unfinished_copies (source) VALUES ('x')"
    ),
    "a table that cannot be written": database(
        "unwritable",
        "could not be examined",
        sql="CREATE TRIGGER closed BEFORE INSERT ON seen_requests BEGIN SELECT RAISE(ABORT, 'canary'); END",
    ),
}

TOKEN: dict[str, Broken] = {
    "no bot token": setting("SLACK_BOT_TOKEN", "", "it is not set"),
    "another kind of token": setting("SLACK_BOT_TOKEN", "xoxp-canary", "does not begin with xoxb-"),
    "a refused token": Broken(
        subject="Slack token",
        says=("SLACK_BOT_TOKEN: Slack refuses it (invalid_auth)", "Copy it again"),
        sets=lambda _: {"SLACK_BOT_TOKEN": "xoxb-canary"},
    ),
    "scopes that lack": Broken(
        subject="Slack scopes", says=("users:read.email, files:write", "reinstall the app"), around=scopes
    ),
}

APP_TOKEN: dict[str, Broken] = {
    "another kind of app token": setting("SLACK_APP_TOKEN", "xoxb-canary", "does not begin with xapp-"),
    "a refused app token": Broken(
        subject="Slack app token",
        says=("SLACK_APP_TOKEN: Slack refuses it (invalid_auth)", "Copy it again"),
        sets=lambda _: {"SLACK_APP_TOKEN": "xapp-canary"},
    ),
    "no way for the socket": Broken(
        subject="Socket Mode", says=("no connection came about", "wss://"), around=no_socket
    ),
    "a short signing secret": Broken(
        subject="Signing secret",
        says=("SLACK_SIGNING_SECRET: it is not 32 hexadecimal digits", "copy it again"),
        sets=lambda _: {"SLACK_SIGNING_SECRET": "canary0123456789"},
    ),
    "neither secret nor app token": Broken(
        subject="Settings",
        says=("SLACK_APP_TOKEN: neither it (for Socket Mode) nor SLACK_SIGNING_SECRET",),
        sets=lambda _: {"SLACK_SIGNING_SECRET": "", "SLACK_APP_TOKEN": ""},
    ),
}

CLOCK: dict[str, Broken] = {
    "a clock that is behind": Broken(subject="Clock", says=("s behind Slack's", "NTP"), around=clock(+200)),
    "a clock that is ahead": Broken(subject="Clock", says=("s ahead of Slack's", "five minutes"), around=clock(-90)),
    "no number for a port": setting("PORT", "canary"),
    "an unknown level": setting("LOG_LEVEL", "canary"),
}

MAIL: dict[str, Broken] = {
    "a private network": Broken(
        subject="DNS",
        says=("10.1.2.3 is private", "set SMTP_ALLOWED_NETWORKS=127.0.0.0/8,10.1.2.3/32"),
        server=lambda _: "10.1.2.3",
    ),
    "a metadata service": Broken(
        subject="DNS", says=("is never reached, listed or not",), server=lambda _: "169.254.169.254:587"
    ),
    "a port that is not allowed": Broken(
        subject="Mail server port 2526",
        says=("it is not allowed", "set SMTP_ALLOWED_PORTS=25,2526"),
        sets=lambda _: {"SMTP_ALLOWED_PORTS": "25"},
        server=lambda _: f"{LOOPBACK}:2526",
    ),
    "a host name with an underscore": setting("SMTP_HELO", "my_bot.example.com", "in brackets"),
    "a port that refuses": Broken(
        subject=f"Mail server port {CLOSED}",
        says=("it fails at Connect: nothing listens", "firewall"),
        sets=lambda _: {"SMTP_ALLOWED_PORTS": str(CLOSED)},
        server=lambda _: f"{LOOPBACK}:{CLOSED}",
    ),
    "a silent server": Broken(
        subject="Mail server port",
        says=("it fails at Greeting: no answer", "see whether a mail server is behind that port"),
        sets=lambda setup: {"SMTP_ALLOWED_PORTS": str(setup.silent_port), "SMTP_TIMEOUT": "1"},
        server=lambda setup: f"{LOOPBACK}:{setup.silent_port}",
    ),
    "an unknown authority": Broken(
        subject="Mail server port",
        says=("it fails at Encryption", "SMTP_CA_FILE"),
        sets=lambda _: {"SMTP_CA_FILE": ""},
        server=lambda setup: f"{LOOPBACK}:{setup.demo.mail.ports[587]}",
    ),
    "no host name": Broken(subject="Mail server", says=("--smtp: Leave out https://",), server=lambda _: "https://x"),
    "no network": Broken(
        subject="Settings", says=("SMTP_ALLOWED_NETWORKS: ", "CIDR"), sets=lambda _: {"SMTP_ALLOWED_NETWORKS": "10.1.2"}
    ),
}

WEB: dict[str, Broken] = {
    "no https": setting("PUBLIC_URL", "http://canary.example", "https://"),
    "nothing served": Broken(
        subject="PUBLIC_URL",
        says=("the connection is refused", "Start the bot"),
        sets=lambda _: {"PUBLIC_URL": f"http://{LOOPBACK}:{CLOSED}"},
    ),
    "a certificate of nobody": Broken(
        subject="PUBLIC_URL",
        says=("TLS fails", "certificate"),
        sets=lambda setup: {"PUBLIC_URL": f"https://{LOOPBACK}:{setup.demo.mail.ports[465]}"},
    ),
    "no bot behind the proxy": public("gateway", "a proxy answers, but not the bot (status 502)", "Start the bot"),
    "a redirection": public("elsewhere", "sent elsewhere (status 302)"),
    "a path that is not handed on": public("nothing", "status 404", "hand every path on"),
    "another program": public("another", "something else answers there", "HOST:PORT"),
    "a server that hangs up": public("hangs-up", "breaks off", "log of the proxy"),
}


def certificate(setup: Setup, name: str = "out.example.test", *, days: int = 90, key: str = "") -> Mapping[str, str]:
    """Settings of a submission server with a certificate for a name that ends in so many days."""
    until = datetime.now(UTC) + timedelta(days=days)
    issued = trustme.CA().issue_cert(name, not_before=until - timedelta(days=90), not_after=until)
    files = setup.folder / "submission.pem", setup.folder / "submission.key"
    issued.cert_chain_pems[0].write_to_path(files[0])
    files[1].write_bytes(key.encode() or issued.private_key_pem.bytes())
    return {
        "SUBMISSION_TLS_PORT": "465",
        "SUBMISSION_PORT": "587",
        "SUBMISSION_HOST": "0.0.0.0",
        "SUBMISSION_NAME": "out.example.test",
        "SUBMISSION_CERT_FILE": str(files[0]),
        "SUBMISSION_KEY_FILE": str(files[1]),
    }


PROGRAMS: dict[str, Broken] = {
    "no word for programs": setting("PROGRAMS", "canary", "'on' or 'off'"),
    "no certificate": Broken(
        subject="Settings",
        says=("SUBMISSION_CERT_FILE: it is not set, and SUBMISSION_TLS_PORT needs",),
        sets=lambda _: {"SUBMISSION_TLS_PORT": "465"},
    ),
    "no key in the key's file": Broken(
        subject="Programs' certificate",
        says=("SUBMISSION_CERT_FILE: ", "they are no PEM files", "Example: "),
        sets=lambda setup: certificate(setup, key="canary"),
    ),
    "a certificate that is over": Broken(
        subject="Programs' certificate",
        says=("it is valid from", "Renew it"),
        sets=lambda setup: certificate(setup, days=-1),
    ),
    "a certificate that is nearly over": Broken(
        subject="Programs' certificate",
        says=("it ends on", "without a restart"),
        sets=lambda setup: certificate(setup, days=10),
    ),
    "a certificate for another name": Broken(
        subject="Programs' certificate",
        says=("it is for in.example.test, and programs connect to out.example.test", "Correct SUBMISSION_NAME"),
        sets=lambda setup: certificate(setup, "in.example.test"),
    ),
}

AREAS = (STORING, TOKEN, APP_TOKEN, CLOCK, MAIL, WEB, PROGRAMS)
ALL = [(name, broken) for area in AREAS for name, broken in area.items()]
ALONE = [[one] for one in ALL]
# Of each area one at once: none of them hides another.
TOGETHER = [[one for one in row if one] for row in zip_longest(*(area.items() for area in AREAS))]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def setup(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Setup]:
    """Open everything once; each test changes what it breaks, and puts it back."""
    folder = tmp_path_factory.mktemp("doctor")
    async with AsyncExitStack() as stack:
        given: dict[str, Any] = {"slack_app_token": "xapp-demo", "database_url": f"sqlite:///{folder / DATABASE}"}
        mail = NumberedMail()
        authority = mail.authority_file(folder)
        demo = await stack.enter_async_context(running_demo(folder, mail=mail, smtp_ca_file=authority, **given))
        await set_up(demo, ADA)
        silent = await stack.enter_async_context(ScriptedServer(acts={"greeting": Silence()}))
        other_webs = {name: await stack.enter_async_context(_served(answer)) for name, answer in _OTHER_WEBS.items()}
        yield Setup(demo=demo, folder=folder, silent_port=silent.port, other_webs=other_webs, good=_good(demo))


def _good(demo: Demo) -> Mapping[str, str]:
    settings = demo.settings
    secrets = ("slack_bot_token", "slack_signing_secret", "slack_app_token", "encryption_keys", "database_url")
    return {
        **{name.upper(): getattr(settings, name).get_secret_value() for name in secrets},
        "SLACK_API_URL": settings.slack_api_url,
        "PUBLIC_URL": str(settings.public_url),
        "SMTP_ALLOWED_NETWORKS": "127.0.0.0/8",
        "SMTP_ALLOWED_PORTS": str(demo.mail.ports[587]),
        "SMTP_CA_FILE": str(settings.smtp_ca_file),
    }


async def _gateway(_: web.Request) -> web.Response:
    return web.Response(status=502, text="canary")


async def _elsewhere(_: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/another/healthz"})


async def _nothing(_: web.Request) -> web.Response:
    return web.Response(status=404)


async def _another(_: web.Request) -> web.Response:
    return web.Response(text="<h1>Welcome to canary!</h1>")


async def _hangs_up(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


_OTHER_WEBS = {
    "gateway": _gateway,
    "elsewhere": _elsewhere,
    "nothing": _nothing,
    "another": _another,
    "hangs-up": _hangs_up,
}


@asynccontextmanager
async def _served(answer: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_get("/healthz", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, 0).start()
        yield f"http://{LOOPBACK}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def check(setup: Setup, *arguments: str, given: Mapping[str, str]) -> tuple[int, list[str], str]:
    """Run the program; gives its exit code, its lines, and everything it said."""
    code, out, err = await asyncio.to_thread(program, setup.folder, "check", *arguments, given=given)
    assert err == ""
    assert "Traceback" not in out
    assert not any(secret in out for secret in setup.secrets)
    assert "canary" not in out.replace("“canary”", "")
    return code, out.splitlines(), out


@pytest.mark.asyncio(loop_scope="module")
async def test_a_good_set_up_passes_in_order_and_changes_nothing(setup: Setup) -> None:
    # A copy, because the bot itself goes on writing.
    copy = setup.copied("good")
    before = _contents(setup.folder / "good.db")
    server = f"{LOOPBACK}:{setup.demo.mail.ports[587]}"
    code, lines, out = await check(setup, "--smtp", server, given={**setup.good, **copy})
    assert code == 0, out
    assert [line.removeprefix("ok     ").split(":")[0] for line in lines] == [
        ".env",
        "Settings",
        "Keys",
        "Database",
        "Policies",
        "Slack token",
        "Slack app token",
        "Signing secret",
        "Slack scopes",
        "Socket Mode",
        "EHLO",
        "DISCOVERY",
        "DNS",
        f"Mail server port {setup.demo.mail.ports[587]}",
        "Clock",
        "PUBLIC_URL",
        "Programs",
        "Verdict",
    ]
    assert lines[-1].endswith(
        "all is well. Next: start it with `email-profile-bot run`, then type `/email-profile` in Slack."
    )
    assert all(line.startswith("ok     ") for line in lines)
    assert _contents(setup.folder / "good.db") == before
    said = [line.text for line in setup.demo.mail.traffic if line.speaker == "client"]
    assert said
    assert not any(word in line for line in said for word in ("AUTH", "MAIL"))


def _contents(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


@pytest.mark.asyncio(loop_scope="module")
async def test_where_programs_are_served_is_told_and_a_good_certificate_with_its_end(setup: Setup) -> None:
    for given, says in (
        ({}, "Programs: no submission server runs"),
        ({"PROGRAMS": "off", "SUBMISSION_PORT": "587"}, "Programs: they are switched off"),
        ({"SUBMISSION_PORT": "2587"}, "Programs: the submission server is 127.0.0.1, port 2587 (no TLS)"),
        (certificate(setup), "the submission server is out.example.test, port 465 (TLS) and port 587 (STARTTLS)"),
        (certificate(setup, "*.example.test"), "Programs' certificate: it is for out.example.test, and good until"),
    ):
        code, lines, out = await check(setup, given={**setup.good, **given})
        assert code == 0, out
        assert any(says in line for line in lines), out


@pytest.mark.asyncio(loop_scope="module")
async def test_what_only_the_other_way_in_needs_is_not_asked_for(setup: Setup) -> None:
    code, lines, out = await check(setup, given={**setup.good, "SLACK_APP_TOKEN": "", "PUBLIC_URL": ""})
    assert code == 0, out
    assert not any(word in out for word in ("app token", "Socket Mode", "PUBLIC_URL", "DNS:", "Mail server"))
    assert lines


@pytest.mark.asyncio(loop_scope="module")
async def test_a_scope_that_is_optional_is_named_and_nothing_fails_without_it(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(setup.demo.workspace, "scopes", ",".join(SCOPES))
        code, lines, out = await check(setup, given=setup.good)
    assert code == 0, out
    (line,) = [line for line in lines if "Slack scopes" in line]
    assert all(words in line for words in ("lacks im:history, which is optional", "get no answer", "reinstall the app"))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("granted", "says"),
    [
        ("commands,users:read,users:read.email,files:write", "the token lacks chat:write. Add what is missing under"),
        ("commands,users:read", "the token lacks chat:write, users:read.email, files:write. Add what is missing under"),
        (",".join(SCOPES), "everything else works. Add what is missing under"),
    ],
)
async def test_what_to_do_about_missing_scopes_is_said_of_one_as_of_many(
    setup: Setup, monkeypatch: pytest.MonkeyPatch, granted: str, says: str
) -> None:
    monkeypatch.setattr(setup.demo.workspace, "scopes", granted)
    _, lines, _ = await check(setup, given=setup.good)
    (line,) = [line for line in lines if "Slack scopes: " in line]
    assert says in line
    assert line.endswith("OAuth & Permissions as in manifest.yml, and reinstall the app.")


@pytest.mark.asyncio(loop_scope="module")
async def test_machines_get_a_list_of_subject_good_and_sentence(setup: Setup) -> None:
    code, _, out = await check(setup, "--json", given={**setup.good, "SLACK_BOT_TOKEN": "xoxb-canary"})
    findings = json.loads(out)
    assert code == 1
    assert all(set(finding) == {"subject", "good", "sentence"} for finding in findings)
    assert [finding["subject"] for finding in findings if not finding["good"]] == ["Slack token", "Verdict"]
    assert findings[-1]["sentence"] == (
        f"one thing fails. Next: correct SLACK_BOT_TOKEN (in {setup.folder / '.env'} or in the environment), then run "
        "`email-profile-bot check` again."
    )


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "broken", scaled(quick=TOGETHER, full=[*TOGETHER, *ALONE]), ids=lambda row: ", ".join(name for name, _ in row)
)
async def test_each_fault_is_told_with_its_remedy_and_hides_no_other(
    setup: Setup, monkeypatch: pytest.MonkeyPatch, broken: list[tuple[str, Broken]]
) -> None:
    given, arguments = dict(setup.good), list[str]()
    for _, one in broken:
        given.update(one.sets(setup))
        if server := one.server(setup):
            arguments = ["--smtp", server]
    with monkeypatch.context() as patched:
        for _, one in broken:
            one.around(setup, patched)
        code, lines, out = await check(setup, *arguments, given=given)
    assert code == 1
    *failed, verdict = [line for line in lines if line.startswith("FAILED ")]
    assert len(failed) == len(broken), out
    assert verdict == lines[-1]
    assert verdict.startswith("FAILED Verdict: ")
    for name, one in broken:
        about = [line for line in failed if line.startswith(f"FAILED {one.subject}")]
        told = [line for line in about if all(words in line for words in one.says)]
        assert len(told) == 1, f"{name}: {out}"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("web_there", "says"),
    [(None, "does not answer (the connection is refused)"), ("another", "what answers there is not Slack")],
)
async def test_without_slack_that_is_told_once_and_the_rest_is_examined(
    setup: Setup, web_there: str | None, says: str
) -> None:
    address = f"http://{LOOPBACK}:{CLOSED}/api/" if web_there is None else f"{setup.other_webs[web_there]}/"
    code, lines, out = await check(setup, given={**setup.good, "SLACK_API_URL": address})
    assert code == 1
    slack, verdict = [line for line in lines if line.startswith("FAILED ")]
    assert slack.startswith("FAILED Slack: SLACK_API_URL: "), out
    assert says in slack
    assert "one thing fails. Next: do what the line Slack above says, then run" in verdict
    assert not any(word in out for word in ("Slack token:", "app token:", "scopes:", "Socket Mode:", "Clock:"))
    assert any(line.startswith("ok     Database") for line in lines)
    assert any(line.startswith("ok     PUBLIC_URL") for line in lines)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_name_that_mail_servers_are_greeted_with_is_told(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(setup.folder)
    for name, value in setup.good.items():
        monkeypatch.setenv(name, value)
    for full_name, given, told in (
        ("bot", "", "greeted as [127.0.0.1], because this machine has no full host name"),
        ("bot.example.com", "", "greeted as bot.example.com, the name of this machine"),
        ("bot.example.com", "mail.example.org", "greeted as mail.example.org (SMTP_HELO)"),
    ):
        monkeypatch.setattr(socket, "getfqdn", lambda full_name=full_name: full_name)
        monkeypatch.setenv("SMTP_HELO", given)
        (found,) = [one for one in await doctor.examine() if one.subject == "EHLO"]
        assert found.good
        assert told in found.sentence


@pytest.mark.asyncio(loop_scope="module")
async def test_where_settings_are_looked_for_is_told(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(setup.folder)
    for name, value in setup.good.items():
        monkeypatch.setenv(name, value)
    for given, told in (
        ("", "in DNS, and on web and mail servers of the address' domain."),
        ("local", "the table of providers alone; the network is asked nothing."),
        ("Off", "new forms begin with the workspace's defaults alone."),
    ):
        monkeypatch.setenv("DISCOVERY", given)
        (found,) = [one for one in await doctor.examine() if one.subject == "DISCOVERY"]
        assert found.good
        assert found.sentence.endswith(told)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_app_with_which_people_sign_in_is_shown_to_slack(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(setup.folder)
    app = {"SLACK_CLIENT_ID": "1815.1852", "SLACK_CLIENT_SECRET": "demo"}
    for given, good, told in (
        ({}, True, "/slack/oauth_redirect has to be among its redirect URLs"),
        ({"SLACK_CLIENT_ID": "1.2"}, False, "SLACK_CLIENT_ID: Slack refuses it (invalid_client_id). Copy it again."),
        ({"SLACK_CLIENT_SECRET": "canary"}, False, "SLACK_CLIENT_SECRET: Slack refuses it (bad_client_secret)."),
    ):
        for name, value in {**setup.good, **app, **given}.items():
            monkeypatch.setenv(name, value)
        found = await doctor.examine()
        (about,) = [one for one in found if one.subject == "Sign in with Slack"]
        assert (about.good, told in about.sentence, "canary" in str(found)) == (good, True, False)
        assert [one.subject for one in found if not one.good] == [] if good else ["Sign in with Slack", "Verdict"]


@pytest.mark.asyncio(loop_scope="module")
async def test_names_that_nobody_knows_are_told_apart_from_servers_that_refuse(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = socket.getaddrinfo

    def resolved(host: Any, *more: Any, **named: Any) -> Any:
        if "nowhere" in str(host):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if "later" in str(host):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return known(host, *more, **named)

    monkeypatch.chdir(setup.folder)

    async def unanswered(_resolver: Resolver, _host: str) -> NameAnswer:
        return NameAnswer.NO_ANSWER

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    monkeypatch.setattr(Resolver, "name_answer", unanswered)
    for name, value in {**setup.good, "PUBLIC_URL": "https://nowhere.example"}.items():
        monkeypatch.setenv(name, value)
    bad = {one.subject: one.sentence for one in await doctor.examine("nowhere.example") if not one.good}
    assert set(bad) == {"DNS", "PUBLIC_URL", "Verdict"}
    assert "there is no nowhere.example. Correct the name" in bad["DNS"]
    assert "its name is unknown. Make a DNS record" in bad["PUBLIC_URL"]
    bad = {one.subject: one.sentence for one in await doctor.examine("later.example") if not one.good}
    assert "the name service does not answer. See /etc/resolv.conf" in bad["DNS"]


def test_settings_that_cannot_be_read_at_all_are_told(tmp_path: Path) -> None:
    code, out, err = program(tmp_path, "check", given={"SLACK_CLIENT_ID": "1.2", "ENCRYPTION_KEYS": KEY, **UNREACHED})
    assert (code, err) == (1, "")
    assert "FAILED Settings: SLACK_CLIENT_SECRET: it is not set" in out
    (tmp_path / ".env").write_bytes(b"PORT=\xff canary")
    code, out, err = program(tmp_path, "check", given={})
    assert (code, err) == (1, "")
    assert out.startswith("FAILED Settings: .env: this file cannot be read")
    assert out.splitlines()[1:] == [
        "FAILED Verdict: one thing fails. Next: do what the line Settings above says, then run "
        "`email-profile-bot check` again."
    ]


def failed_lines(out: str) -> list[str]:
    return [line.removeprefix("FAILED ") for line in out.splitlines() if line.startswith("FAILED ")]


def test_with_nothing_set_it_says_where_it_looked_what_is_missing_and_leaves_nothing_behind(tmp_path: Path) -> None:
    code, out, err = program(tmp_path, "check", given=UNREACHED)
    assert (code, err) == (1, "")
    file = tmp_path / ".env"
    assert out.startswith(f"ok     .env: there is none in {tmp_path}, so settings come from the environment alone.")
    assert [line.split(": ")[1] for line in failed_lines(out)[:3]] == [
        "SLACK_BOT_TOKEN",
        "SLACK_APP_TOKEN",
        "ENCRYPTION_KEYS",
    ]
    assert f"ok     Database: {tmp_path / DATABASE} is not there yet; the first start makes it." in out
    assert out.splitlines()[-1] == (
        "FAILED Verdict: 4 things fail. Next: correct SLACK_BOT_TOKEN, SLACK_APP_TOKEN and ENCRYPTION_KEYS (in "
        f"{file} or in the environment), do what the line Slack above says, then run `email-profile-bot check` again."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_misspelt_name_is_told_in_place_of_the_setting_that_is_missing(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "SLACK_BOT_TOKN=xoxb-canary\nSLACK_SIGNING_SECRE=canary\nencrypton_keys=canary\nSMTP_HELLO=canary\n"
        "POSTGRES_PASSWORD=canary\nSMTP_HOST=canary\n"
    )
    code, out, err = program(tmp_path, "check", given=UNREACHED)
    assert (code, err) == (1, "")
    assert "canary" not in out
    missing = "it is not set, but {} is, in {}, and nothing reads that name. Correct it there."
    assert failed_lines(out)[:4] == [
        f".env: SMTP_HELLO in {file} is no setting, so nothing reads it. Did you mean SMTP_HELO?",
        f"Settings: SLACK_BOT_TOKEN: {missing.format('SLACK_BOT_TOKN', file)}",
        f"Settings: SLACK_SIGNING_SECRET: {missing.format('SLACK_SIGNING_SECRE', file)}",
        f"Settings: ENCRYPTION_KEYS: {missing.format('ENCRYPTON_KEYS', file)}",
    ]
    assert "POSTGRES" not in out
    assert "SMTP_HOST" not in out
    file.write_text("SMTP_HELO=bot.example.com\n")
    _, out, _ = program(tmp_path, "check", given=UNREACHED)
    assert out.startswith(f"ok     .env: {file} was read; what the environment says stands above it.")


def test_what_follows_from_a_malformed_setting_is_not_told_beside_it(tmp_path: Path) -> None:
    given = {"PASSWORD_ENTRY": "private", "PUBLIC_URL": "http://canary.example", "SMTP_HELO": "my_bot", **UNREACHED}
    kinds = {"SLACK_BOT_TOKEN": "xoxp-canary", "SLACK_APP_TOKEN": "xoxb-canary", "ENCRYPTION_KEYS": KEY}
    _, out, _ = program(tmp_path, "check", given={**given, **kinds})
    told = [line.split(": ")[1] for line in failed_lines(out) if line.startswith("Settings")]
    assert told == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "PUBLIC_URL", "SMTP_HELO"]
    assert not any(word in out for word in ("EHLO:", "PASSWORD_ENTRY", "app token:", "Slack token:"))


@pytest.mark.parametrize(
    ("name", "value", "subject"),
    [
        ("DISCOVERY", "no", "DISCOVERY"),
        ("SMTP_HELO", "my_bot", "EHLO"),
        ("TRUSTED_PROXIES", "the proxy", "Proxies"),
        ("METRICS_PORT", "many", "Metrics"),
        ("PORT", "many", "Metrics"),
    ],
)
def test_what_a_malformed_setting_says_is_not_told_as_if_it_were_not_set(
    tmp_path: Path, name: str, value: str, subject: str
) -> None:
    given = {"SLACK_BOT_TOKEN": "xoxb-canary", "ENCRYPTION_KEYS": KEY, "PUBLIC_URL": "https://127.0.0.1:1", **UNREACHED}
    _, out, _ = program(tmp_path, "check", given={**given, "SLACK_APP_TOKEN": "xapp-canary", name: value})
    assert f"FAILED Settings: {name}: " in out
    assert f" {subject}: " not in out.replace(f"Settings: {name}: ", "")
    assert f"correct {name}" in out


def test_without_the_public_address_that_is_malformed_a_client_beside_the_token_is_no_fault(tmp_path: Path) -> None:
    app = {"SLACK_CLIENT_ID": "1.2", "SLACK_CLIENT_SECRET": "canary", "PUBLIC_URL": "ftp://canary"}
    given = {"SLACK_BOT_TOKEN": "xoxb-canary", "SLACK_APP_TOKEN": "xapp-canary", "ENCRYPTION_KEYS": KEY, **UNREACHED}
    _, out, _ = program(tmp_path, "check", given={**given, **app})
    assert [line.split(": ")[1] for line in failed_lines(out) if line.startswith("Settings")] == ["PUBLIC_URL"]


def test_half_of_what_belongs_together_hides_nothing_else(tmp_path: Path) -> None:
    given = {"SLACK_CLIENT_ID": "1.2", "ENCRYPTION_KEYS": KEY, **UNREACHED}
    _, out, _ = program(tmp_path, "check", given=given)
    assert [line.split(": ")[0] for line in failed_lines(out)] == ["Settings", "Slack", "Verdict"]
    assert "ok     Database" in out


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ({}, 78, "SLACK_BOT_TOKEN: it is not set"),
        ({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "x"}, 78, "ENCRYPTION_KEYS: it is not set"),
        ({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "x", "ENCRYPTION_KEYS": KEY}, 75, "SLACK_API_URL: "),
    ],
)
def test_a_start_that_fails_leaves_no_database_and_names_misspelt_settings(
    tmp_path: Path, given: Mapping[str, str], code: int, says: str
) -> None:
    file = tmp_path / ".env"
    file.write_text("ENCRYPTON_KEYS=canary\n")
    ended, out, err = program(tmp_path, "run", given={**UNREACHED, **given})
    assert (ended, out) == (code, "")
    assert says in err
    assert "canary" not in err
    misspelt = f"ENCRYPTON_KEYS in {file} is no setting, so nothing reads it. Did you mean ENCRYPTION_KEYS?"
    assert (misspelt in err) is (code == 78)
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


@pytest.mark.parametrize("arguments", [("db", "current"), ("keys", "status"), ("db", "verify"), ("check",)])
def test_looking_at_a_database_that_is_not_there_makes_none(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    program(tmp_path, *arguments, given={"ENCRYPTION_KEYS": KEY, **UNREACHED})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.asyncio(loop_scope="module")
async def test_a_misspelt_setting_beside_a_good_start_is_a_warning_of_run(setup: Setup, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SMTP_HELLO=bot.example.com\n")
    given = {**setup.good, "DATABASE_URL": "sqlite:///own.db", "PORT": "0", "PUBLIC_URL": ""}
    async with running(tmp_path, "run", given=given) as started:
        await started.writes("WARNING bot.server: SMTP_HELLO in .* is no setting, so nothing reads it.")
        await started.address()
        assert await started.stop() == 0
    assert (tmp_path / "own.db").exists()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_new_database_whose_start_slack_or_the_port_ended_is_removed_and_a_used_one_stays(
    setup: Setup, tmp_path: Path
) -> None:
    taken = urlsplit(setup.demo.bot_url).port
    base = {**setup.good, "DATABASE_URL": f"sqlite:///{tmp_path / 'new.db'}", "PUBLIC_URL": ""}
    for wrong in ({"SLACK_BOT_TOKEN": "xoxb-canary"}, {"SLACK_APP_TOKEN": "xapp-canary"}, {"PORT": str(taken)}):
        code, _, err = await asyncio.to_thread(program, tmp_path, "run", given={"PORT": "0", **base, **wrong})
        assert code == 78, err
        assert list(tmp_path.iterdir()) == []
    kept = setup.copied("kept")
    before = _contents(setup.folder / "kept.db")
    code, _, err = await asyncio.to_thread(program, tmp_path, "run", given={**base, **kept, "PORT": str(taken)})
    assert code == 78, err
    assert [line for line in _contents(setup.folder / "kept.db") if "email_profiles" in line] == [
        line for line in before if "email_profiles" in line
    ]


@pytest.mark.asyncio(loop_scope="module")
async def test_of_two_usual_ports_one_is_enough_and_one_cause_is_told_once(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(setup.folder)
    for name, value in setup.good.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(mail, "USUAL_PORTS", (CLOSED, CLOSED + 1))
    monkeypatch.setenv("SMTP_ALLOWED_PORTS", f"{CLOSED},{CLOSED + 1},{setup.demo.mail.ports[587]}")
    bad = [one for one in await doctor.examine(LOOPBACK) if not one.good]
    assert [one.subject for one in bad] == ["Mail server ports 9 and 10", "Verdict"]
    assert bad[0].sentence.startswith("both fail at Connect: nothing listens on this port.")
    monkeypatch.setattr(mail, "USUAL_PORTS", (CLOSED, setup.demo.mail.ports[587]))
    found = await doctor.examine(LOOPBACK)
    assert all(one.good for one in found)
    assert f"nothing has to: port {setup.demo.mail.ports[587]} does." in str(found)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_usual_port_that_is_not_allowed_need_not_be_where_the_other_answers(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(setup.folder)
    for name, value in setup.good.items():
        monkeypatch.setenv(name, value)
    answers = setup.demo.mail.ports[587]
    monkeypatch.setattr(mail, "USUAL_PORTS", (CLOSED, answers))
    found = await doctor.examine(LOOPBACK)
    assert all(one.good for one in found)
    (port,) = [one.sentence for one in found if one.subject == f"Mail server port {CLOSED}"]
    assert port == f"it is not allowed, and it need not be used: port {answers} answers."
    monkeypatch.setattr(mail, "USUAL_PORTS", (CLOSED, CLOSED + 1))
    monkeypatch.setenv("SMTP_ALLOWED_PORTS", str(CLOSED + 1))
    closed = [one.sentence for one in await doctor.examine(LOOPBACK) if one.subject.startswith("Mail server port")]
    assert (
        f"it is not allowed. If it is meant, set SMTP_ALLOWED_PORTS={CLOSED},{CLOSED + 1}. If the server" in closed[0]
    )


def test_there_are_enough_ways_of_being_broken() -> None:
    assert len(ALL) >= 40


@pytest.mark.databases("postgresql")
async def test_a_postgresql_that_is_old_or_only_to_be_read_is_told_so(tmp_path: Path, store: Store) -> None:
    given = {"DATABASE_URL": store.url, "ENCRYPTION_KEYS": KEY, "SLACK_API_URL": f"http://{LOOPBACK}:{CLOSED}/api/"}

    async def told() -> str:
        _, out, _ = await asyncio.to_thread(program, tmp_path, "check", given=given)
        return next(line for line in out.splitlines() if "Database: " in line)

    assert (await told()).startswith("ok     Database: it answers and can be written")
    name = urlsplit(store.url).path.removeprefix("/")
    await store.edit(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    read_only = await told()
    assert read_only.startswith("FAILED Database: DATABASE_URL: it cannot be written")
    assert "let the bot's user write there" in read_only
    await store.edit("SET TRANSACTION READ WRITE", "UPDATE alembic_version SET version_num = '0003'")
    assert "Run `email-profile-bot db upgrade` first" in await told()
