"""A test under way: what it shows, and how it is stopped by whoever may, wherever it is shown."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.demo.mail import DemoMail
from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.controls import button
from bot.demo.stand_in.platform import Message, searchable
from bot.demo.stand_in.views import OpenView, PlatformError
from bot.profiles.connection_tests.limits import Limit
from storage.crypto.keyring import generate_key
from tests.fakes.certificates import Certificates
from tests.fakes.smtp_server import LOGIN, PASSWORD, Act, OneServerNetwork, ScriptedServer, Silence, Trickle
from tests.scenario.people import ADA, GRACE, history, open_form, run_test, set_up_elsewhere, settled, typed
from tests.store import Store

GUEST = "U0GUEST"


@pytest.fixture(autouse=True)
def _shown_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is under way is shown almost at once, and nobody waits for a command's answer for long."""
    monkeypatch.setattr("bot.slack.replies.connection_tests.PROGRESS_AFTER_SECONDS", (0.02,))
    monkeypatch.setattr("bot.slack.middleware.held_ack.HOLD_SECONDS", 0.5)


@asynccontextmanager
async def with_server(
    folder: Path, certificates: Certificates, *, silent_at: str = "", **given: Any
) -> AsyncIterator[tuple[Demo, ScriptedServer]]:
    """A demo whose mail server is a scripted one that falls silent at a step; no answer is waited for in vain."""
    acts: dict[str, Act] = {silent_at: Silence()} if silent_at else {}
    async with (
        ScriptedServer(tls=certificates.good, acts=acts) as server,
        running_demo(
            folder, network=OneServerNetwork(server.port), smtp_ca_file=certificates.authority_file, **given
        ) as demo,
    ):
        yield demo, server
        await settled(demo)
        # A modal that was closed meanwhile, which is no fault.
        assert set(demo.workspace.refusals) <= {("views.update", "not_found")}


def shown_in(view: OpenView | Message) -> str:
    return searchable(view) if isinstance(view, Message) else str(view.content)


async def begin(demo: Demo, message: Message, label: str = "Test connection") -> Message:
    """Press a button that tests, and wait until the test is shown in that message."""
    await demo.workspace.press(ADA, label, message=message)
    async with asyncio.timeout(10):
        while "Testing `" not in searchable(message):
            await asyncio.sleep(0.01)
    return message


async def test_stages_to_come_wait_and_the_time_that_passes_is_shown(
    tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.replies.connection_tests.PROGRESS_AFTER_SECONDS", (0.02, 0.6))
    async with with_server(tmp_path, certificates, silent_at="EHLO encrypted") as (demo, _):
        message = await begin(demo, await set_up_elsewhere(demo))
        text = searchable(await demo.workspace.wait_message(ADA, "Testing `mail.test:587` … 1 s"))
        assert ":white_check_mark: *Resolve* passed" in text
        assert ":hourglass_flowing_sand: *Greeting* running" in text
        assert ":white_small_square: *Sign-in* waiting" in text
        assert ":white_small_square: *Sender* waiting" in text
        assert "skipped" not in text
        await demo.workspace.press(ADA, "Stop", message=message)
        await demo.workspace.wait_message(ADA, "stopped at Greeting")


async def test_with_ssl_encryption_stands_before_the_greeting_from_the_beginning(
    tmp_path: Path, certificates: Certificates
) -> None:
    acts: dict[str, Act] = {"connect": Silence()}
    async with (
        ScriptedServer(tls=certificates.good, acts=acts) as server,
        running_demo(tmp_path, network=OneServerNetwork(server.port)) as demo,
    ):
        message = await begin(demo, await set_up_elsewhere(demo, port="465", extra="SSL Y"))
        await demo.workspace.wait_message(ADA, "*Encryption* running")
        names = re.findall(r"\*(\w[\w-]*)\* (?:passed|running|waiting)", searchable(message))
        assert names == ["Resolve", "Connect", "Encryption", "Greeting", "Sign-in", "Sender"]
        await demo.workspace.press(ADA, "Stop", message=message)
        await demo.workspace.wait_message(ADA, "stopped at Encryption")


async def test_a_stopped_test_says_so_leaves_politely_and_stores_nothing(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with with_server(tmp_path, certificates) as (demo, server):
        await set_up_elsewhere(demo)
        passed = await run_test(demo, ADA)
        assert searchable(passed).startswith("Connection test passed")
        stored = await history(demo)
        server.acts = {"EHLO": Silence()}
        message = await begin(demo, passed, "Test again")
        await server.silent.wait()
        await demo.workspace.press(ADA, "Stop", message=message)
        report = await demo.workspace.wait_message(ADA, "Connection test stopped at Greeting")
        # It takes the place of what was shown before, with the buttons to go on.
        assert report is message
        text = searchable(report)
        assert f"stopped by <@{ADA}>" in text
        assert ":black_square_for_stop: *Greeting* stopped" in text
        assert ":heavy_minus_sign: *Sender* skipped" in text
        assert "waiting" not in text
        assert "Nothing was sent. The last result stays as it was." in text
        assert "Test again" in text
        await settled(demo)
        last = [heard.line for heard in server.heard if heard.connection == server.connections]
        assert last[-1] == b"QUIT\r\n"
        assert not any(line.startswith(b"AUTH") for line in last)
        assert await history(demo) == stored
        await demo.workspace.command(ADA, "/email-profile")
        assert "Works" in searchable(demo.workspace.messages(ADA)[-1])
        async with demo.bot.database.reading_connection() as connection:
            assert (await connection.exec_driver_sql("SELECT count(*) FROM running_tests")).scalar_one() == 0


async def test_a_test_by_command_is_stopped_from_its_acknowledgement(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with with_server(tmp_path, certificates, silent_at="EHLO") as (demo, _):
        await set_up_elsewhere(demo)
        await demo.workspace.command(ADA, "/email-test")
        begun = await demo.workspace.wait_message(ADA, "Testing `mail.test:587` … (up to 15 s)")
        await demo.workspace.press(ADA, "Stop", message=begun)
        report = await demo.workspace.wait_message(ADA, "stopped at Greeting")
        # Slack replaces nothing that was posted for a command.
        assert report is not begun


async def test_what_is_over_cannot_be_stopped_any_more(tmp_path: Path, certificates: Certificates) -> None:
    async with with_server(tmp_path, certificates, silent_at="EHLO") as (demo, _):
        message = await begin(demo, await set_up_elsewhere(demo))
        as_it_was = Message(author=message.author, channel=message.channel, text="", blocks=message.blocks)
        await demo.workspace.press(ADA, "Stop", message=message)
        await demo.workspace.wait_message(ADA, "stopped at Greeting")
        await settled(demo)
        await demo.workspace.press(ADA, "Stop", message=as_it_was)
        await demo.workspace.wait_message(ADA, "This test is over already.")


async def test_only_who_began_a_test_and_admins_may_stop_it(tmp_path: Path, certificates: Certificates) -> None:
    async with with_server(tmp_path, certificates, silent_at="EHLO") as (demo, _):
        message = await begin(demo, await set_up_elsewhere(demo))
        # As if others could see it.
        message.reader = None
        await demo.workspace.press(GUEST, "Stop", message=message)
        await demo.workspace.wait_message(GUEST, "Only admins")
        assert demo.bot.jobs.running == 1
        await demo.workspace.press(GRACE, "Stop", message=message)
        assert f"stopped by <@{GRACE}>" in searchable(await demo.workspace.wait_message(ADA, "stopped at Greeting"))


async def test_a_test_of_another_instance_is_stopped_too(
    tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    monkeypatch.setattr("bot.profiles.connection_tests.running_tests.POLL_SECONDS", 0.02)
    key, other = generate_key(), tmp_path / "other"
    other.mkdir()
    async with (
        with_server(tmp_path, certificates, silent_at="EHLO", encryption_keys=key) as (demo, _),
        running_demo(other, mail=DemoMail(), database_url=store.url, encryption_keys=key) as second,
    ):
        message = await begin(demo, await set_up_elsewhere(demo))
        second.workspace.all_messages.append(message)
        await second.workspace.press(ADA, "Stop", message=message)
        assert f"stopped by <@{ADA}>" in searchable(await demo.workspace.wait_message(ADA, "stopped at Greeting"))


async def test_a_test_in_a_modal_is_stopped_there_and_goes_on_when_the_modal_is_closed(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with with_server(tmp_path, certificates, silent_at="EHLO") as (demo, server):
        workspace = demo.workspace
        await set_up_elsewhere(demo)
        await workspace.open_home(ADA)
        await workspace.press_home(ADA, "Test connection")
        await workspace.wait_view(ADA, "Connection test", containing="*Greeting* running")
        await workspace.press(ADA, "Stop")
        await workspace.wait_view(ADA, "Connection test", containing="stopped at Greeting")
        await workspace.press(ADA, "Test again")
        await workspace.wait_view(ADA, "Connection test", containing="*Greeting* running")
        before = len(workspace.messages(ADA))
        await workspace.cancel(ADA)
        server.hang_up()
        await settled(demo)
        # Nobody waits for it, and nothing of it comes after somebody who closed it; the result is kept.
        assert len(workspace.messages(ADA)) == before
        await workspace.command(ADA, "/email-profile")
        assert "Fails at Greeting" in searchable(workspace.messages(ADA)[-1])
        assert server.connections >= 2


async def test_a_test_in_the_form_is_stopped_there_and_keeps_what_was_typed(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with with_server(tmp_path, certificates, silent_at="EHLO") as (demo, _):
        workspace = demo.workspace
        await set_up_elsewhere(demo)
        await open_form(demo, ADA)
        await workspace.fill(ADA, "Password", PASSWORD)
        await workspace.press(ADA, "Test connection")
        shown = await workspace.wait_view(ADA, "Email profile", containing="*Greeting* running")
        assert "*Sender* waiting" in shown_in(shown)
        await workspace.press(ADA, "Stop")
        shown = await workspace.wait_view(ADA, "Email profile", containing="stopped at Greeting")
        assert f"by <@{ADA}>" in shown_in(shown)
        assert "nothing is saved yet" in shown_in(shown)
        with pytest.raises(PlatformError):
            await workspace.press(ADA, "Stop")
        assert typed(demo, ADA, "Password") == PASSWORD


async def test_a_test_of_a_form_that_is_stopped_is_in_the_history(tmp_path: Path, certificates: Certificates) -> None:
    async with with_server(tmp_path, certificates, silent_at="MAIL") as (demo, _):
        await set_up_elsewhere(demo)
        await open_form(demo, GRACE, "edit @ada")
        await demo.workspace.fill(GRACE, "Password", PASSWORD)
        await demo.workspace.press(GRACE, "Test connection")
        await demo.workspace.wait_view(GRACE, "Email profile", containing="*Sign-in* passed")
        await demo.workspace.press(GRACE, "Stop")
        await demo.workspace.wait_view(GRACE, "Email profile", containing="stopped at Sender")
        await settled(demo)
        await demo.workspace.command(GRACE, "/email-profile", "history @ada")
        shown = searchable(demo.workspace.messages(GRACE)[-1])
        assert f"<@{GRACE}>  tested a form: stopped · `on mail.test:587 as {LOGIN}`" in shown


async def begun_in_form(demo: Demo) -> tuple[OpenView, dict[str, Any], dict[str, Any]]:
    """Test in the open form, and return its button that stops the test, as `send_action` takes it."""
    await demo.workspace.press(ADA, "Test connection")
    view = await demo.workspace.wait_view(ADA, "Email profile", containing="*Greeting* running")
    return view, *button(view.blocks, "Stop", None)


async def told_beside_the_form(demo: Demo, *stop: Any) -> None:
    """Stop the test, and read of it where the form was opened."""
    await demo.workspace.send_action(ADA, *stop)
    told = await demo.workspace.wait_message(ADA, "The test of what stands in the form has ended.")
    await settled(demo)
    assert "stopped at Greeting" in searchable(told)
    assert set(demo.workspace.refusals) == {("views.update", "hash_conflict")}
    demo.workspace.refusals.clear()


async def test_a_checkbox_that_is_unticked_while_the_forms_test_runs_stays_unticked(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with with_server(tmp_path, certificates, silent_at="EHLO") as (demo, _):
        workspace = demo.workspace
        await set_up_elsewhere(demo)
        await open_form(demo, ADA)
        stop = await begun_in_form(demo)
        await workspace.fill(ADA, "Authentication Required", False)
        await told_beside_the_form(demo, *stop)
        form = await workspace.wait_view(ADA, "Email profile", containing="form_buttons")
        assert "stopped at Greeting" not in shown_in(form)
        workspace.all_messages.clear()
        assert await workspace.submit(ADA) == {}
        assert "*Authentication*  not required" in searchable(await workspace.wait_message(ADA, "Your email profile"))


async def test_a_password_that_is_set_privately_while_the_forms_test_runs_is_not_asked_for_again(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with (
        with_server(tmp_path, certificates, silent_at="EHLO") as (demo, _),
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
    ):
        workspace = demo.workspace
        await set_up_elsewhere(demo)
        await open_form(demo, ADA)
        await workspace.press(ADA, "Set the password privately")
        await workspace.wait_view(ADA, "Password")
        url = await workspace.press_url(ADA, "Open the private page")
        await workspace.cancel(ADA)
        stop = await begun_in_form(demo)
        async with session.get(url) as page:
            (mark,) = re.findall(r'name="mark" value="([0-9a-f]{32})"', await page.text())
        async with session.post(url, data={"mark": mark, "password": "another"}) as done:
            assert done.status == 200
        await workspace.wait_view(ADA, "Email profile", containing="Your password is set.")
        await told_beside_the_form(demo, *stop)
        form = await workspace.wait_view(ADA, "Email profile", containing="Your password is set.")
        assert "form_buttons" in shown_in(form)
        assert await workspace.submit(ADA) == {}
        # Nothing is asked, as it would be by a form that had not seen the change.
        assert workspace.view(ADA) is None


async def test_a_fix_whose_test_is_stopped_can_still_be_undone(tmp_path: Path, certificates: Certificates) -> None:
    async with with_server(tmp_path, certificates, silent_at="EHLO") as (demo, _):
        workspace = demo.workspace
        card = await set_up_elsewhere(demo, extra="SSL Y")
        await workspace.press(ADA, "Test connection", message=card)
        failed = await workspace.wait_message(ADA, "Connection test failed")
        await workspace.press(ADA, "Use TLS on 587 and test again", message=failed)
        message = await workspace.wait_message(ADA, "*Greeting* running")
        await workspace.press(ADA, "Stop", message=message)
        stopped = await workspace.wait_message(ADA, "stopped at Greeting")
        assert "Changed: `SSL Y → not set`; `TLS not set → Y`" in searchable(stopped)
        await workspace.press(ADA, "Undo", message=stopped)
        await workspace.wait_message(ADA, "Undone: SSL not set → Y")


async def test_a_stopped_test_ends_even_when_the_server_never_stops_talking(
    tmp_path: Path, certificates: Certificates
) -> None:
    async with with_server(tmp_path, certificates) as (demo, server):
        server.acts = {"EHLO": Trickle(b"250-mail.test\r\n" * 10_000, 0.005)}
        message = await begin(demo, await set_up_elsewhere(demo))
        await demo.workspace.press(ADA, "Stop", message=message)
        async with asyncio.timeout(2):
            await demo.workspace.wait_message(ADA, "stopped at Greeting")


async def test_a_test_stopped_before_its_sign_in_does_not_count_against_it_and_one_after_it_does(
    tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = (Limit("one", 1, 60, "This login was refused once."),)
    monkeypatch.setattr("bot.profiles.connection_tests.sign_ins.FAILED_SIGN_INS", one)
    async with with_server(tmp_path, certificates) as (demo, server):
        message, label = await set_up_elsewhere(demo), "Test connection"
        for step, stage in (("EHLO encrypted", "Greeting"), ("AUTH", "Sign-in")):
            server.acts = {step: Silence()}
            server.silent.clear()
            await begin(demo, message, label)
            await server.silent.wait()
            await demo.workspace.press(ADA, "Stop", message=message)
            await demo.workspace.wait_message(ADA, f"stopped at {stage}")
            await settled(demo)
            label = "Test again"
        await demo.workspace.press(ADA, label, message=message)
        await demo.workspace.wait_message(ADA, "This login was refused once. Nothing was tested or changed.")
        assert "stopped at Sign-in" in searchable(message)
