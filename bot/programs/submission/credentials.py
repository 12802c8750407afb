"""User and password as a program gives them with AUTH PLAIN (RFC 4616) or AUTH LOGIN."""

import binascii
from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import SecretStr

MECHANISMS = ("PLAIN", "LOGIN")

_UNREADABLE = "501 5.5.2 That is no base64, or not what this way of signing in has."

Ask = Callable[[str], Awaitable[bytes]]
"""Sends a prompt, and returns what the program answers to it, decoded."""


class CredentialsError(Exception):
    """The program gave no credentials. `reply` is what is answered to that; empty where it was answered already."""

    def __init__(self, reply: str = "") -> None:
        super().__init__(reply)
        self.reply = reply


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a program signs in with."""

    user: str
    password: SecretStr


async def read_credentials(mechanism: str, initial: str | None, ask: Ask) -> Credentials:
    """Read credentials; `initial` is what stood behind the mechanism in the command itself, in base64.

    Raises:
        CredentialsError: the program ended it, or sent what cannot be read.
    """
    if mechanism == "LOGIN":
        user = _text(await ask("Username:") if initial is None else _decoded(initial))
        return Credentials(user=user, password=SecretStr(_text(await ask("Password:"))))
    parts = _text(await ask("") if initial is None else _decoded(initial)).split("\0")
    if len(parts) != 3:
        raise CredentialsError(_UNREADABLE)
    acting_for, user, password = parts
    if acting_for not in ("", user):
        raise CredentialsError("535 5.7.8 Nobody signs in for somebody else here.")
    return Credentials(user=user, password=SecretStr(password))


def _decoded(text: str) -> bytes:
    try:
        # "=" stands for nothing (RFC 4954, 4).
        return b64decode("" if text == "=" else text, validate=True)
    except (binascii.Error, ValueError):
        raise CredentialsError(_UNREADABLE) from None


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise CredentialsError(_UNREADABLE) from None
