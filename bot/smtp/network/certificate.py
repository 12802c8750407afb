"""What a certificate says that a person wants to know: whom it names, who issued it, how long it lasts, its key."""

import ssl
from datetime import UTC, datetime

from bot.smtp.check.report import Certificate


def presented(session: ssl.SSLObject) -> Certificate | None:
    """Read the peer's certificate, verified or not; None when there is none that can be read."""
    from bot.smtp.network.der import read  # noqa: PLC0415 - slow to import, and wanted with the first certificate only

    der = session.getpeercert(binary_form=True)
    if der is None:
        return None
    try:
        return read(der)
    except ValueError:
        # Whatever a server presents, an unreadable certificate is its trouble, not ours.
        return None


def days_left(certificate: Certificate, now: datetime) -> int:
    """Count the whole days until a certificate ends; negative when it has ended."""
    return (certificate.not_after - now).days


def lifetime(certificate: Certificate, now: datetime) -> str:
    """Say how long a certificate lasts: "valid until 12 Mar 2027 (108 days)"."""
    until = certificate.not_after.astimezone(UTC)
    days = days_left(certificate, now)
    return f"valid until {until.day} {until:%b %Y} ({days} day{'' if days == 1 else 's'})"
