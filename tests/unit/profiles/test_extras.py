"""The extra configurations: names and values in any spelling, conflicts, and what fits which port."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.profiles.account.extras import (
    CATALOGUE,
    MAX_NAME_LENGTH,
    find_extra,
    normalize_value,
    with_encryption,
    with_extra,
    without_extra,
)
from bot.profiles.account.profile import ENCRYPTION_WORDS, effective_encryption, find_mismatch
from bot.profiles.errors import ExtraConflictError, InvalidExtraError
from bot.smtp.account import Encryption
from bot.smtp.typed import unquoted
from tests.counts import scaled

NAMES = ["SSL", "TLS", "AUTH", "HELO", "PIN", "FROM_NAME", "REPLY_TO"]
ALLOWED = "Use one of SSL, TLS, AUTH, HELO, PIN, FROM_NAME, REPLY_TO, for example TLS Y."


def test_the_catalogue_holds_the_known_names_once() -> None:
    assert [entry.name for entry in CATALOGUE] == NAMES


@pytest.mark.parametrize("entry", CATALOGUE, ids=NAMES)
def test_each_entry_has_words_and_an_example_that_is_a_value_in_its_normal_form(entry: object) -> None:
    extra = next(other for other in CATALOGUE if other is entry)
    name, _, value = extra.example.partition(" ")
    assert find_extra(name) is extra
    assert normalize_value(extra, value) == value
    assert extra.kind
    assert extra.meaning
    assert all(normalize_value(extra, choice) == choice for choice in extra.choices)
    assert all(extra.name in find_extra(other).conflicts for other in extra.conflicts)


@pytest.mark.parametrize("entry", NAMES)
def test_a_name_is_found_in_any_case_with_blanks_around_and_with_a_hyphen(entry: str) -> None:
    for typed in (entry, entry.lower(), entry.title(), f"  {entry} ", entry.replace("_", "-")):
        assert find_extra(typed).name == entry


@pytest.mark.parametrize(
    ("typed", "guess"),
    [("TSL", "TLS"), ("ssll", "SSL"), ("hello", "HELO"), ("reply", "REPLY_TO"), ("from", "FROM_NAME")],
)
def test_an_unknown_name_gets_the_nearest_guess_and_all_that_is_allowed(typed: str, guess: str) -> None:
    with pytest.raises(InvalidExtraError) as caught:
        find_extra(typed)
    assert str(caught.value) == f"There is no such extra configuration. Did you mean {guess}? {ALLOWED}"
    assert caught.value.part == "name"


@pytest.mark.parametrize("typed", ["", "zzz", pytest.param("x" * 4000, id="long"), "<!channel>", "\x00"])
def test_a_name_like_none_other_gets_all_that_is_allowed_and_is_not_repeated(typed: str) -> None:
    with pytest.raises(InvalidExtraError) as caught:
        find_extra(typed)
    assert str(caught.value) == f"There is no such extra configuration. {ALLOWED}"


@pytest.mark.parametrize(
    "typed",
    ["PASSWORD", "password=canary", "my-passwd canary", "Passwort", "pass", "pwd:canary", "PW", "secret", "api_token"],
)
def test_a_secret_is_refused_and_never_repeated(typed: str) -> None:
    with pytest.raises(InvalidExtraError) as caught:
        with_extra({}, typed, "canary")
    assert str(caught.value).startswith("Passwords do not belong into a command")
    assert "/email-profile edit" in str(caught.value)
    assert "canary" not in str(caught.value)
    assert caught.value.part == "name"


@pytest.mark.parametrize("name", ["SSL", "TLS"])
@pytest.mark.parametrize(
    "typed",
    ["Y", "y", "yes", "YES", "True", "on", "1", " y ", "Y.", "yes…", "“Y”", "=Y", ": y", "\u00a0Y\u200b", "Ｙ", "y,"],
)
def test_yes_is_read_in_any_spelling(name: str, typed: str) -> None:
    assert with_extra({}, name, typed) == {name: "Y"}


@pytest.mark.parametrize("name", ["SSL", "TLS"])
@pytest.mark.parametrize("typed", ["N", "n", "no", "False", "OFF", "0", "N.", "«no»", "\u200bn"])
def test_no_is_read_in_any_spelling(name: str, typed: str) -> None:
    assert with_extra({}, name, typed) == {name: "N"}


BAD_VALUES = [
    ("TLS", "maybe", "This is no value for TLS: it is either Y or N. For example TLS Y."),
    ("SSL", "", "This is no value for SSL: it is either Y or N. For example SSL Y."),
    ("AUTH", "XOAUTH2", "no value for AUTH: it is one of PLAIN, LOGIN and CRAM-MD5. For example AUTH LOGIN."),
    ("HELO", "not a host", "In a host name there cannot be a blank. For example HELO pc17.example.com."),
    ("HELO", "my_bot", "In a name for mail servers there cannot be “_”. For example HELO pc17.example.com."),
    ("HELO", "https://ada:canary@pc17", "Leave out what stands before the @. For example HELO pc17.example.com."),
    ("HELO", "a\r\nQUIT", "no value for HELO: it is a host name or an IP address."),
    ("FROM_NAME", "", "no value for FROM_NAME: it is one line of 1 to 70 characters. For example FROM_NAME Ada"),
    ("FROM_NAME", "   ", "it is one line of 1 to 70 characters."),
    ("FROM_NAME", "x" * 71, "it is one line of 1 to 70 characters."),
    ("FROM_NAME", "Ada\nBcc: eve@example.com", "it is one line of 1 to 70 characters."),
    ("FROM_NAME", "\ud800", "it is one line of 1 to 70 characters."),
    ("FROM_NAME", "=?utf-8?q?=0D=0ABcc:_eve?=", "it is a name as people read it, without “=?…?=” in it."),
    ("REPLY_TO", "ada", "no value for REPLY_TO: it is an email address. For example REPLY_TO office@example.com."),
    ("REPLY_TO", "a@b.example\r\nBcc: c@d.example", "it is an email address."),
]


@pytest.mark.parametrize(("name", "typed", "sentence"), BAD_VALUES)
def test_a_bad_value_is_refused_with_what_is_allowed_and_an_example(name: str, typed: str, sentence: str) -> None:
    with pytest.raises(InvalidExtraError) as caught:
        with_extra({}, name, typed)
    assert sentence in str(caught.value)
    assert caught.value.part == "value"


@pytest.mark.parametrize(
    ("name", "typed", "normal"),
    [
        ("AUTH", "cram-md5", "CRAM-MD5"),
        ("AUTH", " plain ", "PLAIN"),
        ("AUTH", "Cram MD5.", "CRAM-MD5"),
        ("AUTH", "auth=login", "LOGIN"),
        ("TLS", "TLS=Y", "Y"),
        ("SSL", "“ssl: on”", "Y"),
        ("HELO", "https://PC17.example.com:587/x", "pc17.example.com"),
        ("HELO", "pc17.example.com:25", "pc17.example.com"),
        ("HELO", "smtp://[2001:db8::1]/", "[IPv6:2001:db8::1]"),
        ("HELO", "`pc17.example.com\u200b`", "pc17.example.com"),
        ("HELO", "PC17.Example.COM.", "pc17.example.com"),
        ("HELO", "bücher.example", "xn--bcher-kva.example"),
        ("HELO", "192.0.2.1", "[192.0.2.1]"),
        ("HELO", "[192.0.2.1]", "[192.0.2.1]"),
        ("HELO", "2001:DB8::1", "[IPv6:2001:db8::1]"),
        ("HELO", "laptop7", "laptop7"),
        ("FROM_NAME", "  Ada  Lovelace ", "Ada  Lovelace"),
        ("FROM_NAME", "é" * MAX_NAME_LENGTH, "é" * MAX_NAME_LENGTH),
        ("FROM_NAME", "“Ada Lovelace”", "Ada Lovelace"),
        ("FROM_NAME", "« Ada Lovelace »", "Ada Lovelace"),
        ("FROM_NAME", "„Ada“", "Ada"),
        ("FROM_NAME", "\u200bAda\u00a0", "Ada"),
        ("FROM_NAME", "from-name: 'Ada'", "Ada"),
        ("FROM_NAME", "“FROM_NAME=Ada”", "Ada"),
        ("FROM_NAME", "''Ada''", "''Ada''"),
        ("FROM_NAME", '"Ada" or "Grace"', '"Ada" or "Grace"'),
        ("FROM_NAME", "'O'Hara'", "O'Hara"),
        ("FROM_NAME", "O’Hara’s", "O’Hara’s"),
        ("FROM_NAME", "Ada.", "Ada."),
        ("FROM_NAME", "\U0001f469\u200d\U0001f4bb Ada", "\U0001f469\u200d\U0001f4bb Ada"),
        ("REPLY_TO", "Demo@Example.COM", "Demo@example.com"),
        ("REPLY_TO", "“demo@example.com\u200b”", "demo@example.com"),
        ("PIN", f"“{':'.join(['5E'] * 32)}”", "5e" * 32),
    ],
)
def test_a_good_value_is_kept_in_its_normal_form(name: str, typed: str, normal: str) -> None:
    assert with_extra({}, name, typed) == {name: normal}


def test_setting_one_again_replaces_it_and_leaves_the_others_and_the_given_ones_alone() -> None:
    given_extras = {"AUTH": "PLAIN", "FROM_NAME": "Ada"}
    assert with_extra(given_extras, "auth", "login") == {"AUTH": "LOGIN", "FROM_NAME": "Ada"}
    assert given_extras == {"AUTH": "PLAIN", "FROM_NAME": "Ada"}


@pytest.mark.parametrize(("wanted", "present"), [("SSL", "TLS"), ("TLS", "SSL")])
def test_ssl_and_tls_cannot_both_be_on(wanted: str, present: str) -> None:
    with pytest.raises(ExtraConflictError) as caught:
        with_extra({present: "Y"}, wanted.lower(), "yes")
    assert str(caught.value) == (
        "SSL and TLS cannot both be on: SSL encrypts from the first byte (465), TLS switches after connecting "
        f"(587). {present} is on now."
    )
    assert (caught.value.wanted, caught.value.present) == (wanted, present)


@pytest.mark.parametrize(("wanted", "other"), [("SSL", "TLS"), ("TLS", "SSL")])
def test_one_of_ssl_and_tls_may_be_off_beside_the_other(wanted: str, other: str) -> None:
    assert with_extra({other: "N"}, wanted, "Y") == {other: "N", wanted: "Y"}
    assert with_extra({other: "Y"}, wanted, "N") == {other: "Y", wanted: "N"}


@pytest.mark.parametrize(("wanted", "other"), [("SSL", "TLS"), ("tls", "SSL")])
def test_switching_turns_one_on_and_takes_the_other_away(wanted: str, other: str) -> None:
    assert with_encryption({other: "Y", "AUTH": "LOGIN"}, wanted) == {"AUTH": "LOGIN", wanted.upper(): "Y"}
    assert with_encryption({wanted.upper(): "N"}, wanted) == {wanted.upper(): "Y"}


def test_removing_takes_one_away_in_any_case() -> None:
    assert without_extra({"TLS": "Y", "FROM_NAME": "Ada"}, "from-name") == {"TLS": "Y"}


def test_removing_what_is_not_there_says_what_is() -> None:
    with pytest.raises(InvalidExtraError, match=r"^SSL is not among the extra configurations. You have TLS, AUTH.$"):
        without_extra({"TLS": "Y", "AUTH": "LOGIN"}, "ssl")
    with pytest.raises(InvalidExtraError, match=r"^SSL is not among the extra configurations. You have none.$"):
        without_extra({}, "SSL")
    with pytest.raises(InvalidExtraError, match="Did you mean TLS"):
        without_extra({"TLS": "Y"}, "TSL")


@pytest.mark.parametrize(
    ("extras", "mode"),
    [
        ({}, Encryption.NONE),
        ({"TLS": "N"}, Encryption.NONE),
        ({"SSL": "N", "TLS": "N"}, Encryption.NONE),
        ({"TLS": "Y"}, Encryption.TLS),
        ({"SSL": "Y"}, Encryption.SSL),
        ({"SSL": "N", "TLS": "Y"}, Encryption.TLS),
        ({"SSL": "Y", "TLS": "N"}, Encryption.SSL),
        ({"AUTH": "LOGIN", "FROM_NAME": "TLS"}, Encryption.NONE),
    ],
)
def test_the_effective_encryption_follows_from_ssl_and_tls(extras: Mapping[str, str], mode: Encryption) -> None:
    assert effective_encryption(extras) is mode
    assert ENCRYPTION_WORDS[mode]


MISMATCHES = [
    (465, Encryption.NONE, "Port 465 goes with SSL, and the profile says neither SSL nor TLS.", "SSL"),
    (465, Encryption.TLS, "Port 465 goes with SSL, and the profile says TLS.", "SSL"),
    (587, Encryption.NONE, "Port 587 goes with TLS, and the profile says neither SSL nor TLS.", "TLS"),
    (587, Encryption.SSL, "Port 587 goes with TLS, and the profile says SSL.", "TLS"),
    (25, Encryption.SSL, "Port 25 begins unencrypted, and the profile says SSL.", "TLS"),
]


@pytest.mark.parametrize("authenticate", [True, False])
@pytest.mark.parametrize(("port", "mode", "sentence", "extra"), MISMATCHES)
def test_a_port_and_an_encryption_that_do_not_fit_are_named_with_what_would(
    port: int, mode: Encryption, sentence: str, extra: str, authenticate: bool
) -> None:
    found = find_mismatch(port, mode, authenticate=authenticate)
    assert found is not None
    assert (found.sentence, found.extra) == (sentence, extra)


@pytest.mark.parametrize("port", [25, 2525, 10025])
def test_signing_in_without_encryption_is_a_mismatch_on_any_port(port: int) -> None:
    found = find_mismatch(port, Encryption.NONE, authenticate=True)
    assert found is not None
    assert found.sentence.startswith("A password never travels unencrypted")
    assert found.extra == "TLS"


@pytest.mark.parametrize("authenticate", [True, False])
@pytest.mark.parametrize(
    ("port", "mode"),
    [
        (465, Encryption.SSL),
        (587, Encryption.TLS),
        (25, Encryption.TLS),
        (2525, Encryption.TLS),
        (2525, Encryption.SSL),
        (None, Encryption.NONE),
        (None, Encryption.TLS),
    ],
)
def test_what_fits_is_no_mismatch(port: int | None, mode: Encryption, authenticate: bool) -> None:
    assert find_mismatch(port, mode, authenticate=authenticate) is None


def test_clear_text_without_sign_in_fits_port_25() -> None:
    assert find_mismatch(25, Encryption.NONE, authenticate=False) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "remove", "switch"]),
            st.one_of(st.sampled_from([*NAMES, "tls", "ssl"]), st.text(st.characters(), max_size=12)),
            st.one_of(
                st.sampled_from(["Y", "n", "LOGIN", "Ada", "a@b.example"]), st.text(st.characters(), max_size=90)
            ),
        ),
        max_size=8,
    )
)
@settings(max_examples=scaled(quick=100, full=10_000), deadline=None)
def test_whatever_is_done_only_known_good_values_are_kept_and_never_both_modes(
    steps: list[tuple[str, str, str]],
) -> None:
    extras: dict[str, str] = {}
    for what, name, value in steps:
        try:
            if what == "add":
                extras = with_extra(extras, name, value)
            elif what == "remove":
                extras = without_extra(extras, name)
            elif find_extra(name).conflicts:
                extras = with_encryption(extras, name)
        except (InvalidExtraError, ExtraConflictError) as error:
            assert str(error).endswith(".")
        assert not (extras.get("SSL") == "Y" and extras.get("TLS") == "Y")
        # What stood in two pairs of quotes has lost one of them.
        assert all(normalize_value(find_extra(known), kept) in (kept, unquoted(kept)) for known, kept in extras.items())


@pytest.mark.parametrize("name", ["Ada\u202elleB", "Ada\u2066x", "Ada\u2028Bell", "Ada\x85Bell"])
def test_a_display_name_cannot_look_like_another(name: str) -> None:
    with pytest.raises(InvalidExtraError, match="one line of 1 to 70 characters"):
        normalize_value(find_extra("FROM_NAME"), name)
