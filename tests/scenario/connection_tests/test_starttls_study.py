"""The servers of the STARTTLS study (https://nostarttls.secvuln.info), where its published cases are at hand.

They are read from the folder that CORPORA names: Email-Analysis-Toolkit/fake-mail-server, MIT or Apache-2.0.
"""

import base64
import os
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bot.smtp.account import Encryption
from bot.smtp.check.report import Fault, Report, StageName
from tests.cases.case import Server
from tests.cases.server import CaseServer
from tests.fakes import ron
from tests.fakes.certificates import Certificates
from tests.fakes.smtp_server import HOST, LOGIN, PASSWORD, OneServerNetwork
from tests.scenario.connection_tests.testers import ACCOUNT, a_tester

# The connection test alone: it knows no database.
pytestmark = pytest.mark.databases()

_EAST = Path(os.environ.get("CORPORA", ""), "east")
TIMEOUT = 3.0
CERTIFICATES = {
    "example.org": "good",
    "example.org-self-signed": "self_signed",
    "example.org-unknown-root": "stranger",
    "other.example.org": "wrong_name",
    "example.org-expired": "expired",
    "": "good",
}


@dataclass(frozen=True)
class StudyCase:
    """One of the study's servers: what it says, whether it really starts TLS, which certificate it has."""

    name: str
    script: Server
    starts_tls: bool
    certificate: str

    @property
    def said(self) -> str:
        """All that it may say."""
        return " ".join(self.script.texts)


def files(folder: str = "**") -> list[Any]:
    """Return the files of the study, or of one of its folders; where there are none, a case that says so."""
    found = sorted([*_EAST.glob(f"testcases/smtp/{folder}/*.ron"), *_EAST.glob("testcases_extra/*/smtp/*.ron")])
    if not found:
        why = "needs CORPORA, the folder that holds the STARTTLS study's cases as east/"
        return [pytest.param(Path(), marks=pytest.mark.skip(reason=why), id="the study")]
    return [pytest.param(file, id=str(file.relative_to(_EAST))) for file in found if folder in ("**", file.parent.name)]


def read(file: Path, *, commented: bool = False) -> StudyCase:
    """Read a case; with `commented` the steps count that stand in it as comments."""
    text = file.read_text(encoding="utf-8")
    described = ron.parse(re.sub(r"//\s*(?=\w+: )", "", text) if commented else text)
    replies = {
        "EHLO": _extensions(described["capabilities"]),
        "EHLO in TLS": _extensions(described["capabilities_tls"]),
        **{name.upper(): "500 Command unrecognized" for name in described.get("hide_commands", [])},
        **{f"{name.upper()} in TLS": "{silent}" for name in described.get("ignore_commands_tls", [])},
    }
    for name, reply in described.get("override_response", {}).items():
        replies[name.upper()] = replies[f"{name.upper()} in TLS"] = reply.replace("\r", "")
    if "stls_response" in described:
        replies["STARTTLS"] = described["stls_response"].replace("\r", "")
    script = Server(
        port=587,
        login=LOGIN,
        password=PASSWORD,
        greeting=described.get("greeting", "220 example.org ESMTP").replace("\r", ""),
        replies=replies,
    )
    overridden = "starttls" in described.get("override_response", {})
    _, certificate = described["cert"]
    return StudyCase(
        name=str(file.relative_to(_EAST).with_suffix("")),
        script=script,
        starts_tls=described.get("stls_make_transition", True) and not overridden,
        certificate=CERTIFICATES[Path(certificate["crt_path"]).stem],
    )


def _extensions(capabilities: list[Any]) -> str:
    lines = ["example.org"]
    for capability in capabilities:
        match capability:
            case ("Auth", [mechanisms]):
                lines.append(f"AUTH {' '.join(one if isinstance(one, str) else one[1][0] for one in mechanisms)}")
            case str():
                lines.append(capability.upper())
    return "\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"])


async def run(
    case: StudyCase, certificates: Certificates, trust: ssl.SSLContext, encryption: Encryption
) -> tuple[Report, CaseServer]:
    """Test an account against a server of the study."""
    script = case.script if encryption is Encryption.TLS else case.script.model_copy(update={"tls": "implicit"})
    encrypts = case.starts_tls or encryption is Encryption.SSL
    async with CaseServer(script, HOST, getattr(certificates, case.certificate) if encrypts else None) as server:
        tester = a_tester(OneServerNetwork(server.port), trust, timeout=TIMEOUT)
        return await tester.test(replace(ACCOUNT, encryption=encryption), lambda _: None), server


def said_in_clear(server: CaseServer) -> bool:
    """Whether anything of the account was sent unencrypted."""
    heard = b"".join(server.in_clear)
    secrets = [LOGIN.encode(), PASSWORD.encode()]
    secrets += [base64.b64encode(secret) for secret in secrets] + [b"AUTH", b"MAIL FROM"]
    return any(secret in heard for secret in secrets)


# What a test must come to, by the beginning of a case's name: the stage that fails with STARTTLS, and the one that
# fails with TLS from the first byte, where nothing that is said about STARTTLS plays a part. None: the test passes.
RIGHT: Sequence[tuple[str, StageName | None, StageName | None]] = (
    ("testcases/smtp/setup", None, None),
    ("testcases/smtp/Buffering", None, None),
    # EHLO is unknown there, and HELO lists nothing.
    ("testcases/smtp/Negotiation/D_1", StageName.ENCRYPTION, StageName.SIGN_IN),
    ("testcases/smtp/Negotiation", StageName.ENCRYPTION, None),
    # It lists more than sixty mechanisms in clear text, and none in TLS.
    ("testcases/smtp/others/X_1", StageName.ENCRYPTION, StageName.SIGN_IN),
    ("testcases/smtp/others/ehlo/250", StageName.ENCRYPTION, None),
    ("testcases/smtp/others/ehlo/500", StageName.ENCRYPTION, StageName.SIGN_IN),
    ("testcases/smtp/others/ehlo/502", StageName.ENCRYPTION, StageName.SIGN_IN),
    ("testcases/smtp/others/ehlo", StageName.GREETING, StageName.GREETING),
    ("testcases/smtp/others/greeting/220", None, None),
    ("testcases/smtp/others/greeting", StageName.GREETING, StageName.GREETING),
    ("testcases/smtp/others/helo", StageName.GREETING, StageName.GREETING),
    ("testcases/smtp/others/quit", StageName.GREETING, StageName.GREETING),
    ("testcases/smtp/others/rset", StageName.ENCRYPTION, StageName.SIGN_IN),
    ("testcases/smtp/others/starttls", StageName.ENCRYPTION, None),
    ("testcases_extra/Certificate Validation", StageName.ENCRYPTION, StageName.ENCRYPTION),
)
CERTIFICATE_FAULTS = {
    "T_1": Fault.CERTIFICATE_SELF_SIGNED,
    "T_2": Fault.CERTIFICATE_UNTRUSTED,
    "T_3": Fault.CERTIFICATE_WRONG_NAME,
    "T_4": Fault.CERTIFICATE_EXPIRED,
}


@pytest.mark.parametrize("encryption", [Encryption.TLS, Encryption.SSL])
@pytest.mark.parametrize("file", files())
async def test_nothing_leaves_in_clear_and_the_stage_is_named(
    file: Path, encryption: Encryption, certificates: Certificates, trust: ssl.SSLContext
) -> None:
    case = read(file)
    report, server = await run(case, certificates, trust, encryption)
    _, with_starttls, with_tls = next(row for row in RIGHT if case.name.startswith(row[0]))
    assert not said_in_clear(server)
    assert report.seconds < TIMEOUT
    failed = report.failed_stage
    assert (failed and failed.name) == (with_starttls if encryption is Encryption.TLS else with_tls), report
    if failed is not None:
        assert not any(line.startswith(b"AUTH") for line in server.in_tls)
        assert report.fault is CERTIFICATE_FAULTS.get(file.stem, report.fault)
        assert report.reply is None or report.reply.text in case.said


@pytest.mark.parametrize("file", files("Buffering"))
async def test_nothing_that_came_before_tls_is_believed_after_it(
    file: Path, certificates: Certificates, trust: ssl.SSLContext
) -> None:
    case = read(file, commented=True)
    assert "AUTH" in case.script.replies["STARTTLS"]
    report, server = await run(case, certificates, trust, Encryption.TLS)
    # In TLS that server does not answer EHLO; whoever goes on took what came before for its answer.
    assert report.failed_stage is not None
    assert [line for line in server.in_tls if line] == [b"EHLO [127.0.0.1]\r\n"]
    assert not said_in_clear(server)
