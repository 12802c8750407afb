"""Stand-ins for key services, on loopback: they check requests and answer in the published shapes."""

import base64
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

import pytest
from aiohttp import web

from storage.key_sources import awskms
from storage.key_sources import vault as vault_transit


@dataclass
class KeyService:
    """What a stand-in was asked, and what it is to answer instead of the truth."""

    base: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    answer: web.Response | None = None
    kept: dict[str, tuple[str, Any]] = field(default_factory=dict)

    def keep(self, plaintext: str, bound_to: Any) -> str:
        """Wrap: remember under a random name that tells nothing."""
        name = secrets.token_hex(24)
        self.kept[name] = (plaintext, bound_to)
        return name


def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for key services for as long as a busy machine needs."""
    for source in (awskms, vault_transit):
        monkeypatch.setattr(source, "PATIENCE_SECONDS", 20.0)


@asynccontextmanager
async def _serving(service: KeyService, handler: Any, tls: SSLContext | None = None) -> AsyncIterator[KeyService]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        service.base = f"127.0.0.1:{runner.addresses[0][1]}"
        yield service
    finally:
        await runner.cleanup()


def _kms_error(kind: str) -> web.Response:
    return web.Response(
        status=400,
        headers={"Content-Type": "application/x-amz-json-1.1"},
        text=json.dumps({"__type": kind, "message": "canary: what the service says may repeat what was sent"}),
    )


@asynccontextmanager
async def kms() -> AsyncIterator[KeyService]:
    """AWS KMS's Encrypt and Decrypt (JSON 1.1, signature version 4)."""
    service = KeyService()

    async def answer(request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.text())
        service.asked.append({"headers": dict(request.headers), "path": request.path, "body": body})
        if service.answer is not None:
            return service.answer
        arn = f"arn:aws:kms:eu-central-1:111122223333:{body['KeyId']}"
        said: dict[str, str] = {"KeyId": arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
        if request.headers["X-Amz-Target"] == "TrentService.Encrypt":
            name = service.keep(body["Plaintext"], (body["KeyId"], body["EncryptionContext"]))
            said["CiphertextBlob"] = base64.b64encode(bytes.fromhex(name)).decode()
        else:
            plaintext, bound = service.kept.get(base64.b64decode(body["CiphertextBlob"]).hex(), ("", None))
            if bound is None or bound[1] != body["EncryptionContext"]:
                return _kms_error("InvalidCiphertextException")
            if bound[0] != body["KeyId"]:
                return _kms_error("IncorrectKeyException")
            said["Plaintext"] = plaintext
        return web.json_response(said, content_type="application/x-amz-json-1.1")

    async with _serving(service, answer):
        yield service


@asynccontextmanager
async def vault(token: str, tls: SSLContext | None = None) -> AsyncIterator[KeyService]:
    """The encrypt and decrypt endpoints of Vault's transit engine, mounted at team/transit, with a key "mail"."""
    service = KeyService()

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        service.asked.append({"headers": dict(request.headers), "path": request.path, "body": body})
        if service.answer is not None:
            return service.answer
        if request.headers.get("X-Vault-Token") != token:
            return web.json_response({"errors": ["permission denied"]}, status=403)
        if request.path == "/v1/team/transit/encrypt/mail":
            name = service.keep(body["plaintext"], body["associated_data"])
            # Vault's own base64 is the ordinary one, with + and /.
            return web.json_response({"data": {"ciphertext": f"vault:v1:+/{name}=="}})
        if request.path == "/v1/team/transit/decrypt/mail":
            name = body["ciphertext"].removeprefix("vault:v1:+/").removesuffix("==")
            plaintext, bound_to = service.kept.get(name, ("", None))
            if bound_to is None or bound_to != body["associated_data"]:
                return web.json_response({"errors": ["cipher: message authentication failed"]}, status=400)
            return web.json_response({"data": {"plaintext": plaintext}})
        return web.json_response({"errors": []}, status=404)

    async with _serving(service, answer, tls):
        yield service
