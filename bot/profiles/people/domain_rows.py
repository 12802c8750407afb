"""Defaults by domain as admins type them: one row a line, for a domain or for the servers that take its mail in."""

import re
from collections.abc import Collection, Sequence

from bot.discovery.findings import OwnRow
from bot.profiles.account.profile import TYPICAL_PORTS, split_typed_server
from bot.profiles.people.default_checks import (
    MAX_TEXT_LENGTH,
    check_domain,
    check_login_pattern,
    check_port,
    check_server,
    fits_input,
    joined_faults,
)
from bot.smtp.account import Encryption
from bot.smtp.dialogue.cleaning import clean
from bot.smtp.network.guard import HostError, literal, normal_host
from bot.smtp.typed import narrowed, stripped, unquoted, without_invisible

MAX_ROWS = 50
EXAMPLE = "example.com = smtp.example.com:587 TLS {local}"
MX_EXAMPLE = "MX *.gateway.example = smtp.example.com:587 TLS"

_MX = re.compile(r"MX\s+(?P<pattern>.*)", re.IGNORECASE | re.DOTALL)
_BELOW = "*."
_ENCRYPTIONS = {"TLS": Encryption.TLS, "STARTTLS": Encryption.TLS, "SSL": Encryption.SSL}
_UNENCRYPTED = ("NONE", "PLAIN")


def row_for(address: str, rows: Sequence[OwnRow]) -> OwnRow | None:
    """Return the row of an address' domain; None where there is none, or the address has no domain."""
    try:
        domain = normal_host(stripped(address).rpartition("@")[2]) if rows else ""
    except HostError:
        return None
    return next((row for row in rows if row.domain and row.domain == domain), None)


def row_text(row: OwnRow) -> str:
    """Return a row as it is typed."""
    return f"{row_name(row)} = {settings_text(row)}"


def row_name(row: OwnRow) -> str:
    """Return what a row is for: a domain, or "MX" and a pattern."""
    return row.domain or f"MX {row.mx}"


def settings_text(row: OwnRow) -> str:
    """Return a row's server, port, encryption and pattern of the login."""
    host = f"[{row.host}]" if ":" in row.host else row.host
    return f"{host}:{row.port} {row.encryption.value} {row.login_pattern}".rstrip()


def describe_changed_rows(before: Sequence[OwnRow], after: Sequence[OwnRow]) -> tuple[str, ...]:
    """Return what differs between rows in words, "example.com empty → smtp.example.com:587 TLS"."""
    old, new = ({row_name(row): settings_text(row) for row in rows} for rows in (before, after))
    names = dict.fromkeys((*old, *new))
    pairs = ((name, old.get(name, "empty"), new.get(name, "empty")) for name in names)
    return tuple(f"{name} {was} → {now}" for name, was, now in pairs if was != now)


def parse_rows(text: str, *, allowed: Collection[str]) -> tuple[tuple[OwnRow, ...], str]:
    """Return the rows in a text, and in one or more sentences what is wrong with the others, each with its line.

    `allowed` are the only servers that a row may name; empty: any.
    """
    rows, lines, faults = list[OwnRow](), dict[str, int](), list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        typed = unquoted(stripped(narrowed(without_invisible(line))))
        if not typed:
            continue
        try:
            row = _row(typed)
            _require_new(row_name(row), lines)
            _require_allowed(row.host, allowed)
        except ValueError as error:
            faults.append(f"Line {number}: {error}")
            continue
        rows.append(row)
        lines[row_name(row)] = number
    if len(rows) > MAX_ROWS:
        faults.insert(0, f"At most {MAX_ROWS} rows, one a line, for example {EXAMPLE}.")
    elif not fits_input(map(row_text, rows)):
        faults.insert(0, f"The rows have at most {MAX_TEXT_LENGTH} characters together. Leave some out.")
    return tuple(rows), joined_faults(faults)


def _row(line: str) -> OwnRow:
    whose, equals, settings = line.partition("=")
    if not equals:
        raise ValueError(f"“{clean(line, most=40)}” has no = in it. Write a row like {EXAMPLE}.")
    host, port, encryption, login_pattern = _settings(settings)
    domain, mx = _whose(stripped(whose))
    return OwnRow(domain=domain, mx=mx, host=host, port=port, encryption=encryption, login_pattern=login_pattern)


def _whose(text: str) -> tuple[str, str]:
    """Return the domain or the MX pattern that a row is for."""
    if found := _MX.fullmatch(text):
        return "", _mx_pattern(unquoted(stripped(found["pattern"])))
    if "*" in text:
        raise ValueError(
            f"“{clean(text, most=40)}” is no domain, which has no * in it. For the servers that take mail in, write "
            f"MX before it, as in {MX_EXAMPLE}."
        )
    domain = check_domain(unquoted(text))
    if not domain:
        raise ValueError(f"The domain before the = is missing. Write a row like {EXAMPLE}.")
    return normal_host(domain), ""


def _mx_pattern(text: str) -> str:
    below = _BELOW if text.startswith(_BELOW) else ""
    try:
        host = normal_host(text.removeprefix(_BELOW))
    except HostError:
        host = ""
    if "." not in host or literal(host) is not None:
        raise ValueError(
            f"“{clean(text, most=40)}” names no servers that take mail in. Write one name, or * for all below a name, "
            f"as in {MX_EXAMPLE}."
        )
    return below + host


def _settings(text: str) -> tuple[str, int, Encryption, str]:
    """Return server, port, encryption and pattern of the login; port and encryption follow from each other."""
    words = [word for one in text.split() if (word := one.rstrip(",;"))]
    if not words:
        raise ValueError(f"The server behind the = is missing. Write a row like {EXAMPLE}.")
    server = words.pop(0)
    if words and words[0].isdigit():
        server = f"{server} {words.pop(0)}"
    typed_port = split_typed_server(server)[1]
    host, port = check_server(server), check_port(typed_port)
    encryption = _encryption(words) or (Encryption.SSL if port == TYPICAL_PORTS[Encryption.SSL] else Encryption.TLS)
    pattern = unquoted(" ".join(words))
    if len(words) > 1:
        raise ValueError(
            f"“{clean(pattern, most=40)}” is more than one pattern of the login. Write a row like {EXAMPLE}."
        )
    return host, port or TYPICAL_PORTS[encryption], encryption, check_login_pattern(pattern)


def _encryption(words: list[str]) -> Encryption | None:
    """Take the encryption from the front of `words` and return it; None where none is given."""
    named = words[0].upper() if words else ""
    if named in _UNENCRYPTED:
        raise ValueError(
            "A password never travels unencrypted. The encryption is TLS or SSL, for example smtp.example.com:587 TLS."
        )
    if named not in _ENCRYPTIONS:
        if words and "{" not in named:
            raise ValueError(f"“{clean(words[0], most=40)}” is neither TLS nor SSL. Write a row like {EXAMPLE}.")
        return None
    del words[0]
    return _ENCRYPTIONS[named]


def _require_new(name: str, lines: dict[str, int]) -> None:
    if name in lines:
        raise ValueError(f"{clean(name, most=60)} has a row already, in line {lines[name]}. Keep one of the two.")


def _require_allowed(host: str, allowed: Collection[str]) -> None:
    if allowed and host not in allowed:
        raise ValueError(f"{clean(host, most=60)} is none of the allowed servers. Add it to them, or take one of them.")
