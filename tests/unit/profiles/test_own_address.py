"""Whose an address is: when two are one, which lead to one mailbox, and the code that settles it."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from pydantic import SecretStr

from bot.profiles.account.own_address import (
    Confirmation,
    ConfirmationCode,
    address_in_slack,
    is_same_address,
    mailbox_of,
)
from bot.profiles.account.profile import EmailProfile
from bot.profiles.connection_tests.sample_message import code_message
from bot.profiles.people.access import Access, Member, Person

PROFILE = EmailProfile(address="ada@mail.test", login="ada", host="smtp.mail.test", port=587, authenticate=True)
ADA = Person("T1", "U1")
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ada@mail.test", "ada@mail.test", True),
        ("ada@mail.test", "ada@MAIL.Test", True),
        ("ada@mail.test", "ada@mail.test.", True),
        ("ada@bücher.test", "ada@xn--bcher-kva.test", True),
        ("ada@BÜCHER.test", "ada@bücher.test", True),
        ("Ada@mail.test", "ada@mail.test", False),
        ("ada+x@mail.test", "ada@mail.test", False),
        ("a.da@mail.test", "ada@mail.test", False),
        ("аda@mail.test", "ada@mail.test", False),
        ("ada@mail.test", "ada@mail.test.evil.test", False),
        ("", "", False),
        ("", "ada@mail.test", False),
    ],
)
def test_addresses_are_one_in_any_spelling_of_the_domain_and_letter_by_letter_before_it(
    one: str, other: str, same: bool
) -> None:
    assert is_same_address(one, other) is same
    assert is_same_address(other, one) is same


@pytest.mark.parametrize(
    "spelled",
    ["Ada@mail.test", "ADA@MAIL.TEST", "ada+1@mail.test", "ada+a+b@mail.test", "ａｄａ@mail.test", "ada@mail.test."],
)
def test_spellings_that_lead_to_one_mailbox_count_as_one(spelled: str) -> None:
    assert mailbox_of(spelled) == mailbox_of("ada@mail.test")


def test_dots_count_but_where_the_provider_leaves_them_out() -> None:
    assert mailbox_of("a.da@gmail.com") == mailbox_of("ada+x@googlemail.com") == "ada@gmail.com"
    assert mailbox_of("a.da@mail.test") != mailbox_of("ada@mail.test")


def test_a_code_is_eight_digits_and_shows_nowhere_by_itself() -> None:
    codes = [ConfirmationCode.generate() for _ in range(50)]
    texts = [code.secret.get_secret_value() for code in codes]
    assert all(re.fullmatch(r"\d{8}", text) for text in texts)
    assert len(set(texts)) == 50
    for code, text in zip(codes, texts, strict=True):
        confirmation = Confirmation.of(PROFILE, code)
        assert text not in f"{code} {code!r} {confirmation} {confirmation!r}"


@pytest.mark.parametrize(
    "typed", ["01843000", " 0184 3000\n", "0184-3000", "０１８４３０００", "Code: 01 84 30 00.", "٠١٨٤٣٠٠٠"]
)
def test_a_code_is_taken_as_people_type_it(typed: str) -> None:
    assert ConfirmationCode.typed(typed).matches(ConfirmationCode(SecretStr("01843000")))


@pytest.mark.parametrize("typed", ["", "1843000", "018430000", "0184300O", "01843001", "\ud800", "code"])
def test_nothing_else_is_the_code(typed: str) -> None:
    assert not ConfirmationCode.typed(typed).matches(ConfirmationCode(SecretStr("01843000")))


def test_a_confirmation_is_of_one_address_server_certificate_and_login() -> None:
    confirmation = Confirmation.of(PROFILE, ConfirmationCode.generate())
    assert Confirmation.from_document(confirmation.to_document()).holds_for(replace(PROFILE, address="ada@MAIL.test"))
    open_relay = replace(PROFILE, authenticate=False)
    for other in (
        replace(PROFILE, address="Ada@mail.test"),
        replace(PROFILE, host="smtp.evil.test"),
        replace(PROFILE, login="eve"),
        replace(PROFILE, extras={"PIN": "0" * 64}),
        open_relay,
    ):
        assert not confirmation.holds_for(other)
    # A login that is not used makes no difference.
    assert Confirmation.of(open_relay, ConfirmationCode.generate()).holds_for(replace(open_relay, login="eve"))


def test_the_message_with_a_code_says_the_same_to_everybody() -> None:
    def told(address: str, code: str) -> str:
        content = code_message(address, ConfirmationCode(SecretStr(code)), now=NOW)
        message = message_from_bytes(content, policy=policy.SMTP)
        assert (message["From"], message["To"]) == (address, address)
        assert message["Auto-Submitted"] == "auto-generated"
        assert {name.lower() for name in message} <= {
            *("from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version"),
            *("content-type", "content-transfer-encoding"),
        }
        return f"{message['Subject']}\n{message.get_content()}"

    one, other = told("ada@mail.test", "01843000"), told("grace@bücher.test", "99999999")
    assert one.replace("01843000", "") == other.replace("99999999", "")
    assert "01843000" in one


class _Slack:
    def __init__(self, address: str, *, confirmed: bool) -> None:
        self._member = Member(person=ADA, name="Ada", address=address, is_admin=False, is_address_confirmed=confirmed)

    async def member(self, person: Person) -> Member | None:
        return self._member if person == ADA else None


@pytest.mark.parametrize(
    ("address", "confirmed", "found"),
    [
        ("ada@mail.test", True, "ada@mail.test"),
        ("ada@mail.test", False, ""),
        ("", True, ""),
        ("ada", True, ""),
        ("ada@mail.test>\r\nRCPT TO:<grace@mail.test", True, ""),
        ("ada@mail.test, grace@mail.test", True, ""),
    ],
)
async def test_the_address_in_slack_counts_where_slack_has_verified_it(
    address: str, confirmed: bool, found: str
) -> None:
    assert await address_in_slack(Access(_Slack(address, confirmed=confirmed)), ADA) == found


async def test_who_is_unknown_to_slack_has_no_address() -> None:
    assert await address_in_slack(Access(_Slack("ada@mail.test", confirmed=True)), Person("T1", "U2")) == ""
