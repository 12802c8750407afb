"""Classifies what a library raised or a server replied: by stage, type and code, not by prose."""

import socket
import ssl
from collections.abc import Mapping

from aiosmtplib.errors import SMTPResponseException, SMTPServerDisconnected, SMTPTimeoutError

from bot.smtp.check.evidence import Command, Evidence
from bot.smtp.check.refusals.table import classify
from bot.smtp.check.report import Fault, Reply, StageName
from bot.smtp.dialogue.replies import Redaction, clean
from bot.smtp.dialogue.session import GarbledReplyError
from bot.smtp.network.certificate import PinMismatchError
from bot.smtp.network.connect import ConnectError
from bot.smtp.network.guard import AddressNotAllowedError, PortNotAllowedError


class StageFailedError(Exception):
    """A stage failed for a known reason."""

    def __init__(self, fault: Fault, detail: str = "", *, reply: Reply | None = None) -> None:
        super().__init__(fault)
        self.fault = fault
        self.detail = detail
        self.reply = reply


_LATE: Mapping[Fault, tuple[Fault, Fault]] = {
    Fault.TIMED_OUT: (Fault.SIGN_IN_SILENT, Fault.LATE_SILENCE),
    Fault.CLOSED: (Fault.SIGN_IN_CLOSED, Fault.LATE_CLOSE),
    Fault.GARBLED: (Fault.SIGN_IN_BROKEN, Fault.LATE_GARBLED),
}
"""What happens at AUTH, and after it: port and encryption have proved to be right by then."""
_AFTER_SIGN_IN = (Command.MAIL, Command.RCPT, Command.DATA, Command.MESSAGE)

# OpenSSL's X509_V_ERR numbers, https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_CERTIFICATE_FAULTS = {
    9: Fault.CERTIFICATE_NOT_YET_VALID,
    10: Fault.CERTIFICATE_EXPIRED,
    18: Fault.CERTIFICATE_SELF_SIGNED,
    62: Fault.CERTIFICATE_WRONG_NAME,
    64: Fault.CERTIFICATE_WRONG_NAME,
}
_OWN_ERRORS: Mapping[type[Exception], tuple[Fault, str]] = {
    PortNotAllowedError: (Fault.PORT_NOT_ALLOWED, "this port may not be tested"),
    AddressNotAllowedError: (Fault.ADDRESS_NOT_ALLOWED, "this address may not be reached"),
    PinMismatchError: (Fault.CERTIFICATE_NOT_THE_PINNED, "the server's key is not the trusted one"),
}
_PLAIN_ANSWERS = {"WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST", "UNEXPECTED_MESSAGE"}
_OLD_PROTOCOL = {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "VERSION_TOO_LOW"}
_OTHER_SERVICES = (
    ("* ok", "an IMAP server answers there, which is for incoming mail"),
    ("+ok", "a POP3 server answers there, which is for incoming mail"),
    ("http", "a web server answers there"),
    ("ssh-", "an SSH server answers there"),
)


def failure(error: Exception, stage: StageName, redaction: Redaction, evidence: Evidence) -> StageFailedError:
    """Classify any error that a stage raised; never raises itself."""
    if isinstance(error, StageFailedError):
        return error
    if type(error) in _OWN_ERRORS:
        return StageFailedError(*_OWN_ERRORS[type(error)])
    if isinstance(error, ConnectError):
        return _connect_failure(error, stage, redaction, evidence)
    if isinstance(error, ssl.SSLError):
        return _tls_failure(error, stage)
    return _other_failure(error, stage, redaction, evidence)


def late(failed: StageFailedError, evidence: Evidence) -> StageFailedError:
    """Return a failure as what it is at this point: from AUTH on, it is not about port or encryption."""
    at_sign_in, after = _LATE.get(failed.fault, (failed.fault, failed.fault))
    if evidence.command in _AFTER_SIGN_IN:
        return StageFailedError(after, failed.detail, reply=failed.reply)
    if evidence.command is not Command.AUTH:
        return failed
    if failed.fault is Fault.GARBLED and evidence.other_mechanisms:
        return StageFailedError(Fault.MECHANISM_BROKEN, failed.detail, reply=failed.reply)
    return StageFailedError(at_sign_in, failed.detail, reply=failed.reply)


def _connect_failure(
    error: ConnectError, stage: StageName, redaction: Redaction, evidence: Evidence
) -> StageFailedError:
    failures = {version: failure(one, stage, redaction, evidence) for version, one in error.errors.items()}
    # A version by which the server is reached says more than one without a route: many machines have no IPv6.
    telling = min(failures.values(), key=lambda one: one.fault is Fault.UNREACHABLE)
    if len(failures) == 1:
        return telling
    details = (f"IPv{version}: {one.detail}" for version, one in failures.items())
    return StageFailedError(telling.fault, "; ".join(details))


def _tls_failure(error: ssl.SSLError, stage: StageName) -> StageFailedError:
    if isinstance(error, ssl.SSLCertVerificationError):
        fault = _CERTIFICATE_FAULTS.get(error.verify_code, Fault.CERTIFICATE_UNTRUSTED)
        return StageFailedError(fault, clean(error.verify_message or "the certificate is not trusted"))
    reason = error.reason or ""
    if reason in _PLAIN_ANSWERS and stage is StageName.ENCRYPTION:
        return StageFailedError(Fault.TLS_TO_PLAIN_PORT, "the server answered in clear text")
    if reason in _OLD_PROTOCOL:
        return StageFailedError(Fault.TLS_TOO_OLD, "only TLS versions before 1.2 are offered")
    if isinstance(error, ssl.SSLEOFError):
        return StageFailedError(Fault.CLOSED, "the server closed the connection during the handshake")
    return StageFailedError(Fault.TLS_FAILED, clean(reason.replace("_", " ").lower() or "the handshake failed"))


def _other_failure(  # noqa: PLR0911 - a table in the shape of a match
    error: Exception, stage: StageName, redaction: Redaction, evidence: Evidence
) -> StageFailedError:
    match error:
        case socket.gaierror() if error.errno == socket.EAI_AGAIN:
            return StageFailedError(Fault.RESOLVER_UNAVAILABLE, "the name service does not answer")
        case socket.gaierror():
            return StageFailedError(Fault.NAME_NOT_FOUND, "there is no such name")
        case SMTPResponseException() if 200 <= error.code <= 599:
            return refusal(redaction.reply(error.code, str(error.message)), evidence)
        case SMTPResponseException() if stage is StageName.GREETING:
            return _other_service(str(error.message))
        case SMTPResponseException() | GarbledReplyError():
            return StageFailedError(Fault.GARBLED, "the answer is not SMTP, or far too long")
        case ConnectionRefusedError():
            return StageFailedError(Fault.REFUSED, "nothing listens on this port")
        case SMTPTimeoutError() | TimeoutError():
            return StageFailedError(Fault.TIMED_OUT, "no answer in time")
        case SMTPServerDisconnected() | ConnectionError():
            return StageFailedError(Fault.CLOSED, "the server closed the connection")
        case OSError():
            return StageFailedError(Fault.UNREACHABLE, clean(error.strerror or "there is no route"))
        case _:
            # Whatever else a hostile server provokes is still this stage's failure, not the program's.
            return StageFailedError(Fault.GARBLED, "the conversation broke down")


def _other_service(message: str) -> StageFailedError:
    text = message.lower().removeprefix("malformed smtp response line:").strip()
    for opening, meaning in _OTHER_SERVICES:
        if text.startswith(opening):
            return StageFailedError(Fault.NOT_SMTP, meaning)
    return StageFailedError(Fault.NOT_SMTP, "what answers there does not speak SMTP")


def refusal(reply: Reply, evidence: Evidence) -> StageFailedError:
    """Return the failure that a refusal is."""
    fault, _ = classify(reply, evidence)
    return StageFailedError(fault, str(reply), reply=reply)
