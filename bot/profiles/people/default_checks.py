"""The rules for what admins type as defaults: servers, ports, patterns of logins, domains."""

import re
from collections.abc import Iterable

from bot.profiles.account.profile import Field, check_address, check_host, parse_port, without_what_nobody_sees
from bot.smtp.dialogue.cleaning import clean

MAX_PATTERN_LENGTH = 100
MAX_TEXT_LENGTH = 3000
"""Characters with which an input of Slack's may begin
(https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element)."""

_MOST_NAMED = 3
_PLACEHOLDERS = re.compile(r"\{([^{}]*)\}")


def check_server(text: str) -> str:
    """Return a server in its normal form; empty for an empty text.

    Raises:
        ValueError: with a sentence for the admin, as the other checks.
    """
    return check_host(without_what_nobody_sees(Field.HOST, text)) if text else ""


def check_port(text: str) -> int | None:
    """Return a port from 1 to 65535; None for an empty text."""
    port = parse_port(text)
    if text and not port:
        raise ValueError(f"{clean(text, most=40)} is not a port. Use a number from 1 to 65535, for example 587.")
    return port or None


def check_login_pattern(text: str) -> str:
    """Return what makes a login of an address, as it is."""
    placeholders = set(_PLACEHOLDERS.findall(text))
    rest = _PLACEHOLDERS.sub("", text)
    usable = placeholders and placeholders <= {"address", "local"} and not {"{", "}"} & set(rest) and rest.isprintable()
    if text and not (usable and len(text) <= MAX_PATTERN_LENGTH):
        raise ValueError(
            f"“{clean(text, most=40)}” makes no login. Use {{address}} for the whole address or {{local}} for the "
            "part before the @, for example DOMAIN\\{local}."
        )
    return text


def check_domain(text: str) -> str:
    """Return the domain of addresses, with its letters beyond ASCII; empty for an empty text."""
    domain = without_what_nobody_sees(Field.ADDRESS, text).removeprefix("@")
    try:
        return check_address(f"a@{domain}").rpartition("@")[2] if domain else ""
    except ValueError:
        raise ValueError(f"“{clean(text, most=40)}” is not a domain. Write it like example.com.") from None


def fits_input(lines: Iterable[str]) -> bool:
    """Whether lines in their normal form, which may be longer than they were typed, can be shown in an input again."""
    return len("\n".join(lines)) <= MAX_TEXT_LENGTH


def joined_faults(faults: list[str]) -> str:
    """Return what is wrong as one text; the first few, and how many more there are."""
    named = faults[:_MOST_NAMED]
    if len(faults) > _MOST_NAMED:
        named.append(f"There are {len(faults) - _MOST_NAMED} more like these.")
    return " ".join(named)
