"""Removing programs, and what ends their tokens by itself."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.demo.run import Demo
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import searchable
from bot.profiles.people.retention import Retention
from bot.profiles.tokens.program_tokens import WrongTokenError
from tests.named import case
from tests.scenario.people import ADA, GRACE, history, notices_sent, profile_of, set_up, settled
from tests.scenario.programs.people import add_program, listed, sign_in
from tests.store import Store

DAY = timedelta(days=1)


async def purge_after(demo: Demo, passed: timedelta) -> None:
    """Purge as if so much time had passed."""

    async def later() -> datetime:
        return datetime.now(UTC) + passed

    await Retention(database=demo.bot.database, history=3650 * DAY, clock=later, on_change=lambda _: None).purge()


async def is_refused(demo: Demo, token: str) -> bool:
    try:
        await sign_in(demo, token)
    except WrongTokenError:
        return True
    return False


async def test_a_program_is_removed_by_its_button_after_slack_has_asked(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    printer, erp = await add_program(http_demo), await add_program(http_demo, "ERP")
    message = await listed(http_demo)
    await http_demo.workspace.press(ADA, "Remove", message=message, confirm=False)
    assert not await is_refused(http_demo, printer)
    # The first button is the printer's.
    await http_demo.workspace.press(ADA, "Remove", message=message)
    assert "Label printer is removed: its token has ended" in searchable(message)
    assert "*Label printer*" not in searchable(message)
    assert "*ERP*" in searchable(message)
    assert (await is_refused(http_demo, printer), await is_refused(http_demo, erp)) == (True, False)
    assert (ADA, "removed a program") in await history(http_demo)


async def test_a_program_is_removed_by_its_name_in_any_spelling(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    for typed in ("Ada's printer", "ADA’S  PRINTER", "“Ada's printer”", "adas printer"):
        with case(typed):
            await workspace.press(ADA, "Add a program", message=await listed(http_demo))
            await workspace.wait_view(ADA, "Add a program")
            await workspace.fill(ADA, "Name of the program", "Ada's printer")
            assert await workspace.submit(ADA) == {}
            await workspace.cancel(ADA)
            await settled(http_demo)
            answer = searchable(await listed(http_demo, f"programs remove {typed}"))
            assert "Ada's printer is removed" in answer
            assert "None yet." in answer


async def test_a_name_that_may_mean_several_programs_removes_none_of_them(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    tokens = [await add_program(http_demo, name) for name in ("A-1", "A1", "C++", "***")]
    assert "There is no program with the name !!." in searchable(await listed(http_demo, "programs remove !!"))
    assert "This may be any of: A-1, A1." in searchable(await listed(http_demo, "programs remove a.1"))
    assert [await is_refused(http_demo, token) for token in tokens] == [False] * 4
    assert "A1 is removed" in searchable(await listed(http_demo, "programs remove a1"))
    assert [await is_refused(http_demo, token) for token in tokens] == [False, True, False, False]


async def test_a_name_that_is_none_is_answered_with_those_that_are(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    assert "There are none yet." in searchable(await listed(http_demo, "programs remove ERP"))
    token = await add_program(http_demo)
    answer = searchable(await listed(http_demo, "programs remove ERP"))
    assert "There is no program with the name ERP. There are: Label printer." in answer
    assert not await is_refused(http_demo, token)


async def test_an_admin_removes_a_program_and_its_owner_is_told(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    printer, erp = await add_program(http_demo), await add_program(http_demo, "ERP")
    await listed(http_demo, "programs remove Label printer @ada", GRACE)
    await http_demo.workspace.press(GRACE, "Remove", message=await listed(http_demo, "programs @ada", GRACE))
    assert await is_refused(http_demo, printer)
    assert await is_refused(http_demo, erp)
    await notices_sent(http_demo)
    direct = [searchable(message) for message in http_demo.workspace.messages(ADA) if message.reader is None]
    told = [text for text in direct if "removed the program" in text]
    assert len(told) == 2
    assert "<@U0GRACE> removed the program `Label printer` of your email profile" in told[0]
    assert [entry for entry in await history(http_demo) if entry[1] == "removed a program"] == [
        (GRACE, "removed a program"),
        (GRACE, "removed a program"),
    ]


async def test_a_program_that_was_removed_before_is_told_so(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    await add_program(http_demo)
    message = await listed(http_demo)
    await listed(http_demo, "programs remove Label printer")
    await http_demo.workspace.press(ADA, "Remove", message=message)
    assert "This program was removed before." in searchable(message)


async def test_a_program_whose_record_does_not_open_sends_nothing_and_can_be_removed(
    http_demo: Demo, store: Store
) -> None:
    await set_up(http_demo, ADA)
    token = await add_program(http_demo)
    await store.edit("UPDATE program_tokens SET created_at = created_at - 1")
    assert await is_refused(http_demo, token)
    message = await listed(http_demo)
    assert f"*Unreadable ({token.split('_')[1]})*" in searchable(message)
    await http_demo.workspace.press(ADA, "Remove", message=message)
    assert "None yet." in searchable(message)


async def test_programs_of_a_deactivated_person_end_at_once_and_are_gone_after_seven_days(
    http_demo: Demo, store: Store
) -> None:
    await set_up(http_demo, ADA)
    token = await add_program(http_demo)
    person = http_demo.workspace.people[ADA]
    await http_demo.workspace.change_person(replace(person, is_deactivated=True))
    assert await is_refused(http_demo, token)
    await purge_after(http_demo, 7 * DAY - timedelta(minutes=5))
    await http_demo.workspace.change_person(person)
    # It was a mistake: the programs go on.
    assert not await is_refused(http_demo, token)
    await http_demo.workspace.change_person(replace(person, is_deactivated=True))
    await purge_after(http_demo, 7 * DAY + timedelta(minutes=5))
    assert await store.ask("SELECT 1 FROM program_tokens") == []
    assert (await profile_of(http_demo)).password is None


async def test_a_program_whose_day_is_over_is_told_as_ended_and_signs_in_no_more(http_demo: Demo, store: Store) -> None:
    await set_up(http_demo, ADA)
    today = datetime.now(UTC).date()
    await add_program(http_demo, **{"Ends on": today.isoformat()})
    ((ends_at,),) = await store.ask("SELECT ends_at FROM program_tokens")
    # Its last day is whole.
    assert datetime.fromtimestamp(ends_at, UTC).isoformat() == f"{today + DAY}T00:00:00+00:00"
    assert f"ends on {today}" in searchable(await listed(http_demo))
    async with http_demo.bot.database.writing() as tx:
        (stored,) = await tx.program_tokens.of(TEAM, ADA)
        assert stored.document is not None
        await tx.program_tokens.remove(TEAM, ADA, stored.token_id)
        await tx.program_tokens.add(
            TEAM,
            ADA,
            token_id=stored.token_id,
            digest=stored.digest,
            ends_at=ends_at - 86_400,
            document=stored.document,
        )
    assert f"ended on {today - DAY}" in searchable(await listed(http_demo))


async def test_deleting_a_profile_says_that_its_programs_end(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    token = await add_program(http_demo)
    question = await listed(http_demo, "delete")
    assert "programs that send with the profile can no longer do so" in str(question.blocks)
    await http_demo.workspace.press(ADA, "Delete …", message=question)
    await settled(http_demo)
    assert await is_refused(http_demo, token)
    await set_up(http_demo, ADA)
    assert await is_refused(http_demo, token)
    assert "None yet." in searchable(await listed(http_demo))
