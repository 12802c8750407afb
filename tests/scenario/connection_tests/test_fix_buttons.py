"""What a failed test offers: other ports, fixes on buttons, undo, trust, a transcript; and a real message."""

import asyncio
import errno
import json
from email import message_from_bytes, policy
from ipaddress import ip_address
from pathlib import Path

import pytest

from bot.demo.mail import DemoMail, DemoNetwork
from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import searchable, texts
from bot.profiles.connection_tests.counted_tests import CountedTests
from bot.smtp.network.guard import Address
from tests.fakes.certificates import Certificates
from tests.fakes.connecting import SILENT, refused, script_addresses
from tests.fakes.smtp_server import LOGIN, PASSWORD, HangUp, OneServerNetwork, ScriptedServer, Silence
from tests.scenario.people import ADA, GRACE, buttons, profile_of, run_test, set_up, set_up_elsewhere, settled


async def test_another_port_that_answers_is_offered_used_and_left_again(demo: Demo) -> None:
    workspace = demo.workspace
    await set_up(demo, ADA, port="2525")
    report = await run_test(demo, ADA)
    assert searchable(report).startswith("Connection test failed at Connect")
    assert "The same server answers with TLS on 587 and SSL on 465." in searchable(report)
    await workspace.press(ADA, "Use TLS on 587 and test again", message=report)
    passed = await workspace.wait_message(ADA, "Connection test passed")
    assert "Changed: `Port 2525 → 587`" in searchable(passed)
    await workspace.press(ADA, "Undo", message=passed)
    undone = searchable(await workspace.wait_message(ADA, "Undone: Port 587 → 2525"))
    assert "`2525`" in undone
    assert demo.mail.mailbox == []


async def test_the_fix_on_the_report_changes_one_thing_and_tests_again(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA, extra="SSL Y")
    report = await run_test(http_demo, ADA)
    await workspace.press(ADA, "Use TLS on 587 and test again", message=report)
    await workspace.wait_message(ADA, "Connection test passed")
    database = http_demo.bot.database
    async with database.reading() as tx:
        trail = await tx.audit.page("T0DEMO", subject=ADA)
    assert ("fixed", ("SSL", "TLS")) in [(entry.action, entry.fields) for entry in trail]


async def test_undo_is_refused_when_the_profile_changed_since(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA, extra="SSL Y")
    report = await run_test(http_demo, ADA)
    await workspace.press(ADA, "Use TLS on 587 and test again", message=report)
    passed = await workspace.wait_message(ADA, "Connection test passed")
    await workspace.command(ADA, "/email-extra", "add FROM_NAME Ada")
    await workspace.press(ADA, "Undo", message=passed)
    await workspace.wait_message(ADA, "can no longer be undone")


async def test_a_fix_whose_test_breaks_off_can_still_be_undone(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA, extra="SSL Y")
    report = await run_test(http_demo, ADA)

    async def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(CountedTests, "run", broken)
    await workspace.press(ADA, "Use TLS on 587 and test again", message=report)
    told = await workspace.wait_message(ADA, "Something went wrong (reference ")
    assert "Changed: `SSL Y → not set`; `TLS not set → Y`" in searchable(told)
    await workspace.press(ADA, "Undo", message=told)
    await workspace.wait_message(ADA, "Undone: ")


async def test_a_fix_is_authorised_and_audited(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA, extra="SSL Y")
    report = await run_test(http_demo, ADA)
    report.reader = None
    await workspace.press("U0GUEST", "Use TLS on 587 and test again", message=report)
    await workspace.wait_message("U0GUEST", "Only admins")
    await workspace.press(GRACE, "Use TLS on 587 and test again", message=report)
    await workspace.wait_message(GRACE, "Connection test passed")
    async with http_demo.bot.database.reading() as tx:
        trail = await tx.audit.page("T0DEMO", subject=ADA)
    assert (GRACE, "fixed", ("SSL", "TLS")) in [(entry.actor, entry.action, entry.fields) for entry in trail]


async def test_a_self_signed_certificate_may_be_trusted_after_a_look_and_nothing_else_then(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with (
        ScriptedServer(tls=certificates.self_signed) as server,
        ScriptedServer(tls=certificates.good) as impostor,
    ):
        network = OneServerNetwork(server.port)
        async with running_demo(tmp_path, network=network) as demo:
            await set_up_elsewhere(demo)
            report = await run_test(demo, ADA)
            assert "signed by the server itself" in searchable(report)
            confirm = next(
                element["confirm"]
                for block in report.blocks
                for element in block.get("elements", [])
                if element.get("confirm")
            )
            assert "mail.test" in confirm["text"]["text"]
            assert "SHA-256" in confirm["text"]["text"]
            await demo.workspace.press(ADA, "Trust this certificate", message=report)
            await demo.workspace.wait_message(ADA, "Connection test passed")
            assert not server.said_in_clear(b"AUTH")
            network.port = impostor.port
            changed = await run_test(demo, ADA)
            assert "not the one you trusted" in searchable(changed)
            assert "Trust this certificate" not in buttons(changed)
            assert not any(line.startswith(b"AUTH") for line in impostor.lines)


async def test_an_expired_certificate_and_one_that_was_good_before_are_never_offered_for_trust(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with (
        ScriptedServer(tls=certificates.expired) as expired,
        ScriptedServer(tls=certificates.good) as good,
        ScriptedServer(tls=certificates.self_signed) as changed,
    ):
        network = OneServerNetwork(expired.port)
        async with running_demo(tmp_path, network=network, smtp_ca_file=certificates.authority_file) as demo:
            await set_up_elsewhere(demo)
            assert "Trust this certificate" not in buttons(await run_test(demo, ADA))
            network.port = good.port
            assert searchable(await run_test(demo, ADA)).startswith("Connection test passed")
            network.port = changed.port
            for _ in range(2):
                report = await run_test(demo, ADA)
                assert "signed by the server itself" in searchable(report)
                assert "Trust this certificate" not in buttons(report)


async def test_an_admin_who_changes_what_is_trusted_drops_the_password(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    await http_demo.workspace.command(GRACE, "/email-extra", f"add PIN {'ab' * 32} @ada")
    await http_demo.workspace.command(ADA, "/email-profile")
    assert "Password missing" in searchable(http_demo.workspace.messages(ADA)[-1])


async def test_what_an_admins_fix_dropped_is_in_no_undo_and_nobody_gets_it_back(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with (
        ScriptedServer(tls=certificates.self_signed) as server,
        running_demo(tmp_path, network=OneServerNetwork(server.port)) as demo,
    ):
        workspace = demo.workspace
        await set_up_elsewhere(demo)
        report = await run_test(demo, ADA)
        report.reader = None
        await workspace.press(GRACE, "Trust this certificate", message=report)
        done = await workspace.wait_message(GRACE, "Changed: ")
        await settled(demo)
        async with demo.bot.database.reading() as tx:
            stored = await tx.profiles.get(TEAM, ADA)
        assert stored is not None
        assert PASSWORD.encode() not in stored.document
        assert json.loads(stored.document)["before"]["password"] is None
        done.reader = None
        await workspace.press(ADA, "Undo", message=done)
        await workspace.wait_message(ADA, "Undone: ")
        now = await profile_of(demo)
        assert ("PIN" in now.extras, now.has_password, now.login) == (False, False, LOGIN)
        await workspace.command(ADA, "/email-profile")
        assert "Password missing" in searchable(workspace.messages(ADA)[-1])


async def test_a_name_from_the_certificate_opens_the_form_because_the_password_belongs_to_the_old_name(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with ScriptedServer(tls=certificates.wrong_name) as server:
        network = OneServerNetwork(server.port)
        async with running_demo(tmp_path, network=network, smtp_ca_file=certificates.authority_file) as demo:
            await set_up_elsewhere(demo)
            report = await run_test(demo, ADA)
            offer = next(text for text in buttons(report) if text.endswith("as server …"))
            await demo.workspace.press(ADA, offer, message=report)
            form = await demo.workspace.wait_view(ADA, "Email profile", containing="Type the password again")
            host = offer.removeprefix("Use ").removesuffix(" as server …")
            assert form.values[form.labelled("SMTP Server Address")[1]] == host
            await demo.workspace.fill(ADA, "Password", PASSWORD)
            assert await demo.workspace.submit(ADA) == {}
            await demo.workspace.wait_message(ADA, f"`{host}`")
            assert searchable(await run_test(demo, ADA)).startswith("Connection test passed")


async def test_a_message_is_really_sent_to_oneself_and_says_what_carried_it(demo: Demo) -> None:
    await set_up(demo, ADA)
    await demo.workspace.command(ADA, "/email-extra", "add FROM_NAME Ada Lovelace")
    await demo.workspace.command(ADA, "/email-extra", "add REPLY_TO office@demo.example")
    await demo.workspace.command(ADA, "/email-test", "send")
    report = searchable(await demo.workspace.wait_message(ADA, "is on its way"))
    assert ":white_check_mark: *Message* passed" in report
    assert "spam folder" in report
    (received,) = demo.mail.mailbox
    assert (received.sender, received.recipients) == ("ada@demo.example", ("ada@demo.example",))
    assert "Port: 587" in received.text
    assert demo.mail.account("ada@demo.example").password not in received.text


async def test_an_admins_message_goes_to_the_admin_and_never_to_anybody_else(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    await http_demo.workspace.command(GRACE, "/email-test", "send @ada")
    await http_demo.workspace.wait_message(GRACE, "is on its way")
    (received,) = http_demo.mail.mailbox
    assert (received.sender, received.recipients) == ("ada@demo.example", ("grace@demo.example",))


async def test_the_message_carries_the_headers_that_mail_programs_look_for() -> None:
    from datetime import UTC, datetime

    from bot.profiles.account.profile import EmailProfile
    from bot.profiles.connection_tests.sample_message import sample_message

    profile = EmailProfile(
        address="jörg@müller.example",
        host="mail.test",
        port=587,
        login="x",
        extras={"FROM_NAME": 'Jörg "the" Müller', "REPLY_TO": "office@example.com", "TLS": "Y"},
    )
    raw = sample_message(profile, "ada@example.com", now=datetime(2026, 11, 24, 12, tzinfo=UTC))
    assert all(line.endswith(b"\r") for line in raw.split(b"\n")[:-1])
    message = message_from_bytes(raw, policy=policy.default)
    assert str(message["From"]) == '"Jörg \\"the\\" Müller" <jörg@müller.example>'
    assert str(message["Reply-To"]) == "office@example.com"
    assert message["Auto-Submitted"] == "auto-generated"
    assert str(message["Message-ID"]).endswith("@xn--mller-kva.example>")
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


async def test_the_transcript_is_fit_for_a_ticket(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await workspace.command(ADA, "/email-test", "transcript")
    await workspace.wait_message(ADA, "There is no transcript yet")
    await set_up(http_demo, ADA)
    report = await run_test(http_demo, ADA)
    await workspace.press(ADA, "Transcript", message=report)
    shown = searchable(await workspace.wait_message(ADA, "dialogue of the last test"))
    for line in ("C: EHLO [127.0.0.1]", "C: STARTTLS", "C: AUTH PLAIN (credentials)", "S: 235", "C: QUIT"):
        assert line in shown
    assert "-- encrypted with TLS 1." in shown
    await workspace.command(ADA, "/email-test", "transcript")
    assert "AUTH PLAIN (credentials)" in searchable(workspace.messages(ADA)[-1])
    await workspace.command("U0GUEST", "/email-test", "transcript @ada")
    await workspace.wait_message("U0GUEST", "Only admins")


async def test_facts_of_the_connection_are_shown_below_the_stages(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    report = searchable(await run_test(http_demo, ADA))
    assert "Certificate: for mail.demo.example, smtp.demo.example; issued by Demo certificate authority" in report
    assert "Cipher: TLS_" in report
    assert "Ways of signing in offered: LOGIN, PLAIN" in report
    assert "Largest message: " in report


async def test_a_certificate_that_ends_soon_only_warns(tmp_path: Path) -> None:
    from datetime import UTC, datetime, timedelta

    mail = DemoMail()
    mail.renew(until=datetime.now(UTC) + timedelta(days=9))
    async with running_demo(tmp_path, mail=mail) as demo:
        await set_up(demo, ADA)
        report = searchable(await run_test(demo, ADA))
        assert report.startswith("Connection test passed")
        assert ":warning: *Encryption* warned" in report
        assert "ends soon" in report or "has not renewed it yet" in report


class TwoFamilies(DemoNetwork):
    """A name with an IPv6 address before the IPv4 address of the server."""

    async def resolve(self, host: str) -> list[Address]:
        return [ip_address("2001:4860::1"), ip_address("127.0.0.1")]


async def test_a_dead_family_costs_a_quarter_of_a_second_not_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = DemoMail()
    tried = script_addresses(monkeypatch, {"2001:4860::1": SILENT})
    async with running_demo(tmp_path, mail=mail, network=TwoFamilies(mail)) as demo:
        await set_up(demo, ADA)
        report = searchable(await run_test(demo, ADA))
        assert report.startswith("Connection test passed")
        assert "2001:4860::1 (IPv6, 1 of 2)" in report
        assert "127.0.0.1, because 2001:4860::1 did not answer in time" in report
    assert "2001:4860::1" in tried


async def test_when_the_families_fail_differently_the_report_has_the_error_of_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = DemoMail()
    errors = {"2001:4860::1": OSError(errno.ENETUNREACH, "Network is unreachable"), "127.0.0.1": refused()}
    async with running_demo(tmp_path, mail=mail, network=TwoFamilies(mail)) as demo:
        await set_up(demo, ADA)
        script_addresses(monkeypatch, errors)
        report = searchable(await run_test(demo, ADA))
        assert "IPv6: Network is unreachable; IPv4: nothing listens on this port" in report
        assert "nothing listens on mail.demo.example:587" in report


async def test_other_ports_are_probed_inside_the_deadline_and_hear_nothing_of_the_account(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with (
        ScriptedServer(acts={"greeting": Silence()}) as silent,
        ScriptedServer(tls=certificates.good) as good,
        ScriptedServer(acts={"connect": HangUp()}) as closed,
    ):
        network = OneServerNetwork(silent.port, other_ports={587: good.port, 2525: silent.port, 25: closed.port})
        async with running_demo(
            tmp_path, network=network, smtp_ca_file=certificates.authority_file, smtp_timeout=2.0
        ) as demo:
            await set_up_elsewhere(demo, port="465", extra="SSL Y")
            loop = asyncio.get_running_loop()
            began = loop.time()
            report = await run_test(demo, ADA)
            # The test's deadline, and what a busy machine takes besides.
            assert loop.time() - began < 3.5
            assert "The same server answers with TLS on 587." in searchable(report)
            assert list(texts(report.blocks))
    assert not any(b"AUTH" in line or b"ada" in line for server in (silent, good, closed) for line in server.lines)
