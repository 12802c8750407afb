"""An email that is typed in Slack: what may stand in it, and the message that is made of it."""

import time
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.profiles.account.header_text import UnwritableMessageError, written
from bot.profiles.account.profile import EmailProfile
from bot.profiles.connection_tests.sample_message import sample_message
from bot.profiles.errors import InvalidFormError
from bot.profiles.sending.emails import Email, EmailField, EmailForm, check_email, email_message
from tests.counts import scaled

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
        ({"subject": "Label =?utf-8?q?x=0D=0ABcc:_eve?="}, EmailField.SUBJECT, "without “=?…?=”"),
        ({"subject": "=?UTF-8?B?DQpCY2M6IGV2ZQ==?= 7"}, EmailField.SUBJECT, "without “=?…?=”"),
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


@pytest.mark.parametrize(
    "name",
    [
        "=?utf-8?q?x=0D=0ABcc:_eve@evil.example?=",
        "Ada =?utf-8?q?x=0D=0ABcc:_eve@evil.example?= Lovelace",
        "=?=?utf-8?b?DQpCY2M6IGV2ZUBldmlsLmV4YW1wbGU=?=",
        "=?utf-8*en?Q?=0D=0ABcc:_eve@evil.example?=",
    ],
)
def test_a_name_that_looks_encoded_becomes_no_header_of_any_message(name: str) -> None:
    profile = EmailProfile(address="ada@demo.example", host="mail.demo.example", port=587, extras={"FROM_NAME": name})
    for content in (
        email_message(profile, check_email(form()), now=NOW),
        sample_message(profile, "ada@demo.example", now=NOW),
    ):
        head = content.partition(b"\r\n\r\n")[0]
        assert b"\r\nBcc" not in head
        assert [line for line in head.split(b"\r\n") if line.startswith(b"From:")] != []
        assert message_from_bytes(content, policy=policy.default)["From"].addresses[0].addr_spec == "ada@demo.example"


def test_a_message_whose_values_have_become_headers_is_not_written() -> None:
    message = EmailMessage(policy=policy.SMTP)
    message["Subject"] = "=?utf-8?q?x=0D=0ABcc:_eve@evil.example?="
    with pytest.raises(UnwritableMessageError):
        written(message)


# Lines as people and attackers write them: headers, ends of messages, markup, marks of Slack's, any script.
PIECES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["\r\n", "\n", "\r", "\r\n.\r\n", "\n\nBcc: eve@evil.example\n\n", "<b>", "&lt;", "\x00", "\u2028", "🚀"]
    ),
)


@settings(max_examples=scaled(quick=60, full=5_000), deadline=None)
@given(subject=st.lists(PIECES, max_size=6).map("".join), text=st.lists(PIECES, max_size=30).map("".join))
def test_whatever_is_typed_is_refused_or_one_message_from_its_writer_alone(subject: str, text: str) -> None:
    try:
        email = check_email(form(subject=subject, text=text))
    except InvalidFormError as error:
        assert set(error.errors) <= {EmailField.SUBJECT, EmailField.TEXT}
        return
    message = made(email)
    assert sorted(name.lower() for name in message) == sorted(
        ["from", "to", "subject", "date", "message-id", "mime-version", "content-type"]
    )
    assert message["Subject"] == email.subject
    assert (message["From"], message["To"]) == ("ada@demo.example", "grace@demo.example")
    assert len(list(message.iter_parts())) == 2
    assert words(message, "plain") == f"{email.text}\n"
