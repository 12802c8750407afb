"""`/email-profile programs`: adding a program, its token shown once, and what it is told to type."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import searchable
from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from bot.profiles.tokens.program_form import ProgramForm
from bot.programs.snippets import TOKEN_PLACEHOLDER
from tests.benchmarks.program import free_port
from tests.databases import KINDS
from tests.named import case
from tests.scenario.people import ADA, GRACE, fill_form, history, set_up, settled, typed
from tests.scenario.programs.people import TOKEN, add_program, listed, on_top, sign_in, tokens_of
from tests.scenario.started_before import StartedBefore
from tests.store import Store


async def test_a_program_is_added_by_form_and_its_token_signs_in(demo: Demo) -> None:
    workspace = demo.workspace
    await set_up(demo, ADA)
    empty = await listed(demo)
    assert "Programs that send with your profile" in searchable(empty)
    assert "None yet." in searchable(empty)
    await workspace.press(ADA, "Add a program", message=empty)
    await workspace.wait_view(ADA, "Add a program")
    await workspace.fill(ADA, "Name of the program", "Label printer")
    assert await workspace.submit(ADA) == {}
    (token,) = TOKEN.findall(on_top(demo))
    assert "shown this once; it can only send, only as you, and ends when you remove it" in on_top(demo)
    await workspace.cancel(ADA)
    # The list is shown anew where the form was opened.
    await workspace.wait_message(ADA, "never used")
    sender = await sign_in(demo, token)
    assert (sender.person.user, sender.program.name) == (ADA, "Label printer")
    after = searchable(await listed(demo))
    assert "last used" in after
    assert "`10.1.4.7` · 0 today, 500 allowed" in after
    assert token not in after
    assert (ADA, "added a program") in await history(demo)


async def test_a_name_behind_the_command_stands_in_the_form(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    token = await add_program(
        http_demo, "ERP (invoices)", **{"May send to": "own domain", "Messages a day": "20", "Ends on": "2099-12-31"}
    )
    shown = searchable(await listed(http_demo))
    assert "*ERP (invoices)*\nnever used · to your own domain alone · ends on 2099-12-31" in shown
    program = (await sign_in(http_demo, token)).program
    assert (program.may_send_to, program.messages_a_day, str(program.ends_on)) == ("own domain", 20, "2099-12-31")
    await http_demo.workspace.command(ADA, "/email-profile", "history")
    told = searchable(http_demo.workspace.messages(ADA)[-1])
    assert "added a program: `ERP (invoices)` · `to the own domain, 20 messages a day, until 2099-12-31`" in told
    assert token not in told


YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()


WRONG = (
    ("Name of the program", "  ", "type a name"),
    ("Name of the program", "label PRINTER", "you have a program with the name label PRINTER already"),
    ("Messages a day", "0", "use a number from 1 to 10,000, for example 500"),
    ("Messages a day", "10001", "use a number from 1 to 10,000, for example 500"),
    ("Ends on", YESTERDAY, "this day is over"),
)


async def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_added(http_demo: Demo, store: Store) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await add_program(http_demo)
    for label, value, said in WRONG:
        with case(f"{label} {value}"):
            await workspace.command(ADA, "/email-profile", "programs add Scanner")
            await workspace.wait_view(ADA, "Add a program")
            await workspace.fill(ADA, label, value)
            errors = await workspace.submit(ADA)
            assert list(errors) == [label]
            assert errors[label].startswith(f"{label}: ")
            assert said in errors[label]
            await workspace.cancel(ADA)
    assert len(await store.ask("SELECT 1 FROM program_tokens")) == 1


async def test_nobody_has_more_than_ten_programs(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    for number in range(10):
        await add_program(http_demo, f"Program {number}")
    answer = searchable(await listed(http_demo, "programs add One more"))
    assert "You have 10 programs, and no more are possible." in answer
    assert http_demo.workspace.view(ADA) is None
    await listed(http_demo, "programs remove Program 3")
    assert await add_program(http_demo, "One more")


@pytest.mark.databases(*KINDS)
async def test_of_many_who_add_the_eleventh_at_once_nobody_does(http_demo: Demo, store: Store) -> None:
    await set_up(http_demo, ADA)
    owner = Person(TEAM, ADA)

    async def add(number: int) -> bool:
        form = ProgramForm(name=f"Program {number}")
        try:
            await tokens_of(http_demo).add(caller=owner, owner=owner, form=form)
        except UserError:
            return False
        return True

    added = await asyncio.gather(*map(add, range(14)))
    assert added.count(True) == len(await store.ask("SELECT 1 FROM program_tokens")) == 10


async def test_without_a_name_the_form_asks_for_it(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    for typed_text in ("programs add", "program add  ", 'programs add ""'):
        with case(typed_text):
            await http_demo.workspace.command(ADA, "/email-profile", typed_text)
            await http_demo.workspace.wait_view(ADA, "Add a program")
            assert not typed(http_demo, ADA, "Name of the program")
            await http_demo.workspace.cancel(ADA)


async def test_without_a_profile_there_is_nothing_to_send_with(http_demo: Demo) -> None:
    answer = searchable(await listed(http_demo, "programs add Label printer"))
    assert "There is no email profile yet that a program could send with." in answer


async def test_an_admin_sees_programs_and_adds_none(http_demo: Demo, store: Store) -> None:
    await set_up(http_demo, ADA)
    await add_program(http_demo)
    seen = await listed(http_demo, "programs @ada", GRACE)
    assert "Programs that send with the profile of <@U0ADA>" in searchable(seen)
    assert "Label printer" in searchable(seen)
    assert "Add a program" not in searchable(seen)
    refused = await listed(http_demo, "programs add Spy @ada", GRACE)
    assert "Only the owner of an email profile adds programs to it" in searchable(refused)
    assert http_demo.workspace.view(GRACE) is None
    # To whom is no admin nothing is promised.
    told = searchable(await listed(http_demo, "programs add Spy @grace"))
    assert "Only admins can work with somebody else's email profile" in told
    assert "You can see" not in told
    assert len(await store.ask("SELECT 1 FROM program_tokens")) == 1


async def test_from_the_home_tab_the_list_is_a_modal_that_shows_what_was_added(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await workspace.open_home(ADA)
    await workspace.press_home(ADA, "Programs")
    await workspace.wait_view(ADA, "Programs", containing="None yet.")
    await workspace.press(ADA, "Add a program")
    await workspace.wait_view(ADA, "Add a program")
    await workspace.fill(ADA, "Name of the program", "Label printer")
    assert await workspace.submit(ADA) == {}
    assert TOKEN.search(on_top(http_demo))
    await settled(http_demo)
    await workspace.cancel(ADA)
    assert "Label printer" in on_top(http_demo)
    assert "never used" in on_top(http_demo)
    assert not TOKEN.search(on_top(http_demo))


async def test_over_a_card_in_a_modal_a_program_is_added_and_its_settings_are_shown(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await workspace.command(ADA, "/email-profile", "edit")
    await workspace.wait_view(ADA, "Email profile")
    await fill_form(http_demo, ADA, encryption="none")
    assert await workspace.submit(ADA) == {}
    await workspace.wait_message(ADA, "Port 587 goes with TLS")
    await workspace.open_home(ADA)
    await workspace.press_home(ADA, "Add TLS Y")
    await workspace.wait_view(ADA, "Email profile", containing="Programs")
    await workspace.press(ADA, "Programs")
    await workspace.wait_view(ADA, "Programs", containing="None yet.")
    await workspace.press(ADA, "Add a program")
    await workspace.wait_view(ADA, "Add a program")
    await workspace.fill(ADA, "Name of the program", "Label printer")
    assert await workspace.submit(ADA) == {}
    await settled(http_demo)
    await workspace.select(ADA, "program_settings", "Send API")
    # Slack stacks three at most.
    await workspace.wait_view(ADA, "Settings", containing="Authorization: Bearer")
    await workspace.cancel(ADA)
    await workspace.cancel(ADA)
    assert "Label printer" in on_top(http_demo)


async def test_in_the_modal_a_program_is_removed_in_its_place(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await add_program(http_demo)
    await workspace.open_home(ADA)
    await workspace.press_home(ADA, "Programs")
    await workspace.wait_view(ADA, "Programs", containing="Label printer")
    await workspace.press(ADA, "Remove")
    await workspace.wait_view(ADA, "Programs", containing="The program Label printer is removed")
    assert "None yet." in on_top(http_demo)


async def test_what_is_no_subcommand_of_programs_is_answered_with_those_that_are(http_demo: Demo) -> None:
    answer = searchable(await listed(http_demo, "programs list"))
    for form in ("`/email-profile programs add NAME`", "`/email-profile programs remove NAME`"):
        assert form in answer
    answer = searchable(await listed(http_demo, "programs remove"))
    assert "Something is missing. Write it as `/email-profile programs remove NAME`." in answer


async def test_the_card_says_how_many_programs_send_and_which_was_used_last(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await workspace.command(ADA, "/email-profile")
    assert "*Programs*  none" in searchable(workspace.messages(ADA)[-1])
    token = await add_program(http_demo)
    await add_program(http_demo, "ERP")
    await workspace.command(ADA, "/email-profile")
    assert "*Programs*  2 · never used" in searchable(workspace.messages(ADA)[-1])
    await sign_in(http_demo, token)
    await workspace.command(ADA, "/email-profile")
    card = workspace.messages(ADA)[-1]
    assert "*Programs*  2 · last used <!date^" in searchable(card)
    assert "by `Label printer`" in searchable(card)
    await workspace.press(ADA, "Programs", message=card)
    assert "Programs that send with your profile" in searchable(workspace.messages(ADA)[-1])


async def test_where_no_server_runs_the_person_is_told_what_to_do_instead(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await workspace.command(ADA, "/email-profile", "programs add Label printer")
    await workspace.wait_view(ADA, "Add a program")
    assert await workspace.submit(ADA) == {}
    shown = on_top(http_demo)
    assert "This bot runs no mail server for programs" in shown
    assert f"*Send API*  `{http_demo.bot_url}/v1/send`" in shown
    assert "SMTP Server Address" not in shown
    await workspace.select(ADA, "program_settings", "Send API")
    await workspace.wait_view(ADA, "Settings", containing="Authorization: Bearer")
    assert TOKEN_PLACEHOLDER in on_top(http_demo)


async def test_six_values_are_typed_into_the_program_and_settings_of_known_ones_have_no_token(
    started: StartedBefore, tmp_path: Path
) -> None:
    port = free_port()
    given: dict[str, Any] = {"submission_port": port, "submission_name": "mail-out.example"}
    async with running_demo(tmp_path, encryption_keys=started.key, **given) as demo:
        workspace = demo.workspace
        await set_up(demo, ADA)
        await workspace.command(ADA, "/email-profile", "programs add Label printer")
        await workspace.wait_view(ADA, "Add a program")
        assert await workspace.submit(ADA) == {}
        shown = on_top(demo)
        (token,) = TOKEN.findall(shown)
        values = [
            "*Email Address*  `ada@demo.example`",
            "*User/Login*  `ada@demo.example`",
            f"*Password*  `{token}`",
            "*SMTP Server Address*  `mail-out.example`",
            f"*Port*  `{port}`",
            "*Encryption*  `None`",
        ]
        assert "Type these six values into the program:" in shown
        assert "\n".join(values) in shown
        for program in ("MarkMagic", "JavaMail", ".NET (MailKit)", "PHP (PHPMailer)", "Python (smtplib)", "Postfix"):
            await workspace.select(ADA, "program_settings", program)
            await workspace.wait_view(ADA, "Settings", containing=f"Settings for {program}")
            assert "mail-out.example" in on_top(demo)
            assert TOKEN_PLACEHOLDER in on_top(demo)
            assert token not in on_top(demo)
            await workspace.cancel(ADA)
        sent = [str(entry) for entry in workspace.received]
        # The acknowledgement of the form shows it, and nothing else ever does.
        assert not [entry for entry in sent if token in entry and "epb_" not in entry]
        await workspace.cancel(ADA)
        message = await listed(demo)
        await workspace.select(ADA, "program_settings", "msmtp", message=message)
        assert "tls off" in searchable(workspace.messages(ADA)[-1])


async def test_where_programs_are_switched_off_none_is_added_and_no_card_speaks_of_them(
    started: StartedBefore, tmp_path: Path
) -> None:
    async with running_demo(tmp_path, encryption_keys=started.key, programs="off") as demo:
        card = await set_up(demo, ADA)
        assert "*Programs*" not in searchable(card)
        for text in ("programs", "programs add Label printer", "programs remove Label printer"):
            answer = searchable(await listed(demo, text))
            assert "Programs are switched off here" in answer
        assert demo.bot.programs is None
        await demo.workspace.open_home(ADA)
        assert "*Programs*" not in str(demo.workspace.home(ADA).content)
