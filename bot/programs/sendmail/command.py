"""The command: reads options, environment and standard input, asks the send API, and ends with a code of sysexits.h."""

import json
import os
import ssl
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bot.programs.sendmail.letter import Letter, read_letter
from bot.programs.sendmail.options import USAGE, Options, UsageError, read_options

EX_USAGE, EX_DATAERR, EX_NOUSER, EX_UNAVAILABLE, EX_SOFTWARE = 64, 65, 67, 69, 70
EX_TEMPFAIL, EX_NOPERM, EX_CONFIG = 75, 77, 78
"""sysexits.h of BSD."""

URL = "http://127.0.0.1:3000"
CONNECT_SECONDS = 15.0
ANSWER_SECONDS = 900.0
"""As long as the bot may have to wait for a mail provider."""

_ADDRESSES_A_HEADER = 20
"""Of Envelope-To: a header has 8,190 bytes at most."""

_BY_STATUS = {400: EX_DATAERR, 401: EX_NOPERM, 403: EX_NOPERM, 404: EX_CONFIG, 409: EX_TEMPFAIL, 413: EX_DATAERR}
_BY_STATUS |= {415: EX_SOFTWARE, 422: EX_UNAVAILABLE}
"""Every other status is one that may be another later."""


class EndError(Exception):
    """The command ends with a code other than 0; `str(error)` says why."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    try:
        return _run(arguments)
    except UsageError as error:
        return _ended(EX_USAGE, str(error))
    except EndError as error:
        return _ended(error.code, str(error))
    except KeyboardInterrupt:
        return 130


def _run(arguments: Sequence[str]) -> int:
    options = read_options(arguments)
    if options.help:
        sys.stdout.write(USAGE)
        return 0
    api = SendApiClient.of(os.environ)
    letter = read_letter(sys.stdin.buffer.read(), dot_ends=options.dot_ends)
    answer = _send(api, options, letter)
    if options.verbose:
        sys.stderr.write(f"email-profile-bot sendmail: {answer['response']}\n")
    return 0


def _ended(code: int, why: str) -> int:
    sys.stderr.write(f"email-profile-bot sendmail: {why}\n")
    return code


def _send(api: "SendApiClient", options: Options, letter: Letter) -> dict[str, Any]:
    """Send a letter; names without a domain, as cron writes them, stand for the profile's own address."""
    named = [one for part in options.recipients for one in part.split(",") if one]
    if letter.needs_address or any("@" not in one for one in named):
        own = str(api.ask("GET", "/v1/profile")["address"])
        letter = letter.with_address(own, options.name)
        named = [one if "@" in one else own for one in named]
    if options.from_letter and named:
        named += letter.recipients
    headers = [("Content-Type", "message/rfc822")]
    if "@" in options.sender or options.sender in ("<>",):
        headers.append(("Envelope-From", options.sender))
    for start in range(0, len(named), _ADDRESSES_A_HEADER):
        headers.append(("Envelope-To", ", ".join(named[start : start + _ADDRESSES_A_HEADER])))
    return api.ask("POST", "/v1/send", headers, letter.content())


@dataclass(frozen=True, kw_only=True)
class SendApiClient:
    """The bot's send API at an address, with a token."""

    url: str
    token: str = field(repr=False)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "SendApiClient":
        """Return what the environment names.

        Raises:
            EndError: there is no token, or the address is none that a token may be sent to.
        """
        url = environment.get("EMAIL_PROFILE_URL") or URL
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise EndError(EX_CONFIG, f"EMAIL_PROFILE_URL is no web address. Example: EMAIL_PROFILE_URL={URL}")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            why = "EMAIL_PROFILE_URL begins with http:// and leads to another machine, where the token could be read "
            raise EndError(EX_CONFIG, f"{why}on its way. Example: EMAIL_PROFILE_URL=https://email.example.com")
        return cls(url=url, token=_token(environment))

    def ask(
        self, method: str, path: str, headers: Sequence[tuple[str, str]] = (), body: bytes | None = None
    ) -> dict[str, Any]:
        """Return the answer to a request.

        Raises:
            EndError: it is another than wished for, or there is none.
        """
        parts = urlsplit(self.url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=CONNECT_SECONDS)
        try:
            connection.connect()
        except (OSError, ssl.SSLError) as error:
            why = f"{self.url} cannot be reached ({error.strerror or type(error).__name__}); nothing was sent."
            raise EndError(EX_TEMPFAIL, f"{why} Is the bot running, and EMAIL_PROFILE_URL right?") from None
        try:
            connection.sock.settimeout(ANSWER_SECONDS)
            return self._answer(connection, method, f"{parts.path.rstrip('/')}{path}", headers, body)
        except (OSError, HTTPException) as error:
            what = "the message may have been sent, or not" if body is not None else "nothing was sent"
            why = f"The connection to {self.url} broke before an answer came ({type(error).__name__})"
            raise EndError(EX_TEMPFAIL, f"{why}: {what}.") from None
        finally:
            connection.close()

    def _answer(
        self, connection: HTTPConnection, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes | None
    ) -> dict[str, Any]:
        connection.putrequest(method, path)
        for name, value in [*headers, ("Authorization", f"Bearer {self.token}")]:
            try:
                connection.putheader(name, value.encode("utf-8", "surrogateescape"))
            except ValueError:
                raise EndError(EX_USAGE, "An address or the token has a line break in it.") from None
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return _told(response.status, response.read())


def _told(status: int, said: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(said)
    except ValueError:
        answer = {}
    if not isinstance(answer, dict):
        answer = {}
    if status == 200 and ("messageId" in answer or "address" in answer):
        return answer
    code = EX_CONFIG if status < 400 else _BY_STATUS.get(status, EX_TEMPFAIL)
    if "recipient" in answer and status == 422:
        code = EX_NOUSER
    elif answer.get("problem") == "https_required":
        code = EX_CONFIG
    detail = answer.get("detail") or "What answers there is not the send API of email-profile-bot, or PROGRAMS is off."
    raise EndError(code, f"{detail} (HTTP {status})")


def _token(environment: Mapping[str, str]) -> str:
    if token := environment.get("EMAIL_PROFILE_TOKEN", "").strip():
        return token
    file = environment.get("EMAIL_PROFILE_TOKEN_FILE")
    if not file:
        why = "There is no token: set EMAIL_PROFILE_TOKEN, or EMAIL_PROFILE_TOKEN_FILE to a file that holds it"
        raise EndError(EX_CONFIG, f"{why}. In Slack, /email-profile programs makes one.")
    try:
        token = Path(file).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise EndError(EX_CONFIG, f"EMAIL_PROFILE_TOKEN_FILE: {file} cannot be read ({why}).") from None
    if not token:
        raise EndError(EX_CONFIG, f"EMAIL_PROFILE_TOKEN_FILE: {file} is empty.")
    return token


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
