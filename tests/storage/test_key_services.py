"""Keys that a service wraps: what AWS KMS and Vault are asked, and what each of their refusals becomes."""

import base64
import json
import socket
import ssl
import threading
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from storage.crypto.keyring import KeyringError
from storage.key_sources import awskms
from storage.key_sources import vault as vault_transit
from storage.key_sources.opening import open_keyring, wrap_new_key
from storage.key_sources.source import BOUND_TO, Credentials, KeySourceError
from tests.fakes.key_services import KeyService, kms, patient, vault

KNOWING = Credentials(vault_token="hvs.canary", vault_namespace="team-a")
NOBODY = Credentials()


@pytest.fixture(autouse=True)
def _an_aws_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    patient(monkeypatch)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def at_kms(service: KeyService) -> str:
    return f"awskms://alias/mail?region=eu-central-1&endpoint=http://{service.base}"


def at_vault(service: KeyService) -> str:
    return f"vault://{service.base}/team/transit/mail?scheme=http"


async def test_kms_is_asked_as_published_and_gives_the_same_key_back() -> None:
    pytest.importorskip("botocore")
    async with kms() as service:
        entry = await wrap_new_key(at_kms(service), NOBODY)
        ring = await open_keyring(entry, NOBODY)
        assert (await open_keyring(entry, NOBODY)).key_ids == ring.key_ids
    wrapping, unwrapping = service.asked[0], service.asked[-1]
    assert wrapping["headers"]["X-Amz-Target"] == "TrentService.Encrypt"
    assert set(wrapping["body"]) == {"KeyId", "Plaintext", "EncryptionContext"}
    assert len(base64.b64decode(wrapping["body"]["Plaintext"])) == 32
    assert unwrapping["path"] == "/"
    assert unwrapping["headers"]["X-Amz-Target"] == "TrentService.Decrypt"
    assert unwrapping["headers"]["Content-Type"] == "application/x-amz-json-1.1"
    assert "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/" in unwrapping["headers"]["Authorization"]
    assert "/eu-central-1/kms/aws4_request" in unwrapping["headers"]["Authorization"]
    assert set(unwrapping["body"]) == {"KeyId", "CiphertextBlob", "EncryptionContext"}
    assert unwrapping["body"]["KeyId"] == "alias/mail"
    assert unwrapping["body"]["EncryptionContext"] == BOUND_TO
    assert wrapping["body"]["Plaintext"] not in entry


async def test_a_key_wrapped_by_kms_belongs_to_its_kms_key_and_this_program() -> None:
    pytest.importorskip("botocore")
    async with kms() as service:
        entry = await wrap_new_key(at_kms(service), NOBODY)
        with pytest.raises(KeyringError, match=r"key 1 \(awskms\): AWS KMS refuses \(IncorrectKeyException\)"):
            await open_keyring(entry.replace("alias/mail", "alias/other"), NOBODY)
        service.kept = {name: (plain, (bound[0], {})) for name, (plain, bound) in service.kept.items()}
        with pytest.raises(KeyringError, match=r"InvalidCiphertextException") as caught:
            await open_keyring(entry, NOBODY)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "text", "why"),
    [
        (400, '{"__type": "AccessDeniedException", "Message": "canary"}', r"refuses \(AccessDeniedException\)"),
        (400, '{"__type": "com.amazonaws.kms#NotFoundException"}', r"refuses \(NotFoundException\)"),
        (400, '{"__type": "DisabledException"}', r"refuses \(DisabledException\)"),
        (500, '{"__type": "KMSInternalException"}', r"refuses \(KMSInternalException\)"),
        (400, '{"__type": "ThrottlingException"}', r"refuses \(ThrottlingException\)"),
        (200, "<html>canary</html>", r"cannot be asked"),
        (200, '{"KeyId": "canary"}', r"cannot be asked"),
        (200, "[]", r"cannot be asked"),
        (200, '{"Plaintext": 5}', r"cannot be asked"),
        (200, '{"Plaintext": "canary!"}', r"cannot be asked|has \d+ bytes"),
        (403, '["canary"]', r"refuses|cannot be asked"),
        (200, '{"Plaintext": "Y2FuYXJ5"}', "what is wrapped there has 6 bytes"),
    ],
)
async def test_each_refusal_of_kms_is_one_line(status: int, text: str, why: str) -> None:
    pytest.importorskip("botocore")
    async with kms() as service:
        service.answer = web.Response(status=status, text=text, content_type="application/x-amz-json-1.1")
        with pytest.raises(KeyringError, match=why) as caught:
            await open_keyring(f"{at_kms(service)}&wrapped=AAAA", NOBODY)
    assert len(service.asked) == 1
    assert "canary" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_kms_without_credentials_region_or_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("botocore")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(KeyringError, match=r"cannot be asked \(NoCredentialsError\)"):
        await open_keyring("awskms://k?region=eu-central-1&endpoint=http://127.0.0.1:9&wrapped=AAAA", NOBODY)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    with pytest.raises(KeyringError, match=r"cannot be asked \(NoRegionError\)"):
        await open_keyring("awskms://k?wrapped=AAAA", NOBODY)
    with pytest.raises(KeyringError, match=r"cannot be asked \(EndpointConnectionError\)"):
        await open_keyring("awskms://k?region=eu-central-1&endpoint=http://127.0.0.1:9&wrapped=AAAA", NOBODY)


async def test_vault_is_asked_as_published_and_gives_the_same_key_back() -> None:
    async with vault("hvs.canary") as service:
        entry = await wrap_new_key(at_vault(service), KNOWING)
        ring = await open_keyring(entry, KNOWING)
        assert (await open_keyring(entry, KNOWING)).key_ids == ring.key_ids
        # Somebody may have written Vault's answer into the list without encoding it.
        assert (await open_keyring(entry.replace("%2B", "+").replace("%3D", "="), KNOWING)).key_ids == ring.key_ids
    wrapping, unwrapping = service.asked[0], service.asked[-1]
    assert wrapping["path"] == "/v1/team/transit/encrypt/mail"
    assert set(wrapping["body"]) == {"plaintext", "associated_data"}
    assert unwrapping["path"] == "/v1/team/transit/decrypt/mail"
    assert set(unwrapping["body"]) == {"ciphertext", "associated_data"}
    assert unwrapping["body"]["ciphertext"].startswith("vault:v1:")
    assert json.loads(base64.b64decode(unwrapping["body"]["associated_data"])) == BOUND_TO
    assert unwrapping["headers"]["X-Vault-Token"] == "hvs.canary"
    assert unwrapping["headers"]["X-Vault-Namespace"] == "team-a"
    assert wrapping["body"]["plaintext"] not in entry
    assert "hvs." not in entry


@pytest.mark.parametrize(
    ("status", "text", "why"),
    [
        (400, '{"errors": ["canary"]}', "Vault answers 400: the key does not open"),
        (403, '{"errors": ["permission denied"]}', "Vault answers 403: VAULT_TOKEN may not"),
        (404, '{"errors": []}', "Vault answers 404: nothing is mounted"),
        (503, '{"errors": ["Vault is sealed"]}', "Vault answers 503: Vault is sealed"),
        (307, "", "Vault answers 307"),
        (200, "<html>canary</html>", "cannot be asked"),
        (200, "[]", "not that of a transit engine"),
        (200, '{"data": null}', "not that of a transit engine"),
        (200, '{"data": {"plaintext": "canary!"}}', "not base64"),
        (200, '{"data": {"plaintext": "Y2FuYXJ5"}}', "what is wrapped there has 6 bytes"),
    ],
)
async def test_each_refusal_of_vault_is_one_line(status: int, text: str, why: str) -> None:
    async with vault("hvs.canary") as service:
        elsewhere = {"Location": f"http://{service.base}/elsewhere"} if status == 307 else {}
        service.answer = web.Response(status=status, text=text, headers=elsewhere)
        with pytest.raises(KeyringError, match=why) as caught:
            await open_keyring(f"{at_vault(service)}&wrapped=vault:v1:canary", KNOWING)
    assert len(service.asked) == 1
    assert "canary" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_vault_is_asked_nothing_without_a_token_and_refuses_a_wrong_one() -> None:
    async with vault("hvs.other") as service:
        with pytest.raises(KeySourceError, match="403"):
            await wrap_new_key(at_vault(service), KNOWING)
        service.asked.clear()
        with pytest.raises(KeySourceError, match="VAULT_TOKEN is not set"):
            await wrap_new_key(at_vault(service), NOBODY)
        assert service.asked == []


async def test_vault_gets_no_token_before_its_certificate_is_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(tls)
    async with vault("hvs.canary", tls) as service:
        address = f"vault://localhost:{service.base.partition(':')[2]}/team/transit/mail"
        with pytest.raises(KeySourceError, match="ClientConnectorCertificateError"):
            await wrap_new_key(address, KNOWING)
        assert service.asked == []
        authority.cert_pem.write_to_path(tmp_path / "authority.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        assert (await open_keyring(await wrap_new_key(address, KNOWING), KNOWING)).key_ids


async def test_a_name_whose_look_up_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def never(*_: object) -> list[object]:
        answered.wait(60)
        return []

    monkeypatch.setattr(vault_transit, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", never)
    with pytest.raises(KeyringError, match="Vault did not answer within"):
        await open_keyring("vault://vault.example.com/transit/mail?wrapped=vault:v1:x", KNOWING)
    # One goes on waiting for the name, and keeps nobody from ending.
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "key source"] == [True]
    answered.set()


async def test_a_silent_service_is_given_up_and_others_are_asked_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("botocore")
    monkeypatch.setattr(vault_transit, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(awskms, "PATIENCE_SECONDS", 0.3)
    # The kernel takes the connections; nobody answers on them.
    with socket.create_server(("127.0.0.1", 0)) as server:
        silent = f"127.0.0.1:{server.getsockname()[1]}"
        entries = [
            f"vault://{silent}/transit/mail?scheme=http&wrapped=vault:v1:x",
            f"awskms://mail?region=eu-central-1&endpoint=http://{silent}&wrapped=AAAA",
        ]
        with pytest.raises(KeyringError, match=r"key 1 \(vault\): Vault did not answer within"):
            await open_keyring(",".join(entries), KNOWING)
        with pytest.raises(KeyringError, match=r"key 1 \(awskms\): AWS KMS (did not answer|cannot be asked)"):
            await open_keyring(",".join(reversed(entries)), KNOWING)
