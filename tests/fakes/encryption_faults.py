"""Server contexts for the scripted servers, by what is wrong with their encryption or their chain of certificates."""

import ssl
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.fakes.smtp_server import HOST

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_DH_1024 = b"""-----BEGIN DH PARAMETERS-----
MIGHAoGBAP//////////yQ/aoiFowjTExmKLgNwc0SkCTgiKZ8x0Agu+pjsTmyJR
Sgh5jjQE3e+VGbPNOkMbMCsKbfJfFDdP4TVtbVHCReSFtXZiXn7G9ExC6aY37WsL
/1y29Aa37e44a/taiZ+lrp8kEXxLH+ZJKGZR7OZTgf//////////AgEC
-----END DH PARAMETERS-----
"""
"""The group of 1024 bits of RFC 2409, 6.2, which many servers still had twenty years later."""
OLD_SERVER_HELLO = (
    b"\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" + b"\x01" * 32 + b"\x00\xc0\x2f\x00"  # no extensions at all
)
"""A ServerHello of TLS 1.2 that knows no secure renegotiation (RFC 5746)."""


def organisation(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, text)])


def common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


@dataclass
class Issued:
    """A certificate, its key and the certificates above it, the nearest first."""

    certificate: x509.Certificate
    key: Key
    above: tuple[x509.Certificate, ...] = ()

    @property
    def subject(self) -> x509.Name:
        return self.certificate.subject


def issue(
    subject: x509.Name,
    by: Issued | None = None,
    *extensions: x509.ExtensionType,
    key: Key | None = None,
    ends: timedelta = timedelta(days=90),
    lasts: timedelta = timedelta(days=91),
) -> Issued:
    """Issue a certificate; without an issuer it is signed by itself."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    until = datetime.now(UTC) + ends
    signing = by.key if by else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - lasts)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
    )
    if AUTHORITY in extensions:
        builder = builder.add_extension(FOR_SIGNING, critical=True)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    signed = builder.sign(signing, hashes.SHA256())
    return Issued(signed, key, (by.certificate, *by.above) if by else ())


AUTHORITY = x509.BasicConstraints(ca=True, path_length=None)
FOR_SIGNING = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
NAMES = x509.SubjectAlternativeName([x509.DNSName(HOST)])
PUBLIC_ISSUER = x509.AuthorityInformationAccess(
    [x509.AccessDescription(x509.OID_CA_ISSUERS, x509.UniformResourceIdentifier("http://r11.i.authority.example/"))]
)
OWN_ISSUER = x509.AuthorityInformationAccess(
    [x509.AccessDescription(x509.OID_CA_ISSUERS, x509.UniformResourceIdentifier(f"http://pki.{HOST}/ca.crt"))]
)
PUBLIC_RULES = x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("2.23.140.1.2.1"), None)])
FOR_CLIENTS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])


class EncryptionFaults:
    """Issues what the faulty servers show; `authority_file` is the one that the client trusts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.authority = issue(common_name("Test Root"), None, AUTHORITY)
        self.intermediate = issue(common_name("Test Intermediate"), self.authority, AUTHORITY)
        self.authority_file = folder / "authority.pem"
        self.authority_file.write_bytes(self.authority.certificate.public_bytes(Encoding.PEM))
        self._written = 0

    def contexts(self) -> Mapping[str, Callable[[], ssl.SSLContext]]:
        """Return how to make each context, by name."""
        leaf, middle = common_name(HOST), self.intermediate
        company = issue(organisation("Example Company"), None, AUTHORITY)
        scanner = issue(common_name("avast! Web/Mail Shield Root"), None, AUTHORITY)
        old_middle = issue(
            common_name("Old Intermediate"), self.authority, AUTHORITY, ends=timedelta(days=-1), key=middle.key
        )
        short = rsa.generate_private_key(65537, 1024)
        return {
            "full chain": lambda: self._context(issue(leaf, middle, NAMES), sent=1),
            "no intermediate": lambda: self._context(issue(leaf, middle, NAMES)),
            "no public intermediate": lambda: self._context(issue(leaf, middle, NAMES, PUBLIC_ISSUER)),
            "no intermediate by public rules": lambda: self._context(issue(leaf, middle, NAMES, PUBLIC_RULES)),
            "no intermediate of a known authority": lambda: self._context(
                issue(leaf, issue(organisation("Let's Encrypt"), None, AUTHORITY), NAMES)
            ),
            "own authority, not sent": lambda: self._context(issue(leaf, company, NAMES, OWN_ISSUER)),
            "own authority, sent": lambda: self._context(issue(leaf, company, NAMES), sent=1),
            "scanner": lambda: self._context(issue(leaf, scanner, NAMES)),
            "scanner, sent": lambda: self._context(issue(leaf, scanner, NAMES), sent=1),
            "self-signed, ended": lambda: self._context(issue(leaf, None, NAMES, ends=timedelta(days=-1))),
            "self-signed": lambda: self._context(issue(leaf, None, NAMES)),
            "expired intermediate": lambda: self._context(issue(leaf, old_middle, NAMES), sent=1),
            "for clients": lambda: self._context(issue(leaf, middle, NAMES, FOR_CLIENTS), sent=1),
            "short key": lambda: self._context(issue(leaf, middle, NAMES, key=short), sent=1),
            "DH 1024": self._weak_exchange,
            "TLS 1.0": self._old_version,
            "weak cipher": self._weak_cipher,
            "client certificate": lambda: self._client_certificate(ssl.TLSVersion.TLSv1_3),
            "client certificate, TLS 1.2": lambda: self._client_certificate(ssl.TLSVersion.TLSv1_2),
            "unknown name": self._unknown_name,
        }

    def ending(self, ends: timedelta, lasts: timedelta) -> ssl.SSLContext:
        """Return a good server whose certificate ends so soon and lasts so long."""
        return self._context(issue(common_name(HOST), self.intermediate, NAMES, ends=ends, lasts=lasts), sent=1)

    def _rsa_leaf(self) -> Issued:
        key = rsa.generate_private_key(65537, 2048)
        return issue(common_name(HOST), self.intermediate, NAMES, key=key)

    def _weak_exchange(self) -> ssl.SSLContext:
        file = self._folder / "dh1024.pem"
        file.write_bytes(_DH_1024)
        context = self._context(self._rsa_leaf(), sent=1)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0")
        context.load_dh_params(str(file))
        return context

    def _old_version(self) -> ssl.SSLContext:
        context = self._context(self._rsa_leaf(), sent=1)
        with _deprecated():
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        return context

    def _weak_cipher(self) -> ssl.SSLContext:
        context = self._context(self._rsa_leaf(), sent=1)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AES128-SHA:@SECLEVEL=0")
        return context

    def _client_certificate(self, version: ssl.TLSVersion) -> ssl.SSLContext:
        context = self._context(issue(common_name(HOST), self.intermediate, NAMES), sent=1)
        context.maximum_version = version
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.authority_file)
        return context

    def _unknown_name(self) -> ssl.SSLContext:
        context = self._context(issue(common_name(HOST), self.intermediate, NAMES), sent=1)
        context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        return context

    def _context(self, issued: Issued, *, sent: int = 0) -> ssl.SSLContext:
        """Return a server's context; `sent` is how many of the certificates above its own it sends."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")
        self._written += 1
        file = self._folder / f"chain-{self._written}.pem"
        chain = (issued.certificate, *issued.above[:sent])
        key = issued.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(key + b"".join(one.public_bytes(Encoding.PEM) for one in chain))
        context.load_cert_chain(file)
        return context


@contextmanager
def _deprecated() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
