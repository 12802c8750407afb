"""What people typed, read back from how Slack writes it: links, mentions, entities and emoji.

https://docs.slack.dev/messaging/formatting-message-text#retrieving-messages says how Slack wraps and escapes.
"""

import re

_WRAPPED = re.compile(
    r"<(?P<kind>mailto:|tel:|[@#]|!subteam\^|![a-z]+|[a-z][a-z0-9+.-]*://)(?P<inside>[^|<>]*)(?:\|(?P<label>[^<>]*))?>",
    re.IGNORECASE,
)
_ID_ALONE = re.compile(r"<(?:[@#]|!subteam\^)[A-Z0-9]*\|?>")
_EMOJI = re.compile(r"(?<!\w):[a-z0-9_+'-]+:(?!\w)", re.IGNORECASE)
_SKIN_TONE = re.compile(r":skin-tone-([2-6]):")
_LIGHTEST_SKIN = 0x1F3FB
"""Slack counts the five tones from 2, as the Fitzpatrick scale does (https://unicode.org/reports/tr51/#Diversity)."""


def typed_text(text: str) -> str:
    """Return what was typed before Slack wrapped links, addresses and mentions, and escaped & < >."""
    plain = _WRAPPED.sub(_typed, text)
    # Slack escapes exactly these three (https://docs.slack.dev/messaging/formatting-message-text#escaping).
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def names_id_alone(text: str) -> bool:
    """Whether a mention is in a text of which Slack gives only the id, so that nobody knows what was typed."""
    return _ID_ALONE.search(text) is not None


def with_emoji(text: str) -> str:
    """Return a text with its emoji: Slack writes them as `:rocket:`. Those of a workspace's own stay so."""
    if not _EMOJI.search(text):
        return text
    from rich.emoji import Emoji  # noqa: PLC0415 - slow to import, seldom needed

    drawn = _EMOJI.sub(lambda match: Emoji.replace(match[0]), text)
    return _SKIN_TONE.sub(lambda match: chr(_LIGHTEST_SKIN + int(match[1]) - 2), drawn)


def _typed(match: re.Match[str]) -> str:
    kind, inside, label = match["kind"].lower(), match["inside"], match["label"]
    if kind in ("mailto:", "tel:"):
        return inside if label is None else label
    if "://" in kind:
        return f"{match['kind']}{inside}" if label is None else label
    if kind in ("@", "#"):
        return f"{kind}{label}" if label else match[0]
    if kind == "!subteam^":
        return f"@{label.removeprefix('@')}" if label else match[0]
    if kind in ("!here", "!channel", "!everyone"):
        return f"@{kind[1:]}"
    return label or match[0]
