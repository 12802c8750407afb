"""The list of keys: each entry is a key in plain base64, or an address at which one is unwrapped."""

import asyncio
import os
import re

from storage.crypto.keyring import KEY_BYTES, Keyring, KeyringError, parse_key, refuse_sample
from storage.key_sources.awskms import AwsKms
from storage.key_sources.local import LocalFile
from storage.key_sources.source import Address, Credentials, KeySource, KeySourceError
from storage.key_sources.vault import Transit

_SCHEME = re.compile(r"(local|awskms|vault)://")


def source_of(text: str, credentials: Credentials) -> KeySource:
    """Find the key source that an address names; nothing is asked yet.

    Raises:
        KeySourceError: the address is unusable.
    """
    address = Address.parse(text)
    if address.scheme == "local":
        return LocalFile.at(address, credentials)
    if address.scheme == "awskms":
        return AwsKms(address)
    if address.scheme == "vault":
        return Transit(address, credentials)
    raise KeySourceError("its address is of an unknown kind; known are local://, awskms:// and vault://.")


async def open_keyring(text: str, credentials: Credentials) -> Keyring:
    """Read a comma-separated list of keys, and unwrap those that are wrapped, all at once.

    Raises:
        KeyringError: an entry is unusable, named by its number and kind, never by what stands in it.
    """
    entries = [part.strip() for part in text.split(",") if part.strip()]
    opened = await asyncio.gather(
        *(_opened(entry, number, credentials) for number, entry in enumerate(entries, start=1)),
        return_exceptions=True,
    )
    keys = []
    for key in opened:
        if isinstance(key, BaseException):
            raise key
        keys.append(key)
    return Keyring(keys)


async def _opened(entry: str, number: int, credentials: Credentials) -> bytes:
    if "://" not in entry:
        return parse_key(entry, number)
    kind = _SCHEME.match(entry)
    named = f"key {number} ({kind[1]})" if kind else f"key {number}"
    try:
        key = await source_of(entry, credentials).unwrap()
    except KeySourceError as error:
        raise KeyringError(f"{named}: {error}") from None
    if len(key) != KEY_BYTES:
        raise KeyringError(f"{named}: what is wrapped there has {len(key)} bytes; a key has {KEY_BYTES}.")
    refuse_sample(key, number)
    return key


async def wrap_new_key(text: str, credentials: Credentials) -> str:
    """Draw a new key, have it wrapped, and give its entry for the list, which has been tried.

    Raises:
        KeySourceError: the key cannot be wrapped, or did not come back the same.
    """
    key = os.urandom(KEY_BYTES)
    entry = await source_of(text, credentials).wrap(key)
    if await source_of(entry, credentials).unwrap() != key:
        raise KeySourceError("what was wrapped came back as something else.")
    return entry
