"""The rules of the form: what each field takes, in which sentence it refuses, and where a password may go."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.profiles.account.profile import (
    LABELS,
    MAX_PASSWORD_LENGTH,
    EmailProfile,
    Field,
    ProfileForm,
    check_address,
    check_others_form,
    check_own_form,
    is_printable,
    notes_on,
)
from bot.profiles.errors import InvalidFormError
from bot.smtp.account import MAX_LOGIN_LENGTH
from bot.smtp.network.guard import HostError, normal_host
from tests.counts import scaled

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BEFORE = NOW - timedelta(days=30)
SECRET = "canary-7Hq2"
HOST = "smtp.example.com"

STORED = EmailProfile(
    address="ada@example.com",
    login="ada",
    password=SecretStr(SECRET),
    password_host=HOST,
    password_set_at=BEFORE,
    host=HOST,
    port=587,
    authenticate=True,
    extras={"TLS": "Y"},
)


def form(**changed: Any) -> ProfileForm:
    values: dict[str, Any] = {
        "address": "ada@example.com",
        "login": "ada",
        "password": "",
        "host": HOST,
        "port": "587",
        "authenticate": True,
        **changed,
    }
    return ProfileForm(**{**values, "password": SecretStr(values["password"])})


def refused(given_form: ProfileForm, stored: EmailProfile = STORED) -> dict[str, str]:
    with pytest.raises(InvalidFormError) as caught:
        check_own_form(given_form, stored, now=NOW)
    assert str(caught.value) == " ".join(caught.value.errors.values())
    return caught.value.errors


def plain(profile: EmailProfile) -> str | None:
    return profile.password.get_secret_value() if profile.password else None


def test_a_good_form_is_taken_with_blanks_trimmed_and_the_host_normalised() -> None:
    typed = form(address="  ada@Example.COM ", login=" ada ", password="x", host=" SMTP.Example.com. ", port=" 0587 ")
    checked = check_own_form(typed, EmailProfile(), now=NOW)
    assert (checked.address, checked.login) == ("ada@example.com", "ada")
    assert (checked.host, checked.port) == (HOST, 587)
    assert checked.is_complete


def test_a_login_that_the_address_gives_is_no_fault_of_its_own_beside_a_bad_address() -> None:
    assert set(refused(form(address="ada", login=""))) == {Field.ADDRESS}


def test_what_the_form_does_not_show_stays() -> None:
    assert check_own_form(form(), STORED, now=NOW) == STORED


def test_every_field_has_a_label_as_documented() -> None:
    assert list(LABELS.values()) == [
        "Email Address",
        "User/Login",
        "Password",
        "SMTP Server Address",
        "Port",
        "Encryption",
        "Authentication Required",
    ]
    assert set(LABELS) == set(Field)


BAD = [
    (Field.ADDRESS, "", "The email address is missing. Write it like ada@example.com."),
    (Field.ADDRESS, "  ", "The email address is missing. Write it like ada@example.com."),
    (Field.ADDRESS, "ada", "“ada” is not an email address: there is no @ in it. Write it like ada@example.com."),
    (Field.ADDRESS, "Ada <ada@example.com>", "is not an email address alone. Write only ada@example.com."),
    (Field.ADDRESS, "mailto:ada@example.com", "Write only ada@example.com."),
    (Field.ADDRESS, "ada@[192.0.2.1]", ": behind the @ stands an IP address, and a domain is wanted."),
    (Field.ADDRESS, "ada@a.example, eve@a.example", ": there is more than one @ in it."),
    (Field.ADDRESS, "ada lovelace@a.example", ": there is a blank in it."),
    (Field.ADDRESS, "=?utf-8?q?x=0D=0AReply-To=3A_eve?=@a.example", ": =? stands in it."),
    (Field.LOGIN, "", "The login is missing."),
    (Field.LOGIN, "a\nb", "A login is one line without control characters, for example ada@example.com."),
    (Field.LOGIN, "a\x00b", "A login is one line without control characters, for example ada@example.com."),
    (Field.LOGIN, "a\ud800b", "A login is one line without control characters, for example ada@example.com."),
    pytest.param(
        Field.LOGIN, "x" * 321, "A login has at most 320 characters, for example ada@example.com.", id="long login"
    ),
    (Field.HOST, "", "The server address is missing. Write a host name or an IP address, for example smtp."),
    (Field.HOST, "smtp example", "“smtp example”: In a host name there cannot be a blank. Write a host name or an IP"),
    (Field.HOST, "https://", "“https://”: Leave out https://."),
    (Field.HOST, "smtp://ada:pw@smtp.example.com", "Leave out what stands before the @. Write a host name or an IP"),
    (Field.HOST, "ada@example.com", "“ada@example.com”: This looks like an email address."),
    (Field.PORT, "70000", "70000 is not a port."),
    (Field.HOST, "2130706433", "This is neither a host name nor an IP address in its usual form."),
    (Field.HOST, "a." * 127 + "a", "A host name has at most 253 characters."),
    (Field.PORT, "", "The port is missing. Use a number from 1 to 65535, for example 587."),
    (Field.PORT, "465x", "465x is not a port. Use a number from 1 to 65535, for example 587."),
    (Field.PORT, "0", "0 is not a port."),
    (Field.PORT, "65536", "65536 is not a port."),
    (Field.PORT, "-1", "-1 is not a port."),
    (Field.PORT, "+25", "+25 is not a port."),
    (Field.PORT, "5 87", "5 87 is not a port."),
    (Field.PORT, "²", "² is not a port."),
    (Field.PORT, "٥٨٧", "٥٨٧ is not a port."),
    pytest.param(Field.PORT, "9" * 5000, "is not a port.", id="long"),
    (Field.PASSWORD, "a\nb", "A password is one line without control characters. Type it again."),
]


@pytest.mark.parametrize(("name", "typed", "sentence"), BAD)
def test_a_bad_value_is_refused_at_its_field_with_what_is_allowed(name: Field, typed: str, sentence: str) -> None:
    errors = refused(form(**{name: typed}))
    assert set(errors) == {name}
    assert sentence in errors[name]
    assert len(errors[name]) < 300
    assert is_printable(errors[name])


def test_all_bad_fields_are_named_at_once() -> None:
    errors = refused(form(address="", login="\x00", password="\x00", host="", port=""))
    assert set(errors) == {Field.ADDRESS, Field.LOGIN, Field.PASSWORD, Field.HOST, Field.PORT}


@pytest.mark.parametrize("port", ["1", "25", "465", "587", "2525", "65535"])
def test_ports_from_1_to_65535_are_taken(port: str) -> None:
    assert check_own_form(form(port=port), STORED, now=NOW).port == int(port)


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.Example.", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("mailserver", "mailserver"),
    ],
)
def test_a_host_is_kept_in_one_normal_form(typed: str, normal: str) -> None:
    checked = check_own_form(form(host=typed, password="x"), STORED, now=NOW)
    assert (checked.host, checked.password_host) == (normal, normal)


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com",
        "a+b@example.com",
        "o'hara@example.com",
        "ada@mail.internal",
        "ada@bücher.example",
        "ü@a.example",
        "ada@corp_lan.example",
        "ada@localhost",
        # Against RFC 5321, and given out by Japanese providers for years.
        "try..this..0511@docomo.ne.jp",
        "hanako.0511.@docomo.ne.jp",
    ],
)
def test_an_address_of_good_syntax_is_taken_without_asking_the_dns(address: str) -> None:
    assert check_address(address) == address


def test_the_domain_of_an_address_is_put_into_its_normal_form() -> None:
    assert check_address("Ada@EXAMPLE.com") == "Ada@example.com"
    assert check_address("ada@xn--bcher-kva.example") == "ada@bücher.example"


@pytest.mark.parametrize(
    "address",
    [
        "ada",
        "@example.com",
        "ada@",
        "ada@@example.com",
        "ada@example..com",
        "a b@example.com",
        "Ada <ada@example.com>",
        "ada@example.com,eve@example.com",
        "ada@example.com\r\nRCPT TO:<eve@example.com>",
        "ada@example.com>",
        "a\x00@example.com",
        "a\u202e@example.com",
        "\ud800@example.com",
        "a@" + "b." * 130 + "example",
    ],
)
def test_what_is_no_address_is_refused_and_shown_bounded_and_printable(address: str) -> None:
    with pytest.raises(ValueError, match="is not an email address") as caught:
        check_address(address)
    assert is_printable(str(caught.value))
    assert len(str(caught.value)) < 160


@pytest.mark.parametrize("address", ["ada@corp.local", "ada@mail.test"])
def test_an_address_in_house_is_an_address(address: str) -> None:
    assert check_address(address) == address


def test_a_refusal_does_not_repeat_bidirectional_controls() -> None:
    assert "\u202e" not in refused(form(address="a\u202e@example.com"))[Field.ADDRESS]


@pytest.mark.parametrize("host", ["\x1b[31msmtp:587", "\ud800:587", "\x1b://smtp.example.com"])
def test_a_refused_host_is_repeated_without_control_characters(host: str) -> None:
    assert is_printable(refused(form(host=host))[Field.HOST])


@pytest.mark.parametrize(
    "typed", [" x ", "   ", "\u3000x", "a b  c", "x" * MAX_PASSWORD_LENGTH, "pä$$wörd", "\U0001f511"]
)
def test_a_typed_password_is_kept_exactly_as_typed(typed: str) -> None:
    checked = check_own_form(form(password=typed), EmailProfile(), now=NOW)
    assert plain(checked) == typed
    assert (checked.password_host, checked.password_set_at) == (HOST, NOW)


@pytest.mark.parametrize("check", [check_own_form, check_others_form])
@pytest.mark.parametrize(
    "typed", ["a\tb", "a\n", "\r", "\x00", "a\x7f", "a\x85", "\ud83d", "x" * (MAX_PASSWORD_LENGTH + 1)]
)
def test_a_bad_password_is_refused_without_being_repeated(check: Any, typed: str) -> None:
    with pytest.raises(InvalidFormError) as caught:
        check(form(password=typed), STORED, now=NOW)
    assert set(caught.value.errors) == {Field.PASSWORD}
    assert caught.value.errors[Field.PASSWORD].startswith("A password ")
    assert typed not in str(caught.value)


def test_a_password_that_is_too_long_is_told_the_limit() -> None:
    errors = refused(form(password="x" * 1001))
    assert errors[Field.PASSWORD] == "A password has at most 1000 characters. Type it again."


def test_a_bad_password_is_the_only_complaint_about_it_when_none_is_stored() -> None:
    assert set(refused(form(password="\x00"), EmailProfile())) == {Field.PASSWORD}


def test_without_a_stored_password_one_must_be_typed_or_sign_in_turned_off() -> None:
    errors = refused(form(), EmailProfile())
    assert errors == {
        Field.PASSWORD: "The password is missing. Type the password of this mail account, or turn "
        "Authentication Required off."
    }
    assert check_own_form(form(authenticate=False), EmailProfile(), now=NOW).password is None


def test_without_sign_in_no_login_is_needed() -> None:
    assert check_own_form(form(login="", authenticate=False), STORED, now=NOW).login == ""


def test_an_empty_password_keeps_the_stored_one_for_the_same_server() -> None:
    checked = check_own_form(form(host=" SMTP.EXAMPLE.COM. ", port="465"), STORED, now=NOW)
    assert plain(checked) == SECRET
    assert (checked.password_host, checked.password_set_at) == (HOST, BEFORE)


def test_ones_own_form_asks_for_the_password_again_for_another_server() -> None:
    errors = refused(form(host="smtp.evil.example"))
    assert errors == {
        Field.PASSWORD: "The stored password was typed for smtp.example.com and goes nowhere else. "
        "Type the password for smtp.evil.example."
    }


def test_a_bad_host_is_complained_about_at_the_host_alone() -> None:
    assert set(refused(form(host="not a host"))) == {Field.HOST}


def test_another_server_without_sign_in_forgets_the_stored_password() -> None:
    checked = check_own_form(form(host="smtp.other.example", authenticate=False), STORED, now=NOW)
    assert checked.password is None
    assert (checked.password_host, checked.password_set_at) == ("", None)


def test_turning_sign_in_off_for_the_same_server_keeps_the_password() -> None:
    assert plain(check_own_form(form(authenticate=False), STORED, now=NOW)) == SECRET


def test_a_typed_password_replaces_the_stored_one_and_goes_with_the_typed_server() -> None:
    checked = check_own_form(form(host="smtp.other.example", password="new"), STORED, now=NOW)
    assert (plain(checked), checked.password_host, checked.password_set_at) == ("new", "smtp.other.example", NOW)


def test_an_admins_form_drops_a_password_that_was_typed_for_another_server() -> None:
    checked = check_others_form(form(host="smtp.evil.example"), STORED, now=NOW)
    assert checked.host == "smtp.evil.example"
    assert (checked.password, checked.password_host, checked.password_set_at) == (None, "", None)


def test_an_admins_form_keeps_the_password_for_the_same_server_and_needs_none() -> None:
    assert plain(check_others_form(form(port="25"), STORED, now=NOW)) == SECRET
    assert check_others_form(form(), EmailProfile(), now=NOW).password is None


def test_an_admins_form_keeps_to_the_rules_of_the_other_fields() -> None:
    with pytest.raises(InvalidFormError) as caught:
        check_others_form(form(address="", login="\x00", host="", port=""), STORED, now=NOW)
    assert set(caught.value.errors) == {Field.ADDRESS, Field.LOGIN, Field.HOST, Field.PORT}


def test_a_password_once_dropped_does_not_come_back_with_the_old_server() -> None:
    moved = check_others_form(form(host="smtp.other.example"), STORED, now=NOW)
    back = check_others_form(form(), moved, now=NOW)
    assert back.password is None


anything = st.text(st.characters(), max_size=80)
other_servers = st.sampled_from(["smtp.other.example", f"{HOST}.example", f"x{HOST}", HOST[1:], "192.0.2.1", "::1"])


@given(other_servers | anything, st.just("587") | anything)
@settings(max_examples=scaled(quick=100, full=20_000), deadline=None)
def test_a_stored_password_never_goes_to_a_server_it_was_not_typed_for(host: str, port: str) -> None:
    for check in (check_own_form, check_others_form):
        try:
            checked = check(form(host=host, port=port), STORED, now=NOW)
        except InvalidFormError as error:
            assert SECRET not in str(error)
            assert all(error.errors.values())
        else:
            assert checked.password is None or checked.host == checked.password_host == HOST


lines = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
profiles = st.builds(
    EmailProfile,
    address=lines,
    login=lines,
    password=st.one_of(st.none(), lines.filter(bool).map(SecretStr)),
    password_host=lines,
    password_set_at=st.one_of(st.none(), st.datetimes(timezones=st.just(UTC))),
    host=lines,
    port=st.one_of(st.none(), st.integers(1, 65535)),
    authenticate=st.booleans(),
    extras=st.dictionaries(st.sampled_from(["TLS", "SSL", "AUTH", "FROM_NAME"]), lines),
)


@given(profiles)
@settings(max_examples=scaled(quick=100, full=10_000), deadline=None)
def test_a_document_reads_back_as_it_was_written(profile: EmailProfile) -> None:
    assert EmailProfile.from_document(profile.to_document()) == profile


def test_a_profile_and_a_form_written_out_do_not_show_the_password() -> None:
    assert SECRET not in repr(STORED) + str(STORED) + repr(form(password=SECRET))


@pytest.mark.parametrize("missing", [{"address": ""}, {"host": ""}, {"port": None}])
def test_a_profile_without_address_server_or_port_is_not_complete(missing: dict[str, Any]) -> None:
    assert STORED.is_complete
    assert not replace(STORED, **missing).is_complete


def test_the_longest_login_is_taken() -> None:
    assert len(check_own_form(form(login="x" * MAX_LOGIN_LENGTH), STORED, now=NOW).login) == 320


PASTED = [
    (Field.HOST, "smtp.example.com\u200b", HOST),
    (Field.HOST, "\ufeffsmtp.exam\u00adple.com", HOST),
    (Field.HOST, "\u202asmtp.example.com\u202c", HOST),
    (Field.HOST, "\u00a0smtp.example.com\u3000", HOST),
    (Field.HOST, "ｓｍｔｐ．example。com", HOST),
    (Field.ADDRESS, "ada\u200b@example.com\u2060", "ada@example.com"),
    (Field.ADDRESS, "\u200eada＠example.com", "ada@example.com"),
    (Field.LOGIN, "\u200bada\ufeff", "ada"),
    (Field.LOGIN, "a\u200bda", "ada"),
    (Field.LOGIN, "جا\u200cدا", "جا\u200cدا"),
    (Field.PORT, "５８７", 587),
    (Field.PORT, "587\u200b", 587),
]


@pytest.mark.parametrize(("name", "typed", "kept"), PASTED, ids=ascii)
def test_what_nobody_sees_is_taken_out_where_it_is_safe(name: Field, typed: str, kept: object) -> None:
    given_form = form(**{name: typed})
    assert getattr(check_own_form(given_form, STORED, now=NOW), name) == kept
    told = any(LABELS[name] in note for note in notes_on(given_form))
    assert told is (str(kept) != typed.strip())


@pytest.mark.parametrize(
    ("password", "notes"),
    [
        ("Tr0ub4dor", ()),
        ("correct horse battery", ()),
        ("pässwörd €", ()),
        ("Tr0ub4dor ", ("ends with a blank",)),
        ("\tTr0ub4dor"[1:], ()),
        ("\u00a0Tr0ub4dor\u3000", ("begins with a blank", "ends with a blank")),
        ("abcd efgh ijkl mnop", ("has blanks between its groups",)),
        ("correct\u00a0horse", ("has a blank in it that is not the usual one (U+00A0)",)),
        ("Tr0ub\u200b4dor\ufeff", ("has an invisible character in it (U+200B, U+FEFF)",)),
        ("Ｔr0ub4dor", ("has full-width letters, digits or signs in it",)),
        ("Tr0ub4d\u043er", ("has letters of another alphabet in it that look like Latin ones",)),
        ("pa\u0308ss", ("has letters in it that are two characters each",)),
    ],
    ids=ascii,
)
def test_what_nobody_sees_in_a_password_is_said_and_kept(password: str, notes: tuple[str, ...]) -> None:
    given_form = form(password=password)
    assert notes_on(given_form) == tuple(f"The password {note}. It is kept as it was typed." for note in notes)
    assert plain(check_own_form(given_form, STORED, now=NOW)) == password


WHOLE_ADDRESSES = [
    ("https://smtp.example.com:587/x?y#z", "", 587),
    ("https://smtp.example.com:587/x", "587", 587),
    ("HTTPS://SMTP.Example.com/", "587", 587),
    ("smtp://smtp.example.com", "25", 25),
    ("ssl://smtp.example.com:465", "", 465),
    ("//smtp.example.com", "587", 587),
    ("smtp.example.com:587", "", 587),
    ("smtp.example.com : 587", "0587", 587),
    ("smtp.example.com 587", "", 587),
    ("smtp.example.com/mail", "587", 587),
    ("“smtp.example.com:587”", "'587'", 587),
    ("smtp.example.com\u200b:587", "\u00a0", 587),
]


@pytest.mark.parametrize(("host", "port", "kept"), WHOLE_ADDRESSES, ids=ascii)
def test_of_a_url_typed_as_server_host_and_port_are_kept_in_one_round_and_that_is_said(
    host: str, port: str, kept: int
) -> None:
    given_form = form(host=host, port=port, password="x")
    checked = check_own_form(given_form, EmailProfile(), now=NOW)
    assert (checked.host, checked.port, checked.password_host) == (HOST, kept, HOST)
    assert any("of the smtp server address smtp.example.com" in note.lower() for note in notes_on(given_form))


@pytest.mark.parametrize("host", ["https://smtp.example.com:465/x", "smtp.example.com:465"])
def test_two_ports_that_differ_are_one_error(host: str) -> None:
    assert refused(form(host=host, port="587")) == {
        Field.PORT: "SMTP Server Address says port 465, and here stands 587. Keep one of the two."
    }
    assert refused(form(host=host, port="58x")) == {
        Field.PORT: "58x is not a port. Use a number from 1 to 65535, for example 587."
    }


def test_a_port_in_the_server_address_is_judged_as_any_other() -> None:
    assert set(refused(form(host="smtp.example.com:70000", port=""))) == {Field.PORT}


def test_a_login_in_a_server_address_is_never_repeated() -> None:
    for host in ("smtp://ada:canary@smtp.example.com:587", "ada:canary@smtp.example.com"):
        errors = refused(form(host=host))
        assert set(errors) == {Field.HOST}
        assert "canary" not in errors[Field.HOST]
        assert not any("canary" in note for note in notes_on(form(host=host)))


@pytest.mark.parametrize(
    ("open_quote", "close_quote"), ['""', "''", "``", "“”", "„“", "„”", "””", "‘’", "‚‘", "«»", "»«", "‹›"]
)
@pytest.mark.parametrize(
    ("name", "kept"),
    [(Field.ADDRESS, "ada@example.com"), (Field.LOGIN, "ada"), (Field.HOST, HOST), (Field.PORT, "587")],
)
def test_one_pair_of_quotes_around_a_value_comes_off_and_that_is_said(
    open_quote: str, close_quote: str, name: Field, kept: str
) -> None:
    given_form = form(**{name: f" {open_quote}\u00a0{kept} {close_quote}"})
    assert check_own_form(given_form, STORED, now=NOW) == STORED
    assert f"{LABELS[name]} had quotes around it, which are taken off." in notes_on(given_form)


@pytest.mark.parametrize("login", ['"ada', 'ada"', '"ada" "eve"', '“ada"', '"', '""', "o'hara"])
def test_quotes_that_are_no_pair_around_the_whole_value_are_left_alone(login: str) -> None:
    assert check_own_form(form(login=login), STORED, now=NOW).login == login
    assert notes_on(form(login=login)) == ()


def test_a_server_that_may_not_be_used_is_told_together_with_every_other_fault() -> None:
    typed = form(address="", login="\x00", password="\x00", host="https://SMTP.example.com", port="x")
    with pytest.raises(InvalidFormError) as caught:
        check_own_form(typed, STORED, now=NOW, judge_server=lambda host: f"{host} is not allowed.")
    assert set(caught.value.errors) == {Field.ADDRESS, Field.LOGIN, Field.PASSWORD, Field.HOST, Field.PORT}
    assert caught.value.errors[Field.HOST] == "smtp.example.com is not allowed."


anything = st.one_of(
    st.text(st.characters(), max_size=60),
    st.text(alphabet="\x00\n\u00a0\u200b \"'“”„«»`:/@[]?#.=%\\a1", max_size=30),
    st.sampled_from([row[0] for row in WHOLE_ADDRESSES]),
)


@given(address=anything, login=anything, password=anything, host=anything, port=anything, authenticate=st.booleans())
@settings(max_examples=scaled(quick=150, full=20_000), deadline=None)
def test_whatever_is_typed_is_kept_or_named_and_never_lost_in_silence(
    address: str, login: str, password: str, host: str, port: str, authenticate: bool
) -> None:
    typed = form(address=address, login=login, password=password, host=host, port=port, authenticate=authenticate)
    notes = notes_on(typed)
    assert all(is_printable(note) and note.endswith(".") for note in notes)
    try:
        checked = check_own_form(typed, EmailProfile(), now=NOW)
    except InvalidFormError as error:
        assert all(is_printable(sentence) and sentence[-1] in ".?" for sentence in error.errors.values())
        return
    assert plain(checked) == (password or None)
    changed = {
        Field.LOGIN: login.strip() != checked.login,
        Field.HOST: not _is_written_as(host, checked.host),
        Field.PORT: bool(port.strip()) and not port.strip().isdecimal(),
    }
    for name in (name for name, is_changed in changed.items() if is_changed):
        assert any(LABELS[name] in note for note in notes)


def _is_written_as(typed: str, kept: str) -> bool:
    try:
        return normal_host(typed.strip()) == kept
    except HostError:
        return False


@pytest.mark.parametrize("host", ["\u0455mtp.example.com", "smtp.ex\u0430mple.com", "m\u03bfail.example.com"])
def test_a_host_with_letters_that_only_look_latin_is_refused_as_that(host: str) -> None:
    errors = refused(form(host=host))
    assert "mixes letters of two alphabets" in errors[Field.HOST]


def test_a_host_in_another_alphabet_alone_is_taken() -> None:
    assert check_own_form(form(host="почта.example", password="x"), STORED, now=NOW).host == "xn--80a1acny.example"


@given(st.text(st.characters(), max_size=60))
@settings(max_examples=scaled(quick=200, full=20_000), deadline=None)
def test_no_note_repeats_a_password(password: str) -> None:
    marked = f"canary7{password}canary9"
    assert not any("canary" in note for note in notes_on(form(password=marked)))
