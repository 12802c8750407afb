"""`vault://HOST[:PORT]/MOUNT/KEY?wrapped=vault:v1:…`: root keys wrapped by the transit engine of HashiCorp Vault.

The token is VAULT_TOKEN, the namespace VAULT_NAMESPACE. `scheme=http` is taken for loopback alone. Written against
the published API (https://developer.hashicorp.com/vault/api-docs/secret/transit), with `associated_data`, which
Vault knows since 1.13 for its AES-GCM and ChaCha20 keys; it has not been run against Vault itself.
"""

import asyncio
import base64
import json
import ssl
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp

from storage.key_sources.source import BOUND_TO, PATIENCE_SECONDS, Address, Credentials, KeySourceError, from_base64
from storage.key_sources.waiting import Resolver

_FORM = "its address is not vault://HOST[:PORT]/MOUNT/KEY?wrapped=vault:v1:…"
_USUAL_PORT = 8200
_ASSOCIATED_DATA = base64.b64encode(json.dumps(BOUND_TO, sort_keys=True).encode()).decode()
_MEANINGS = {
    400: "the key does not open what is wrapped, or it is of another kind",
    403: "VAULT_TOKEN may not do this",
    404: "nothing is mounted there",
    503: "Vault is sealed or under maintenance",
}


class Transit:
    """One root key, wrapped by a key of a transit engine."""

    def __init__(self, address: Address, credentials: Credentials) -> None:
        """Work with the key that the address names.

        Raises:
            KeySourceError: the address lacks a part, or the token would travel in clear over a network.
        """
        address.expect_only("scheme", "wrapped")
        host, _, path = address.rest.partition("/")
        self._mount, _, self._key = path.rpartition("/")
        if not (self._mount and self._key):
            raise KeySourceError(_FORM)
        self._base = _base(address.parameters.get("scheme", "https"), host)
        self._address = address
        self._credentials = credentials

    async def unwrap(self) -> bytes:
        """Let Vault decrypt the root key.

        Raises:
            KeySourceError: Vault refuses or does not answer.
        """
        return from_base64(await self._asked("decrypt", "plaintext", ciphertext=self._address.wrapped()))

    async def wrap(self, key: bytes) -> str:
        """Let Vault encrypt a root key, and give the address with what it made.

        Raises:
            KeySourceError: Vault refuses or does not answer.
        """
        plaintext = base64.b64encode(key).decode()
        return self._address.with_wrapped(await self._asked("encrypt", "ciphertext", plaintext=plaintext))

    async def _asked(self, action: str, wanted: str, **question: str) -> str:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                status, answer = await self._posted(action, {**question, "associated_data": _ASSOCIATED_DATA})
        except TimeoutError:
            raise KeySourceError(f"Vault did not answer within {PATIENCE_SECONDS} seconds.") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise KeySourceError(f"Vault cannot be asked ({type(error).__name__}).") from None
        if status != 200:
            meaning = _MEANINGS.get(status, "see Vault's log")
            raise KeySourceError(f"Vault answers {status}: {meaning}.")
        try:
            return str(answer["data"][wanted])
        except (KeyError, TypeError):
            raise KeySourceError("Vault's answer is not that of a transit engine.") from None

    async def _posted(self, action: str, body: dict[str, str]) -> tuple[int, Any]:
        if not self._credentials.vault_token:
            raise KeySourceError("VAULT_TOKEN is not set.")
        headers = {"X-Vault-Token": self._credentials.vault_token, "X-Vault-Request": "true"}
        if self._credentials.vault_namespace:
            headers["X-Vault-Namespace"] = self._credentials.vault_namespace
        url = f"{self._base}/v1/{quote(self._mount)}/{action}/{quote(self._key, safe='')}"
        # A context of its own reads SSL_CERT_FILE, in which a company's authority may stand.
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(), resolver=Resolver())
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            # A redirect would carry the token elsewhere.
            session.post(url, json=body, headers=headers, allow_redirects=False) as response,
        ):
            return response.status, await response.json(content_type=None) if response.status == 200 else None


def _base(scheme: str, host: str) -> str:
    """Make the beginning of Vault's URLs, the usual port filled in."""
    try:
        parts = urlsplit(f"{scheme}://{host}")
        name, port = parts.hostname, parts.port or _USUAL_PORT
    except ValueError:
        raise KeySourceError(_FORM) from None
    if not name or "@" in host:
        raise KeySourceError(_FORM)
    if scheme != "https" and not (scheme == "http" and name in ("127.0.0.1", "::1")):
        raise KeySourceError("plain http reaches Vault on this machine alone (127.0.0.1 or ::1).")
    return f"{scheme}://{f'[{name}]' if ':' in name else name}:{port}"
