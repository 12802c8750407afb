"""DKIM (RFC 6376) as far as tests need it: signing and verifying with rsa-sha256, both ways of canonicalization."""

import base64
import hashlib
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa


def sign(letter: bytes, key: rsa.RSAPrivateKey, *, headers: tuple[str, ...], way: str = "simple/simple") -> bytes:
    """Return a letter with a signature before it."""
    body_hash = _body_hash(letter, way.partition("/")[2])
    field = (
        f"DKIM-Signature: v=1; a=rsa-sha256; c={way}; d=demo.example; s=test;\r\n"
        f" h={':'.join(headers)};\r\n bh={body_hash}; b="
    ).encode()
    signature = key.sign(_signed(letter, field, headers, way), padding.PKCS1v15(), hashes.SHA256())
    return field + base64.b64encode(signature) + b"\r\n" + letter


def verifies(letter: bytes, key: rsa.RSAPublicKey) -> bool:
    """Return whether the first signature of a letter verifies."""
    field = next(field for field in _fields(letter) if field.lower().startswith(b"dkim-signature:"))
    unfolded = re.sub(r"\s", "", field.partition(b":")[2].decode())
    tags = dict(tag.partition("=")[::2] for tag in unfolded.split(";") if tag)
    way = tags.get("c", "simple/simple")
    if _body_hash(letter, way.partition("/")[2] or "simple") != tags["bh"]:
        return False
    unsigned = re.sub(rb"((?:^|;)\s*b\s*=)[^;]*", rb"\1", field.partition(b":")[2])
    signed = _signed(
        letter, field.partition(b":")[0] + b":" + unsigned.rstrip(b"\r\n"), tuple(tags["h"].split(":")), way
    )
    try:
        key.verify(base64.b64decode(tags["b"]), signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _fields(letter: bytes) -> list[bytes]:
    """Return the fields of a letter's header, each with its CRLF."""
    header = letter.partition(b"\r\n\r\n")[0] + b"\r\n"
    return re.findall(rb"[^\r\n]+\r\n(?:[ \t][^\r\n]*\r\n)*", header)


def _body_hash(letter: bytes, way: str) -> str:
    body = letter.partition(b"\r\n\r\n")[2]
    if way == "relaxed":
        body = b"\r\n".join(re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n"))
    while body.endswith(b"\r\n\r\n"):
        body = body[:-2]
    if way == "relaxed" and body == b"\r\n":
        body = b""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def _signed(letter: bytes, own: bytes, headers: tuple[str, ...], way: str) -> bytes:
    """Return what is signed: the named fields, the last of each name first, and the signature's own without b."""
    left = _fields(letter)
    signed = b""
    for name in headers:
        found = [field for field in left if field.partition(b":")[0].strip().lower() == name.strip().lower().encode()]
        if found:
            left.remove(found[-1])
            signed += _canonical(found[-1], way)
    return signed + _canonical(own, way).removesuffix(b"\r\n")


def _canonical(field: bytes, way: str) -> bytes:
    if way.partition("/")[0] != "relaxed":
        return field
    name, _, value = field.partition(b":")
    value = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip()
    return name.strip().lower() + b":" + value + b"\r\n"
