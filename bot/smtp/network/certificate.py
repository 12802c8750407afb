"""Certificates: which are trusted, and what a server's certificate says."""

import hashlib
import re
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.smtp.check.report import Certificate
from bot.smtp.dialogue.cleaning import clean

if TYPE_CHECKING:
    from cryptography import x509

MAX_NAMES = 5
MAX_NAME_LENGTH = 100

_LEGACY_SERVER_CONNECT = 0x4
"""ssl.OP_LEGACY_SERVER_CONNECT, which the module has since Python 3.12."""
_PUBLIC_POLICIES = {"2.23.140.1.1", "2.23.140.1.2.1", "2.23.140.1.2.2", "2.23.140.1.2.3"}
"""Which of the CA/Browser Forum's rules a certificate was issued by; only public authorities are bound by them
(https://cabforum.org/resources/object-registry/)."""
_PUBLIC_AUTHORITIES = re.compile(
    r"\b(let's encrypt|isrg|zerossl|digicert|geotrust|rapidssl|thawte|encryption everywhere|sectigo|comodo|usertrust|"
    r"globalsign|alphassl|godaddy|starfield|entrust|affirmtrust|google trust services|amazon|ssl\.com|ssl corporation|"
    r"identrust|buypass|actalis|certum|unizeto|asseco|swisssign|telesec|telekom security|d-trust|quovadis|harica|"
    r"certigna|geant|incommon|trustwave|network solutions|gandi|trustasia|wotrus|twca|secom|cybertrust|"
    r"firmaprofesional|izenpe|fnmt|microsec|netlock|e-szigno|certsign|emsign|microsoft azure)\b",
    re.IGNORECASE,
)
"""Authorities whose certificates for servers come from intermediate ones, by the names of those
(https://www.ccadb.org/resources)."""
_PRIVATE_DOMAINS = ("local", "lan", "internal", "intranet", "corp", "home", "private", "localdomain", "arpa")


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


def old_context() -> ssl.SSLContext:
    """Build a context that accepts whatever OpenSSL still knows, to see what an old server speaks.

    Nothing of an account may be sent over it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.options |= _LEGACY_SERVER_CONNECT
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
    with suppress(ValueError):
        return parse_certificate(der)
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
    return Certificate(
        names=tuple(clean(name, most=MAX_NAME_LENGTH) for name in names[:MAX_NAMES]),
        issuer=clean(_issuer(certificate), most=MAX_NAME_LENGTH),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        # The key's own bytes, not the certificate's, so that a renewal with the same key stays trusted (RFC 7469, 2.4).
        pin=hashlib.sha256(key).hexdigest(),
        publicly_issued=_publicly_issued(certificate, names),
    )


def _issuer(certificate: "x509.Certificate") -> str:
    """Return the issuer's name and, where it says something else, its organisation: "R11 (Let's Encrypt)"."""
    from cryptography import x509  # noqa: PLC0415

    kinds = (x509.NameOID.COMMON_NAME, x509.NameOID.ORGANIZATION_NAME, x509.NameOID.ORGANIZATIONAL_UNIT_NAME)
    found = [certificate.issuer.get_attributes_for_oid(kind) for kind in kinds]
    name, organisation, unit = (str(attributes[0].value) if attributes else "" for attributes in found)
    if name and organisation and organisation.casefold() not in name.casefold():
        return f"{name} ({organisation})"
    return name or organisation or unit or "nobody named"


def _publicly_issued(certificate: "x509.Certificate", names: list[str]) -> bool:
    """Whether a certificate carries what only public authorities put into one.

    That are the name of such an authority, timestamps of public logs (RFC 6962), the rules that bind such authorities,
    or an address of the issuer's certificate that is outside the server's own domain.
    """
    from cryptography import x509  # noqa: PLC0415

    if certificate.issuer != certificate.subject and _PUBLIC_AUTHORITIES.search(_issuer(certificate)):
        return True
    with suppress(x509.ExtensionNotFound):
        certificate.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps)
        return True
    with suppress(x509.ExtensionNotFound):
        policies = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
        if any(policy.policy_identifier.dotted_string in _PUBLIC_POLICIES for policy in policies):
            return True
    own = {_domain(name) for name in names}
    return any(_domain(host) not in own and not host.endswith(_PRIVATE_DOMAINS) for host in _issuer_hosts(certificate))


def _issuer_hosts(certificate: "x509.Certificate") -> Iterator[str]:
    """Yield the hosts from which the issuer's certificate can be fetched over HTTP (RFC 5280, 4.2.2.1)."""
    from cryptography import x509  # noqa: PLC0415

    with suppress(x509.ExtensionNotFound):
        for access in certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value:
            location = access.access_location
            if access.access_method != x509.OID_CA_ISSUERS:
                continue
            if isinstance(location, x509.UniformResourceIdentifier):
                address = urlsplit(location.value)
                if address.scheme in ("http", "https") and "." in (address.hostname or ""):
                    yield address.hostname or ""


def _domain(host: str) -> str:
    return ".".join(host.lower().split(".")[-2:])
