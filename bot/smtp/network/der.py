"""What stands in the bytes of a certificate; apart from its room-mates, because reading X.509 is slow to import."""

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.smtp.check.report import Certificate
from bot.smtp.dialogue.replies import clean

MOST_NAMES = 5
_LONGEST_NAME = 100


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
