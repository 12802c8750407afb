"""Parses a command's text; the table of subcommands also prints `help`."""

import difflib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.profiles.account.extras import REFUSED_IN_COMMAND, mentions_secret
from bot.profiles.errors import UserError
from bot.slack.ids import EMAIL_EXTRA, EMAIL_PROFILE, EMAIL_TEST

# With should_escape Slack turns @name into <@U012AB3CD|name>; ids begin with U or, in Enterprise Grid, W.
_MENTION = re.compile(r"^<@([UW][A-Z0-9]{1,30})(?:\|[^>]*)?>$")
# …and wraps what looks like a link or a mail address: <mailto:a@b.example|a@b.example>, <http://x.example|x.example>.
_WRAPPED = re.compile(r"<((?:mailto:|https?://)[^|>]*)(?:\|([^>]*))?>")
_QUOTES = str.maketrans("", "", "“”„‘’\"'`")
_UNKNOWN_PERSON = "I don't know who that is. Choose the person from the list that Slack shows after @."


@dataclass(frozen=True, kw_only=True)
class Subcommand:
    """One subcommand: its name, the arguments it takes as shown in `help`, and one line of help.

    `also` are other words for it; `most` is how many arguments it takes, the last one with its blanks kept; `acts`
    says that it changes or starts something, and does not only show it.
    """

    name: str
    meaning: str
    arguments: str = ""
    most: int = 0
    also: tuple[str, ...] = ()
    acts: bool = False


SUBCOMMANDS: Mapping[str, tuple[Subcommand, ...]] = {
    EMAIL_PROFILE: (
        Subcommand(name="show", meaning="your email profile and whether it works", also=("", "profile", "card")),
        Subcommand(name="edit", meaning="the form: address, login, password, server, port", also=("set", "change")),
        Subcommand(name="delete", meaning="remove your email profile for good", also=("remove",)),
        Subcommand(name="history", meaning="the last changes and tests", also=("changes",)),
        Subcommand(name="list", meaning="admins: everybody's accounts, and whether they work", also=("people", "all")),
        Subcommand(name="defaults", meaning="admins: what new forms begin with", also=("default",)),
        Subcommand(name="help", meaning="this list"),
    ),
    EMAIL_EXTRA: (
        Subcommand(name="list", meaning="your extra configurations", also=("", "show")),
        Subcommand(
            name="add",
            arguments="NAME VALUE",
            most=2,
            meaning="set one, for example `add TLS Y`",
            also=("set",),
            acts=True,
        ),
        Subcommand(
            name="remove",
            arguments="NAME",
            most=1,
            meaning="take one away, for example `remove TLS`",
            also=("delete",),
            acts=True,
        ),
        Subcommand(name="help", meaning="this list, and what can be set"),
    ),
    EMAIL_TEST: (
        Subcommand(
            name="test",
            meaning="try your profile against its server; nothing is sent",
            also=("", "run", "check"),
            acts=True,
        ),
        Subcommand(name="send", meaning="also send one message to yourself", also=("message", "mail"), acts=True),
        Subcommand(name="transcript", meaning="the last dialogue, secrets removed", also=("log", "dialogue")),
        Subcommand(name="help", meaning="this list"),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """A parsed command: the subcommand's name and arguments, another person's user id if named, `acts` as above."""

    subcommand: str
    arguments: tuple[str, ...] = ()
    owner: str | None = None
    acts: bool = False


class NotUnderstoodError(UserError):
    """The text is no subcommand; the help is shown below the sentence."""


def subcommand(*names: str) -> Callable[..., Awaitable[bool]]:
    """Make a matcher for Bolt's `app.command`: the listener is for these subcommands alone."""

    async def matches(invocation: Invocation) -> bool:
        return invocation.subcommand in names

    return matches


def parse(command: str, text: str) -> Invocation:
    """Understand a command's text.

    Raises:
        NotUnderstoodError: with a sentence that names what was not understood and the nearest subcommand.
    """
    words = text.strip().replace("\0", " ").split(None, 1)
    owner = None
    if words and (mention := _MENTION.match(words[0])):
        # "/email-test @ada": the everyday subcommand, for somebody else.
        owner, words = mention.group(1), (words[1].split(None, 1) if len(words) > 1 else [])
    entry = _find(command, words[0] if words else "")
    rest, owner = _without_mention(words[1] if len(words) > 1 else "", owner)
    arguments = tuple(_unescaped(part) for part in rest.split(None, max(entry.most - 1, 0)))
    if len(arguments) != entry.most:
        raise _wrong_arguments(command, entry, rest)
    if arguments:
        arguments = (arguments[0].translate(_QUOTES), *arguments[1:])
    return Invocation(subcommand=entry.name, arguments=arguments, owner=owner, acts=entry.acts)


def _find(command: str, word: str) -> Subcommand:
    wanted = word.casefold().translate(_QUOTES)
    for entry in SUBCOMMANDS[command]:
        if wanted == entry.name or wanted in entry.also:
            return entry
    if mentions_secret(word):
        raise NotUnderstoodError(REFUSED_IN_COMMAND)
    if word.startswith("@"):
        raise NotUnderstoodError(_UNKNOWN_PERSON)
    names = {name: entry for entry in SUBCOMMANDS[command] for name in (entry.name, *entry.also) if name}
    near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.5)
    guess = f" Did you mean `{spelled(command, names[near[0]])}`?" if near else ""
    raise NotUnderstoodError(f"I don't know `{_excerpt(word)}`.{guess}")


def _without_mention(rest: str, owner: str | None) -> tuple[str, str | None]:
    """Take a person named last (or alone) out of the arguments."""
    rest = rest.strip()
    last = rest.split()[-1] if rest else ""
    if owner is None and (mention := _MENTION.match(last)):
        return rest.removesuffix(last).rstrip(), mention.group(1)
    return rest, owner


def _wrong_arguments(command: str, entry: Subcommand, rest: str) -> NotUnderstoodError:
    if rest.startswith("@") and not entry.most:
        return NotUnderstoodError(_UNKNOWN_PERSON)
    form = spelled(command, entry)
    if entry.most:
        return NotUnderstoodError(f"Something is missing. Write it as `{form}`.")
    return NotUnderstoodError(f"`{form}` takes nothing behind it but `@user`.")


def spelled(command: str, entry: Subcommand) -> str:
    """Write a subcommand as one types it; the everyday one without its name."""
    name = "" if "" in entry.also else f" {entry.name}"
    return f"{command}{name}{' ' if entry.arguments else ''}{entry.arguments}"


def _unescaped(text: str) -> str:
    """Give what was typed before Slack wrapped links and addresses and escape & < >."""
    return _entities(_WRAPPED.sub(_typed, text))


def _entities(text: str) -> str:
    # Slack escapes exactly these three (https://docs.slack.dev/messaging/formatting-message-text#escaping).
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _typed(match: re.Match[str]) -> str:
    address, label = match.group(1), match.group(2)
    return label if label is not None else address.removeprefix("mailto:")


def _excerpt(word: str) -> str:
    shown = "".join(
        character if character.isprintable() and character != "`" else "?" for character in _unescaped(word)
    )
    return shown if len(shown) <= 30 else f"{shown[:29]}…"
