"""The bot is no tool for guessing passwords or for flooding, however many people and instances there are."""

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.demo.mail import DemoMail
from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.people import DemoPerson
from bot.demo.stand_in.platform import searchable
from bot.profiles.account.profile import EmailProfile, ProfileForm
from bot.profiles.connection_tests.limits import Limit, RateLimitedError, duration_words
from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from storage.crypto.keyring import generate_key
from storage.engines.transactions import DatabaseUnavailableError
from tests.counts import scaled
from tests.databases import KINDS
from tests.scenario.people import ADA, GRACE, run_test, set_up
from tests.store import Store

pytestmark = pytest.mark.databases(*KINDS)


async def guess(demo: Demo, user: str, number: int) -> str:
    """Try one password on Ada's mailbox from a form of one's own, and return what came of it."""
    person = Person(workspace="T0DEMO", user=user)
    form = ProfileForm(
        address="ada@demo.example",
        login=f"{' ' * (number % 2)}{'ADA' if number % 3 else 'ada'}@demo.example",
        password=SecretStr(f"guess {number}"),
        host="mail.demo.example",
        port="465",
        authenticate=True,
    )
    rules = demo.bot.connections
    try:
        result = await rules.test_form(caller=person, owner=person, form=form, progress=lambda _: None)
    except RateLimitedError:
        return "limited"
    except (UserError, DatabaseUnavailableError):
        # On a busy machine so many at once may not all get at the database: then there is no test either.
        return "busy"
    return str(result.report.fault)


async def test_ten_people_guessing_through_two_instances_reach_the_server_three_times(
    tmp_path: Path, store: Store
) -> None:
    mail, key = DemoMail(), generate_key()
    other = tmp_path / "other"
    other.mkdir()
    people = [f"U{number}" for number in range(10)]
    known = [DemoPerson(id=user, handle=user, name=user, address=f"{user}@demo.example") for user in people]
    async with (
        running_demo(tmp_path, mail=mail, people=known, encryption_keys=key) as first,
        running_demo(other, mail=DemoMail(), people=known, database_url=store.url, encryption_keys=key) as second,
    ):
        for demo in (first, second):
            for user in people:
                async with demo.bot.database.writing() as tx:
                    profile = EmailProfile(extras={"SSL": "Y"})
                    if await tx.profiles.get("T0DEMO", user) is None:
                        await tx.profiles.save("T0DEMO", user, profile.to_document(), replacing=None)
        outcomes = await asyncio.gather(
            *(
                guess((first, second)[number % 2], user, number)
                for number in range(scaled(quick=12, full=100))
                for user in people
            )
        )
    assert outcomes.count("sign-in refused") == 3
    assert set(outcomes) <= {"sign-in refused", "limited", "busy"}
    assert sum("AUTH" in line.text for line in [*mail.traffic] if line.speaker == "client") <= 3


async def test_over_the_limit_a_person_reads_how_long_to_wait(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA, password="wrong")
    for _ in range(3):
        assert "failed at Sign-in" in searchable(await run_test(http_demo, ADA))
    workspace.all_messages.clear()
    await workspace.command(ADA, "/email-test")
    refusal = searchable(await workspace.wait_message(ADA, "could lock the mailbox"))
    assert "Please try again in 15 minutes." in refusal


async def test_sign_ins_that_succeed_do_not_count_as_guesses(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    for _ in range(5):
        assert searchable(await run_test(http_demo, ADA)).startswith("Connection test passed")


async def test_a_person_who_tests_without_end_is_asked_to_pause(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    for _ in range(6):
        await run_test(http_demo, ADA)
    http_demo.workspace.all_messages.clear()
    await http_demo.workspace.command(ADA, "/email-test")
    await http_demo.workspace.wait_message(ADA, "You have tested six times in a minute.")


async def test_three_messages_a_day(http_demo: Demo) -> None:
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    for _ in range(3):
        workspace.all_messages.clear()
        await workspace.command(ADA, "/email-test", "send")
        await workspace.wait_message(ADA, "is on its way")
    await workspace.command(ADA, "/email-test", "send")
    await workspace.wait_message(ADA, "three test messages in a day")
    assert len(http_demo.mail.mailbox) == 3


async def test_of_two_messages_at_once_the_last_of_the_day_is_sent_once(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = (Limit("one", 1, 60, "You have sent one."),)
    monkeypatch.setattr("bot.profiles.connection_tests.connection_tests.MESSAGES_OF_A_PERSON", one)
    workspace = http_demo.workspace
    await set_up(http_demo, ADA)
    await set_up(http_demo, GRACE)
    await asyncio.gather(
        workspace.command(GRACE, "/email-test", "send"), workspace.command(GRACE, "/email-test", "send @ada")
    )
    await workspace.wait_message(GRACE, "is on its way")
    await workspace.wait_message(GRACE, "You have sent one.")
    assert len(http_demo.mail.mailbox) == 1


@pytest.mark.databases()
@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 second"), (40, "40 seconds"), (119.5, "120 seconds"), (121, "3 minutes"), (900, "15 minutes")],
)
def test_times_to_wait_are_written_for_people(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words
    assert duration_words(80_000) == "23 hours"
