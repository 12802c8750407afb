"""The story: fill the form, add the encryption, test it; over signed HTTP and over Socket Mode."""

import pytest

from bot.demo.run import Demo
from bot.demo.stand_in.platform import searchable
from tests.databases import KINDS
from tests.scenario.people import ADA, GRACE, fill_form, run_test, set_up

pytestmark = pytest.mark.databases(*KINDS)


async def test_a_member_fills_the_form_adds_tls_and_sees_the_test_pass(demo: Demo) -> None:
    workspace = demo.workspace
    await workspace.command(ADA, "/email-profile", "edit")
    form = await workspace.wait_view(ADA, "Email profile")
    _, key = form.labelled("Email Address")
    assert form.values[key] == "ada@demo.example"
    await fill_form(demo, ADA, port="587", encryption="none")
    assert await workspace.submit(ADA) == {}
    assert workspace.view(ADA) is None

    card = searchable(await workspace.wait_message(ADA, "Your email profile"))
    assert "`mail.demo.example`" in card
    assert "set on" in card
    assert "Port 587 goes with TLS" in card

    await workspace.command(ADA, "/email-extra", "add tls yes")
    assert "TLS Y" in searchable(workspace.messages(ADA)[-1])

    report = searchable(await run_test(demo, ADA))
    assert report.startswith("Connection test passed")
    for stage in ("Resolve", "Connect", "Greeting", "Encryption", "Sign-in", "Sender"):
        assert f":white_check_mark: *{stage}* passed" in report
    await workspace.command(ADA, "/email-profile")
    assert "Works" in searchable(workspace.messages(ADA)[-1])
    assert demo.mail.mailbox == []


async def test_a_wrong_password_fails_at_sign_in_and_says_what_to_do(demo: Demo) -> None:
    await set_up(demo, ADA, password="not the password")
    report = searchable(await run_test(demo, ADA))
    assert report.startswith("Connection test failed at Sign-in")
    assert ":x: *Sign-in* failed" in report
    assert ":heavy_minus_sign: *Sender* skipped" in report
    assert "type the password again" in report


async def test_ssl_on_465_passes_and_encryption_comes_before_greeting(demo: Demo) -> None:
    await set_up(demo, ADA, port="465", extra="SSL Y")
    report = searchable(await run_test(demo, ADA))
    assert report.startswith("Connection test passed")
    assert report.index("*Encryption*") < report.index("*Greeting*")


async def test_an_admin_sets_up_and_tests_somebody_else(demo: Demo) -> None:
    workspace = demo.workspace
    await workspace.command(GRACE, "/email-profile", "edit @ada")
    await workspace.wait_view(GRACE, "Email profile", containing="<@U0ADA>")
    await fill_form(demo, GRACE, owner=ADA)
    assert await workspace.submit(GRACE) == {}
    await workspace.wait_message(GRACE, "Email profile of <@U0ADA>")
    await workspace.command(GRACE, "/email-extra", "add FROM_NAME Ada @ada")
    report = searchable(await run_test(demo, GRACE, "@ada"))
    assert report.startswith("Connection test passed")
    assert "ada@demo.example with PLAIN" in report
    await workspace.command(ADA, "/email-profile")
    assert "Works" in searchable(workspace.messages(ADA)[-1])
    await workspace.command(GRACE, "/email-profile")
    assert "no email profile yet" in searchable(workspace.messages(GRACE)[-1])


async def test_a_member_is_told_that_only_admins_work_with_others(demo: Demo) -> None:
    for command, text in (
        ("/email-profile", "show @grace"),
        ("/email-extra", "list @grace"),
        ("/email-test", "@grace"),
    ):
        await demo.workspace.command(ADA, command, text)
        await demo.workspace.wait_message(ADA, "Only admins")
        assert len(demo.workspace.messages(ADA)) == 1
        demo.workspace.all_messages.clear()
