"""“Email this message”: a message of Slack's is written as an email, sent with one's own profile, and told about."""

import asyncio
import json
import logging
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from bot.demo.mail import _Policy
from bot.demo.run import Demo
from bot.demo.stand_in.faults import Fault
from bot.demo.stand_in.people import CHANNEL
from bot.demo.stand_in.platform import Message, searchable
from bot.demo.stand_in.views import OpenView, PlatformError
from bot.profiles.sending.rates import Rates
from tests.scenario.people import ADA, GRACE, buttons, history, set_up, settled, typed
from tests.store import Store

NAME = "Email this message"
SENT = "Your email “"
FILES = [{"id": "F1", "name": "label-7.pdf", "permalink": "https://demo.slack.example/files/U0GRACE/F1/label-7.pdf"}]


async def written(demo: Demo, text: str, *, author: str = GRACE, files: list[dict[str, Any]] | None = None) -> Message:
    """Post somebody's message in the channel, as Slack writes it."""
    escaped = demo.workspace.as_slack_escapes(text)
    return await demo.workspace.post(Message(author=author, channel=CHANNEL, text=escaped, files=files or []))


async def begun(demo: Demo, message: Message, *, user: str = ADA) -> OpenView:
    """Use the shortcut, and return the modal that opens."""
    await demo.workspace.shortcut(user, NAME, message)
    return await demo.workspace.wait_view(user, NAME)


async def sent(demo: Demo, *, to: str = "grace@demo.example", containing: str, user: str = ADA) -> OpenView:
    """Fill in the address, send, and wait for what the modal says then."""
    await demo.workspace.fill(user, "To", to)
    assert await demo.workspace.submit(user) == {}
    return await demo.workspace.wait_view(user, NAME, containing=containing)


def on_data(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """Let the mail server answer the next letter so; an empty answer cuts the connection instead."""
    usual, answers = _Policy.handle_DATA, [answer]

    async def handle(policy: _Policy, server: SMTP, session: Session, envelope: Envelope) -> str:
        if not answers:
            return await usual(policy, server, session, envelope)
        if not answers[0]:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return answers.pop()

    monkeypatch.setattr(_Policy, "handle_DATA", handle)


async def test_a_message_is_mailed_with_names_links_and_files_in_words(demo: Demo) -> None:
    await set_up(demo, ADA)
    message = await written(demo, "@ada the label is at https://labels.example/7 :tada:\nPlease print it.", files=FILES)
    modal = await begun(demo, message)
    assert typed(demo, ADA, "Subject") == "@Ada Lovelace the label is at https://labels.example/7 🎉"
    text = str(typed(demo, ADA, "Text"))
    assert text.startswith("Grace Hopper wrote in #general on ")
    assert text.endswith("- label-7.pdf: https://demo.slack.example/files/U0GRACE/F1/label-7.pdf")
    assert "`ada@demo.example`" in str(modal.content)
    await demo.workspace.fill(ADA, "Subject", "Label for crate 7")
    done = await sent(demo, to="grace@demo.example, ada@demo.example", containing=SENT)
    assert "Your email “Label for crate 7” was sent." in str(done.content)
    assert "250 2.0.0" in str(done.content)
    assert "submit" not in done.content
    (mailed,) = demo.mail.mailbox
    assert (mailed.sender, mailed.recipients) == ("ada@demo.example", ("grace@demo.example", "ada@demo.example"))
    assert mailed.subject == "Label for crate 7"
    assert mailed.text.replace("\r\n", "\n").rstrip("\n") == text
    assert demo.mail.account("ada@demo.example").password not in json.dumps(demo.workspace.received)


async def test_the_history_tells_of_an_email_that_left_and_neither_to_whom_nor_what(demo: Demo) -> None:
    await set_up(demo, ADA)
    await begun(demo, await written(demo, "the label is ready"))
    await sent(demo, to="nobody@demo.example, grace@demo.example", containing="Nothing was sent")
    assert (ADA, "emailed a message") not in await history(demo)
    await sent(demo, to="grace@demo.example, ada@demo.example", containing=SENT)
    assert (ADA, "emailed a message") in await history(demo)
    await demo.workspace.cancel(ADA)
    await demo.workspace.command(ADA, "/email-profile", "history")
    shown = searchable(demo.workspace.messages(ADA)[-1])
    assert f"<@{ADA}>  emailed a message: `to 2 addresses`" in shown
    assert "grace@demo.example" not in shown
    assert "label" not in shown


async def test_the_history_tells_that_an_email_may_have_left(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    await set_up(demo, ADA)
    await begun(demo, await written(demo, "the label is ready"))
    on_data(monkeypatch, "")
    await sent(demo, containing="may have been sent")
    await demo.workspace.command(ADA, "/email-profile", "history")
    shown = searchable(demo.workspace.messages(ADA)[-1])
    assert "emailed a message: `to 1 address, perhaps: no answer came`" in shown


async def test_hostile_text_of_ten_thousand_characters_arrives_as_it_is_and_as_markup_nowhere(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents: list[bytes] = []

    async def handle(_policy: Any, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        contents.append(bytes(envelope.original_content or b""))
        return "250 2.0.0 Accepted"

    await set_up(http_demo, ADA)
    monkeypatch.setattr(_Policy, "handle_DATA", handle)
    line = "<script>alert(1)</script> *b* `c` <!channel> &amp; {x} %0d%0aBcc: eve@evil.example"
    hostile = "\n.\n".join([line] * (10_000 // len(line) + 1))
    modal = await begun(http_demo, await written(http_demo, hostile))
    labels = [block["label"]["text"] for block in modal.content["blocks"] if block["type"] == "input"]
    assert labels[:3] == ["To", "Subject", "Text, part 1 of 4"]
    await sent(http_demo, containing=SENT)
    (content,) = contents
    assert content.count(b"\r\nSubject:") == 1
    assert b"\r\nBcc:" not in content.partition(b"\r\n\r\n")[0]
    assert b"<script" not in content.partition(b"text/html")[2]


async def test_ten_thousand_letters_of_any_script_go_through_the_form_and_out(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    await begun(http_demo, await written(http_demo, "жёлтый " * 1_430))
    await http_demo.workspace.fill(ADA, "Subject", "Коробка 7")
    await sent(http_demo, containing=SENT)
    (mailed,) = http_demo.mail.mailbox
    assert (mailed.subject, mailed.text.count("жёлтый")) == ("Коробка 7", 1_430)


async def test_a_subject_of_several_lines_is_refused_at_its_field_and_nothing_is_lost(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    await begun(http_demo, await written(http_demo, "It is ready."))
    await http_demo.workspace.fill(ADA, "To", "nobody")
    for subject, told in (
        ("Label\r\nBcc: eve@evil.example", "one line without control characters"),
        ("Label\nBcc: eve@evil.example", "one line without control characters"),
        ("\x00Label", "one line without control characters"),
        ("Label =?utf-8?q?x=0D=0ABcc:_eve@evil.example?=", "without “=?…?=” in it"),
    ):
        await http_demo.workspace.fill(ADA, "Subject", subject)
        errors = await http_demo.workspace.submit(ADA)
        assert told in errors["Subject"]
        assert "“nobody” is not an email address" in errors["To"]
        assert typed(http_demo, ADA, "Subject") == subject
    assert http_demo.mail.mailbox == []


async def test_an_address_that_the_server_refuses_keeps_the_whole_email_back_with_everything_typed(demo: Demo) -> None:
    await set_up(demo, ADA)
    await begun(demo, await written(demo, "It is ready."))
    await demo.workspace.fill(ADA, "Subject", "Crate 7")
    to = "grace@demo.example, nobody@demo.example"
    refused = await sent(demo, to=to, containing="does not take it for every address")
    assert "`nobody@demo.example` – `550 5.1.1 mail.demo.example: No such mailbox here`" in str(refused.content)
    assert "grace@demo.example` –" not in str(refused.content)
    assert demo.mail.mailbox == []
    assert (typed(demo, ADA, "To"), typed(demo, ADA, "Subject")) == (to, "Crate 7")
    assert str(typed(demo, ADA, "Text")).endswith("It is ready.")
    await sent(demo, containing=SENT)
    assert [mailed.recipients for mailed in demo.mail.mailbox] == [("grace@demo.example",)]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("554 5.7.1 Looks like spam", "Nothing was sent: your mail server refused the email."),
        ("451 4.7.1 Come back later", "try again later"),
        ("", "It is not known whether the email was sent."),
    ],
)
async def test_what_the_server_does_with_the_letter_is_told_in_plain_words_and_keeps_it(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch, answer: str, told: str
) -> None:
    http_demo.workspace.sends_nulls = True
    await set_up(http_demo, ADA)
    on_data(monkeypatch, answer)
    await begun(http_demo, await written(http_demo, "word " * 1_000))
    kept = await sent(http_demo, containing=told)
    assert answer.partition(" ")[2].partition(" ")[2] in str(kept.content)
    assert kept.content["submit"]["text"] == "Send again"
    assert SENT not in str(kept.content)
    await sent(http_demo, to="ada@demo.example", containing=SENT)
    (mailed,) = http_demo.mail.mailbox
    assert mailed.text.count("word") == 1_000


async def test_without_a_profile_it_is_said_where_the_message_is_with_a_button_for_it(demo: Demo) -> None:
    message = await written(demo, "It is ready.")
    await demo.workspace.shortcut(ADA, NAME, message)
    told = await demo.workspace.wait_message(ADA, "You have no email profile yet")
    assert (told.reader, buttons(told)) == (ADA, ["Open my email profile"])
    assert demo.workspace.view(ADA) is None
    await demo.workspace.press(ADA, "Open my email profile", message=told)
    await demo.workspace.wait_view(ADA, "Email profile")


async def test_a_sign_in_that_is_refused_is_told_with_the_way_to_the_profile_and_what_was_written_is_given_back(
    http_demo: Demo,
) -> None:
    await set_up(http_demo, ADA, password="wrong")
    await begun(http_demo, await written(http_demo, "It is ready."))
    await http_demo.workspace.fill(ADA, "Subject", "Crate 7")
    told = await sent(http_demo, containing="Open my email profile")
    assert http_demo.mail.mailbox == []
    assert "is then posted in Slack, for you alone" in str(told.content)
    assert typed(http_demo, ADA, "Subject") == "Crate 7"
    await http_demo.workspace.press(ADA, "Open my email profile")
    await http_demo.workspace.wait_view(ADA, "Email profile")
    given_back = await http_demo.workspace.wait_message(ADA, "Here is the email that you have written")
    assert given_back.reader == ADA
    for part in ("To: grace@demo.example", "Subject: Crate 7", "It is ready."):
        assert part in searchable(given_back)
    # From then on it is said before anything is written, until a test passes or the profile is changed.
    await http_demo.workspace.cancel(ADA)
    await http_demo.workspace.shortcut(ADA, NAME, await written(http_demo, "It is ready."))
    refused = await http_demo.workspace.wait_message(ADA, "refused the sign-in of your email profile")
    await http_demo.workspace.press(ADA, "Open my email profile", message=refused)
    await http_demo.workspace.wait_view(ADA, "Email profile")
    await http_demo.workspace.fill(ADA, "Password", http_demo.mail.account("ada@demo.example").password)
    assert await http_demo.workspace.submit(ADA) == {}
    await begun(http_demo, await written(http_demo, "It is ready."))
    await sent(http_demo, containing=SENT)


async def test_a_slow_answer_is_told_in_the_modal_and_where_that_is_closed_in_the_channel(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.middleware.held_ack.HOLD_SECONDS", 0.05)
    monkeypatch.setattr("bot.slack.replies.sent_email.SETTLING_SECONDS", 0.0)
    go_on = asyncio.Event()

    async def handle(_policy: Any, _server: SMTP, _session: Session, _envelope: Envelope) -> str:
        await go_on.wait()
        return "250 2.0.0 Accepted"

    await set_up(http_demo, ADA)
    monkeypatch.setattr(_Policy, "handle_DATA", handle)
    for closes in (False, True):
        go_on.clear()
        await begun(http_demo, await written(http_demo, "It is ready."))
        sending = await sent(http_demo, containing="Sending …")
        assert "It is ready." in str(sending.content)
        with pytest.raises(PlatformError, match="no form to submit"):
            await http_demo.workspace.submit(ADA)
        if closes:
            await http_demo.workspace.cancel(ADA)
        go_on.set()
        await settled(http_demo)
        if closes:
            told = await http_demo.workspace.wait_message(ADA, "Your email “It is ready.” was sent.")
            assert (told.reader, told.channel) == (ADA, CHANNEL)
            http_demo.workspace.refusals.remove(("views.update", "not_found"))
        else:
            await http_demo.workspace.wait_view(ADA, NAME, containing=SENT)
            await http_demo.workspace.cancel(ADA)


async def test_an_email_that_was_not_sent_after_its_modal_was_closed_is_given_back(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.middleware.held_ack.HOLD_SECONDS", 0.0)
    monkeypatch.setattr("bot.slack.replies.sent_email.SETTLING_SECONDS", 0.0)
    await set_up(http_demo, ADA)
    on_data(monkeypatch, "554 5.7.1 Looks like spam")
    await begun(http_demo, await written(http_demo, "It is ready."))
    await sent(http_demo, containing="Sending …")
    await http_demo.workspace.cancel(ADA)
    told = await http_demo.workspace.wait_message(ADA, "your mail server refused the email")
    assert "Looks like spam" in searchable(told)
    assert "It is ready." in searchable(told)
    # A modal that was closed is found out by drawing it.
    http_demo.workspace.refusals.remove(("views.update", "not_found"))


async def test_a_stop_while_an_email_is_sent_is_told_as_not_known(
    http_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.middleware.held_ack.HOLD_SECONDS", 0.0)
    monkeypatch.setattr("bot.slack.replies.sent_email.SETTLING_SECONDS", 0.0)
    reached = asyncio.Event()

    async def handle(_policy: Any, _server: SMTP, _session: Session, _envelope: Envelope) -> str:
        reached.set()
        await asyncio.Event().wait()
        return ""

    await set_up(http_demo, ADA)
    monkeypatch.setattr(_Policy, "handle_DATA", handle)
    await begun(http_demo, await written(http_demo, "It is ready."))
    await sent(http_demo, containing="Sending …")
    await reached.wait()
    await http_demo.bot.jobs.drain(0.0)
    told = await http_demo.workspace.wait_view(ADA, NAME, containing="It is not known whether the email was sent.")
    assert "Please run it again" not in str(told.content)
    assert str(typed(http_demo, ADA, "Text")).endswith("It is ready.")


async def test_who_has_sent_as_many_as_they_may_is_told_when_to_go_on_and_keeps_what_they_wrote(
    http_demo: Demo,
) -> None:
    await set_up(http_demo, ADA)
    http_demo.bot.sending.rates = Rates(program=1)
    await begun(http_demo, await written(http_demo, "It is ready."))
    await sent(http_demo, containing=SENT)
    await http_demo.workspace.cancel(ADA)
    await begun(http_demo, await written(http_demo, "It is ready, too."))
    told = await sent(http_demo, containing="you have sent as many emails as you may for now. Try again in ")
    assert "program" not in str(told.content["blocks"])
    assert str(typed(http_demo, ADA, "Text")).endswith("It is ready, too.")
    assert len(http_demo.mail.mailbox) == 1


async def test_a_message_for_one_person_alone_has_no_such_menu(http_demo: Demo) -> None:
    card = await set_up(http_demo, ADA)
    assert card.reader == ADA
    with pytest.raises(PlatformError, match="no shortcut"):
        await http_demo.workspace.shortcut(ADA, NAME, card)


async def test_a_modal_that_slack_does_not_open_is_told_where_the_message_is(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    http_demo.workspace.faults["views.open"] = [Fault(kind="refused", error="expired_trigger_id")]
    await http_demo.workspace.shortcut(ADA, NAME, await written(http_demo, "It is ready."))
    await http_demo.workspace.wait_message(ADA, "Slack did not open this in time. Please try again.")


async def test_nobody_sends_with_somebody_elses_profile_whatever_the_modal_claims(http_demo: Demo) -> None:
    await set_up(http_demo, ADA)
    await set_up(http_demo, GRACE)
    modal = await begun(http_demo, await written(http_demo, "It is ready."), user=GRACE)
    metadata = json.loads(modal.content["private_metadata"])
    modal.content["private_metadata"] = json.dumps({**metadata, "owner": ADA})
    await sent(http_demo, to="ada@demo.example", containing=SENT, user=GRACE)
    assert [mailed.sender for mailed in http_demo.mail.mailbox] == ["grace@demo.example"]


async def test_nothing_of_the_email_is_logged_or_stored(
    http_demo: Demo, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="bot")
    await set_up(http_demo, ADA)
    words = ("correct horse", "battery staple", "grace@demo.example")
    await begun(http_demo, await written(http_demo, words[0]))
    await http_demo.workspace.fill(ADA, "Subject", words[1])
    await sent(http_demo, to=words[2], containing=SENT)
    await settled(http_demo)
    assert "message_action email_message for U0ADA" in caplog.text
    kept = {**await store.everything(), "log": caplog.text.encode()}
    assert [(place, word) for place, content in kept.items() for word in words if word.encode() in content] == []
