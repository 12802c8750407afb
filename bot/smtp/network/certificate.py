"""Certificates: which are trusted, and what a server's certificate says."""

import hashlib
import ssl
from contextlib import suppress
from pathlib import Path

from bot.smtp.check.report import Certificate
from bot.smtp.dialogue.replies import clean

MAX_NAMES = 5
MAX_NAME_LENGTH = 100


class PinMismatchError(Exception):
    """The server's public key is not the one that the profile trusts."""


def trust_store(ca_file: Path | None) -> ssl.SSLContext:
    """Build the verifying TLS context that all tests share: the system's authorities, and those in `ca_file`.

    It takes tens of milliseconds, longer than a whole test, so it is built once.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(cafile=str(ca_file))
    return context


def unverified_context() -> ssl.SSLContext:
    """Build a context that accepts any certificate, for reading one or for comparing its key with a pin.

    Nothing of an account may be sent over it before `verify_pin` has passed.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def verify_pin(session: ssl.SSLObject | None, pin: str) -> None:
    """Raise PinMismatchError unless the peer's public key is the pinned one."""
    certificate = peer_certificate(session)
    if certificate is None or certificate.pin != pin:
        raise PinMismatchError("the server's key is not the trusted one")


def peer_certificate(session: ssl.SSLObject | None) -> Certificate | None:
    """Read the peer's certificate, verified or not; None when there is none, or none that can be parsed."""
    der = session.getpeercert(binary_form=True) if session is not None else None
    if der is None:
        return None
    try:
        return parse_certificate(der)
    except ValueError:
        return None


def parse_certificate(der: bytes) -> Certificate:
    """Parse a DER certificate. Raises ValueError when it is none."""
    # Imported with the first certificate, because it would add 20 ms to every start of the bot.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    certificate = x509.load_der_x509_certificate(der)
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    names: list[str] = []
    with suppress(x509.ExtensionNotFound):
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]
    issuers = [
        str(attribute.value)
        for kind in (x509.NameOID.ORGANIZATION_NAME, x509.NameOID.COMMON_NAME)
        for attribute in certificate.issuer.get_attributes_for_oid(kind)
    ]
    return Certificate(
        names=tuple(clean(name, most=MAX_NAME_LENGTH) for name in names[:MAX_NAMES]),
        issuer=clean(issuers[0] if issuers else "nobody named", most=MAX_NAME_LENGTH),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        # The key's own bytes, not the certificate's, so that a renewal with the same key stays trusted (RFC 7469, 2.4).
        pin=hashlib.sha256(key).hexdigest(),
    )
