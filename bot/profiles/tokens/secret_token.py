"""The token of a program, as it is typed: `epb_<id>_<secret><checksum>`, with which secret scanners can know one.

The id (8 base62 characters) is public, the secret (43 base62 characters) holds 256 random bits, and the checksum (6)
is the CRC-32 of all that stands before it, so that what was typed wrongly is known without a look at the database.
"""

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field

from pydantic import SecretStr

PREFIX = "epb_"
ID_CHARACTERS = 8
SECRET_CHARACTERS = 43
"""62 to the power of 43 is a little more than 2 to the power of 256."""
CHECKSUM_CHARACTERS = 6
"""62 to the power of 6 is more than the 2 to the power of 32 values of a CRC-32."""
TOKEN_CHARACTERS = len(PREFIX) + ID_CHARACTERS + 1 + SECRET_CHARACTERS + CHECKSUM_CHARACTERS

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_FORM = re.compile(
    rf"({PREFIX}[0-9A-Za-z]{{{ID_CHARACTERS}}}_[0-9A-Za-z]{{{SECRET_CHARACTERS}}})"
    rf"([0-9A-Za-z]{{{CHECKSUM_CHARACTERS}}})"
)


@dataclass(frozen=True, kw_only=True)
class ParsedToken:
    """A token taken apart: its public id, and the SHA-256 (hex) of its secret, which shows in no repr."""

    id: str
    digest: str = field(repr=False)


class SecretToken:
    """A token of a program; its repr shows the public id alone."""

    def __init__(self, text: SecretStr, parsed: ParsedToken) -> None:
        self._text = text
        self._parsed = parsed

    def __repr__(self) -> str:
        return f"SecretToken({PREFIX}{self._parsed.id}_…)"

    @classmethod
    def generate(cls) -> "SecretToken":
        """Make a new token."""
        body = f"{PREFIX}{_random(ID_CHARACTERS)}_{_random(SECRET_CHARACTERS)}"
        return cls(SecretStr(body + _checksum(body)), _parsed(body))

    @staticmethod
    def parse(text: SecretStr) -> ParsedToken | None:
        """Take a token apart, without a look at the database; None where form or checksum are not those of one."""
        found = _FORM.fullmatch(text.get_secret_value())
        if found is None or _checksum(found[1]) != found[2]:
            return None
        return _parsed(found[1])

    @property
    def id(self) -> str:
        """The public id."""
        return self._parsed.id

    @property
    def digest(self) -> str:
        """The SHA-256 (hex) of the secret: 256 random bits need no salt and no slow hash."""
        return self._parsed.digest

    def secret(self) -> SecretStr:
        """Return the whole token, as it is typed into a program."""
        return self._text


def _parsed(body: str) -> ParsedToken:
    """Take apart what stands before the checksum."""
    _, token_id, secret = body.split("_")
    return ParsedToken(id=token_id, digest=hashlib.sha256(secret.encode("ascii")).hexdigest())


def _random(characters: int) -> str:
    return "".join(secrets.choice(_BASE62) for _ in range(characters))


def _checksum(text: str) -> str:
    number, written = zlib.crc32(text.encode("ascii")), ""
    for _ in range(CHECKSUM_CHARACTERS):
        number, digit = divmod(number, len(_BASE62))
        written = _BASE62[digit] + written
    return written
