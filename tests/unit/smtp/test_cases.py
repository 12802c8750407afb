"""The cases from the field hold to their format, and the bot's own words are told from others'."""

import re
from typing import Any, get_args

from tests import named
from tests.cases.case import FOLDER, Case, Expectation, Server, Step, files
from tests.cases.read import Answer

SERVER = "450 4.1.8 <sam@corp.lan>: Sender address rejected: Domain not found"
BLOCKS: list[dict[str, Any]] = [
    {"type": "header", "text": {"type": "plain_text", "text": "Connection test failed at Sender"}},
    {
        "type": "section",
        "text": {"type": "mrkdwn", "text": f":x: *Sender* failed  `{SERVER}`  1 ms".replace("<", "&lt;")},
    },
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "Cipher: TLS_AES_256_GCM_SHA384"}]},
    {
        "type": "section",
        "text": {"type": "mrkdwn", "text": "*Why:* it said “Sender address rejected: Domain not found”, so `mend` it."},
    },
    {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Test again"}}]},
]


def test_every_case_holds_to_the_format() -> None:
    for file in files():
        with named.case(file.stem):
            case = Case.read(file)
            assert case.name == file.stem
            assert case.kind in (None, *range(1, 23))
            assert case.right
            assert not (case.servers and case.real)
            for pattern in case.patterns:
                re.compile(pattern)


def test_every_part_of_the_format_is_described() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for model in (Case, Server, Expectation, Step):
        assert [name for name in model.model_fields if f"`{name}`" not in text] == []
    assert [kind for kind in get_args(Server.model_fields["cert"].annotation) if f"`{kind}`" not in text] == []


def test_the_bots_own_words_are_without_stages_facts_buttons_and_what_the_server_said() -> None:
    answer = Answer.of("Connection test failed at Sender: it is not known.", BLOCKS)
    assert (answer.verdict, answer.failed_stage, answer.outcomes("failed")) == ("failed", "Sender", ["Sender"])
    assert answer.buttons == ["Test again"]
    own = answer.own_words([SERVER])
    assert "it is not known" in own
    assert "so `mend` it" in own
    for words in ("Domain not found", "450", "Cipher", "Test again"):
        assert words in answer.shown
        assert words not in own
