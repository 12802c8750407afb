"""Causes: what many fail by, in words that are about nobody alone."""

import re
from dataclasses import replace

import pytest

from bot.profiles.account.failures import interpreted_failure
from bot.smtp.advice.advice import ROWS, Advice
from bot.smtp.check.report import Outcome
from tests.named import case
from tests.unit.slack.view_samples import PLAIN, a_report, a_view

ACCOUNT = a_view(PLAIN).account
FAILED = a_report(PLAIN, outcome=Outcome.FAILED)


def cause_of(what: str) -> str:
    advice = Advice(what=what, why="Why.", do="Do.", field=None, fixes=())
    failure = interpreted_failure(FAILED, advice, replace(ACCOUNT, login="login@example.com"))
    assert failure is not None
    return failure.cause


def test_a_cause_of_many_speaks_to_nobody() -> None:
    for what in {row.what for row in ROWS.values()}:
        with case(what):
            assert not re.search(r"\b(you|your|yours)\b", cause_of(what))


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("port 465 expects SSL, your profile says TLS", "port 465 expects SSL, their profile says TLS"),
        ("the server wants you to sign in first", "the server wants them to sign in first"),
        ("the server's key is not the one you trusted", "the server's key is not the one they trusted"),
        ("login@example.com is unknown", "their login is unknown"),
        ("nothing listens on mail.your-server.de:587", "nothing listens on mail.your-server.de:587"),
        (
            "the certificate is for you.example.com, not your server",
            "the certificate is for you.example.com, not their server",
        ),
    ],
)
def test_a_cause_is_in_plain_english(what: str, words: str) -> None:
    assert cause_of(what).endswith(f": {words}")
