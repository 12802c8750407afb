"""Which certificates count: the system's and the company's authorities, or exactly one pinned key."""

import ssl
from pathlib import Path

from bot.smtp.network.certificate import presented


class NotThePinnedError(Exception):
    """The server's key is not the one that the profile trusts."""


def trust_store(ca_file: Path | None) -> ssl.SSLContext:
    """Build the verifying TLS context that all tests share: system authorities, and those in `ca_file`.

    Building one costs tens of milliseconds, more than a whole test, so it is done once.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(cafile=str(ca_file))
    return context


def unverified_context() -> ssl.SSLContext:
    """Build a context that takes any certificate: for reading one, or for holding it against a pin.

    Nothing of an account may be said over it before `verify_pin` has passed.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def verify_pin(session: ssl.SSLObject | None, pin: str) -> None:
    """Raise NotThePinnedError unless the peer's public key is the pinned one."""
    certificate = presented(session) if session is not None else None
    if certificate is None or certificate.pin != pin:
        raise NotThePinnedError("the server's key is not the trusted one")
