"""An email that is typed in Slack: what may stand in it, and the message that is made of it."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from bot.profiles.account.profile import EmailProfile
from bot.profiles.connection_tests.sample_message import sample_message
from bot.profiles.errors import InvalidFormError
from bot.profiles.sending.emails import Email, EmailField, EmailForm, check_email, email_message

PROFILE = EmailProfile(address="ada@demo.example", host="mail.demo.example", port=587)
NOW = datetime(2026, 11, 30, 17, 30, tzinfo=UTC)


def form(*, to: str = "grace@demo.example", subject: str = "Label 7", text: str = "hello") -> EmailForm:
    return EmailForm(to=to, subject=subject, text=text)


def made(email: Email, profile: EmailProfile = PROFILE) -> EmailMessage:
    content = email_message(profile, email, now=NOW)
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    read = message_from_bytes(content, policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def words(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("typed", "recipients"),
    [
        ("grace@demo.example", ("grace@demo.example",)),
        (" grace@demo.example ; ada@demo.example,", ("grace@demo.example", "ada@demo.example")),
        ("Grace Hopper <grace@Demo.Example>,\nAda <ada@demo.example>", ("grace@demo.example", "ada@demo.example")),
        ("a@demo.example, a@demo.example", ("a@demo.example",)),
        ("Grace < MailTo:grace@demo.example >", ("grace@demo.example",)),
    ],
)
def test_addresses_are_taken_as_people_write_them(typed: str, recipients: tuple[str, ...]) -> None:
    assert check_email(form(to=typed)).recipients == recipients


INJECTED = (
    "=?utf-8?q?x=0D=0ABcc:_eve=40evil.example?=",
    "x =?utf-8?q?=0D=0A=0D=0AAnother_letter?=",
    "=?utf-8?b?eA0KUmVwbHktVG86IGV2ZUBldmlsLmV4YW1wbGU=?=",
)
"""Texts of which the standard library would make other headers, as a colleague's message may begin with them."""


@pytest.mark.parametrize("text", INJECTED)
def test_neither_a_subject_nor_a_name_writes_another_header_or_another_text(text: str) -> None:
    named = replace(PROFILE, extras={"FROM_NAME": text})
    for message in (
        made(check_email(form(subject=text)), named),
        message_from_bytes(sample_message(named, "ada@demo.example", now=NOW), policy=policy.default),
    ):
        assert message["Bcc"] is None
        assert message["Reply-To"] is None
        assert "=?" not in str(message["From"])
        assert message["From"].addresses[0].display_name == text.replace("=?", "= ?")
        assert not message.defects
        assert isinstance(message, EmailMessage)
        assert "Another letter" not in words(message, "plain")
    assert made(check_email(form(subject=text)))["Subject"] == text.replace("=?", "= ?")


def test_no_address_keeps_everybody_else_waiting() -> None:
    began = time.perf_counter()
    for typed in ("<" + " " * 2900 + "x", "<" * 3000, " " * 2900 + "<", "a " * 1500):
        with pytest.raises(InvalidFormError):
            check_email(form(to=typed))
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        ({"to": ""}, EmailField.TO, "The address is missing"),
        ({"to": "grace"}, EmailField.TO, "“grace” is not an email address"),
        ({"to": "a@demo.example, b"}, EmailField.TO, "“b” is not an email address"),
        ({"to": "a@demo.example>\r\nRCPT TO:<b@demo.example"}, EmailField.TO, "is not an email address"),
        ({"to": ",".join(f"a{n}@demo.example" for n in range(21))}, EmailField.TO, "These are 21 addresses"),
        ({"subject": "  "}, EmailField.SUBJECT, "The subject is missing"),
        ({"subject": "Label\r\nBcc: eve@evil.example"}, EmailField.SUBJECT, "one line without control characters"),
        ({"subject": "Label\nX: y"}, EmailField.SUBJECT, "one line without control characters"),
        ({"subject": "Label\u2028X: y"}, EmailField.SUBJECT, "one line without control characters"),
        ({"subject": "half \ud83d"}, EmailField.SUBJECT, "one line without control characters"),
        ({"subject": "x" * 251}, EmailField.SUBJECT, "at most 250 characters"),
        ({"text": " \n\x00 "}, EmailField.TEXT, "The text is missing"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_with_an_example(
    wrong: dict[str, str], field: EmailField, sentence: str
) -> None:
    with pytest.raises(InvalidFormError) as caught:
        check_email(form(**wrong))
    assert list(caught.value.errors) == [field]
    assert sentence in caught.value.errors[field]


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(InvalidFormError) as caught:
        check_email(form(to="", subject="", text=""))
    assert set(caught.value.errors) == set(EmailField)


def test_the_message_is_from_the_profile_with_its_name_and_address_for_replies() -> None:
    profile = EmailProfile(
        address="ada@demo.example", extras={"FROM_NAME": "Ada, Countess", "REPLY_TO": "desk@demo.example"}
    )
    message = made(check_email(form(to="grace@demo.example, eve@demo.example", subject="Größe 7 ✔")), profile)
    assert message["From"] == '"Ada, Countess" <ada@demo.example>'
    assert message["To"] == "grace@demo.example, eve@demo.example"
    assert message["Reply-To"] == "desk@demo.example"
    assert message["Subject"] == "Größe 7 ✔"
    assert message["Date"] == "Mon, 30 Nov 2026 17:30:00 +0000"
    assert message["Message-ID"].endswith("@demo.example>")
    assert "Bcc" not in message


def test_text_and_html_say_the_same_and_nothing_of_it_is_markup() -> None:
    hostile = (
        '<script>alert(1)</script> & <b>"bold"</b>\r\n.\r\nBcc: eve@evil.example\r\n\r\n'
        'see https://labels.example/7?a=1&b="2"><img src=x> and (https://labels.example/8).\n  indented\tline'
    )
    message = made(check_email(form(text=hostile)))
    assert words(message, "plain").rstrip("\n") == hostile.replace("\r\n", "\n")
    html = words(message, "html")
    assert "<script" not in html
    assert "<img" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;b&gt;&quot;bold&quot;&lt;/b&gt;" in html
    assert '<a href="https://labels.example/7?a=1&amp;b=">https://labels.example/7?a=1&amp;b=</a>' in html
    assert '(<a href="https://labels.example/8">https://labels.example/8</a>).' in html
    assert message.get_content_type() == "multipart/alternative"
    assert message["Bcc"] is None


@pytest.mark.parametrize("text", ["x" * 10_000, "<" * 10_000, "\n.\n" * 3_000, "é🚀" * 5_000, "From me\n" * 1_000])
def test_long_texts_arrive_whole(text: str) -> None:
    message = made(check_email(form(text=text)))
    assert words(message, "plain").strip("\n") == text.strip("\n")


def test_control_characters_and_halves_of_characters_are_left_off() -> None:
    assert check_email(form(text="a\x00b\x1b[31mc\ud83dd\r\ne\rf")).text == "ab[31mcd\ne\nf"


def test_addresses_beyond_ascii_are_written_as_they_are() -> None:
    email = check_email(form(to="größe@demo.example"))
    assert "größe@demo.example".encode() in email_message(PROFILE, email, now=NOW)
