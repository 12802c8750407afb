"""`local:///path`: a key file that a passphrase opens; scrypt makes its key, AES-256-GCM seals.

The file is 84 bytes: a header (4 letters, version, log2 of N, r, p, 16 bytes of salt, 12 of nonce) and the
sealed key with its tag. The header is authenticated too, so a file with any bit changed does not open.
"""

import asyncio
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from storage.crypto.keyring import KEY_BYTES
from storage.key_sources.source import Address, Credentials, KeySourceError

FEWEST_CHARACTERS = 12
"""A shorter passphrase is not taken for a new file: whoever steals the file can try at their leisure."""

_LETTERS = b"EPBK"
_VERSION = 1
_SALT_BYTES = 16
_NONCE_BYTES = 12
_TAG_BYTES = 16
_HEADER = struct.Struct(f">4sBBBB{_SALT_BYTES}s{_NONCE_BYTES}s")
_FILE_BYTES = _HEADER.size + KEY_BYTES + _TAG_BYTES


@dataclass(frozen=True)
class Cost:
    """How much work one passphrase is: scrypt takes 128 * r * 2**log2_n bytes of memory, p times over (RFC 7914)."""

    log2_n: int
    r: int
    p: int

    def within_bounds(self) -> bool:
        """Whether a file may ask for it: never for more than 128 MiB, three times over."""
        return 14 <= self.log2_n <= 17 and self.r == 8 and 1 <= self.p <= 3


USUAL_COST = Cost(log2_n=15, r=8, p=3)
"""32 MiB and about a quarter of a second; OWASP's password storage cheat sheet names it among equals."""


def local_address(path: Path) -> str:
    """Write the address of a key file."""
    return f"local://{quote(str(path.absolute()))}"


class LocalFile:
    """One key file, sealed with a passphrase."""

    def __init__(self, path: Path, passphrase: str | None, *, cost: Cost = USUAL_COST) -> None:
        """Keep a key at `path`, sealed with `passphrase`; `cost` is that of a new file."""
        self._path = path
        self._passphrase = passphrase
        self._cost = cost

    @classmethod
    def at(cls, address: Address, credentials: Credentials) -> "LocalFile":
        """Find the file that an address names.

        Raises:
            KeySourceError: it names none.
        """
        address.expect_only()
        path = Path(address.rest)
        if not path.is_absolute() or "\0" in address.rest:
            raise KeySourceError("its address names no file from the root on, like local:///etc/bot/key.sealed.")
        return cls(path, credentials.passphrase)

    async def wrap(self, key: bytes) -> str:
        """Seal a root key in a new file, which its owner alone can read; give the file's address.

        Raises:
            KeySourceError: the file exists already or cannot be written; the passphrase is missing or too short.
        """
        if len(self._given_passphrase()) < FEWEST_CHARACTERS:
            raise KeySourceError(f"ENCRYPTION_PASSPHRASE has fewer than {FEWEST_CHARACTERS} characters.")
        salt, nonce, cost = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES), self._cost
        header = _HEADER.pack(_LETTERS, _VERSION, cost.log2_n, cost.r, cost.p, salt, nonce)
        sealing = await self._sealing_key(salt, cost)
        self._write(header + AESGCM(sealing).encrypt(nonce, key, header))
        return local_address(self._path)

    async def unwrap(self) -> bytes:
        """Open the file.

        Raises:
            KeySourceError: it is no key file, it asks for too much work, or the passphrase is another one.
        """
        content = self._read()
        if len(content) != _FILE_BYTES:
            raise KeySourceError(f"its file has not the {_FILE_BYTES} bytes of a sealed key.")
        header = content[: _HEADER.size]
        letters, version, log2_n, r, p, salt, nonce = _HEADER.unpack(header)
        cost = Cost(log2_n, r, p)
        if letters != _LETTERS or version != _VERSION or not cost.within_bounds():
            raise KeySourceError("its file is no sealed key that this version knows.")
        sealing = await self._sealing_key(salt, cost)
        try:
            return AESGCM(sealing).decrypt(nonce, content[_HEADER.size :], header)
        except InvalidTag:
            raise KeySourceError("ENCRYPTION_PASSPHRASE does not open its file, or the file was altered.") from None

    def _given_passphrase(self) -> str:
        if not self._passphrase:
            raise KeySourceError("neither ENCRYPTION_PASSPHRASE nor ENCRYPTION_PASSPHRASE_FILE is set.")
        return self._passphrase

    async def _sealing_key(self, salt: bytes, cost: Cost) -> bytes:
        passphrase = self._given_passphrase().encode("utf-8", "surrogatepass")
        scrypt = Scrypt(salt=salt, length=KEY_BYTES, n=2**cost.log2_n, r=cost.r, p=cost.p)
        try:
            return await asyncio.to_thread(scrypt.derive, passphrase)
        except MemoryError:
            raise KeySourceError("there is too little memory to open its file.") from None

    def _read(self) -> bytes:
        try:
            if not self._path.is_file():
                raise KeySourceError(f"{self._path} is no file.")
            with self._path.open("rb") as file:
                return file.read(_FILE_BYTES + 1)
        except OSError as error:
            raise KeySourceError(f"the file {self._path} cannot be read ({error.strerror}).") from None

    def _write(self, content: bytes) -> None:
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise KeySourceError(f"the file {self._path} cannot be written ({error.strerror}).") from None
