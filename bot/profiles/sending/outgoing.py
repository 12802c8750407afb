"""What of a letter is sent: as it came, with a trace line and what was missing in its header, and without Bcc."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime

from bot.profiles.sending.header import Field, Header
from bot.smtp.dialogue.cleaning import clean
from bot.smtp.network.guard import HostError, normal_host

_HIDDEN = ("bcc", "resent-bcc")
"""Fields that no recipient may see (RFC 5322, 3.6.3)."""

_SIGNED = re.compile(r"(?:^|;)\s*h\s*=\s*([^;]*)")
"""The fields that a signature covers (RFC 6376, 3.5)."""


@dataclass(frozen=True, kw_only=True)
class OutgoingLetter:
    """A letter as it is sent: its parts, one behind the other, and its Message-ID with brackets."""

    parts: tuple[bytes, ...] = field(repr=False)
    message_id: str


def outgoing_letter(
    content: bytes, header: Header, *, address: str, server: str, protocol: str, now: datetime
) -> OutgoingLetter:
    """Return a letter as it is sent; all that it was given stays as it is, byte for byte, but for Bcc.

    `server` is the name that we announce, `protocol` how the letter came in (RFC 3848), and both stand in the trace
    line. A field that a signature of the letter covers is not added: the signature says that it is not there.
    """
    found = header.named("message-id")
    message_id = clean(found[0].value) if found else f"<{secrets.token_hex(16)}@{_id_domain(address)}>"
    signed = _signed(header.named("dkim-signature"))
    missing = {"date": format_datetime(now), "message-id": message_id}
    lines = [f"Received: by {server} with {protocol} id {secrets.token_hex(8)};", f"\t{format_datetime(now)}"]
    spelled = {"date": "Date", "message-id": "Message-ID"}
    lines += [
        f"{spelled[name]}: {value}" for name, value in missing.items() if not header.named(name) and name not in signed
    ]
    added = "".join(f"{line}\r\n" for line in lines).encode("ascii")
    kept = header.without(*_HIDDEN)
    parts = (added, content) if kept is None else (added, kept, content[header.length :])
    is_sent = bool(found) or "message-id" not in signed
    return OutgoingLetter(parts=parts, message_id=message_id if is_sent else "")


def _signed(signatures: Iterable[Field]) -> set[str]:
    """Return the names of all fields that signatures cover, in small letters."""
    covered = (match[1] for one in signatures for match in _SIGNED.finditer(one.value))
    return {name.strip().lower() for names in covered for name in names.split(":")}


def _id_domain(address: str) -> str:
    try:
        domain = normal_host(address.rpartition("@")[2])
    except HostError:
        return "localhost"
    return f"[{domain}]" if ":" in domain or domain.replace(".", "").isdigit() else domain
