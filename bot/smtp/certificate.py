"""What a verified certificate says that a person wants to know: how long it lasts, whom it names."""

import ssl
from datetime import UTC, datetime

MOST_NAMES = 5


def expiry(session: ssl.SSLObject) -> datetime | None:
    """Read when the peer's verified certificate ends, aware UTC."""
    until = (session.getpeercert() or {}).get("notAfter")
    if not isinstance(until, str):
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC)


def lifetime(session: ssl.SSLObject, now: datetime) -> str:
    """Say how long the peer's certificate lasts: "valid until 12 Mar 2027 (108 days)"."""
    until = expiry(session)
    if until is None:
        return "certificate verified"
    days = (until - now).days
    return f"valid until {until.day} {until:%b %Y} ({days} day{'' if days == 1 else 's'})"


def names(session: ssl.SSLObject) -> tuple[str, ...]:
    """List the DNS names and addresses that the peer's certificate carries, at most five (untrusted text)."""
    found = (session.getpeercert() or {}).get("subjectAltName", ())
    return tuple(str(entry[1]) for entry in found)[:MOST_NAMES]
