"""What people see: Slack takes every block, whatever the values are, and nothing in them comes alive."""

import itertools
import json
import re
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bot import demo
from bot.demo.stand_in.block_kit import message_problems, view_problems
from bot.profiles.account.drafts import FormBasis
from bot.profiles.account.extras import CATALOGUE
from bot.profiles.account.fixes import ProposedFix, fix_label
from bot.profiles.account.profile import LABELS, EmailProfile, Field
from bot.profiles.account.records import ProfileState
from bot.profiles.connection_tests.results import Dialogue, interpret_report
from bot.profiles.connection_tests.running_tests import RunningTest
from bot.profiles.people.defaults import Defaults, StoredDefaults
from bot.profiles.people.people_list import ListQuery
from bot.slack.ids import EMAIL_EXTRA
from bot.slack.views import card, extras, form, form_state, help, history, message, report  # noqa: A004 - the view's name
from bot.slack.views import defaults as defaults_views
from bot.slack.views import people_list as listing
from bot.slack.views.password_entry import PasswordEntry
from bot.slack.views.private_metadata import MAX_METADATA_LENGTH, OutdatedFormError, PrivateMetadata, length
from bot.smtp.account import Encryption
from bot.smtp.advice.advice import advise
from bot.smtp.advice.row import Fix
from bot.smtp.check.report import Fault, Outcome, Stage, StageName
from storage.tables.people_query import Cursor
from tests.named import case
from tests.unit.slack.every_view import messages, modals
from tests.unit.slack.view_samples import (
    ADA,
    CONFLICT,
    EXTREME,
    HOSTILE,
    LONG_HOST,
    LONGEST,
    NOW,
    PLAIN,
    PROFILES,
    REPLY,
    SECRET,
    a_form,
    a_report,
    a_view,
    assert_inert,
    texts,
    views_of_a_profile,
)

DRAWN_BY = Path(demo.__file__).parent / "page" / "mrkdwn.js"


@cache
def all_messages(name: str) -> list[message.Message]:
    """Make every message of a profile."""
    return list(messages(PROFILES[name]))


@cache
def message_payloads(name: str) -> list[dict[str, Any]]:
    """Draw every message of a profile."""
    return [shown.payload() for shown in all_messages(name)]


@cache
def modal_payloads(name: str) -> list[dict[str, Any]]:
    """Draw every modal and the Home tab of a profile."""
    return [shown.to_dict() for shown in modals(PROFILES[name])]


@pytest.mark.parametrize("name", PROFILES)
def test_slack_takes_every_message_and_each_has_a_sentence_in_words(name: str) -> None:
    for payload in message_payloads(name):
        assert message_problems(payload["blocks"]) == []
    for shown in all_messages(name):
        assert re.match(r"[A-Z`“]|I don't", shown.text)
        assert len(shown.text.split()) >= 3 or shown.text.startswith("Testing ")
        assert shown.text.endswith((".", "?", "…", "… (up to 15 s)")) or shown.text == "Connection test passed"


@pytest.mark.parametrize("name", PROFILES)
def test_every_message_fits_as_one(name: str) -> None:
    for shown in all_messages(name):
        assert not shown.is_too_long, shown.text


def test_a_long_transcript_is_no_message_and_is_whole_as_a_text() -> None:
    lines = [f"S: 250-{number} <a&b> `x`" + "x" * 180 for number in range(120)]
    shown = report.transcript(Dialogue(lines=tuple(lines), words_withheld=False))
    assert shown.is_too_long
    text = shown.plain_text()
    assert all(line.replace("`", "'") in text for line in lines)
    assert "```" not in text
    assert not report.transcript(Dialogue(lines=tuple(lines[:20]), words_withheld=False)).is_too_long


@pytest.mark.parametrize(("characters", "too_long"), [(12_000, False), (12_001, True)])
def test_a_message_has_twelve_thousand_characters_at_most(characters: int, too_long: bool) -> None:
    texts_of_it = ["x" * 3000] * (characters // 3000) + ["x"] * (characters % 3000)
    shown = message.Message(text="Long.", blocks=[message.section(text) for text in texts_of_it])
    assert shown.is_too_long is too_long


def test_the_way_back_is_in_no_representation_of_what_a_modal_remembers() -> None:
    metadata = PrivateMetadata(owner=ADA, revision=3, reply=REPLY)
    assert REPLY.url not in repr(metadata) + str(metadata)


@pytest.mark.parametrize("name", PROFILES)
def test_slack_takes_every_modal_and_the_home_tab(name: str) -> None:
    for payload in modal_payloads(name):
        assert view_problems(payload) == []


def test_every_symbol_in_a_view_is_drawn_by_the_demos_page() -> None:
    shown = json.dumps([*message_payloads("plain"), *modal_payloads("plain")])
    drawn = re.findall(r"(\w+): \[", DRAWN_BY.read_text(encoding="utf-8"))
    assert set(re.findall(r":([a-z_]{1,40}):", shown)) <= set(drawn)


@pytest.mark.parametrize("name", PROFILES)
def test_no_screen_has_more_than_one_primary_button(name: str) -> None:
    for blocks in [*(one["blocks"] for one in message_payloads(name)), *modal_payloads(name)]:
        assert json.dumps(blocks).count('"style": "primary"') <= 1


@pytest.mark.parametrize("name", ["plain", "longest", "hostile"])
def test_nothing_from_outside_comes_alive(name: str) -> None:
    for payload in [*message_payloads(name), *modal_payloads(name)]:
        for text in texts(payload):
            if text["type"] == "mrkdwn":
                assert text.get("verbatim") is True or text["text"].startswith("The six values, the password,")
                assert_inert(text["text"])


def test_nothing_from_outside_comes_alive_in_the_text_beside_the_blocks() -> None:
    for payload in message_payloads("hostile"):
        assert_inert(payload["text"])


def test_no_row_of_the_card_is_lost_to_values_that_grow_when_escaped() -> None:
    (_, facts, more, *_) = card.card(a_view(EXTREME), reader=ADA, entry=PasswordEntry.IN_FORM).payload()["blocks"]
    assert_inert(facts["text"]["text"])
    assert more["text"]["text"].endswith("`TLS Y`")


@pytest.mark.parametrize("name", PROFILES)
def test_a_password_is_shown_nowhere_even_if_a_view_held_one(name: str) -> None:
    shown = json.dumps([*message_payloads(name), *modal_payloads(name)])
    assert SECRET not in shown


@pytest.mark.parametrize("profile", [PLAIN, LONGEST], ids=["plain", "longest"])
def test_the_card_shows_every_field_under_its_label(profile: EmailProfile) -> None:
    shown = card.card(a_view(profile), reader=ADA, entry=PasswordEntry.IN_FORM).payload()["blocks"][1]["text"]["text"]
    rows = dict(re.findall(r"\*([^*\n]+)\*  (.+)", shown))
    assert rows[LABELS[Field.ADDRESS]] == f"`{profile.address}`"
    assert rows[LABELS[Field.LOGIN]] == f"`{profile.login}`"
    assert rows[LABELS[Field.PASSWORD]].startswith("set on <!date^")
    assert rows[LABELS[Field.HOST]] == f"`{profile.host}`"
    assert rows[LABELS[Field.PORT]] == f"`{profile.port}`"
    assert rows["Authentication"] == "required"
    assert rows["Encryption"] == "TLS (STARTTLS, required) · from TLS Y"
    assert all(f"`{name} {value}`" in rows["Extra configurations"] for name, value in profile.extras.items())


@pytest.mark.parametrize(
    ("state", "line", "text"),
    [
        (ProfileState.WORKS, ":large_green_circle: Works — tested <!date^", "it works"),
        (ProfileState.FAILS, ":red_circle: Fails at Sign-in — tested <!date^", "it fails at Sign-in"),
        (ProfileState.NOT_TESTED, ":white_circle: Not tested yet", "it is not tested yet"),
        (ProfileState.PASSWORD_MISSING, ":large_yellow_circle: Password missing", "its password is missing"),
        (ProfileState.UNREADABLE, ":red_circle: Cannot be read", "The stored profile cannot be read"),
        (ProfileState.NOT_SET_UP, "You have no email profile yet.", "You have no email profile yet."),
    ],
)
def test_the_card_says_how_a_profile_stands_with_symbol_and_word(state: ProfileState, line: str, text: str) -> None:
    shown = card.card(views_of_a_profile(PLAIN)[state], reader=ADA, entry=PasswordEntry.IN_FORM)
    assert line in shown.payload()["blocks"][0]["text"]["text"]
    assert text in shown.text


def test_a_mismatch_is_shown_with_a_button_that_fixes_it() -> None:
    blocks = card.card(a_view(replace(PLAIN, extras={})), reader=ADA, entry=PasswordEntry.IN_FORM).payload()["blocks"]
    assert "Port 587 goes with TLS" in blocks[-2]["text"]["text"]
    (fix,) = blocks[-1]["elements"]
    assert (fix["text"]["text"], fix["action_id"], fix["value"]) == ("Add TLS Y", "use_tls", ADA)


@pytest.mark.parametrize("profile", [PLAIN, LONGEST, HOSTILE], ids=["plain", "longest", "hostile"])
def test_every_fault_has_advice_that_is_shown_with_the_report(profile: EmailProfile) -> None:
    account = a_view(profile).account
    for fault, encryption in itertools.product(Fault, Encryption):
        with case(f"{fault} with {encryption}"):
            failed = a_report(profile, fault, outcome=Outcome.FAILED, detail="no", encryption=encryption)
            advice = advise(failed, account)
            assert advice is not None
            assert "{" not in advice.what + advice.why + advice.do
            assert (advice.why[-1], advice.do[-1], advice.what[-1] != ".") == (".", ".", True)
            assert advice.field is None or advice.field == "encryption" or advice.field in set(Field)
            result = interpret_report(failed, account, profile)
            shown = report.finished(account, result, owner=ADA)
            blocks = shown.payload()["blocks"]
            assert message_problems(blocks) == []
            assert shown.text == f"Connection test failed at Sign-in: {advice.what}."
            words = [text["text"] for text in texts(blocks)]
            assert words[0] == "Connection test failed at Sign-in"
            assert f"*Why:* {message.escape(advice.why)}\n*Do:* {message.escape(advice.do)}" in words
            for change in result.fixes:
                assert fix_label(change, port=failed.port) in words
            inside = [message.as_json(block) for block in report.form_report(result, owner=ADA)]
            modal = {"type": "modal", "title": {"type": "plain_text", "text": "Email profile"}, "blocks": inside}
            assert view_problems(modal) == []
            in_the_form = [text["text"] for text in texts(inside)]
            for change in result.fixes:
                assert fix_label(change, port=failed.port) in in_the_form
            for text in texts([*blocks, *inside]):
                if text["type"] == "mrkdwn":
                    assert_inert(text["text"])


@pytest.mark.parametrize(
    ("fault", "encryption", "port", "words"),
    [
        (Fault.PLAIN_TO_TLS_PORT, Encryption.TLS, 465, "Use SSL on 465 and test again"),
        (Fault.TLS_TO_PLAIN_PORT, Encryption.SSL, 587, "Use TLS on 587 and test again"),
        (Fault.PASSWORD_OVER_CLEAR_TEXT, Encryption.NONE, 465, "Use SSL on 465 and test again"),
        (Fault.ENCRYPTION_NEEDED, Encryption.NONE, 25, "Use TLS on 25 and test again"),
        (Fault.ENCRYPTION_NEEDED, Encryption.NONE, 10025, "Use TLS on 10025 and test again"),
        (Fault.SIGN_IN_REFUSED, Encryption.TLS, 587, "Use the email address as login and test again"),
        (Fault.BUSY, Encryption.TLS, 587, "Edit"),
    ],
)
def test_a_button_says_exactly_what_it_changes(fault: Fault, encryption: Encryption, port: int, words: str) -> None:
    failed = a_report(PLAIN, fault, outcome=Outcome.FAILED, encryption=encryption, port=port)
    extras = {} if encryption is Encryption.NONE else {encryption.value: "Y"}
    profile = replace(PLAIN, port=port, extras=extras)
    account = a_view(profile).account
    shown = report.finished(account, interpret_report(failed, account, profile), owner=ADA).payload()["blocks"]
    buttons = [button for block in shown if block["type"] == "actions" for button in block["elements"]]
    assert buttons[0]["text"]["text"] == words
    assert [button.get("style") for button in buttons].count("primary") <= 1


def test_a_stage_is_a_line_with_symbol_word_fact_and_time() -> None:
    stage = Stage(name=StageName.SIGN_IN, outcome=Outcome.FAILED, seconds=0.17, detail="a`b <x>")
    assert report.stage_line(stage) == ":x: *Sign-in* failed  `a'b &lt;x&gt;`  170 ms"
    skipped = Stage(name=StageName.SENDER, outcome=Outcome.SKIPPED)
    assert report.stage_line(skipped) == ":heavy_minus_sign: *Sender* skipped"
    assert (report.duration(0.0084), report.duration(0.41), report.duration(5.06)) == ("8 ms", "410 ms", "5.1 s")


def test_a_test_under_way_says_what_waits_for_how_long_it_runs_and_can_be_stopped() -> None:
    stages = [
        Stage(name=StageName.RESOLVE, outcome=Outcome.PASSED, seconds=0.008),
        Stage(name=StageName.CONNECT, outcome=Outcome.RUNNING),
        Stage(name=StageName.SENDER, outcome=Outcome.WAITING),
    ]
    under_way = replace(a_report(PLAIN), stages=tuple(stages))
    test = replace(RunningTest.of("a-test", a_view(PLAIN).account, under_way), seconds=4.4)
    blocks = report.testing(test).payload()["blocks"]
    assert blocks[0]["text"]["text"] == ":hourglass_flowing_sand: Testing `smtp.example.com:587` … 4 s"
    assert blocks[1]["text"]["text"].splitlines() == [
        ":white_check_mark: *Resolve* passed  8 ms",
        ":hourglass_flowing_sand: *Connect* running",
        ":white_small_square: *Sender* waiting",
    ]
    (stop,) = blocks[-1]["elements"]
    assert (stop["text"]["text"], stop["action_id"], stop["value"]) == ("Stop", "stop_test", "a-test")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "in 1 second"),
        (59.2, "in 60 seconds"),
        (900.0, "at <!date^1795522500^{time}|24 Nov 2026 12:15 UTC>"),
        (80_000.0, "<!date^1795601600^{date_short_pretty} at {time}|25 Nov 2026 10:13 UTC>"),
    ],
)
def test_the_end_of_a_limit_is_told_in_the_readers_time_zone(seconds: float, words: str) -> None:
    assert message.format_end(NOW + timedelta(seconds=seconds), seconds) == words


def test_a_passed_test_says_that_nothing_was_sent() -> None:
    shown = report.finished(
        a_view(PLAIN).account, interpret_report(a_report(PLAIN), a_view(PLAIN).account, PLAIN), owner=ADA
    )
    assert shown.text == "Connection test passed"
    assert "Nothing was sent." in [text["text"] for text in texts(shown.payload()["blocks"])]


def test_the_form_has_the_documented_words_and_never_a_password() -> None:
    opened = a_form(a_view(PLAIN), reader=ADA, entry=PasswordEntry.IN_FORM)
    shown = form.profile_form(opened).to_dict()
    words = [shown[name]["text"] for name in ("title", "submit", "close")]
    assert words == ["Email profile", "Save", "Cancel"]
    inputs = {block["block_id"]: block for block in shown["blocks"] if block["type"] == "input"}
    assert [block["label"]["text"] for block in inputs.values()] == list(LABELS.values())
    # In an email_text_input Slack would judge an address; the bot tells in its own words, with all else that is wrong.
    assert inputs[Field.ADDRESS]["element"]["type"] == "plain_text_input"
    assert "initial_value" not in inputs[Field.PASSWORD]["element"]
    kept = "Set on 24 Nov 2026 for smtp.example.com; leave empty to keep it."
    assert inputs[Field.PASSWORD]["hint"]["text"] == kept
    assert inputs[Field.AUTHENTICATE]["element"]["initial_options"]
    menu = inputs[Field.ENCRYPTION]["element"]
    assert [one["text"]["text"] for one in menu["options"]] == ["TLS (STARTTLS)", "SSL (from the first byte)", "None"]
    assert menu["initial_option"]["text"]["text"] == "TLS (STARTTLS)"
    assert PrivateMetadata.decode(shown["private_metadata"]) == opened.metadata


def inputs_of(shown: form_state.Form) -> dict[str, dict[str, Any]]:
    blocks: list[dict[str, Any]] = form.profile_form(shown).to_dict()["blocks"]
    return {block["block_id"]: block for block in blocks if block["type"] == "input"}


def test_what_is_truly_required_is_not_called_optional_and_what_may_be_empty_says_what_that_means() -> None:
    defaults = Defaults(login_pattern="DOMAIN\\{local}", host="smtp.example.com", port=587, encryption=Encryption.TLS)
    empty = a_view(EmailProfile(), has_password=False, revision=0)
    for known, login, host in (
        (Defaults(), "Empty: the email address.", "The server for outgoing mail, which has to be known to save."),
        (defaults, "(DOMAIN\\{local})", "Empty: the server of your workspace, smtp.example.com."),
    ):
        opened = form_state.new_form(
            FormBasis(view=empty, defaults=known),
            slack_address="ada@example.com",
            reader=ADA,
            entry=PasswordEntry.IN_FORM,
            reply=None,
        )
        inputs = inputs_of(opened)
        optional = {name for name in Field if inputs[name].get("optional")}
        assert optional == {Field.LOGIN, Field.PORT, Field.AUTHENTICATE} | ({Field.HOST} if known.host else set())
        assert login in inputs[Field.LOGIN]["hint"]["text"]
        assert host in inputs[Field.HOST]["hint"]["text"]
        assert "Empty: the one of these that fits." in inputs[Field.PORT]["hint"]["text"]
        port = inputs[Field.PORT]["element"]
        assert port["type"] == "number_input"
        assert (port["initial_value"], port["min_value"], port["max_value"]) == ("587", "1", "65535")
        assert port["is_decimal_allowed"] is False
        assert not any(
            "Empty:" in inputs[name]["hint"]["text"]
            for name in Field
            if name not in optional and "hint" in inputs[name]
        )
    # Of somebody else an admin need not know the password.
    others = a_form(empty, reader="U0GRACE", entry=PasswordEntry.IN_FORM)
    assert inputs_of(others)[Field.PASSWORD]["optional"] is True


@pytest.mark.parametrize(
    ("known", "hints"),
    [
        (
            Defaults(),
            {
                Field.LOGIN: "Often the email address.",
                Field.HOST: "The server for outgoing mail, which has to be known to save. Not sure? Ask your mail "
                "provider.",
            },
        ),
        (
            Defaults(login_pattern="DOMAIN\\{local}", host="smtp.example.com"),
            {
                Field.LOGIN: "Your workspace makes it of the address (DOMAIN\\{local}).",
                Field.HOST: "The server of your workspace is smtp.example.com.",
            },
        ),
    ],
)
def test_a_hint_says_nothing_of_an_empty_input_where_slack_takes_none(known: Defaults, hints: dict[Field, str]) -> None:
    basis = FormBasis(view=a_view(PLAIN), defaults=known)
    opened = form_state.new_form(basis, slack_address="", reader=ADA, entry=PasswordEntry.IN_FORM, reply=None)
    inputs = inputs_of(opened.redrawn())
    port = "587 goes with TLS, 465 with SSL, 25 with none, where nobody signs in."
    for name, hint in {**hints, Field.PORT: port}.items():
        assert inputs[name]["hint"]["text"] == hint
        assert not inputs[name].get("optional")


def test_the_defaults_hint_at_an_empty_server_only_where_slack_takes_one() -> None:
    stored = StoredDefaults(defaults=Defaults(host="smtp.example.com"), previous=Defaults(), revision=3)
    filled = defaults_views.filled(stored)
    for drawn, hint in (
        (0, "New forms begin with it. Empty: people type it themselves."),
        (1, "New forms begin with it."),
    ):
        metadata = PrivateMetadata(owner=ADA, revision=3, drawn=drawn)
        shown = defaults_views.defaults_form(filled, metadata=metadata).to_dict()
        (server,) = [block for block in shown["blocks"] if block.get("block_id") == "host"]
        assert (server["hint"]["text"], bool(server.get("optional"))) == (hint, not drawn)


def test_a_form_of_defaults_with_the_checkbox_of_the_version_before_is_outdated() -> None:
    metadata = PrivateMetadata(owner=ADA, revision=0).encode()
    unchecked = {"type": "checkboxes", "action_id": "value", "options": [{"value": "on"}]}
    block = {"type": "input", "block_id": "authenticate", "element": unchecked}
    state = {"values": {"authenticate": {"value": {"type": "checkboxes", "selected_options": []}}}}
    with pytest.raises(OutdatedFormError):
        defaults_views.read_form({"private_metadata": metadata, "blocks": [block], "state": state})


@pytest.mark.parametrize(
    ("defaults", "port", "encryption"),
    [
        (Defaults(), "587", Encryption.TLS),
        (Defaults(login_pattern="{local}"), "587", Encryption.TLS),
        (Defaults(host="a.example", port=465, encryption=Encryption.SSL), "465", Encryption.SSL),
        (Defaults(host="a.example", encryption=Encryption.SSL), "465", Encryption.SSL),
        (Defaults(host="a.example", port=25), "25", Encryption.NONE),
        (Defaults(host="a.example", port=2525, encryption=Encryption.TLS), "2525", Encryption.TLS),
    ],
)
def test_a_new_form_begins_with_tls_and_587_or_with_the_defaults(
    defaults: Defaults, port: str, encryption: Encryption
) -> None:
    basis = FormBasis(view=a_view(EmailProfile(), has_password=False, revision=0), defaults=defaults)
    opened = form_state.new_form(
        basis, slack_address="ada@example.com", reader=ADA, entry=PasswordEntry.IN_FORM, reply=None
    )
    assert (opened.content.address, opened.content.login) == ("ada@example.com", "")
    assert (opened.content.port, opened.content.encryption) == (port, encryption)
    stored = replace(basis, view=a_view(EmailProfile(extras={"SSL": "Y"}), has_password=False, revision=1))
    begun = form_state.new_form(stored, slack_address="", reader=ADA, entry=PasswordEntry.IN_FORM, reply=None)
    assert begun.content.encryption is Encryption.SSL


@pytest.mark.parametrize(
    "text", ["", "no", "[]", "{}", '{"owner": "", "revision": 1}', '{"owner": "U1", "revision": true}']
)
def test_a_modal_of_another_version_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(OutdatedFormError, match="Close it and open it again"):
        PrivateMetadata.decode(text)


METADATA = PrivateMetadata(owner=ADA, revision=1).encode()


def test_a_form_is_read_as_typed_and_junk_is_empty() -> None:
    values: dict[str, Any] = {name: {"value": {"value": f" {name} "}} for name in Field}
    values[Field.AUTHENTICATE] = {"value": {"selected_options": [{"value": "sign_in"}]}}
    values[Field.ENCRYPTION] = {"value": {"selected_option": {"value": "SSL"}}}
    read = form_state.read_form({"private_metadata": METADATA, "state": {"values": values}})
    assert (read.address, read.password.get_secret_value(), read.authenticate) == (" address ", " password ", True)
    assert read.encryption is Encryption.SSL
    junk: list[Any] = [None, [], {"address": 1}, {"address": {"value": []}}, {"address": {"value": {"value": 7}}}]
    for values in junk:
        for state in ({"values": values}, values):
            read = form_state.read_form({"private_metadata": METADATA, "state": state, "blocks": junk})
            assert (read.address, read.authenticate, read.encryption) == ("", False, None)


def with_nulls(view: dict[str, Any]) -> dict[str, Any]:
    """What Slack may send of a view in which nobody touched anything."""
    nothing: dict[str, Any] = {"type": "", "value": None, "selected_option": None, "selected_options": []}
    values = {
        block["block_id"]: {block["element"]["action_id"]: nothing}
        for block in view["blocks"]
        if block["type"] == "input"
    }
    return {**view, "state": {"values": values}}


def test_nothing_means_emptied_in_a_form_as_opened_and_the_shown_value_in_one_drawn_anew() -> None:
    opened = a_form(a_view(PLAIN), reader=ADA, entry=PasswordEntry.IN_FORM)
    emptied = form_state.read_form(with_nulls(form.profile_form(opened).to_dict()))
    assert (emptied.address, emptied.login, emptied.host, emptied.port) == ("", "", "", "")
    assert (emptied.authenticate, emptied.encryption) == (False, Encryption.TLS)
    redrawn = form.profile_form(opened.redrawn()).to_dict()
    read = form_state.read_form(with_nulls(redrawn))
    assert (read.address, read.login, read.host, read.port) == (PLAIN.address, "ada", PLAIN.host, "587")
    assert (read.authenticate, read.encryption) == (True, Encryption.TLS)
    # What shows something has to be filled there, so that nobody empties it and is not understood.
    optional = {block["block_id"] for block in redrawn["blocks"] if block.get("optional")}
    assert optional == {Field.PASSWORD, Field.AUTHENTICATE}


def test_a_value_that_changes_gets_an_input_of_its_own_and_what_is_kept_stays_in_its_own() -> None:
    opened = a_form(a_view(PLAIN), reader=ADA, entry=PasswordEntry.IN_FORM)
    fixed = opened.with_profile(replace(PLAIN, port=465, extras={"SSL": "Y"})).redrawn()
    ids = {block.get("block_id") for block in form.profile_form(fixed).to_dict()["blocks"]}
    assert {"address", "login", "password", "host", "port:1", "encryption:1", "authenticate"} <= ids
    other = fixed.with_profile(replace(PLAIN, port=465, host="mail.example.com", extras={"SSL": "Y"})).redrawn()
    view = form.profile_form(other).to_dict()
    # A password that was typed for one server is not offered to another.
    assert {"host:2", "password:2", "port:1"} <= {block.get("block_id") for block in view["blocks"]}
    assert (form_state.read_form(with_nulls(view)).host, form_state.read_form(with_nulls(view)).port) == (
        "mail.example.com",
        "465",
    )


def test_what_a_modal_remembers_fits_whatever_was_typed() -> None:
    worst = '"' * 320
    for text in (worst, "\U0001f511" * 320, "\\" * 320, "é" * 320):
        for profile in (EmailProfile(), PLAIN):
            opened = a_form(a_view(profile), reader=ADA, entry=PasswordEntry.EITHER)
            longest = replace(
                LONGEST,
                address=f"{text[:60]}@{LONG_HOST[:180]}",
                login=text,
                host=text[:253],
                extras={**LONGEST.extras, "FROM_NAME": text[:70], "PIN": "a" * 64, "AUTH": "CRAM-MD5"},
            )
            for metadata in (opened.with_profile(longest).redrawn().metadata, opened.with_profile(longest).stacked):
                full = replace(metadata, owner="U" * 20, reply=REPLY)
                assert length(full.encode()) <= MAX_METADATA_LENGTH
                assert PrivateMetadata.decode(full.encode()).extras == metadata.extras
            if text == "é" * 320:
                # The longest values that are possible leave room for all there is.
                assert PrivateMetadata.decode(full.encode()) == full


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: str(entry.name))
def test_the_menu_of_configurations_shows_each_meaning_in_full(entry: Any) -> None:
    shown = extras.add_modal(entry, metadata=PrivateMetadata(owner=ADA, revision=1), value="Y").to_dict()
    choice, value = shown["blocks"]
    options = {option["value"]: option["text"]["text"] for option in choice["element"]["options"]}
    assert options == {other.name: f"{other.name} – {other.meaning}" for other in CATALOGUE}
    assert choice["element"]["initial_option"]["value"] == entry.name
    assert entry.example in value["hint"]["text"]
    assert [option["value"] for option in value["element"].get("options", [])] == list(entry.choices)


def test_the_modals_choice_is_read_and_junk_is_empty() -> None:
    def read(values: Any) -> tuple[str, str]:
        return extras.read_extra({"state": {"values": values}})

    menu = {"configuration": {"choose_extra": {"selected_option": {"value": "AUTH"}}}}
    assert read({**menu, "value_AUTH": {"value": {"selected_option": {"value": "LOGIN"}}}}) == ("AUTH", "LOGIN")
    assert read({**menu, "value_TLS": {"value": {"value": "Y"}}}) == ("AUTH", "")
    junk: list[Any] = [None, [], {"configuration": []}, {"configuration": {"choose_extra": {"selected_option": 1}}}]
    assert all(read(values) == ("", "") for values in junk)
    shown = extras.add_modal(CATALOGUE[2], metadata=PrivateMetadata(owner=ADA, revision=1), value="LOGIN").to_dict()
    assert extras.read_extra(with_nulls(shown)) == ("AUTH", "LOGIN")


def test_a_conflict_offers_both_ways_out() -> None:
    row = message.as_json(extras.conflict_blocks(CONFLICT)[1])["elements"]
    assert [button["text"]["text"] for button in row] == ["Use SSL instead", "Keep TLS"]


def test_the_help_lists_every_configuration_and_what_was_not_understood_first() -> None:
    blocks = help.help_message(EMAIL_EXTRA, sentence="Not that.").payload()["blocks"]
    assert blocks[0]["text"]["text"] == "Not that."
    assert all(f"`{entry.example}`" in blocks[2]["text"]["text"] for entry in CATALOGUE)


def test_a_value_in_backticks_cannot_leave_them() -> None:
    assert message.code("a`b <!here> &") == "`a'b &lt;!here&gt; &amp;`"
    assert message.code(" ") == message.code("") == "—"
    assert message.truncate("x" * 10, 5) == "xxxx…"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '["",null,0,1,[0,9223372036854775808,"U"],null]',
        '["",null,0,1,null,[-1,1,"U"]]',
        '["",null,0,1e400,null,null]',
        '["",null,0,-1,null,null]',
        '["",null,0,1,[0,1],null]',
        '["",1e400,0,1,null,null]',
        '["",null,0,1,null,null,99,"","",0]',
        '["",null,0,1,null,null,null,"","",-1]',
    ],
)
def test_a_query_that_this_program_did_not_write_is_refused(text: str) -> None:
    with pytest.raises(OutdatedFormError):
        listing.decode_query(text)


def test_a_query_is_read_as_it_was_written() -> None:
    cursor = Cursor(state=6, position=2**62, user="U" * 30)
    for query in (
        ListQuery(),
        ListQuery(search="a|[b]", state=ProfileState.FAILS, by_name=True, after=cursor, first=16),
        ListQuery(search='"' * 50, state=ProfileState.FAILS, stage=StageName.MESSAGE, cause="f" * 16, before=cursor),
        ListQuery(search='"' * 50, run_id="0" * 36, group=99_999, before=cursor, first=99_999),
    ):
        assert listing.decode_query(listing.encode_query(query)) == query
        assert listing.decode_query(f"row3|{listing.encode_query(query)}") == query
        assert len(f"choices|{listing.encode_query(query)}") <= 255
    assert listing.decode_query('["ada",0,1,16,[0,7,"U1"],null]').first == 16, "of the version before"


@pytest.mark.parametrize("text", ["²", "٣", "-1", "", "x", "1" * 40])
def test_only_plain_numbers_are_read_from_buttons(text: str) -> None:
    assert listing.decode_state(text) in ((None, None), (ProfileState.NOT_SET_UP, None))
    assert listing.decode_state(f"0.{text}") == (ProfileState.FAILS, None)
    assert history.decode_older(f"U0ADA:{text}") == ("U0ADA", None)


def test_a_fix_is_read_as_it_was_written() -> None:
    fix = ProposedFix(kind=Fix.USE_OPEN_PORT, target="465 SSL")
    assert report.decode_fix(report.encode_fix(fix, ADA)) == (ADA, fix)
    assert report.decode_undo('{"owner": "U0ADA", "revision": 3}') == (ADA, 3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '{"owner": "", "fix": "use_tls", "to": ""}',
        '{"owner": "U0ADA", "fix": "format_disk", "to": ""}',
        '{"owner": "U0ADA", "fix": ["use_tls"], "to": ""}',
        '{"owner": "U0ADA", "revision": "3"}',
        '{"owner": "", "revision": 3}',
    ],
)
def test_a_fix_that_this_program_did_not_write_is_refused(text: str) -> None:
    for decode in (report.decode_fix, report.decode_undo):
        with pytest.raises(OutdatedFormError):
            decode(text)
