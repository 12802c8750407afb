"""A certificate of a server of ours, and its key, in files as an operator has them."""

from dataclasses import dataclass, field
from pathlib import Path

import trustme

NAME = "out.example.test"


@dataclass
class CertificateFiles:
    """A certificate and its key in a folder, and the authority that issued it."""

    folder: Path
    authority: trustme.CA = field(default_factory=trustme.CA)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.write()
        self.authority.cert_pem.write_to_path(self.authority_file)

    @property
    def certificate(self) -> Path:
        """The file of the certificate."""
        return self.folder / "certificate.pem"

    @property
    def key(self) -> Path:
        """The file of its key."""
        return self.folder / "key.pem"

    @property
    def authority_file(self) -> Path:
        """The file of the authority, for clients."""
        return self.folder / "authority.pem"

    def write(self, name: str = NAME) -> None:
        """Issue a certificate into the files."""
        issued = self.authority.issue_cert(name, "localhost", "127.0.0.1")
        self.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        self.key.write_bytes(issued.private_key_pem.bytes())
