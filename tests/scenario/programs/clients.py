"""Real programs that send: each is given a letter and the six values, and says whether it was taken."""

import asyncio
import json
import shutil
import smtplib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.smtp.account import Encryption
from tests.fakes import npm_packages

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Values:
    """What is typed into a program; without a file of an authority it trusts what it trusts."""

    address: str
    token: str
    port: int
    encryption: Encryption
    authority_file: Path | None


Client = Callable[[Values, str, bytes, Path], Awaitable[str]]
"""Sends a letter (lines end in CRLF) to a recipient; returns what went wrong, empty if nothing did."""


async def by_smtplib(values: Values, to: str, letter: bytes, _folder: Path) -> str:
    trust = ssl.create_default_context(cafile=str(values.authority_file)) if values.authority_file else None

    def send() -> str:
        try:
            if values.encryption is Encryption.SSL:
                client: smtplib.SMTP = smtplib.SMTP_SSL("127.0.0.1", values.port, context=trust, timeout=20)
            else:
                client = smtplib.SMTP("127.0.0.1", values.port, timeout=20)
            with client:
                if values.encryption is Encryption.TLS:
                    client.starttls(context=trust)
                client.login(values.address, values.token)
                client.sendmail(values.address, [to], letter)
        except smtplib.SMTPException as error:
            return str(error)
        return ""

    return await asyncio.to_thread(send)


async def by_swaks(values: Values, to: str, letter: bytes, folder: Path) -> str:
    file = folder / "letter.eml"
    # It ends the last line itself.
    file.write_bytes(letter.replace(b"\r\n", b"\n").removesuffix(b"\n"))
    tls = {Encryption.SSL: ["--tls-on-connect"], Encryption.TLS: ["--tls"], Encryption.NONE: []}[values.encryption]
    return await run_client(
        "swaks",
        *("--server", f"127.0.0.1:{values.port}", *tls, "--auth", "LOGIN"),
        *("--auth-user", values.address, "--auth-password", values.token),
        *("--from", values.address, "--to", to, "--data", f"@{file}", "--helo", "client.test"),
    )


async def by_msmtp(values: Values, to: str, letter: bytes, folder: Path) -> str:
    file = folder / "msmtprc"
    trusted = f"tls_trust_file {values.authority_file}" if values.authority_file else ""
    file.write_text(
        f"""
account programs
host 127.0.0.1
port {values.port}
auth on
user {values.address}
password {values.token}
from {values.address}
tls {"off" if values.encryption is Encryption.NONE else "on"}
tls_starttls {"on" if values.encryption is Encryption.TLS else "off"}
{trusted}
account default : programs
"""
    )
    file.chmod(0o600)
    # In the clear msmtp offers its passwords in no way of its own accord.
    clear = ["--auth=plain"] if values.encryption is Encryption.NONE else []
    return await run_client("msmtp", f"--file={file}", *clear, "--", to, given=letter.replace(b"\r\n", b"\n"))


async def by_curl(values: Values, to: str, letter: bytes, folder: Path) -> str:
    file = folder / "letter.eml"
    file.write_bytes(letter)
    scheme = "smtps" if values.encryption is Encryption.SSL else "smtp"
    trusted = ["--cacert", str(values.authority_file)] if values.authority_file else []
    return await run_client(
        "curl",
        *("--silent", "--show-error", "--url", f"{scheme}://127.0.0.1:{values.port}/client.test", *trusted),
        *(["--ssl-reqd"] if values.encryption is Encryption.TLS else []),
        *("--user", f"{values.address}:{values.token}"),
        *("--mail-from", values.address, "--mail-rcpt", to, "--upload-file", str(file)),
    )


async def by_nodemailer(
    values: Values, to: str, letter: bytes, folder: Path, *, signing: Mapping[str, str] | None = None
) -> str:
    """As the others; `signing` are Nodemailer's options for DKIM."""
    package = npm_packages.installed(HERE / "nodemailer", "nodemailer")
    file = folder / "letter.eml"
    file.write_bytes(letter)
    transport = {
        "host": "127.0.0.1",
        "port": values.port,
        "secure": values.encryption is Encryption.SSL,
        "requireTLS": values.encryption is Encryption.TLS,
        "ignoreTLS": values.encryption is Encryption.NONE,
        "auth": {"user": values.address, "pass": values.token},
        "tls": {"ca": values.authority_file.read_text()} if values.authority_file else {},
        **({"dkim": signing} if signing else {}),
    }
    script = f"""
        const transport = require({json.dumps(str(package))}).createTransport({json.dumps(transport)});
        transport.sendMail({{
            envelope: {{ from: {json.dumps(values.address)}, to: [{json.dumps(to)}] }},
            raw: require("fs").readFileSync({json.dumps(str(file))}),
        }}).catch((error) => {{ console.error(error.message); process.exitCode = 1; }});
    """
    return await run_client("node", "-e", script)


async def run_client(
    program: str,
    *arguments: str,
    given: bytes | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> str:
    """Run a program, or skip the test by its name; returns what it said, empty when it ended with 0."""
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}")
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
        cwd=folder,
    )
    async with asyncio.timeout(30):
        said, _ = await process.communicate(given)
    return "" if process.returncode == 0 else f"{program} ended with {process.returncode}: {said.decode()}"


CLIENTS: dict[str, Client] = {
    "smtplib": by_smtplib,
    "swaks": by_swaks,
    "msmtp": by_msmtp,
    "curl": by_curl,
    "Nodemailer": by_nodemailer,
}
