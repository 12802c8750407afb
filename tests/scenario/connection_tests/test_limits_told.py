"""What people are told when a limit is near or reached; the report that they pressed in stays."""

import re
from pathlib import Path

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.platform import Message, searchable
from bot.profiles.connection_tests.limits import TESTS_OF_A_PERSON, Limit
from tests.fakes.certificates import Certificates
from tests.fakes.smtp_server import OneServerNetwork, ScriptedServer, Silence
from tests.scenario.people import ADA, fill_form, history, open_form, run_test, set_up, set_up_elsewhere, settled, typed


async def failing_report(demo: Demo) -> Message:
    """Ada's report of a test that one button mends."""
    await set_up(demo, ADA, extra="SSL Y")
    return await run_test(demo, ADA)


async def use_up_tests(demo: Demo) -> None:
    """Take all tests that Ada has in a minute."""
    limit = TESTS_OF_A_PERSON[0]
    async with demo.bot.database.writing() as tx:
        while (await tx.limits.take(f"{limit.name}\nT0DEMO\n{ADA}", most=limit.max_uses, seconds=60)).taken:
            pass


@pytest.fixture(autouse=True)
def _shown_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is under way is shown almost at once."""
    monkeypatch.setattr("bot.slack.replies.connection_tests.PROGRESS_AFTER_SECONDS", (0.02,))


@pytest.mark.parametrize("label", ["Use TLS on 587 and test again", "Test again"])
async def test_over_the_limit_a_press_changes_nothing_says_so_and_leaves_the_report(
    http_demo: Demo, label: str
) -> None:
    workspace = http_demo.workspace
    report = await failing_report(http_demo)
    await use_up_tests(http_demo)
    blocks, revision = report.blocks, report.revision
    before = await history(http_demo)
    await workspace.press(ADA, label, message=report)
    refusal = searchable(await workspace.wait_message(ADA, "You have tested six times in a minute."))
    await settled(http_demo)
    assert "Nothing was tested or changed. You can try again in " in refusal
    assert (report.blocks, report.revision) == (blocks, revision)
    assert await history(http_demo) == before
    assert len(http_demo.workspace.messages(ADA)) == 2


async def test_over_the_limit_a_press_in_a_modal_leaves_the_report_below(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA, extra="SSL Y")
    await workspace.open_home(ADA)
    await workspace.press_home(ADA, "Test connection")
    report = await workspace.wait_view(ADA, "Connection test", containing="Connection test failed")
    await settled(http_demo)
    await use_up_tests(http_demo)
    await workspace.press(ADA, "Use TLS on 587 and test again")
    await workspace.wait_view(ADA, "Connection test", containing="six times in a minute")
    await workspace.cancel(ADA)
    assert workspace.view(ADA) is report
    assert "Use TLS on 587 and test again" in str(report.content)


async def test_over_the_limit_the_form_keeps_what_it_shows(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await open_form(http_demo, ADA)
    await fill_form(http_demo, ADA, password="wrong")
    await workspace.press(ADA, "Test connection")
    form = await workspace.wait_view(ADA, "Email profile", containing="Connection test failed")
    await settled(http_demo)
    await use_up_tests(http_demo)
    await workspace.press(ADA, "Test connection")
    await workspace.wait_view(ADA, "Connection test", containing="six times in a minute")
    await workspace.cancel(ADA)
    assert workspace.view(ADA) is form
    assert "Connection test failed" in str(form.content)
    assert typed(http_demo, ADA, "Password") == "wrong"


async def test_a_refused_press_for_a_message_leaves_the_report(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    report = await run_test(http_demo, ADA)
    await use_up_tests(http_demo)
    blocks = report.blocks
    await workspace.press(ADA, "Send me a message", message=report)
    await workspace.wait_message(ADA, "six times in a minute")
    assert report.blocks == blocks
    assert http_demo.mail.mailbox == []


async def test_a_refused_sign_in_says_how_many_are_left_and_the_lock_says_until_when(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA, password="wrong")
    for words in ("2 times more this login may be refused", "Once more this login may be refused"):
        report = searchable(await run_test(http_demo, ADA))
        assert words in report
        assert "could lock the mailbox. The count begins anew at <!date^" in report
    report = searchable(await run_test(http_demo, ADA))
    assert re.search(r"The bot locks this login now, .* It opens at <!date\^\d+\^\{time\}\|", report)
    await workspace.command(ADA, "/email-test")
    refusal = searchable(await workspace.wait_message(ADA, "Nothing was tested or changed. You can try again"))
    assert "This login was refused three times, and more attempts could lock the mailbox." in refusal
    assert re.search(r"You can try again at <!date\^\d+\^\{time\}\|\d\d \w+ \d{4} \d\d:\d\d UTC>", refusal)


async def test_what_never_reached_the_sign_in_does_not_count_against_it(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that offers no sign-in in clear text; a port where nothing listens."""
    few = (Limit("few", 1, 60, "This login was refused once."),)
    monkeypatch.setattr("bot.profiles.connection_tests.sign_ins.FAILED_SIGN_INS", few)
    await set_up(http_demo, ADA, port="2525")
    for _ in range(2):
        report = searchable(await run_test(http_demo, ADA))
        assert report.startswith("Connection test failed at Connect")
        assert "this login may be refused" not in report
    await set_up(http_demo, ADA, password="wrong", extra=None)
    assert "The bot locks this login now" in searchable(await run_test(http_demo, ADA))


async def test_refused_sends_leave_the_days_messages(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA, password="wrong")
    for _ in range(2):
        assert "failed at Sign-in" in searchable(await run_test(http_demo, ADA, "send"))
    await set_up(http_demo, ADA, extra=None)
    for _ in range(3):
        workspace.all_messages.clear()
        await workspace.command(ADA, "/email-test", "send")
        await workspace.wait_message(ADA, "is on its way")
    for _ in range(2):
        # Neither does one that the limit itself refuses.
        workspace.all_messages.clear()
        await workspace.command(ADA, "/email-test", "send")
        refusal = searchable(await workspace.wait_message(ADA, "three test messages in a day"))
        assert re.search(r"You can try again <!date\^\d+\^\{date_short_pretty\} at \{time\}\|", refusal)
    assert len(http_demo.mail.mailbox) == 3


async def test_a_message_that_the_server_may_have_taken_counts(
    tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = (Limit("one", 1, 60, "You have sent one."),)
    monkeypatch.setattr("bot.profiles.connection_tests.connection_tests.MESSAGES_OF_A_PERSON", one)
    async with (
        ScriptedServer(tls=certificates.good, acts={"DATA": Silence()}) as server,
        running_demo(tmp_path, network=OneServerNetwork(server.port), smtp_ca_file=certificates.authority_file) as demo,
    ):
        workspace = demo.workspace
        card = await set_up_elsewhere(demo)
        await workspace.press(ADA, "Test connection", message=card)
        report = await workspace.wait_message(ADA, "Connection test passed")
        for step, told in (("DATA", "Nothing was sent."), ("END", "The message may have been sent")):
            server.acts = {step: Silence()}
            server.silent.clear()
            await workspace.press(ADA, "Send me a message", message=report)
            under_way = await workspace.wait_message(ADA, "*Message* running")
            await server.silent.wait()
            await workspace.press(ADA, "Stop", message=under_way)
            await workspace.wait_message(ADA, told)
            await settled(demo)
            server.acts = {}
            await workspace.press(ADA, "Test again", message=report)
            await workspace.wait_message(ADA, "Connection test passed")
        await workspace.press(ADA, "Send me a message", message=report)
        await workspace.wait_message(ADA, "You have sent one.")
        assert workspace.refusals == []
