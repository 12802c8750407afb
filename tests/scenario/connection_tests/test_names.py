"""Names and providers through the front door: what a person reads, and what is offered, when a name is at fault."""

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
import trustme

from bot.demo.mail import DemoMail, DemoNetwork
from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.platform import searchable, texts
from bot.smtp.advice.advice import advise
from bot.smtp.check.report import Fault, StageName
from bot.smtp.network.connect import Network
from bot.smtp.network.dns_records import NameAnswer
from bot.smtp.network.guard import Address, Guard, literal
from tests.fakes.certificates import Certificates
from tests.fakes.smtp_server import OneServerNetwork, ScriptedServer
from tests.scenario.connection_tests.testers import ACCOUNT, a_tester
from tests.scenario.people import ADA, GRACE, buttons, fill_form, open_form, run_test, set_up
from tests.scenario.started_before import StartedBefore

TIMEOUT = 1.5


class Nowhere(Network):
    """No name leads anywhere; the DNS says why."""

    def __init__(self, answer: NameAnswer, mx: Sequence[str] = ()) -> None:
        super().__init__()
        self._answer, self._mx = answer, tuple(mx)

    async def resolve(self, host: str) -> list[Address]:
        if known := literal(host):
            return [known]
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    async def name_answer(self, host: str) -> NameAnswer:
        return self._answer

    async def mail_servers(self, domain: str) -> tuple[str, ...]:
        return self._mx


class BehindMx(OneServerNetwork):
    """The sender's domain has its mail taken in at this host."""

    def __init__(self, port: int, mx: str, other_ports: Mapping[int, int] | None = None) -> None:
        super().__init__(port, other_ports)
        self._mx = mx

    async def mail_servers(self, domain: str) -> tuple[str, ...]:
        return (self._mx,)


@pytest.mark.databases()
@pytest.mark.parametrize(
    ("answer", "fault", "words"),
    [
        (NameAnswer.NO_SUCH_NAME, Fault.NAME_NOT_FOUND, "does not exist"),
        (NameAnswer.NO_ADDRESS, Fault.NAME_WITHOUT_ADDRESS, "leads to no machine. It is a mail domain, not a server"),
        (NameAnswer.ZONE_FAILS, Fault.ZONE_FAILS, "SERVFAIL"),
        (NameAnswer.NO_ANSWER, Fault.RESOLVER_UNAVAILABLE, "got no answer, so nothing is known about the name yet"),
    ],
)
async def test_each_answer_of_the_dns_has_words_of_its_own(
    trust: ssl.SSLContext, answer: NameAnswer, fault: Fault, words: str
) -> None:
    report = await a_tester(Nowhere(answer, ["mx.mail.test"]), trust, timeout=TIMEOUT).test(ACCOUNT, lambda _: None)
    assert (report.fault, report.failed_stage and report.failed_stage.name) == (fault, StageName.RESOLVE)
    advice = advise(report, ACCOUNT)
    assert advice is not None
    assert words in advice.why
    said = f"{report.failed_stage} {advice}"
    assert ("does not exist" in said or "no such name" in said) is (fault is Fault.NAME_NOT_FOUND)


@pytest.mark.databases()
@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("127.0.0.1", Fault.LOOPBACK_NOT_ALLOWED),
        ("::1", Fault.LOOPBACK_NOT_ALLOWED),
        ("10.1.2.3", Fault.PRIVATE_NOT_ALLOWED),
        ("fd12::1", Fault.PRIVATE_NOT_ALLOWED),
        ("169.254.169.254", Fault.ADDRESS_NEVER_ALLOWED),
    ],
)
async def test_each_kind_of_address_that_is_not_reached_has_words_of_its_own(
    trust: ssl.SSLContext, address: str, fault: Fault
) -> None:
    closed = a_tester(Nowhere(NameAnswer.NO_SUCH_NAME), trust, timeout=TIMEOUT, guard=Guard((), (587,)))
    account = replace(ACCOUNT, host=address)
    report = await closed.test(account, lambda _: None)
    assert report.fault is fault
    advice = advise(report, account)
    assert advice is not None
    assert ("list its network" in advice.do) is (fault is Fault.PRIVATE_NOT_ALLOWED)
    assert ("not yours" in advice.what) is (fault is Fault.LOOPBACK_NOT_ALLOWED)
    assert advice.fixes == ()


class Inside(DemoNetwork):
    """A network with names that only machines inside it know; `asked` is what was asked for besides addresses."""

    NAMES: Mapping[str, Sequence[str]] = {
        "private.corp.test": ["10.1.2.3"],
        "both.corp.test": ["1.1.1.1", "fd12::1"],
        "metadata.corp.test": ["169.254.169.254"],
        "itself.corp.test": ["127.0.1.1"],
        "mapped.corp.test": ["::ffff:10.1.2.3"],
        "empty.corp.test": [],
        "db.localhost": ["10.1.2.3"],
        "localhost": ["127.0.0.1"],
    }

    def __init__(self) -> None:
        super().__init__(DemoMail())
        self.asked: list[tuple[str, str]] = []

    async def resolve(self, host: str) -> list[Address]:
        if known := literal(host):
            return [known]
        if host not in self.NAMES:
            raise socket.gaierror(socket.EAI_NONAME, "there is no such name")
        return [ip_address(address) for address in self.NAMES[host]]

    async def name_answer(self, host: str) -> NameAnswer:
        self.asked.append(("A", host))
        return NameAnswer.NO_ANSWER if host in self.NAMES else NameAnswer.NO_SUCH_NAME

    async def mail_servers(self, domain: str) -> tuple[str, ...]:
        self.asked.append(("MX", domain))
        return ()

    async def connect(self, addresses: Sequence[Address], port: int) -> socket.socket:
        self.asked.append(("connect", str(addresses[0])))
        return await super().connect(addresses, port)


async def seen_of(demo: Demo, network: Inside, host: str) -> str:
    """Test a profile at a server; return all that its owner and an admin see, and what the network was asked."""
    workspace = demo.workspace
    network.asked.clear()
    await open_form(demo, ADA)
    await fill_form(demo, ADA)
    await workspace.fill(ADA, "SMTP Server Address", host)
    assert await workspace.submit(ADA) == {}
    report = await run_test(demo, ADA)
    seen = [searchable(report), *buttons(report)]
    for user, command, text in (
        (ADA, "/email-test", "transcript"),
        (ADA, "/email-profile", "show"),
        (GRACE, "/email-test", "transcript @ada"),
        (GRACE, "/email-profile", "list"),
    ):
        workspace.all_messages.clear()
        await workspace.command(user, command, text)
        seen += [searchable(one) for one in workspace.messages(user)]
    await workspace.command(ADA, "/email-profile", "delete")
    shown = "\n".join([*seen, *map(str, network.asked)]).replace(host, "HOST")
    return re.sub(r"<!date\^\d+\^[^>]*>|\d+ ms|set on [^\n]*", "TIME", shown)


async def test_of_a_name_inside_nobody_learns_whether_it_exists_but_whoever_reads_the_log(
    started: StartedBefore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.profiles.connection_tests.limits.TESTS_OF_A_PERSON", ())
    network = Inside()
    caplog.set_level(logging.INFO)
    async with running_demo(tmp_path, network=network, encryption_keys=started.key, smtp_allowed_networks=()) as demo:
        nowhere = await seen_of(demo, network, "nothing.corp.test")
        assert "HOST does not exist, or leads where this bot may not look" in nowhere
        assert "there is no such name" in caplog.text
        for host, which in (
            ("private.corp.test", "private network"),
            ("both.corp.test", "private network"),
            ("metadata.corp.test", "never reached"),
            ("itself.corp.test", "this machine's own"),
            ("mapped.corp.test", "private network"),
            ("empty.corp.test", "no address"),
        ):
            caplog.clear()
            assert await seen_of(demo, network, host) == nowhere, host
            assert which in caplog.text
            assert host not in caplog.text
        nowhere = await seen_of(demo, network, "nothing.localhost")
        assert await seen_of(demo, network, "db.localhost") == nowhere
        for host, words in (
            ("localhost", "is the bot's own machine"),
            ("10.1.2.3", "is inside a private network"),
            ("::ffff:10.1.2.3", "is inside a private network"),
            ("169.254.169.254", "leads to an address that is never reached"),
        ):
            assert words in await seen_of(demo, network, host), host
    assert not demo.workspace.refusals


@pytest.mark.databases()
async def test_the_bots_own_name_is_announced_unless_the_profile_has_one(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    for account, announced in (
        (ACCOUNT, b"EHLO bot.example.com\r\n"),
        (replace(ACCOUNT, helo="pc17.example.com"), b"EHLO pc17.example.com\r\n"),
    ):
        async with ScriptedServer(tls=certificates.good) as server:
            named = a_tester(OneServerNetwork(server.port), trust, timeout=TIMEOUT, helo="bot.example.com")
            assert (await named.test(account, lambda _: None)).passed
        assert {line for line in server.lines if line.startswith(b"EHLO")} == {announced}


@pytest.mark.databases()
async def test_the_provider_of_a_domain_is_found_by_its_mx_only_after_a_failure(
    certificates: Certificates, trust: ssl.SSLContext
) -> None:
    for acts, provider in (({}, ""), ({"verdict": b"535 5.7.8 no\r\n"}, "Microsoft 365")):
        async with ScriptedServer(tls=certificates.good, acts=acts) as server:
            network = BehindMx(server.port, "corp-example.mail.protection.outlook.com")
            report = await a_tester(network, trust, timeout=TIMEOUT).test(ACCOUNT, lambda _: None)
        assert report.provider == provider


@pytest.mark.databases()
async def test_where_a_providers_server_refuses_a_sign_in_the_mx_of_an_own_domain_tells_that_it_is_elsewhere() -> None:
    authority, host = trustme.CA(), "smtp.gmail.com"
    server_side, trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert(host).configure_cert(server_side)
    authority.configure_trust(trust)
    account = replace(ACCOUNT, host=host, address="sam@corp.example", login="sam@corp.example")
    for acts, provider in (({"AUTH": b"535 5.7.8 no\r\n"}, "Microsoft 365"), ({"EHLO": b"250 mail.test\r\n"}, "")):
        async with ScriptedServer(tls=server_side, acts=acts) as server:
            network = BehindMx(server.port, "corp-example.mail.protection.outlook.com")
            report = await a_tester(network, trust, timeout=TIMEOUT).test(account, lambda _: None)
        assert report.provider == provider
        advice = advise(report, account)
        assert advice is not None
        elsewhere = "Mail for corp.example comes in at Microsoft 365; people there send through smtp.office365.com"
        assert (elsewhere in advice.do) is bool(provider)


@pytest.mark.databases()
async def test_a_slow_mx_does_not_lengthen_a_test_beyond_its_deadline(trust: ssl.SSLContext) -> None:
    class Slow(Nowhere):
        async def resolve(self, host: str) -> list[Address]:
            return [ip_address("169.254.1.1")]

        async def mail_servers(self, domain: str) -> tuple[str, ...]:
            await super().mail_servers(domain)
            await asyncio.sleep(30)
            return ()

    report = await a_tester(Slow(NameAnswer.NO_ANSWER), trust, timeout=TIMEOUT).test(ACCOUNT, lambda _: None)
    assert report.seconds < TIMEOUT + 0.2
    assert report.provider == ""


@pytest.mark.parametrize(
    ("inbound", "words", "server"),
    [
        ("demo-example.mail.protection.outlook.com", "is a server for incoming mail", "smtp.office365.com"),
        ("imap.gmail.com", "is not the server to send through", "smtp.gmail.com"),
    ],
)
async def test_a_button_leads_from_a_providers_server_that_does_not_send_to_the_form_with_the_right_one(
    tmp_path: Path, inbound: str, words: str, server: str
) -> None:
    mail = DemoMail()
    network = DemoNetwork(mail, names={inbound: "127.0.0.1"})
    async with running_demo(tmp_path, mail=mail, network=network, smtp_timeout=3) as demo:
        workspace = demo.workspace
        await set_up(demo, ADA, port="2525")
        await workspace.command(ADA, "/email-profile", "edit")
        await workspace.wait_view(ADA, "Email profile")
        for label, value in {"SMTP Server Address": inbound, "Password": "toy-secret"}.items():
            await workspace.fill(ADA, label, value)
        assert await workspace.submit(ADA) == {}
        report = await run_test(demo, ADA)
        assert words in searchable(report)
        assert f"{server}, port 587 with TLS" in searchable(report)
        assert not any("587" in label for label in buttons(report) if server in label)
        await workspace.press(ADA, f"Use {server} as server …", message=report)
        form = await workspace.wait_view(ADA, "Email profile")
        shown = " ".join(texts(form.blocks))
        assert server in shown
        assert "Type the password again to go with it." in shown
        assert "toy-secret" not in str(form)
