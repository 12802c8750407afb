"""What servers say: one clean line, taken apart, and never with the password in it."""

import base64
import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.smtp.check.report import Reply
from bot.smtp.dialogue.cleaning import MAX_TEXT_LENGTH, clean
from bot.smtp.dialogue.redaction import Redaction
from tests.counts import scaled

LOGIN = "ada@example.com"
PASSWORD = "Canary 7Hq2/ü+"
HIDDEN = "(the server repeated the password, so its answer is not shown)"


def redaction(password: str | None = PASSWORD, login: str = LOGIN) -> Redaction:
    return Redaction(login, None if password is None else SecretStr(password))


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Authentication failed", "Authentication failed"),
        ("  a \t b\r\n c  ", "a b c"),
        ("a\x00b\x1b[31mc\x7fd\x85e", "a b [31mc d e"),
        ("a\u202eb\u2066c\u200fd", "a b c d"),
        ("a\u200bb\u200dc\ufeffd\xade", "a b c d e"),
        ("a\u00a0b\u2028c\u2029d\u3000e", "a b c d e"),
        ("a\ud800b\udfffc\udc80", "a b c"),
        ("a\ue000b\U000f0000c", "a b c"),
        ("Grüße, 日本 \U0001f511", "Grüße, 日本 \U0001f511"),
        ("", ""),
        ("\r\n\x00", ""),
    ],
)
def test_a_text_becomes_one_line_without_invisible_characters(said: str, shown: str) -> None:
    assert clean(said) == shown


def test_a_long_text_is_cut_with_a_mark() -> None:
    assert clean("x" * MAX_TEXT_LENGTH) == "x" * 200
    assert clean("x" * 201) == "x" * 199 + "…"
    assert clean("y" * 100_000, most=10) == "y" * 9 + "…"


@given(st.text(st.characters(), max_size=400))
@settings(max_examples=scaled(quick=200, full=20_000), deadline=None)
def test_whatever_is_said_the_line_is_printable_bounded_and_stays_when_cleaned_again(said: str) -> None:
    line = clean(said)
    assert len(line) <= MAX_TEXT_LENGTH
    assert not any(unicodedata.category(character).startswith("C") for character in line)
    assert line == line.strip()
    assert "  " not in line
    assert clean(line) == line
    line.encode()


@pytest.mark.parametrize(
    ("said", "enhanced", "text"),
    [
        ("5.7.8 Error: authentication failed", "5.7.8", "Error: authentication failed"),
        ("5.7.8", "5.7.8", ""),
        ("4.7.0\tTry again", "4.7.0", "Try again"),
        ("2.7.0 ok\n2.7.0 really", "2.7.0", "ok really"),
        ("5.7.14 <https://x.example/a> Please\n5.7.14 log in via", "5.7.14", "<https://x.example/a> Please log in via"),
        ("5.7.8 first\nsecond without", "5.7.8", "first second without"),
        ("first\n5.7.8 second", "5.7.8", "first second"),
        ("5.7.1 first\n5.7.8 second", "5.7.1", "first second"),
        ("no code at all", "", "no code at all"),
        ("3.7.8 no such class", "", "3.7.8 no such class"),
        ("5.7.8No blank", "", "5.7.8No blank"),
        ("5.7.1234 too long", "", "5.7.1234 too long"),
        ("5.7 too short", "", "5.7 too short"),
        ("", "", ""),
    ],
)
def test_a_reply_is_parsed_into_code_enhanced_code_and_text(said: str, enhanced: str, text: str) -> None:
    assert redaction().reply(535, said) == Reply(code=535, enhanced=enhanced, text=text)


def test_an_answers_text_is_bounded_and_clean() -> None:
    reply = redaction().reply(550, "5.7.1 \u202e" + "x\r\n" * 5000)
    assert reply.enhanced == "5.7.1"
    assert len(reply.text) == MAX_TEXT_LENGTH
    assert reply.text.isprintable()


def _forms() -> dict[str, str]:
    raw = PASSWORD.encode()
    return {
        "plain": PASSWORD,
        "upper case": PASSWORD.upper(),
        "lower case": PASSWORD.lower(),
        "reversed": PASSWORD[::-1],
        "without blanks": PASSWORD.replace(" ", ""),
        "every character apart": " ".join(PASSWORD),
        "over two lines": PASSWORD[:4] + "\r\n" + PASSWORD[4:],
        "over many lines": "\n".join(PASSWORD),
        "with a tab": PASSWORD.replace(" ", "\t \t"),
        "with a no-break space": PASSWORD[:3] + "\u00a0" + PASSWORD[3:],
        "hexadecimal": raw.hex(),
        "HEXADECIMAL": raw.hex().upper(),
        "hexadecimal bytes apart": raw.hex(" "),
        "percent-encoded": quote(PASSWORD, safe=""),
        "base64": base64.b64encode(raw).decode(),
        "base64 in lines": "\n".join(base64.b64encode(raw).decode()[start : start + 5] for start in range(0, 20, 5)),
        "url-safe base64": base64.urlsafe_b64encode(raw).decode(),
        "AUTH PLAIN blob": base64.b64encode(f"\0{LOGIN}\0{PASSWORD}".encode()).decode(),
        "decoded AUTH PLAIN": f"\0{LOGIN}\0{PASSWORD}",
    }


@pytest.mark.parametrize("name", _forms())
def test_an_answer_with_the_password_in_any_form_is_not_shown_at_all(name: str) -> None:
    form = _forms()[name]
    for said in (form, f"bad credentials: {form}", f"{form}, really?", "x" * 500 + form):
        assert redaction().leaks(said)
        assert redaction().text(said) == HIDDEN
        assert redaction().reply(535, f"5.7.8 {said}") == Reply(code=535, enhanced="5.7.8", text=HIDDEN)


def test_a_password_over_the_lines_of_one_answer_is_found_between_the_codes() -> None:
    assert redaction("hunter22").reply(535, "5.7.8 not hun\n5.7.8 ter22").text == HIDDEN


@pytest.mark.parametrize("between", ["\u200b", "\x00", "\xad", "\u202e", "\x1b", "\ue000", "\udc80"])
def test_a_password_split_by_invisible_characters_is_not_shown(between: str) -> None:
    assert redaction("hunter22").text(f"not hun{between}ter22") == HIDDEN


@pytest.mark.parametrize("encoded", [base64.b64encode(b"hunter22"), base64.b64encode(b"\0ada\0hunter22")])
def test_a_password_in_base64_without_padding_is_not_shown(encoded: bytes) -> None:
    assert encoded.endswith(b"=")
    assert redaction("hunter22", login="ada").text(encoded.decode().rstrip("=")) == HIDDEN


@pytest.mark.parametrize("said", ["Authentication failed", "canar", "7Hq2", "5.7.8 ada@example.com", ""])
def test_an_answer_without_the_password_is_shown(said: str) -> None:
    assert redaction().text(said) == said
    assert not redaction().leaks(said)


@pytest.mark.parametrize("password", [None, ""])
def test_without_a_password_nothing_is_hidden(password: str | None) -> None:
    assert redaction(password).text("Authentication  failed") == "Authentication failed"


@pytest.mark.parametrize("password", [" ", "   ", "\u3000", "\ud800", "\u200b"])
def test_a_password_of_nothing_visible_hides_nothing_and_is_still_not_shown(password: str) -> None:
    assert redaction(password).text(f"it was{password}") == "it was"


def test_a_password_of_one_letter_hides_what_holds_it() -> None:
    assert redaction("w").text("it was") == HIDDEN
    assert redaction("w").text("it is") == "it is"


def test_a_cut_never_leaves_the_beginning_of_a_password() -> None:
    said = "x" * (MAX_TEXT_LENGTH - 5) + "hunter22"
    assert redaction("hunter22").text(said) == HIDDEN


def test_a_redaction_written_out_does_not_show_the_password() -> None:
    assert PASSWORD not in repr(redaction())


def test_a_password_with_a_letter_whose_lower_case_depends_on_its_place_is_not_shown() -> None:
    assert redaction("ΚΩΔΙΚΟΣ").text("not ΚΩΔΙΚΟΣx") == HIDDEN


@given(
    password=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=4, max_size=40).filter(clean),
    before=st.text(st.characters(), max_size=60),
    after=st.text(st.characters(), max_size=60),
)
@example(password="0\u00bc\u0300\U00018cd6", before="", after="")
@example(password="@E\ud7fc\U00018cd6", before="", after="")
@example(password="\u0300\u0300\ud7a4\ud7fc", before="", after="")
@settings(max_examples=scaled(quick=60, full=20_000), deadline=None)
def test_no_answer_that_holds_the_password_shows_it(password: str, before: str, after: str) -> None:
    # A part of the login is no secret.
    assume(password.casefold() not in LOGIN)
    assert redaction(password).reply(535, f"{before}{password}{after}").text == HIDDEN
