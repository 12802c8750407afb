"""`awskms://KEY?region=…&wrapped=…`: root keys wrapped by AWS KMS, through its operations Encrypt and Decrypt.

KEY is a key's id or ARN, or `alias/NAME`; `wrapped` is the ciphertext as url-safe base64; `endpoint` is another
address of the service. botocore (the extra `awskms`) signs and finds credentials in AWS's usual places.
Written against the published service model, which botocore brings
(https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html); it has not been run against AWS itself.
"""

import asyncio
import base64
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from storage.key_sources.source import BOUND_TO, PATIENCE_SECONDS, Address, KeySourceError, from_base64
from storage.key_sources.waiting import in_a_thread


class AwsKms:
    """One root key, wrapped by a key of AWS KMS."""

    def __init__(self, address: Address) -> None:
        """Work with the KMS key that the address names; region and endpoint may be AWS's own settings.

        Raises:
            KeySourceError: it names no key, or an endpoint to which the root key would travel in clear.
        """
        address.expect_only("region", "endpoint", "wrapped")
        if not address.rest.strip("/"):
            raise KeySourceError("its address names no key of AWS KMS.")
        if not _safe(address.parameters.get("endpoint", "https://")):
            raise KeySourceError("its endpoint is no https:// address.")
        self._address = address
        self._key = address.rest

    async def unwrap(self) -> bytes:
        """Let KMS decrypt the root key.

        Raises:
            KeySourceError: KMS refuses or does not answer, or botocore is not installed.
        """
        wrapped = from_base64(self._address.wrapped(), altchars=b"-_")
        return await self._asked(
            lambda kms: kms.decrypt(KeyId=self._key, CiphertextBlob=wrapped, EncryptionContext=dict(BOUND_TO)),
            "Plaintext",
        )

    async def wrap(self, key: bytes) -> str:
        """Let KMS encrypt a root key, and give the address with what it made.

        Raises:
            KeySourceError: KMS refuses or does not answer, or botocore is not installed.
        """
        wrapped = await self._asked(
            lambda kms: kms.encrypt(KeyId=self._key, Plaintext=key, EncryptionContext=dict(BOUND_TO)),
            "CiphertextBlob",
        )
        return self._address.with_wrapped(base64.urlsafe_b64encode(wrapped).decode().rstrip("="))

    async def _asked(self, question: Callable[[Any], Any], wanted: str) -> bytes:
        try:
            # An extra, and half a second of work, which is no part of waiting for the service.
            from botocore.exceptions import ClientError  # noqa: PLC0415
            from botocore.session import Session  # noqa: PLC0415
        except ImportError:
            raise KeySourceError(
                "botocore is not installed; install the program with its extra: email-profile-bot[awskms]."
            ) from None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                answer = await in_a_thread(lambda: self._answered(question, Session()))
            return bytes(answer[wanted])
        except TimeoutError:
            raise KeySourceError(f"AWS KMS did not answer within {PATIENCE_SECONDS} seconds.") from None
        except ClientError as error:
            # The code is one of a published list; the message may repeat what was sent.
            code = str(error.response.get("Error", {}).get("Code", "no reason given"))
            raise KeySourceError(f"AWS KMS refuses ({code}).") from None
        except Exception as error:  # noqa: BLE001 - besides its own errors botocore lets those of its parser through
            # Its text may repeat what was answered.
            raise KeySourceError(f"AWS KMS cannot be asked ({type(error).__name__}).") from None

    def _answered(self, question: Callable[[Any], Any], session: Any) -> Any:
        from botocore.config import Config  # noqa: PLC0415

        once = Config(
            connect_timeout=PATIENCE_SECONDS,
            read_timeout=PATIENCE_SECONDS,
            retries={"total_max_attempts": 1},
        )
        given = self._address.parameters
        client = session.create_client(
            "kms", region_name=given.get("region"), endpoint_url=given.get("endpoint"), config=once
        )
        with closing(client):
            return question(client)


def _safe(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1"))
    except ValueError:
        return False
