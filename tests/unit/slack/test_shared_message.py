"""A message of Slack's reads outside of Slack as it does inside: names, channels, links and files in words."""

from typing import Any

import pytest

from bot.slack.shared_message import shared_message

NAMES = {"U0ADA": "Ada Lovelace", "U0GRACE": "Grace Hopper"}


def body(text: str = "hello", **message: Any) -> dict[str, Any]:
    return {
        "type": "message_action",
        "channel": {"id": "C0GENERAL", "name": "general"},
        "message": {"type": "message", "user": "U0GRACE", "ts": "1764525840.000100", "text": text, **message},
    }


@pytest.mark.parametrize(
    ("written", "reads"),
    [
        ("ask <@U0ADA> first", "ask @Ada Lovelace first"),
        ("ask <@U0BABBAGE|charles> first", "ask @charles first"),
        ("ask <@W0BABBAGE> first", "ask @W0BABBAGE first"),
        ("see <#C0STOCK|stock>", "see #stock"),
        ("see <#C0GENERAL>, here", "see #general, here"),
        ("see <#C0GENERAL|>, here", "see #general, here"),
        ("see <#C0OTHER>", "see #C0OTHER"),
        ("<!here> and <!channel|channel> and <!subteam^S0PACKERS|@packers>", "@here and @channel and @packers"),
        ("due <!date^1764525840^{date_short}|30 Nov 2025>", "due 30 Nov 2025"),
        ("see <https://labels.example/7>", "see https://labels.example/7"),
        ("see <https://labels.example/7|labels.example/7>", "see https://labels.example/7"),
        ("see <https://labels.example/7|the label>", "see the label (https://labels.example/7)"),
        # Where a link leads is never hidden behind another address.
        ("see <https://evil.example|https://bank.example>", "see https://bank.example (https://evil.example)"),
        ("to <mailto:ada@demo.example|ada@demo.example>", "to ada@demo.example"),
        ("call <tel:+4930123|+49 30 123>", "call +49 30 123 (+4930123)"),
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
        ("typed as &lt;@U0ADA&gt; and &amp;lt;", "typed as <@U0ADA> and &lt;"),
        ("on its way :rocket:", "on its way 🚀"),
        ("*bold* and `code`", "*bold* and `code`"),
    ],
)
def test_what_slack_writes_in_marks_reads_in_words(written: str, reads: str) -> None:
    assert shared_message(body(written)).readable_text(NAMES) == reads


def test_it_says_who_wrote_where_and_when_and_lists_the_files() -> None:
    files = [
        {"name": "label-7.pdf", "permalink": "https://demo.slack.example/files/U0GRACE/F1/label-7.pdf"},
        {"title": "plan\nof the\tyard", "permalink": "javascript:alert(1)"},
        {"id": "F3", "mode": "tombstone"},
        "no file",
    ]
    shared = shared_message(body("For <@U0ADA>", files=files))
    assert shared.people == {"U0ADA", "U0GRACE"}
    assert shared.readable(NAMES) == (
        "Grace Hopper wrote in #general on 30 Nov 2025 at 18:04 UTC:\n\nFor @Ada Lovelace\n\nFiles in Slack:\n"
        "- label-7.pdf: https://demo.slack.example/files/U0GRACE/F1/label-7.pdf\n- plan of the yard\n- a file"
    )


@pytest.mark.parametrize("name", ["directmessage", "privategroup", "mpdm-ada--grace-1", "", None])
def test_a_conversation_whose_name_slack_does_not_tell_is_not_named(name: str | None) -> None:
    request = {**body(), "channel": {"id": "D0ADA", "name": name}}
    assert shared_message(request).readable(NAMES).startswith("Grace Hopper wrote on 30 Nov")


def test_an_app_is_called_by_its_own_name_and_may_have_only_attachments() -> None:
    attachments = [{"pretext": "Crate 7", "title": "Packed", "text": "by <@U0ADA>"}, {"fallback": "and gone"}]
    request = body("", user="U0PRINTER", bot_id="B1", username="Label\nprinter", attachments=attachments)
    shared = shared_message(request)
    assert shared.people == {"U0ADA"}
    assert shared.readable(NAMES).startswith("Label printer wrote in #general")
    assert shared.readable(NAMES).endswith("Crate 7\nPacked\nby @Ada Lovelace\n\nand gone")


@pytest.mark.parametrize(
    "request_body",
    [
        {},
        {"message": None, "channel": None},
        {"message": "text", "channel": ["general"]},
        {"message": {"text": 7, "user": {}, "ts": "never", "files": {}, "attachments": [None, 7]}, "channel": {}},
        {"message": {"ts": "1e999", "files": [[]], "bot_profile": "B1", "bot_id": "B1"}},
    ],
)
def test_a_request_of_any_shape_reads_as_a_message(request_body: dict[str, Any]) -> None:
    shared = shared_message(request_body)
    assert shared.people == frozenset()
    assert shared.readable({}) == "An app wrote:"


def test_a_long_and_hostile_text_is_read_in_no_time() -> None:
    for text in ("<" * 10_000, "<@" * 5_000, "<a|" * 3_300, ":" * 10_000, "<@U0ADA>" * 1_250, "&amp;" * 2_000):
        assert shared_message(body(text)).readable_text(NAMES)
