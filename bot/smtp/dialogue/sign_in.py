"""AUTH: one attempt with one mechanism (RFC 4954), in each form in which servers do it."""

import base64
import json
from dataclasses import dataclass

from aiosmtplib.auth import auth_crammd5_verify, auth_login_encode, auth_plain_encode, auth_xoauth2_encode
from aiosmtplib.errors import SMTPAuthenticationError
from aiosmtplib.response import SMTPResponse
from pydantic import SecretStr

from bot.smtp.dialogue.replies import CREDENTIALS, decoded
from bot.smtp.dialogue.session import Dialogue, GarbledReplyError

MAX_COMMAND_LENGTH = 512
"""Bytes of a command line with its end (RFC 5321, 4.5.3.1.4); longer credentials are sent after the server's 334."""


@dataclass(frozen=True, kw_only=True)
class SignInAnswer:
    """The final reply to a sign-in; `token_error` is what the provider said of a token, such as "status 401"."""

    reply: SMTPResponse
    token_error: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the login was accepted: 235, or what counts as it by its first digit (RFC 5321, 4.2.1)."""
        return 200 <= self.reply.code <= 299 and self.reply.code != 221


async def sign_in(dialogue: Dialogue, mechanism: str, login: str, secret: SecretStr) -> SignInAnswer:
    """Sign in once; `secret` is an OAuth access token for XOAUTH2, a password for all others.

    Raises:
        GarbledReplyError: the server asks for something that the mechanism does not have.
    """
    plain = secret.get_secret_value()
    match mechanism:
        case "PLAIN":
            answer = SignInAnswer(reply=await _plain(dialogue, login, plain))
        case "XOAUTH2":
            answer = await _xoauth2(dialogue, login, plain)
        case "CRAM-MD5":
            answer = SignInAnswer(reply=await _cram_md5(dialogue, login, plain))
        case _:
            answer = SignInAnswer(reply=await _login(dialogue, login, plain))
    if 300 <= answer.reply.code <= 399:
        raise GarbledReplyError(f"The server asks for more than {mechanism} has.")
    return answer


async def _plain(dialogue: Dialogue, login: str, password: str) -> SMTPResponse:
    blob = auth_plain_encode(login, password)
    if len(b"AUTH PLAIN \r\n") + len(blob) > MAX_COMMAND_LENGTH:
        answer = await dialogue.command(b"AUTH", b"PLAIN")
    else:
        answer = await dialogue.secret_command(f"AUTH PLAIN {CREDENTIALS}", b"AUTH", b"PLAIN", blob)
    if answer.code == 334:
        # The server asks for what was not sent along, or for what it ignored on the line of AUTH.
        answer = await dialogue.secret_command(CREDENTIALS, blob)
    return answer


async def _login(dialogue: Dialogue, login: str, password: str) -> SMTPResponse:
    answer = await dialogue.command(b"AUTH", b"LOGIN")
    parts = zip(("(login)", "(password)"), auth_login_encode(login, password), strict=True)
    for shown, part in parts:
        # The prompts are said in many words, and in none; their order is always this.
        if answer.code != 334:
            break
        answer = await dialogue.secret_command(shown, part)
    return answer


async def _cram_md5(dialogue: Dialogue, login: str, password: str) -> SMTPResponse:
    answer = await dialogue.command(b"AUTH", b"CRAM-MD5")
    if answer.code != 334:
        return answer
    try:
        digest = auth_crammd5_verify(login, password, answer.message)
    except (SMTPAuthenticationError, UnicodeError):
        raise GarbledReplyError("The server's CRAM-MD5 challenge is not base64.") from None
    challenge, response = (base64.b64decode(one).decode("utf-8", "replace") for one in (answer.message, digest))
    for secret in (answer.message, challenge, response.rpartition(" ")[2]):
        # With both, passwords can be tried without the server (RFC 2195, 4).
        dialogue.keep_out(SecretStr(secret))
    return await dialogue.secret_command("(login and digest)", digest)


async def _xoauth2(dialogue: Dialogue, login: str, token: str) -> SignInAnswer:
    blob = auth_xoauth2_encode(login, token)
    answer = await dialogue.secret_command(f"AUTH XOAUTH2 {CREDENTIALS}", b"AUTH", b"XOAUTH2", blob)
    if answer.code == 334 and not token_error(answer.message):
        answer = await dialogue.secret_command(CREDENTIALS, blob)
    if answer.code != 334:
        return SignInAnswer(reply=answer)
    # The challenge holds the provider's error; an empty line asks for the final reply.
    return SignInAnswer(reply=await dialogue.command(b""), token_error=token_error(answer.message))


def token_error(challenge: str) -> str:
    """Return what a 334 after a token says of it: "status 401, scope …"; empty when it is no error.

    https://developers.google.com/workspace/gmail/imap/xoauth2-protocol; RFC 7628, 3.2.2
    """
    try:
        said = json.loads(decoded(challenge))
    except ValueError:
        return ""
    if not isinstance(said, dict):
        return ""
    return ", ".join(f"{name} {said[name]}" for name in ("status", "schemes", "scope") if said.get(name))
