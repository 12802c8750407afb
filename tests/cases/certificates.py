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
from cryptography.x509.oid import NameOID

HOSTER = ("*.hoster.example", "hoster.example")
SCANNER = (("avast! Web/Mail Shield", NameOID.ORGANIZATION_NAME), ("avast! Web/Mail Shield Root", NameOID.COMMON_NAME))

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
        issuer = by or cls(_certificate(name, name, key, key, ca=True), key)
        return issuer if by is None else cls(_certificate(name, by.certificate.subject, key, by.key, ca=True), key)

    def issue(self, names: Sequence[str], key: Key) -> x509.Certificate:
        """Issue a server's certificate."""
        subject = _name((names[0], NameOID.COMMON_NAME))
        return _certificate(subject, self.certificate.subject, key, self.key, names=names)


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
        self._scanner = Authority.make(_name(*SCANNER))
        self._made = 0

    @property
    def authority(self) -> str:
        """The certificate that a client has to trust, in PEM."""
        return self._root.certificate.public_bytes(Encoding.PEM).decode()

    def context(self, kind: str, host: str) -> ssl.SSLContext:
        """Make the context of a server under a name, or under an address."""
        key: Key = ec.generate_private_key(ec.SECP256R1())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        match kind:
            case "nochain":
                chain = [self._issuer.issue([host], key)]
            case "avast":
                chain = [self._scanner.issue([host], key)]
            case "wrong":
                chain = self._chain(HOSTER, key)
            case "bridge":
                name = _name(("127.0.0.1", NameOID.COMMON_NAME))
                chain = [_certificate(name, name, key, key, names=["127.0.0.1"])]
            case "dh1024":
                key = generate_private_key(65537, 2048)
                chain = self._chain([host], key)
                _weaken(context, self._folder)
            case _:
                chain = self._chain([host], key)
        context.load_cert_chain(self._file(chain, key))
        return context

    def _chain(self, names: Sequence[str], key: Key) -> list[x509.Certificate]:
        return [self._issuer.issue(names, key), self._issuer.certificate]

    def _file(self, chain: Sequence[x509.Certificate], key: Key) -> Path:
        self._made += 1
        file = self._folder / f"server-{self._made}.pem"
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(secret + b"".join(one.public_bytes(Encoding.PEM) for one in chain))
        return file


def _weaken(context: ssl.SSLContext, folder: Path) -> None:
    """Leave nothing but a key exchange with a group of 1024 bits."""
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DHE-RSA-AES256-GCM-SHA384:@SECLEVEL=0")
    file = folder / "group.pem"
    file.write_text(_SHORT_GROUP)
    context.load_dh_params(str(file))


def _name(*parts: tuple[str, x509.ObjectIdentifier]) -> x509.Name:
    return x509.Name([x509.NameAttribute(kind, text) for text, kind in parts])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: Key, by: Key, *, names: Sequence[str] = (), ca: bool = False
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=90))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([*map(_general_name, names)]), critical=False)
    return builder.sign(by, SHA256())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
