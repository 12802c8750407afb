"""Certificates for the scripted servers: a good one, and one for each way of being bad."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.fakes.smtp_server import HOST


def _server_context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


@dataclass
class Certificates:
    """Server contexts by what is wrong with their certificate, and the file of the authority that the client trusts."""

    good: ssl.SSLContext
    expired: ssl.SSLContext
    not_yet: ssl.SSLContext
    wrong_name: ssl.SSLContext
    self_signed: ssl.SSLContext
    stranger: ssl.SSLContext
    authority_file: Path

    @classmethod
    def make(cls, folder: Path) -> "Certificates":
        """Issue all certificates and write the authority's file into `folder`."""
        authority, stranger = trustme.CA(), trustme.CA()
        now = datetime.now(UTC)
        file = folder / "authority.pem"
        authority.cert_pem.write_to_path(file)
        contexts = {
            "good": authority.issue_cert(HOST),
            "expired": authority.issue_cert(
                HOST, not_before=now - timedelta(days=30), not_after=now - timedelta(days=1)
            ),
            "not_yet": authority.issue_cert(HOST, not_before=now + timedelta(days=1)),
            "wrong_name": authority.issue_cert("smtp.other.test", "mx.other.test"),
            "stranger": stranger.issue_cert(HOST),
        }
        made: dict[str, ssl.SSLContext] = {}
        for name, issued in contexts.items():
            made[name] = _server_context()
            issued.configure_cert(made[name])
        return cls(**made, self_signed=_self_signed(folder), authority_file=file)


def _self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "self-signed.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = _server_context()
    context.load_cert_chain(file)
    return context
