"""What a certificate says that a person wants to know: whom it names, who issued it, how long it lasts, its key."""

import hashlib
import ssl
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.smtp.replies import clean
from bot.smtp.report import Certificate

MOST_NAMES = 5
_LONGEST_NAME = 100


def presented(session: ssl.SSLObject) -> Certificate | None:
    """Read the peer's certificate, verified or not; None when there is none that can be read."""
    der = session.getpeercert(binary_form=True)
    if der is None:
        return None
    try:
        return read(der)
    except ValueError:
        # Whatever a server presents, an unreadable certificate is its trouble, not ours.
        return None


def read(der: bytes) -> Certificate:
    """Read a DER certificate. Raises ValueError when it is none."""
    certificate = x509.load_der_x509_certificate(der)
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Certificate(
        names=tuple(clean(name, most=_LONGEST_NAME) for name in _names(certificate))[:MOST_NAMES],
        issuer=clean(_issuer(certificate), most=_LONGEST_NAME),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        # The key's own bytes, not the certificate's, so that a renewal with the same key stays trusted (RFC 7469, 2.4).
        pin=hashlib.sha256(key).hexdigest(),
    )


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]


def _issuer(certificate: x509.Certificate) -> str:
    for kind in (x509.NameOID.ORGANIZATION_NAME, x509.NameOID.COMMON_NAME):
        if found := certificate.issuer.get_attributes_for_oid(kind):
            return str(found[0].value)
    return "nobody named"


def days_left(certificate: Certificate, now: datetime) -> int:
    """Count the whole days until a certificate ends; negative when it has ended."""
    return (certificate.not_after - now).days


def lifetime(certificate: Certificate, now: datetime) -> str:
    """Say how long a certificate lasts: "valid until 12 Mar 2027 (108 days)"."""
    until = certificate.not_after.astimezone(UTC)
    days = days_left(certificate, now)
    return f"valid until {until.day} {until:%b %Y} ({days} day{'' if days == 1 else 's'})"
