"""Parses a command's text; the table of subcommands also prints `help`."""

import difflib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.profiles.account.extras import REFUSED_IN_COMMAND, ExtraConfiguration, mentions_secret, nearest_extra
from bot.profiles.errors import UserError
from bot.slack.escaping import names_id_alone, typed_text, with_emoji
from bot.slack.ids import COMMANDS, EMAIL_EXTRA, EMAIL_PROFILE, EMAIL_TEST
from bot.smtp.typed import unquoted, without_invisible

# With should_escape Slack turns @name into <@U012AB3CD|name>; ids begin with U or, in Enterprise Grid, W.
_MENTION = re.compile(r"^<@([UW][A-Z0-9]{1,30})(?:\|[^>]*)?>$")
_BLANK = r"\s\u200b\u2060\ufeff"
"""Blanks as they are typed and pasted: no-break and zero-width ones, too."""
_BLANKS = re.compile(rf"[{_BLANK}]+")
_BLANKS_AROUND = re.compile(rf"^[{_BLANK}]+|[{_BLANK}]+$")
# As one writes settings: "TLS=Y", "TLS: Y", "TLS = Y"; an emoji begins with a colon, too.
_NAME_AND_VALUE = re.compile(
    rf"(?P<name>[^{_BLANK}=:]+)(?:[{_BLANK}]+[=:](?=[{_BLANK}])|[=:])?[{_BLANK}]*(?P<value>.*)", re.DOTALL
)
_QUOTES = str.maketrans("", "", "“”„‘’‚«»‹›\"'`")
_SIGNS_BEHIND = ".,;:!?…"
_MOST_OF_VALUE = 70
_UNKNOWN_PERSON = "I don't know who that is. Choose the person from the list that Slack shows after @."
_ID_ALONE = "Of a mention in here Slack passes on only an id. Write the name without @ or #."


@dataclass(frozen=True, kw_only=True)
class Subcommand:
    """One subcommand: its name (of one word, or two), the arguments it takes as shown in `help`, and one line of help.

    `also` are other words for it; `most` is how many arguments it takes, the last one with its blanks kept; `acts`
    says that it changes or starts something, and does not only show it; `asks` that it asks for what is missing.
    """

    name: str
    meaning: str
    arguments: str = ""
    most: int = 0
    also: tuple[str, ...] = ()
    acts: bool = False
    asks: bool = False


SUBCOMMANDS: Mapping[str, tuple[Subcommand, ...]] = {
    EMAIL_PROFILE: (
        Subcommand(name="show", meaning="your email profile and whether it works", also=("", "profile", "card")),
        Subcommand(name="edit", meaning="the form: address, login, password, server, port", also=("set", "change")),
        Subcommand(
            name="find",
            arguments="ADDRESS",
            most=1,
            meaning="the mail settings of any address, and where they come from",
            also=("discover", "lookup"),
            acts=True,
        ),
        Subcommand(name="delete", meaning="remove your email profile for good", also=("remove",)),
        Subcommand(name="programs", meaning="the programs that send with your profile", also=("program",)),
        Subcommand(
            name="programs add",
            arguments="NAME",
            most=1,
            meaning="let a program send, for example `programs add Label printer`",
            also=("program add",),
            asks=True,
        ),
        Subcommand(
            name="programs remove",
            arguments="NAME",
            most=1,
            meaning="end a program's token",
            also=("program remove", "programs delete", "program delete"),
            acts=True,
        ),
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
    word, rest = _first_word(unquoted(_trimmed(text.replace("\0", " "))))
    if word == command:
        # Copied as a whole from the help, and pasted behind the command.
        word, rest = _first_word(rest)
    owner = None
    if mention := _MENTION.match(word):
        # "/email-test @ada": the everyday subcommand, for somebody else.
        owner, (word, rest) = mention.group(1), _first_word(rest)
    entry, rest = _longer(command, _find(command, word, rest), rest)
    if entry.most > 1:
        return _with_value(command, entry, unquoted(rest), owner)
    rest, owner = _without_mention(rest, owner)
    typed = _trimmed(typed_text(rest).translate(_QUOTES))
    if bool(typed) != bool(entry.most) and not (entry.asks and not typed):
        raise _wrong_arguments(command, entry, rest)
    arguments = (typed,) if typed else ()
    return Invocation(subcommand=entry.name, arguments=arguments, owner=owner, acts=entry.acts)


def _trimmed(text: str) -> str:
    return _BLANKS_AROUND.sub("", text)


def _first_word(text: str) -> tuple[str, str]:
    """Return the first word and all that is behind it; a blank in the latter stays."""
    word, *rest = _BLANKS.split(text, maxsplit=1)
    return word, rest[0] if rest else ""


def _with_value(command: str, entry: Subcommand, rest: str, owner: str | None) -> Invocation:
    """Read NAME and VALUE; a person named last is the owner, or the text itself where there is no other."""
    before, named = _without_mention(rest, owner)
    name, value = _name_and_value(before)
    if not value and _takes_text(name):
        named, value = owner, _name_and_value(rest)[1]
    typed = _typed_value(name, value)
    if not (name and typed):
        raise _wrong_arguments(command, entry, rest)
    if names_id_alone(value):
        raise NotUnderstoodError(_ID_ALONE)
    return Invocation(subcommand=entry.name, arguments=(name, typed), owner=named, acts=entry.acts)


def _name_and_value(text: str) -> tuple[str, str]:
    found = _NAME_AND_VALUE.fullmatch(text)
    return (typed_text(found["name"]).translate(_QUOTES), found["value"]) if found else ("", "")


def _typed_value(name: str, value: str) -> str:
    return with_emoji(typed_text(value)) if _takes_text(name) else typed_text(value)


def _takes_text(name: str) -> bool:
    extra = nearest_extra(name)
    return extra is not None and extra.is_text


def _find(command: str, word: str, rest: str) -> Subcommand:
    wanted = _folded(word)
    for entry in SUBCOMMANDS[command]:
        if wanted == entry.name or (wanted in entry.also and bool(wanted) == bool(word)):
            return entry
    if mentions_secret(word):
        raise NotUnderstoodError(REFUSED_IN_COMMAND)
    if word.startswith("@"):
        raise NotUnderstoodError(_UNKNOWN_PERSON)
    guess = _guess(command, word, wanted, rest)
    raise NotUnderstoodError(f"I don't know `{_excerpt(word)}`.{f' Did you mean `{guess}`?' if guess else ''}")


def _longer(command: str, entry: Subcommand, rest: str) -> tuple[Subcommand, str]:
    """Return the subcommand of two words that begins with this one, if it is typed, and what is behind it."""
    second, behind = _first_word(rest)
    wanted = f"{entry.name} {_folded(second)}"
    longer = (other for other in SUBCOMMANDS[command] if wanted in (other.name, *other.also))
    found = next(longer, None)
    return (entry, rest) if found is None else (found, behind)


def _folded(word: str) -> str:
    return without_invisible(word).casefold().translate(_QUOTES).rstrip(_SIGNS_BEHIND)


def _guess(command: str, word: str, wanted: str, rest: str) -> str:
    """Return what was probably meant, as one types it; empty when it is like nothing."""
    wanted, at, _ = wanted.partition("@")
    behind = " @user" if at else ""
    if wanted.startswith("/"):
        return "".join(f"{other}{behind}" for other in difflib.get_close_matches(wanted, COMMANDS, n=1))
    name, value = _name_and_value(_trimmed(f"{word} {rest}"))
    extra = nearest_extra(name)
    if extra is not None and extra.name.casefold() == name.casefold().replace("-", "_"):
        return _addition(extra, value)
    for other, entries in SUBCOMMANDS.items():
        if known := next((entry for entry in entries if wanted and wanted in (entry.name, *entry.also)), None):
            return f"{spelled(other, known)}{behind}"
    names = {name: entry for entry in SUBCOMMANDS[command] for name in (entry.name, *entry.also) if name}
    if near := difflib.get_close_matches(wanted, names, n=1, cutoff=0.5):
        return f"{spelled(command, names[near[0]])}{behind}"
    return _addition(extra, value) if command == EMAIL_EXTRA and extra is not None and value else ""


def _addition(extra: ExtraConfiguration, value: str) -> str:
    """Return the command that adds an extra configuration, with the value that was typed unless it may be a secret."""
    usable = value and not mentions_secret(value)
    return f"{EMAIL_EXTRA} add {f'{extra.name} {_excerpt(value, most=_MOST_OF_VALUE)}' if usable else extra.example}"


def _without_mention(rest: str, owner: str | None) -> tuple[str, str | None]:
    """Take a person named last (or alone) out of the arguments."""
    rest = _trimmed(rest)
    last = _BLANKS.split(rest)[-1]
    if owner is None and (mention := _MENTION.match(last)):
        return _trimmed(rest.removesuffix(last)), mention.group(1)
    return rest, owner


def _wrong_arguments(command: str, entry: Subcommand, rest: str) -> NotUnderstoodError:
    if rest.startswith("@") and not entry.most:
        return NotUnderstoodError(_UNKNOWN_PERSON)
    form = spelled(command, entry)
    if entry.most:
        return NotUnderstoodError(f"Something is missing. Write it as `{form}`.")
    if longer := [spelled(command, other) for other in SUBCOMMANDS[command] if other.name.startswith(f"{entry.name} ")]:
        forms = ", ".join(f"`{other}`" for other in longer)
        return NotUnderstoodError(f"`{form}` takes nothing behind it but `@user`. There are also {forms}.")
    return NotUnderstoodError(f"`{form}` takes nothing behind it but `@user`.")


def spelled(command: str, entry: Subcommand) -> str:
    """Write a subcommand as one types it; the everyday one without its name."""
    name = "" if "" in entry.also else f" {entry.name}"
    return f"{command}{name}{' ' if entry.arguments else ''}{entry.arguments}"


def _excerpt(text: str, *, most: int = 30) -> str:
    shown = "".join(one if one.isprintable() and one != "`" else "?" for one in typed_text(text))
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
