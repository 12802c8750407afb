"""Mail that the bot sends or only begins goes to whoever asks for it: to an address that is certainly their own."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import Envelope

from bot.demo.mail import DemoAccount, DemoMail
from bot.demo.run import Demo, running_demo
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.people import TEAM
from bot.demo.stand_in.platform import searchable
from bot.profiles.account import own_address
from bot.profiles.connection_tests.counted_tests import count_code
from bot.profiles.connection_tests.limits import CODES_OF_A_PERSON, DAY, RateLimitedError
from bot.profiles.people.access import Person
from storage.crypto.keyring import generate_key
from tests.scenario.people import ADA, GRACE, buttons, history, open_form, run_test, set_up, settled
from tests.store import Store

OWN, VICTIM = "ada@demo.example", "grace@demo.example"
DEMO_HOST, OTHER_HOST = "mail.demo.example", "smtp.demo.example"


async def set_up_with(demo: Demo, address: str, *, signs_in: bool, host: str = DEMO_HOST) -> None:
    """Give Ada a profile with somebody's address: with that account of the demo's, or where nobody signs in."""
    account = demo.mail.account(VICTIM)
    await open_form(demo, ADA)
    typed: dict[str, Any] = {
        "Email Address": address,
        "User/Login": account.login,
        "Password": account.password,
        "SMTP Server Address": host,
        "Port": "587" if signs_in else "25",
        "Encryption": "TLS" if signs_in else "none",
        "Authentication Required": signs_in,
    }
    for label, value in typed.items():
        await demo.workspace.fill(ADA, label, value)
    assert await demo.workspace.submit(ADA) == {}
    await demo.workspace.wait_message(ADA, "Your email profile")
    await settled(demo)


def recipients_named(demo: Demo) -> set[str]:
    """Return whom the bot named to the server, and forget the traffic so far."""
    said = [line.text for line in demo.mail.traffic if line.speaker == "client"]
    demo.mail.traffic.clear()
    return {found[1] for line in said if (found := re.match(r"RCPT TO:<(.*?)>", line, re.IGNORECASE))}


def received(demo: Demo) -> list[tuple[str, ...]]:
    """Return to whom each message in the mailbox went."""
    return [message.recipients for message in demo.mail.mailbox]


async def ask_for_code(demo: Demo) -> str:
    """Press the button under the latest answer, and return the code that came to the mailbox."""
    before = len(demo.mail.mailbox)
    message = next(m for m in reversed(demo.workspace.messages(ADA)) if "Confirm address" in buttons(m))
    await demo.workspace.press(ADA, "Confirm address", message=message)
    await demo.workspace.wait_view(ADA, "Confirm address", containing="A code was mailed")
    await settled(demo)
    (mailed,) = demo.mail.mailbox[before:]
    found = re.search(r"\b(\d{8})\b", mailed.text)
    assert found
    return found[1]


async def type_code(demo: Demo, code: str) -> dict[str, str]:
    await demo.workspace.fill(ADA, "Code", code)
    return await demo.workspace.submit(ADA)


async def confirm(demo: Demo) -> None:
    """Confirm the address of Ada's profile, as somebody who reads there does."""
    assert await type_code(demo, await ask_for_code(demo)) == {}
    await demo.workspace.wait_view(ADA, "Confirm address", containing="is confirmed as your address")
    await demo.workspace.cancel(ADA)


async def without_address_in_slack(demo: Demo, **into: Any) -> None:
    await demo.workspace.change_person(replace(demo.workspace.people[ADA], **(into or {"address": ""})))


async def test_a_test_message_goes_to_the_verified_address_in_slack_and_to_no_other(http_demo: Demo) -> None:
    await set_up_with(http_demo, VICTIM, signs_in=True)
    report = await run_test(http_demo, ADA, "send")
    assert received(http_demo) == [(OWN,)]
    assert f"is on its way to `{OWN}`" in searchable(report)
    assert f"`{VICTIM}` is not your verified address in Slack" in searchable(report)
    assert "Confirm address" in buttons(report)
    assert recipients_named(http_demo) == {OWN}


async def test_where_the_server_refuses_the_sender_no_code_is_offered_that_it_would_refuse_too(http_demo: Demo) -> None:
    await set_up_with(http_demo, "invoices@demo.example", signs_in=True)
    report = await run_test(http_demo, ADA, "send")
    assert "failed at Sender" in searchable(report)
    assert "Confirm address" not in buttons(report)
    assert "not your verified address" not in searchable(report)


async def test_a_code_that_was_mailed_to_the_address_and_typed_back_makes_it_ones_own(demo: Demo, store: Store) -> None:
    await set_up_with(demo, VICTIM, signs_in=True)
    await demo.workspace.command(ADA, "/email-extra", "add FROM_NAME The Countess")
    await demo.workspace.command(ADA, "/email-extra", "add REPLY_TO elsewhere@demo.example")
    await demo.workspace.command(ADA, "/email-profile")
    code = await ask_for_code(demo)
    mailed, said = demo.mail.mailbox[-1], "\n".join(line.text for line in demo.mail.traffic)
    assert mailed.recipients == (VICTIM,)
    assert code in said
    # Fixed words: no name of anybody, nothing that was typed.
    for word in ("Countess", "elsewhere@", "Reply-To", "Ada", "Lovelace", DEMO_HOST, "Analytical"):
        assert word not in mailed.text + mailed.subject
    assert not re.search(r"^(Reply-To|From: .*(Countess|Ada))", said, re.MULTILINE | re.IGNORECASE)
    assert await type_code(demo, f" {code[:4]}-{code[4:]} ") == {}
    await demo.workspace.wait_view(ADA, "Confirm address", containing="is confirmed as your address")
    demo.mail.mailbox.clear()
    sent = await run_test(demo, ADA, "send")
    assert received(demo) == [(VICTIM,)]
    assert "Confirm address" not in buttons(sent)
    assert (ADA, "confirmed the address") in await history(demo)
    await demo.workspace.command(ADA, "/email-profile", "history")
    told = searchable(demo.workspace.messages(ADA)[-1])
    assert f"confirmed the address: `{VICTIM}`" in told
    assert f"mailed a code: passed · `to {VICTIM}` · `on {DEMO_HOST}:587 as " in told
    assert code not in told
    await demo.workspace.command(ADA, "/email-profile")
    assert "Confirm address" not in buttons(demo.workspace.messages(ADA)[-1])
    # Neither what Slack was sent nor what is stored holds the code.
    assert not any(code in searchable(message) for message in demo.workspace.messages(ADA))
    assert code not in str(await store.contents())


async def test_who_has_the_profiles_address_in_slack_is_asked_for_nothing(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    sent = await run_test(http_demo, ADA, "send")
    await http_demo.workspace.command(ADA, "/email-profile")
    for message in (sent, http_demo.workspace.messages(ADA)[-1]):
        assert "Confirm address" not in buttons(message)
    assert received(http_demo) == [(OWN,)]


async def test_an_address_that_differs_from_that_in_slack_by_case_alone_needs_no_code(http_demo: Demo) -> None:
    await set_up_with(http_demo, "ADA@DEMO.example", signs_in=False)
    report = await run_test(http_demo, ADA, "send")
    assert received(http_demo) == [(OWN,)]
    assert "Confirm address" not in buttons(report)


async def test_where_nobody_signs_in_a_test_names_the_verified_address_in_slack_alone(http_demo: Demo) -> None:
    for address in (VICTIM, "nobody@demo.example", "ADA+x@demo.example"):
        await set_up_with(http_demo, address, signs_in=False)
        report = await run_test(http_demo, ADA)
        assert recipients_named(http_demo) == {OWN}
        assert "Connection test passed" in searchable(report)
        assert f"Recipient named: {OWN}, because {address} is not confirmed" in searchable(report)
        assert "Confirm address" in buttons(report)
        # In the form, nothing of it saved.
        await open_form(http_demo, ADA)
        await http_demo.workspace.fill(ADA, "Email Address", VICTIM)
        await http_demo.workspace.press(ADA, "Test connection")
        await http_demo.workspace.wait_view(ADA, "Email profile", containing="nothing is saved yet")
        await settled(http_demo)
        await http_demo.workspace.cancel(ADA)
        assert recipients_named(http_demo) == {OWN}


async def test_an_admin_who_tests_it_or_tests_many_names_no_other_address_either(http_demo: Demo) -> None:
    await set_up_with(http_demo, VICTIM, signs_in=False)
    report = await run_test(http_demo, GRACE, "@ada")
    assert recipients_named(http_demo) == {OWN}
    assert "Confirm address" not in buttons(report)
    await http_demo.workspace.command(GRACE, "/email-profile", "list")
    listed = http_demo.workspace.messages(GRACE)[-1]
    await http_demo.workspace.press(GRACE, "Test these", message=listed)
    await settled(http_demo)
    assert recipients_named(http_demo) == {OWN}


@pytest.mark.parametrize("into", [{"address": ""}, {"has_confirmed_address": False}, {"address": "no address"}])
async def test_without_a_verified_address_the_sender_check_ends_after_mail_and_says_so(
    http_demo: Demo, into: dict[str, Any]
) -> None:
    await without_address_in_slack(http_demo, **into)
    await set_up_with(http_demo, VICTIM, signs_in=False)
    report = await run_test(http_demo, ADA)
    assert recipients_named(http_demo) == set()
    assert f"{VICTIM} accepted as sender, no recipient named" in searchable(report)
    assert "Connection test passed" in searchable(report)
    http_demo.workspace.all_messages.clear()
    await http_demo.workspace.command(ADA, "/email-test", "send")
    told = await http_demo.workspace.wait_message(ADA, "nowhere to send a message to")
    assert buttons(told) == ["Confirm address"]
    assert recipients_named(http_demo) == set()
    assert received(http_demo) == []
    await confirm(http_demo)
    http_demo.mail.mailbox.clear()
    assert "is on its way" in searchable(await run_test(http_demo, ADA, "send"))
    assert received(http_demo) == [(VICTIM,)]
    http_demo.mail.traffic.clear()
    await run_test(http_demo, ADA)
    assert recipients_named(http_demo) == {VICTIM}


async def test_while_slack_is_silent_a_test_names_nobody_and_no_message_is_sent(http_demo: Demo) -> None:
    await set_up_with(http_demo, VICTIM, signs_in=False)
    await without_address_in_slack(http_demo, address=OWN)
    http_demo.workspace.faults["users.info"] = [Fault(kind="error500")] * 9
    report = await run_test(http_demo, ADA)
    assert "no recipient named" in searchable(report)
    await http_demo.workspace.command(ADA, "/email-test", "send")
    await http_demo.workspace.wait_message(ADA, "Slack did not say who that is")
    assert recipients_named(http_demo) == set()
    assert received(http_demo) == []


async def test_an_admins_message_through_somebody_elses_profile_goes_to_the_admin_alone(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    report = await run_test(http_demo, GRACE, "send @ada")
    assert received(http_demo) == [("grace@demo.example",)]
    assert "Confirm address" not in buttons(report)


async def test_an_admins_message_goes_to_no_address_that_its_owner_confirmed_either(plus_mail: Demo) -> None:
    await set_up_with(plus_mail, "Grace@demo.example", signs_in=False)
    await plus_mail.workspace.command(ADA, "/email-profile")
    await confirm(plus_mail)
    plus_mail.mail.mailbox.clear()
    await run_test(plus_mail, GRACE, "send @ada")
    assert received(plus_mail) == [(VICTIM,)]


async def test_a_wrong_code_is_told_beside_it_and_after_five_not_even_the_right_one_counts(http_demo: Demo) -> None:
    await set_up_with(http_demo, VICTIM, signs_in=True)
    await http_demo.workspace.command(ADA, "/email-profile")
    code = await ask_for_code(http_demo)
    for wrong in ("x", "0", f"{(int(code) + 1) % 10**8:08}", code[:-1], f"{code}0"):
        assert "This is not the code" in (await type_code(http_demo, wrong))["Code"]
    errors = await type_code(http_demo, code)
    assert "Five wrong codes were typed. Please try again in 24 hours." in errors["Code"]
    await run_test(http_demo, ADA, "send")
    assert received(http_demo)[1:] == [(OWN,)]


async def test_a_code_is_over_in_time(http_demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_address.CODE_SECONDS == DAY
    monkeypatch.setattr(own_address, "CODE_SECONDS", -5)
    await set_up_with(http_demo, VICTIM, signs_in=True)
    await http_demo.workspace.command(ADA, "/email-profile")
    errors = await type_code(http_demo, await ask_for_code(http_demo))
    assert "No code waits for the address" in errors["Code"]


async def test_a_press_while_a_code_waits_mails_no_other_one(http_demo: Demo) -> None:
    await set_up_with(http_demo, VICTIM, signs_in=True)
    await http_demo.workspace.command(ADA, "/email-profile")
    code = await ask_for_code(http_demo)
    await http_demo.workspace.cancel(ADA)
    await http_demo.workspace.press(ADA, "Confirm address", message=http_demo.workspace.messages(ADA)[-1])
    await http_demo.workspace.wait_view(ADA, "Confirm address", containing="before")
    await settled(http_demo)
    assert received(http_demo) == [(VICTIM,)]
    assert await type_code(http_demo, code) == {}


async def test_a_code_of_somebody_else_confirms_nothing(http_demo: Demo) -> None:
    await set_up_with(http_demo, VICTIM, signs_in=True)
    await http_demo.workspace.command(ADA, "/email-profile")
    code = await ask_for_code(http_demo)
    workspace = http_demo.workspace
    await set_up(http_demo, GRACE)
    # Grace types it into a modal of her own, as a forged request would.
    workspace.push(GRACE, dict(workspace.stacks[ADA][-1].content))
    await workspace.fill(GRACE, "Code", code)
    assert "No code waits" in (await workspace.submit(GRACE))["Code"]
    assert await type_code(http_demo, code) == {}


CHANGES: dict[str, dict[str, str]] = {
    "another address": {"Email Address": "x@demo.example"},
    "another server": {"SMTP Server Address": OTHER_HOST, "Password": "nanoseconds of wire"},
    "another login": {"User/Login": "ada@demo.example", "Password": "analytical engine 1843"},
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_confirmation_ends_when_address_server_or_login_change(http_demo: Demo, change: str) -> None:
    await set_up_with(http_demo, VICTIM, signs_in=True)
    await http_demo.workspace.command(ADA, "/email-profile")
    await confirm(http_demo)
    for values in (CHANGES[change], {"Email Address": VICTIM}):
        await open_form(http_demo, ADA)
        for label, value in values.items():
            await http_demo.workspace.fill(ADA, label, value)
        assert await http_demo.workspace.submit(ADA) == {}
        await settled(http_demo)
    await http_demo.workspace.command(ADA, "/email-profile")
    assert "Confirm address" in buttons(http_demo.workspace.messages(ADA)[-1])


async def test_a_confirmation_ends_when_another_certificate_is_trusted(http_demo: Demo) -> None:
    await set_up_with(http_demo, VICTIM, signs_in=True)
    await http_demo.workspace.command(ADA, "/email-profile")
    await confirm(http_demo)
    await http_demo.workspace.command(ADA, "/email-extra", f"add PIN {'0' * 64}")
    await http_demo.workspace.command(ADA, "/email-profile")
    assert "Confirm address" in buttons(http_demo.workspace.messages(ADA)[-1])


async def test_a_confirmation_ends_with_the_profile(http_demo: Demo, store: Store) -> None:
    await set_up_with(http_demo, VICTIM, signs_in=True)
    await http_demo.workspace.command(ADA, "/email-profile")
    await confirm(http_demo)
    assert await store.ask("SELECT 1 FROM address_confirmations")
    await http_demo.workspace.command(ADA, "/email-profile", "delete")
    await http_demo.workspace.press(ADA, "Delete …", message=http_demo.workspace.messages(ADA)[-1])
    await settled(http_demo)
    assert await store.ask("SELECT 1 FROM address_confirmations") == []


async def test_a_confirmation_ends_when_its_person_is_deactivated(http_demo: Demo, store: Store) -> None:
    await set_up_with(http_demo, VICTIM, signs_in=True)
    await http_demo.workspace.command(ADA, "/email-profile")
    await confirm(http_demo)
    await without_address_in_slack(http_demo, is_deactivated=True)
    await store.until("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM address_confirmations)")


SPELLINGS = ("Grace@demo.example", "grace+1@DEMO.example", "ＧＲＡＣＥ+x@demo.example", "gracE@demo.example")


@pytest.fixture
async def plus_mail(tmp_path: Path) -> AsyncIterator[Demo]:
    """A demo whose mail server takes every spelling of an address."""
    accounts = [DemoAccount(address=spelled, login=spelled, password="-") for spelled in (OWN, VICTIM, *SPELLINGS)]
    async with running_demo(tmp_path, encryption_keys=generate_key(), mail=DemoMail(accounts)) as demo:
        yield demo


async def test_an_address_gets_one_code_a_day_however_it_is_spelled_and_whoever_asks(plus_mail: Demo) -> None:
    demo = plus_mail
    for number, address in enumerate((VICTIM, "Grace@demo.example", "grace+1@demo.example")):
        await set_up_with(demo, address, signs_in=False)
        demo.workspace.all_messages.clear()
        await demo.workspace.command(ADA, "/email-profile")
        await demo.workspace.press(ADA, "Confirm address", message=demo.workspace.messages(ADA)[-1])
        told = "A code was mailed" if number == 0 else "A code was mailed to this address within a day."
        await demo.workspace.wait_view(ADA, "Confirm address", containing=told)
        await settled(demo)
        await demo.workspace.cancel(ADA)
    assert received(demo) == [(VICTIM,)]
    for asking in (Person(TEAM, GRACE), Person("T0OTHER", "U0OTHER")):
        async with demo.bot.database.writing() as tx:
            with pytest.raises(RateLimitedError, match="A code was mailed to this address"):
                await count_code(tx, asking, "ＧＲＡＣＥ+x@demo.example")


async def test_where_nobody_signs_in_a_refused_address_counts_as_a_code_that_was_mailed(http_demo: Demo) -> None:
    for number in range(CODES_OF_A_PERSON[0].max_uses + 1):
        address = f"guess{number}@demo.example"
        await set_up_with(http_demo, address, signs_in=False)
        http_demo.mail.traffic.clear()
        await http_demo.workspace.command(ADA, "/email-profile")
        await http_demo.workspace.press(ADA, "Confirm address", message=http_demo.workspace.messages(ADA)[-1])
        if number < CODES_OF_A_PERSON[0].max_uses:
            await http_demo.workspace.wait_view(ADA, "Confirm address", containing="failed at Sender")
            assert recipients_named(http_demo) == {address}
        else:
            await http_demo.workspace.wait_view(ADA, "Confirm address", containing="three codes mailed in a day")
            assert recipients_named(http_demo) == set()
        await settled(http_demo)
        await http_demo.workspace.cancel(ADA)
    assert received(http_demo) == []


async def test_a_code_that_was_certainly_not_mailed_costs_nothing(http_demo: Demo) -> None:
    await set_up_with(http_demo, VICTIM, signs_in=True)
    http_demo.mail.accounts = tuple(replace(known, password="changed") for known in http_demo.mail.accounts)
    await http_demo.workspace.command(ADA, "/email-profile")
    card = http_demo.workspace.messages(ADA)[-1]
    await http_demo.workspace.press(ADA, "Confirm address", message=card)
    await http_demo.workspace.wait_view(ADA, "Confirm address", containing="Connection test failed at Sign-in")
    await settled(http_demo)
    await http_demo.workspace.cancel(ADA)
    http_demo.mail.accounts = tuple(replace(known, password="nanoseconds of wire") for known in http_demo.mail.accounts)
    await confirm(http_demo)


@pytest.mark.parametrize("reply", ["250 2.0.0 Accepted {code}", "550 5.7.1 What is {code}?"])
async def test_a_server_that_repeats_the_code_shows_it_nowhere(
    http_demo: Demo, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, reply: str
) -> None:
    codes: list[str] = []

    async def repeat(_policy: object, _server: object, _session: object, envelope: Envelope) -> str:
        mailed = bytes(envelope.original_content or b"").decode()
        codes.extend(re.findall(r"^  (\d{8})\r$", mailed, re.MULTILINE))
        return reply.format(code=codes[0])

    monkeypatch.setattr("bot.demo.mail._Policy.handle_DATA", repeat)
    await set_up_with(http_demo, VICTIM, signs_in=True)
    await http_demo.workspace.command(ADA, "/email-profile")
    await http_demo.workspace.press(ADA, "Confirm address", message=http_demo.workspace.messages(ADA)[-1])
    told = "A code was mailed" if reply.startswith("250") else "Connection test failed at Message"
    view = await http_demo.workspace.wait_view(ADA, "Confirm address", containing=told)
    await settled(http_demo)
    await http_demo.workspace.command(ADA, "/email-test", "transcript")
    await http_demo.workspace.open_home(ADA)
    shown = [
        *map(searchable, http_demo.workspace.messages(ADA)),
        str(view.content),
        str(http_demo.workspace.homes[ADA]),
    ]
    (code,) = codes
    assert any("dialogue of the last test" in text for text in shown)
    assert not any(code in text for text in shown)
    assert code not in caplog.text
    assert code not in str(await store.contents())
