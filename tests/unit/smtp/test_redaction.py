"""A password is found in every spelling that one can make of it, and ordinary replies stay readable."""

import base64
import json
import random
import re
import time
from pathlib import Path

import pytest
from aiosmtplib.protocol import MAX_RESPONSE_LENGTH
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.smtp.dialogue.redaction import MAX_SEARCHED, Redaction
from bot.smtp.dialogue.replies import Transcript
from tests.counts import scaled
from tests.fakes.spellings import FAMILIES
from tests.named import case

LOGIN = "ada@example.com"
KNOWN = (LOGIN, "pc17.example.com", "smtp.example.com")
PASSWORDS = ("Canary 7Hq2/ü+", "hunter22!x", "tr0ub4dor&3", "Пароль-123й", "xkcd936battery")
ORDINARY_PASSWORDS = ("Password123!", "Summer2026", "hunter2", "my-Login-7", "green tiger 88 lamps", "user2026")
CASES = Path(__file__).parents[2] / "cases"


def redaction(password: str, *known: str) -> Redaction:
    return Redaction(LOGIN, SecretStr(password), known=known or KNOWN)


def said(spelled: str) -> tuple[str, str]:
    return spelled, f"5.7.8 bad credentials for user: {spelled} rejected"


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_password_is_found_in_each_family_of_spellings_alone_and_within_a_sentence(password: str) -> None:
    searched, chance = redaction(password), random.Random(password)
    for name, spelling in {**FAMILIES, "backwards": backwards}.items():
        spelled = spelling(password, chance)
        # What stands before it takes part in whatever is decoded, so that groups of it begin at each place.
        for text in (spelled, *(f"5.7.8 bad: {'a' * before}{spelled} rejected" for before in range(8))):
            with case(f"{name}: {text}"):
                assert searched.leaks(text)


def backwards(text: str, _: random.Random) -> str:
    return text[::-1]


def test_a_password_is_found_in_two_spellings_one_within_the_other() -> None:
    chance = random.Random(15)
    pairs = [(outer, inner) for outer in FAMILIES for inner in FAMILIES]
    for password in PASSWORDS[: scaled(quick=1, full=len(PASSWORDS))]:
        searched = redaction(password)
        for outer, inner in chance.sample(pairs, scaled(quick=60, full=len(pairs))):
            for text in said(FAMILIES[outer](FAMILIES[inner](password, chance), chance)):
                with case(f"{password}: {outer} of {inner}: {text}"):
                    assert searched.leaks(text)


@pytest.mark.parametrize(
    ("password", "spelled"),
    [
        ("tr0ub4dor&3", "b-a-F-6-t-V-l---r-L-a-w-a-n"),
        ("22222ß222", "+2B32++33+32++33+322+2B3+32+C3++39+46+32+32+32"),
        ("2222%222", "%322%322%22%32"),
        ("22%22/32", ".l/q9,r.5+1.F&T"),
        (
            "22222ß22",
            "&#x30;&#x78;&#x33;2&#x2C;&#x20;0x&#x33;2, 0x32, &#x30;x32, 0x32, 0&#x78;&#x63;3, &#x30;x9f, 0x32, 0x32",
        ),
        ("xk%41#qwz", "%78k%41%23qw%7A"),
        ("b64db3;#3c", "b64U+0064b3U+003BU+0023U+00333c"),
        ("tr&#98;0üb", "t&#x72;&#98;0%C3%BC&#98;"),
    ],
    ids=[
        "a separator that is a digit too",
        "a character in two halves",
        "a percent sign before two digits",
        "a percent sign that is no escape among escapes of another sign",
        "numbers of which some are escaped",
        "a percent sign before the digits of a letter",
        "numbers of Unicode before digits",
        "one of an entity before a letter in two escaped halves",
    ],
)
def test_a_password_is_found_where_two_spellings_share_signs(password: str, spelled: str) -> None:
    assert redaction(password).leaks(spelled)


@given(
    password=st.text("abcdefghkmnpqrstxyzBCDFGHKMNPQ23456789#!%&/üß", min_size=8, max_size=24),
    seed=st.integers(0, 2**32),
    first=st.sampled_from(sorted(FAMILIES)),
    second=st.sampled_from(sorted(FAMILIES)),
)
@settings(max_examples=scaled(quick=30, full=10_000), deadline=None)
def test_whatever_the_password_its_owner_sees_none_of_its_spellings(
    password: str, seed: int, first: str, second: str
) -> None:
    chance = random.Random(seed)
    spelled = FAMILIES[first](FAMILIES[second](password, chance) if seed % 2 else password, chance)
    assert redaction(password).leaks(chance.choice(said(spelled)))


@given(
    password=st.text("bcdfghkmnpqrstxzBCDFGHKMNPQ23456789#!%&/", min_size=8, max_size=24), seed=st.integers(0, 2**32)
)
@settings(max_examples=scaled(quick=30, full=2_000), deadline=None)
def test_any_piece_of_six_characters_is_found(password: str, seed: int) -> None:
    begin = seed % (len(password) - 6 + 1)
    assert redaction(password).leaks(f"it holds {password[begin : begin + 6]}, they say")


def test_three_quarters_of_a_short_password_are_found_and_less_is_not() -> None:
    for piece in ("xq7z", "q7zk", "XQ7Z"):
        assert redaction("xq7zk").leaks(f"not {piece}, no")
    assert not redaction("xq7zk").leaks("not xq7, no")


@given(
    text=st.text(st.characters(), max_size=300),
    spelled=st.lists(st.tuples(st.sampled_from(sorted(FAMILIES)), st.text(max_size=30)), max_size=4),
    cut=st.integers(0, 40),
)
@settings(max_examples=scaled(quick=20, full=10_000), deadline=None)
def test_others_are_told_codes_alone_after_auth_whatever_a_server_makes_of_a_password(
    text: str, spelled: list[tuple[str, str]], cut: int
) -> None:
    password = PASSWORDS[cut % len(PASSWORDS)]
    chance = random.Random(cut)
    mixture = text + "\n".join(FAMILIES[name](password[cut % 5 :] + more, chance) for name, more in spelled)
    transcript = Transcript(redaction(password))
    transcript.client("AUTH PLAIN (credentials)")
    transcript.begin_sign_in()
    for code in (334, 535, 250):
        transcript.server(code, mixture)
        transcript.server(code, password)
    first, *told = transcript.for_others
    assert first == "C: AUTH PLAIN (credentials)"
    assert all(re.fullmatch(r"S: \d{3}( [245]\.\d{1,3}\.\d{1,3})?", line) for line in told)


def replies() -> list[str]:
    """Replies of real servers, as the cases have them."""
    texts = re.compile(r'"(\d{3}[ -](?:[^"\\]|\\.){4,})"')
    found = [texts.findall(file.read_text()) for file in sorted(CASES.rglob("*.json"))]
    return sorted({json.loads(f'"{text}"') for one in found for text in one})


def test_ordinary_replies_stay_readable_with_ordinary_passwords() -> None:
    samples = replies()
    assert len(samples) > 100
    chosen = random.Random(5).sample(samples, scaled(quick=40, full=len(samples)))
    for password in ORDINARY_PASSWORDS:
        searched = redaction(password)
        for text in chosen:
            with case(f"{password}: {text}"):
                assert not searched.leaks(text)


@pytest.mark.parametrize(
    ("login", "helo", "password"),
    [
        ("ada@example.com", "hunter22.example.com", "hunter22"),
        ("ada-hunter22@example.com", "pc17.example.com", "hunter22"),
        ("hunter22@example.com", "pc17.example.com", "hunter22"),
        ("ada@example.com", "68756e7465723232.example.com", "hunter22"),
        ("ada@example.com", "aHVudGVyMjI.example.com", "hunter22"),
        ("ada@example.com", "22retnuh.example.com", "hunter22"),
    ],
)
def test_what_a_server_repeats_of_login_and_announced_name_is_shown_whether_the_password_is_in_it_or_not(
    login: str, helo: str, password: str
) -> None:
    host, user = helo.partition(".")[0], login.partition("@")[0]
    for text in (
        f"Hello {helo} [203.0.113.9]",
        f"{login} is unknown here",
        f"hello {helo.upper()}",
        f"Hello {host}, who is {user}?",
        base64.b64encode(f"{helo} {login}".encode()).decode(),
    ):
        for right_or_wrong in (password, "Other-9pass"):
            assert not Redaction(login, SecretStr(right_or_wrong), known=(login, helo)).leaks(text), text


def test_what_a_server_repeats_makes_no_piece_with_the_words_beside_it() -> None:
    for helo in ("w.example.com", "hunter22.example.com"):
        for right_or_wrong in ("hellow-99z", "lo.hunter22"):
            searched = Redaction(LOGIN, SecretStr(right_or_wrong), known=(helo,))
            for text in (f"mail.test Hello {helo} [203.0.113.9]", f"Hello {helo.upper()}"):
                assert not searched.leaks(text), text
    # The whole password is found also where the login is a part of it.
    assert redaction(f"{LOGIN}-9x").leaks(f"{LOGIN}-9x is wrong")


def test_an_enhanced_code_has_no_room_for_a_secret() -> None:
    transcript = Transcript(redaction("123456"))
    transcript.begin_sign_in()
    for enhanced in ("5.123.456", "5.1.2345", "5.\u0661.\u0662", "5.12.3"):
        transcript.server(535, f"{enhanced} no")
    transcript.server(535, "5.7.139 no")
    assert transcript.for_others == ("S: 535",) * 4 + ("S: 535 5.7.139",)


@pytest.mark.parametrize(
    "part", ["x", "ab ", "a=20", "%25", "&amp;", "12 ", "é\u0301ｗ", "\u200b", "-_.!~*", "YWJjZGVmZ2hp"]
)
def test_the_longest_reply_is_searched_in_bounded_time(part: str) -> None:
    searched = redaction("Canary 7Hq2/ü+")
    began = time.process_time()
    searched.reply(535, part * (MAX_RESPONSE_LENGTH // len(part)))
    assert time.process_time() - began < 1.0


def test_what_is_not_searched_is_not_shown() -> None:
    hidden = "\u200b" * MAX_SEARCHED + "hunter22"
    assert "hunter22" not in redaction("hunter22").text(hidden)
    assert redaction("hunter22").lines(hidden) == [""]
