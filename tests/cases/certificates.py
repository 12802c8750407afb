"""The certificates of the cases: good ones, and those that are not accepted, each for its own reason."""

import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK = "127.0.0.1"
HOSTER = ("*.hoster.example", "hoster.example")

STRANGERS = {
    "avast": ("avast! Web/Mail Shield", "avast! Web/Mail Shield Root"),
    "kaspersky": ("AO Kaspersky Lab", "Kaspersky Anti-Virus Personal Root Certificate"),
    "zscaler": ("Zscaler Inc.", "Zscaler Intermediate Root CA (zscalertwo.net)"),
    "ownca": ("Corp Example GmbH", "Corp Example Root CA 1"),
}
"""Authorities that the bot does not know, by organisation and common name."""

LIFETIMES = {
    "expired": (-timedelta(days=93), -timedelta(days=3)),
    "notyet": (timedelta(days=2), timedelta(days=92)),
    "soon": (-timedelta(days=80), timedelta(days=10)),
    "sixdays": (timedelta(days=5, hours=-160), timedelta(days=5)),
}
USUAL_LIFETIME = (-timedelta(days=1), timedelta(days=90))
"""When a certificate begins and ends, from now on."""

Key = ec.EllipticCurvePrivateKey | RSAPrivateKey

# The 1024-bit group of RFC 2409, 6.2, which old servers still use.
_SHORT_GROUP = """-----BEGIN DH PARAMETERS-----
MIGHAoGBAP//////////yQ/aoiFowjTExmKLgNwc0SkCTgiKZ8x0Agu+pjsTmyJR
Sgh5jjQE3e+VGbPNOkMbMCsKbfJfFDdP4TVtbVHCReSFtXZiXn7G9ExC6aY37WsL
/1y29Aa37e44a/taiZ+lrp8kEXxLH+ZJKGZR7OZTgf//////////AgEC
-----END DH PARAMETERS-----
"""


@dataclass(frozen=True)
class Authority:
    """An issuer of certificates."""

    certificate: x509.Certificate
    key: Key

    @classmethod
    def make(cls, name: x509.Name, *, by: "Authority | None" = None) -> "Authority":
        """Make an authority, certified by another or by itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = by or cls(_certificate(name, name, key, key), key)
        return issuer if by is None else cls(_certificate(name, by.certificate.subject, key, by.key), key)

    def issue(self, names: Sequence[str], key: Key, kind: str = "") -> x509.Certificate:
        """Issue a server's certificate, with what its kind says of its time and purpose."""
        subject = _name((names[0], NameOID.COMMON_NAME))
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if kind == "clientauth" else None
        lifetime = LIFETIMES.get(kind, USUAL_LIFETIME)
        return _certificate(
            subject, self.certificate.subject, key, self.key, names=names, lifetime=lifetime, purpose=purpose
        )


class CaseCertificates:
    """Makes the contexts of servers. The client trusts `root` alone; its own authority certifies an issuer below."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = Authority.make(_name(("Example Trust Services", NameOID.ORGANIZATION_NAME)))
        self._issuer = Authority.make(
            _name(
                ("Example Trust Services", NameOID.ORGANIZATION_NAME), ("Example TLS Issuing CA", NameOID.COMMON_NAME)
            ),
            by=self._root,
        )
        self._made = 0

    @property
    def authority(self) -> str:
        """The certificate that a client has to trust, in PEM."""
        return self._root.certificate.public_bytes(Encoding.PEM).decode()

    def context(self, kind: str, host: str) -> ssl.SSLContext:
        """Make the context of a server under a name, or under an address."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._limit(context, kind)
        key = _key(kind)
        context.load_cert_chain(self._file(self._chain(kind, host, key), key))
        return context

    def _limit(self, context: ssl.SSLContext, kind: str) -> None:
        """Restrict what a server can do, or widen what it wants."""
        if kind in ("dh1024", "nocipher", "wantsclient12"):
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        if kind == "dh1024":
            context.set_ciphers("DHE-RSA-AES256-GCM-SHA384:@SECLEVEL=0")
            group = self._folder / "group.pem"
            group.write_text(_SHORT_GROUP)
            context.load_dh_params(str(group))
        if kind == "nocipher":
            context.set_ciphers("AES128-SHA256:@SECLEVEL=0")
        if kind == "rsa1024":
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
        if kind in ("wantsclient", "wantsclient12"):
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=self.authority)

    def _chain(self, kind: str, host: str, key: Key) -> list[x509.Certificate]:
        """Return what a server sends, its own certificate first."""
        if kind == "bridge":
            name = _name((LOOPBACK, NameOID.COMMON_NAME))
            return [_certificate(name, name, key, key, names=[LOOPBACK])]
        if kind in STRANGERS:
            organisation, common = STRANGERS[kind]
            stranger = Authority.make(_name((organisation, NameOID.ORGANIZATION_NAME), (common, NameOID.COMMON_NAME)))
            # The scanner keeps its root on the person's machine, and sends the certificate it made alone.
            return [stranger.issue([host], key), stranger.certificate][: 1 if kind == "avast" else 2]
        own = self._issuer.issue(HOSTER if kind == "wrong" else [host], key, kind)
        return [own] if kind == "nochain" else [own, self._issuer.certificate]

    def _file(self, chain: Sequence[x509.Certificate], key: Key) -> Path:
        self._made += 1
        file = self._folder / f"server-{self._made}.pem"
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(secret + b"".join(one.public_bytes(Encoding.PEM) for one in chain))
        return file


def _key(kind: str) -> Key:
    """Make a server's key: of RSA, where the kind of key exchange or the size of the key is the point."""
    if kind in ("dh1024", "nocipher", "rsa1024"):
        return generate_private_key(65537, 1024 if kind == "rsa1024" else 2048)
    return ec.generate_private_key(ec.SECP256R1())


def _name(*parts: tuple[str, x509.ObjectIdentifier]) -> x509.Name:
    return x509.Name([x509.NameAttribute(kind, text) for text, kind in parts])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: Key,
    by: Key,
    *,
    names: Sequence[str] = (),
    lifetime: tuple[timedelta, timedelta] = USUAL_LIFETIME,
    purpose: x509.ObjectIdentifier | None = None,
) -> x509.Certificate:
    """Make a certificate of a server, or of an authority where it has no names."""
    now = datetime.now(UTC)
    begins, ends = lifetime
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([*map(_general_name, names)]), critical=False)
    if purpose is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return builder.sign(by, SHA256())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
