"""Seals and opens one record: AES-256-GCM under a key of its own, bound to the record's context.

For each save a 16-byte random salt and HKDF-SHA256 give 64 bytes from the root key: 32 are the AES key, 32 a
commitment that is compared before anything is decrypted, because GCM alone would let one ciphertext open
under two keys. Each AES key encrypts one message, so random nonces cannot collide in practice
(NIST SP 800-38D, section 8.3). The associated data holds the format version, the key id, the salt and every
part of the context, each with its length in front.
"""

import base64
import binascii
import hmac
import os
import re
import struct
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlmodel import SQLModel

KEY_BYTES = 32
_VERSION = 1
_SALT_BYTES = 16
_COMMITMENT_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_KEY_ID_CHARACTERS = 8
# Of 32 random bytes about 30 differ; fewer than 16 do so once in some 10^15 keys.
_FEWEST_DIFFERENT_BYTES = 16
# Record sizes are rounded up to this many bytes, so that a ciphertext does not reveal a password's length.
_BLOCK_BYTES = 64
_LENGTH = struct.Struct(">H")
_HEADER = struct.Struct(f">BB{_KEY_ID_CHARACTERS}s{_SALT_BYTES}s{_COMMITMENT_BYTES}s{_NONCE_BYTES}s")


class KeyringError(ValueError):
    """The key list is not usable. The message is a sentence that holds no key."""


class SealBrokenError(Exception):
    """A token does not open."""


class MalformedError(SealBrokenError):
    """The bytes are no token of this format."""


class UnknownKeyError(SealBrokenError):
    """The token was sealed under a key that is not in the list."""


class WrongKeyError(SealBrokenError):
    """The key carries the right id, but its bytes are not those that sealed (commitment mismatch)."""


class TamperedError(SealBrokenError):
    """The token was edited, or moved to another record."""


WRONG_KIND = (ValueError, TypeError, AttributeError, OverflowError)
"""What a value raises that is of another kind than the bot writes: databases take what somebody else writes."""

UNOPENED = (SealBrokenError, *WRONG_KIND)
"""What opening a row raises: its seal is broken, or something beside it is of a wrong kind."""


class RecordContext(NamedTuple):
    """What a seal binds: nothing that was sealed for one record opens in another.

    `extra` are the texts of whatever else is in the clear beside the sealed bytes.
    """

    table: str
    record_id: str
    workspace: str
    user: str
    revision: int
    extra: tuple[str, ...] = ()

    @classmethod
    def of_row(cls, table: type[SQLModel], row: Any, *extra: str) -> "RecordContext":
        """Return what the seal of a row is bound to; `extra` are texts of what else is in the clear beside it."""
        return cls(
            table=str(table.__tablename__),
            record_id=row.record_id,
            workspace=row.workspace,
            user=getattr(row, "user_id", "-"),
            revision=getattr(row, "revision", 1),
            extra=(row.key_id, *extra),
        )


def generate_key() -> str:
    """Make a new key: 32 random bytes as url-safe base64."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


def _derive(root: bytes, *, salt: bytes | None, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(root)


def _key_id(root: bytes) -> str:
    raw = _derive(root, salt=None, info=b"email-profile-bot key id v1", length=_KEY_ID_CHARACTERS // 2)
    return raw.hex()


def _refuse_sample(key: bytes, number: int) -> None:
    """Refuse bytes that are not random: repeated, counted up or down, or readable text.

    Raises:
        KeyringError: naming the key by its number in the list.
    """
    repeats = len(set(key)) < _FEWEST_DIFFERENT_BYTES
    counts = len({(after - before) % 256 for before, after in pairwise(key)}) == 1
    reads_as_text = all(0x20 <= byte < 0x7F for byte in key)
    if repeats or counts or reads_as_text:
        raise KeyringError(f"key {number} is a pattern, a text or a sample, and no secret.")


def _parse_key(text: str, number: int) -> bytes:
    """Parse one key as `generate_key` writes it; the padding may be left out, nothing else is accepted.

    Raises:
        KeyringError: naming the key by its number in the list.
    """
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise KeyringError(f"key {number} is not url-safe base64.") from None
    # Python's decoder accepts both alphabets and ignores left-over bits, so that a key would have several spellings.
    spelling = base64.urlsafe_b64encode(key).decode()
    if text not in (spelling, spelling.rstrip("=")):
        raise KeyringError(f"key {number} is not url-safe base64 (with - for + and _ for /).")
    if len(key) != KEY_BYTES:
        raise KeyringError(f"key {number} has {len(key)} bytes; a key has {KEY_BYTES}.")
    _refuse_sample(key, number)
    return key


class Keyring:
    """A list of root keys: the first seals, all open."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """`keys` are root keys of 32 bytes.

        Raises:
            KeyringError: there is none, one has a wrong length, or one is listed twice.
        """
        if not keys:
            raise KeyringError("there is no key in it.")
        self._roots: dict[str, bytes] = {}
        for number, key in enumerate(keys, start=1):
            if len(key) != KEY_BYTES:
                raise KeyringError(f"key {number} has {len(key)} bytes; a key has {KEY_BYTES}.")
            if _key_id(key) in self._roots:
                raise KeyringError(f"key {number} stands in the list twice.")
            self._roots[_key_id(key)] = key
        names = b"email-profile-bot names v1"
        self._names = tuple(_derive(root, salt=None, info=names, length=KEY_BYTES) for root in self._roots.values())

    @classmethod
    def from_text(cls, text: str) -> "Keyring":
        """Parse comma-separated url-safe base64 keys; padding may be left out.

        Raises:
            KeyringError: as the constructor; or a key is not base64, or is not random.
        """
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return cls([_parse_key(part, number) for number, part in enumerate(parts, start=1)])

    def __repr__(self) -> str:
        return f"Keyring({', '.join(self._roots)})"

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids of all keys, the sealing one first; an id is 8 hexadecimal characters that reveal no key."""
        return tuple(self._roots)

    @property
    def active(self) -> str:
        """The id of the key that seals."""
        return self.key_ids[0]

    def keyed_hash(self, text: str) -> str:
        """Return the HMAC-SHA256 of `text`, which reveals nothing of it: 43 url-safe characters.

        It depends on the first key, so what is stored under such names starts again when the keys are rotated.
        """
        return self.keyed_hashes(text)[0]

    def keyed_hashes(self, text: str) -> tuple[str, ...]:
        """Return the hash of `text` under each key, the sealing key's first, so that older rows are found too."""
        written = text.encode("utf-8", "surrogatepass")
        digests = (hmac.digest(key, written, "sha256") for key in self._names)
        return tuple(base64.urlsafe_b64encode(digest).decode().rstrip("=") for digest in digests)

    def seal(self, plaintext: bytes, context: RecordContext) -> bytes:
        """Seal `plaintext` under the first key, bound to `context`.

        Raises:
            ValueError: a part of the context is empty.
        """
        return self.seal_under(self.active, plaintext, context)

    def seal_under(self, key_id: str, plaintext: bytes, context: RecordContext) -> bytes:
        """Seal under one of the configured keys; for check values, of which every key has one."""
        salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
        return self._seal(key_id, plaintext, context, salt=salt, nonce=nonce)

    def _seal(self, key_id: str, plaintext: bytes, context: RecordContext, *, salt: bytes, nonce: bytes) -> bytes:
        associated = _associated_data(key_id, salt, context)
        key, commitment = _record_keys(self._roots[key_id], salt)
        header = _HEADER.pack(_VERSION, _KEY_ID_CHARACTERS, key_id.encode("ascii"), salt, commitment, nonce)
        return header + AESGCM(key).encrypt(nonce, _pad(plaintext), associated)

    def open(self, token: bytes, context: RecordContext) -> bytes:
        """Open a token that was sealed for `context`.

        Raises:
            SealBrokenError: one of its four kinds says why.
            ValueError: a part of the context is empty.
        """
        key_id, salt, commitment, nonce, sealed = _parse(token)
        associated = _associated_data(key_id, salt, context)
        if key_id not in self._roots:
            raise UnknownKeyError(f"sealed under key {key_id}, which is not configured")
        key, expected = _record_keys(self._roots[key_id], salt)
        if not hmac.compare_digest(commitment, expected):
            raise WrongKeyError(f"key {key_id} did not seal this")
        try:
            padded = AESGCM(key).decrypt(nonce, sealed, associated)
        except InvalidTag:
            raise TamperedError("edited, or moved from another place") from None
        return _unpad(padded)

    def open_row(self, row: Any, context_of: Callable[[Any], RecordContext]) -> bytes | None:
        """Return what is sealed in a row; None when it does not open, or something beside it is of a wrong kind."""
        try:
            return self.open(row.sealed, context_of(row))
        except UNOPENED:
            return None


def is_key_id(value: object) -> bool:
    """Whether a value has the form of a key's id."""
    return isinstance(value, str) and re.fullmatch(rf"[0-9a-f]{{{_KEY_ID_CHARACTERS}}}", value) is not None


def key_id_of(token: bytes) -> str:
    """Return the id of the key that a token was sealed under.

    Raises:
        MalformedError: the bytes are no token of this format.
    """
    return _parse(token)[0]


def _parse(token: bytes) -> tuple[str, bytes, bytes, bytes, bytes]:
    """Parse a token strictly into key id, salt, commitment, nonce and sealed bytes."""
    sealed = token[_HEADER.size :]
    if len(sealed) < _BLOCK_BYTES + _TAG_BYTES or (len(sealed) - _TAG_BYTES) % _BLOCK_BYTES:
        raise MalformedError("wrong length")
    version, id_length, key_id, salt, commitment, nonce = _HEADER.unpack_from(token)
    if version != _VERSION or id_length != _KEY_ID_CHARACTERS or not key_id.isalnum():
        raise MalformedError("unknown format")
    return key_id.decode("ascii"), salt, commitment, nonce, sealed


def _record_keys(root: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """Derive one record's AES key and its commitment."""
    material = _derive(root, salt=salt, info=b"email-profile-bot record v1", length=KEY_BYTES + _COMMITMENT_BYTES)
    return material[:KEY_BYTES], material[KEY_BYTES:]


def _associated_data(key_id: str, salt: bytes, context: RecordContext) -> bytes:
    if not (context.table and context.record_id and context.workspace and context.user):
        raise ValueError("A record's context must be complete before it is sealed or opened.")
    fields = (
        bytes([_VERSION]),
        key_id.encode(),
        salt,
        context.table.encode(),
        context.record_id.encode(),
        context.workspace.encode(),
        context.user.encode(),
        str(context.revision).encode(),
        *(text.encode() for text in context.extra),
    )
    return b"".join([part for field in fields for part in (_LENGTH.pack(len(field)), field)])


def _pad(plaintext: bytes) -> bytes:
    body = struct.pack(">I", len(plaintext)) + plaintext
    return body + bytes(-len(body) % _BLOCK_BYTES)


def _unpad(padded: bytes) -> bytes:
    (length,) = struct.unpack_from(">I", padded)
    return padded[4 : 4 + length]
