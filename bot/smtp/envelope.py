"""Addresses as SMTP writes them, and a message on its way."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import idna

from bot.smtp.check.faults import StageFailedError
from bot.smtp.check.report import Fault


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A message that is really sent after the stages have passed: to whom, and its bytes."""

    recipient: str
    content: bytes


def path(address: str, extensions: Mapping[str, str]) -> tuple[bytes, tuple[bytes, ...]]:
    """Give an address between angle brackets, and the parameter that a non-ASCII one needs (RFC 6531).

    Raises:
        StageFailedError: the address is not ASCII and the server takes only such.
    """
    local, _, domain = address.rpartition("@")
    with suppress(idna.IDNAError):
        domain = idna.encode(domain, uts46=True).decode("ascii")
    written = f"<{local}@{domain}>".encode()
    if written.isascii():
        return written, ()
    if "smtputf8" not in extensions:
        raise StageFailedError(Fault.SENDER_REFUSED, "the server takes only ASCII addresses")
    return written, (b"SMTPUTF8",)
