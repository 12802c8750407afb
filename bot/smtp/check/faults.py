"""Classifies what a library raised or a server replied: by stage, type and code, not by prose."""

import re
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime

from aiosmtplib.errors import SMTPResponseException, SMTPServerDisconnected, SMTPTimeoutError

from bot.smtp.check.evidence import Command, Evidence
from bot.smtp.check.refusals.table import classify
from bot.smtp.check.report import Certificate, Fault, Reply, StageName
from bot.smtp.dialogue.cleaning import clean
from bot.smtp.dialogue.redaction import Redaction
from bot.smtp.dialogue.session import GarbledReplyError
from bot.smtp.network.certificate import PinMismatchError
from bot.smtp.network.connect import ConnectError
from bot.smtp.network.dns_records import NameAnswer
from bot.smtp.network.guard import (
    AddressNotAllowedError,
    LoopbackNotAllowedError,
    NeverAllowedError,
    PortNotAllowedError,
    PrivateNotAllowedError,
)


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
_ISSUER_NOT_FOUND = (2, 20, 21)
_SELF_SIGNED, _SELF_SIGNED_IN_CHAIN = 18, 19
_EXPIRED = 10
_CERTIFICATE_FAULTS = {
    9: Fault.CERTIFICATE_NOT_YET_VALID,
    _EXPIRED: Fault.CERTIFICATE_EXPIRED,
    _SELF_SIGNED: Fault.CERTIFICATE_SELF_SIGNED,
    _SELF_SIGNED_IN_CHAIN: Fault.CERTIFICATE_OF_OWN_AUTHORITY,
    23: Fault.CERTIFICATE_REVOKED,
    26: Fault.CERTIFICATE_WRONG_PURPOSE,
    27: Fault.CERTIFICATE_OF_OWN_AUTHORITY,
    28: Fault.CERTIFICATE_WRONG_PURPOSE,
    62: Fault.CERTIFICATE_WRONG_NAME,
    64: Fault.CERTIFICATE_WRONG_NAME,
    66: Fault.CERTIFICATE_TOO_WEAK,
    67: Fault.CERTIFICATE_TOO_WEAK,
    68: Fault.CERTIFICATE_TOO_WEAK,
}
_INTERCEPTORS = re.compile(
    r"\b(avast|avg|kaspersky|eset|bitdefender|dr\.? ?web|g data|norton web|mcafee web gateway|skyhigh|adguard|"
    r"fortinet|fortigate|zscaler|sophos|cisco umbrella|netskope|palo ?alto|blue ?coat|forcepoint|websense|sonicwall|"
    r"watchguard|check ?point|untangle|smoothwall|securly|iboss|menlo security|cato networks|"
    r"gateway ca - cloudflare|squid|mitmproxy|charles proxy|fiddler|do_not_trust|burp|portswigger|superfish|"
    r"mail shield|mail scanner|(?:ssl|tls|https|deep) ?(?:inspection|interception|scanning|filter|proxy|decryption)|"
    r"(?:forward|web) ?proxy)\b",
    re.IGNORECASE,
)
"""Virus scanners and proxies that sign certificates of their own, as their issuers' names call them."""
_OWN_ERRORS: Mapping[type[Exception], tuple[Fault, str]] = {
    PortNotAllowedError: (Fault.PORT_NOT_ALLOWED, "this port may not be tested"),
    AddressNotAllowedError: (Fault.ADDRESS_NOT_ALLOWED, "this address may not be reached"),
    LoopbackNotAllowedError: (Fault.LOOPBACK_NOT_ALLOWED, "this address is the bot's own machine"),
    PrivateNotAllowedError: (Fault.PRIVATE_NOT_ALLOWED, "this address is inside a private network"),
    NeverAllowedError: (Fault.ADDRESS_NEVER_ALLOWED, "an address of this kind is never reached"),
    PinMismatchError: (Fault.CERTIFICATE_NOT_THE_PINNED, "the server's key is not the trusted one"),
}
NAME_FAULTS: Mapping[NameAnswer, Fault] = {
    NameAnswer.NO_SUCH_NAME: Fault.NAME_NOT_FOUND,
    NameAnswer.NO_ADDRESS: Fault.NAME_WITHOUT_ADDRESS,
    NameAnswer.ZONE_FAILS: Fault.ZONE_FAILS,
    NameAnswer.NO_ANSWER: Fault.RESOLVER_UNAVAILABLE,
}
NAME_DETAILS: Mapping[NameAnswer, str] = {
    **{answer: answer.value for answer in NameAnswer},
    NameAnswer.NO_SUCH_NAME: "the name does not exist, or leads where this bot may not look",
}
"""What a stage says of a name; which of the two it is, the log alone says."""
_PLAIN_ANSWERS = {
    "WRONG_VERSION_NUMBER",
    "PACKET_LENGTH_TOO_LONG",
    "HTTP_REQUEST",
    "UNEXPECTED_MESSAGE",
    "RECORD_LAYER_FAILURE",
    "UNKNOWN_PROTOCOL",
}
_TOO_OLD = (Fault.TLS_TOO_OLD, "only TLS versions before 1.2 are offered")
_TOO_WEAK = Fault.TLS_TOO_WEAK
_NOTHING_IN_COMMON = (Fault.TLS_NOTHING_IN_COMMON, "the server found no TLS version or cipher in common")
_NAME_UNKNOWN = (Fault.TLS_NAME_UNKNOWN, "the server does not know this name")
_WANTS_CERTIFICATE = (Fault.TLS_CLIENT_CERTIFICATE_WANTED, "the server wants a certificate of the client")
_HANDSHAKE_FAULTS: Mapping[str, tuple[Fault, str]] = {
    "UNSUPPORTED_PROTOCOL": _TOO_OLD,
    "VERSION_TOO_LOW": _TOO_OLD,
    "WRONG_SSL_VERSION": _TOO_OLD,
    "ALERT_PROTOCOL_VERSION": _TOO_OLD,
    "DH_KEY_TOO_SMALL": (_TOO_WEAK, "the key of the server's key exchange is too short"),
    "BAD_DH_VALUE": (_TOO_WEAK, "the key of the server's key exchange is too weak"),
    "EE_KEY_TOO_SMALL": (Fault.CERTIFICATE_TOO_WEAK, "the certificate's key is too short"),
    "CA_KEY_TOO_SMALL": (Fault.CERTIFICATE_TOO_WEAK, "the key of the certificate's issuer is too short"),
    "CA_MD_TOO_WEAK": (Fault.CERTIFICATE_TOO_WEAK, "the certificate is signed with a digest that is too weak"),
    "WRONG_SIGNATURE_TYPE": (_TOO_WEAK, "the server signs its key exchange in a way that is too weak"),
    "LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED": (_TOO_WEAK, "the server signs with a digest that is too weak"),
    "NO_SUITABLE_SIGNATURE_ALGORITHM": (_TOO_WEAK, "the server signs only in ways that are too weak"),
    "NO_SUITABLE_DIGEST_ALGORITHM": (_TOO_WEAK, "the server signs only with digests that are too weak"),
    "WRONG_CIPHER_RETURNED": (_TOO_WEAK, "the server chose a cipher that is too weak"),
    "UNKNOWN_CIPHER_RETURNED": (_TOO_WEAK, "the server chose a cipher that is too weak"),
    "WRONG_CURVE": (_TOO_WEAK, "the server chose a curve that is too weak"),
    "UNSUPPORTED_ELLIPTIC_CURVE": (_TOO_WEAK, "the server chose a curve that is too weak"),
    "ALERT_INSUFFICIENT_SECURITY": (Fault.TLS_NOTHING_IN_COMMON, "the server wants other ciphers than the bot's"),
    "ALERT_HANDSHAKE_FAILURE": _NOTHING_IN_COMMON,
    "NO_SHARED_CIPHER": _NOTHING_IN_COMMON,
    "NO_CIPHERS_AVAILABLE": _NOTHING_IN_COMMON,
    "NO_SUITABLE_KEY_SHARE": _NOTHING_IN_COMMON,
    "UNRECOGNIZED_NAME": _NAME_UNKNOWN,
    "ALERT_CERTIFICATE_REQUIRED": _WANTS_CERTIFICATE,
    "ALERT_BAD_CERTIFICATE": _WANTS_CERTIFICATE,
    "ALERT_NO_CERTIFICATE": _WANTS_CERTIFICATE,
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED": (
        Fault.TLS_LEGACY_RENEGOTIATION,
        "the server does not know secure renegotiation (RFC 5746)",
    ),
}
"""Reasons of OpenSSL, those of alerts without the version in front ("SSLV3_", "TLSV13_"), which changes with it."""
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
        return _tls_failure(error, stage, evidence)
    return _other_failure(error, stage, redaction, evidence)


def no_answer(stage: StageName, evidence: Evidence) -> StageFailedError:
    """Return the failure that silence is, by how far the dialogue had come."""
    return StageFailedError(_by_progress(stage, evidence, _SILENCES, Fault.TIMED_OUT), "no answer in time")


def certificate_failure(error: ssl.SSLCertVerificationError, certificate: Certificate | None) -> StageFailedError:
    """Return why a certificate is not accepted; `certificate` is the server's own, None when it could not be read."""
    code = error.verify_code
    said = clean(error.verify_message or "the certificate is not trusted")
    unknown = code in (*_ISSUER_NOT_FOUND, _SELF_SIGNED, _SELF_SIGNED_IN_CHAIN)
    if unknown and certificate is not None and _INTERCEPTORS.search(certificate.issuer):
        return StageFailedError(Fault.CERTIFICATE_INTERCEPTED, f"the certificate is made by {certificate.issuer}")
    now = datetime.now(UTC)
    if unknown and certificate is not None and not certificate.not_before <= now <= certificate.not_after:
        # Nobody's trust would help then.
        ended = certificate.not_after < now
        return StageFailedError(Fault.CERTIFICATE_EXPIRED if ended else Fault.CERTIFICATE_NOT_YET_VALID, said)
    if code in _ISSUER_NOT_FOUND:
        public = certificate is not None and certificate.publicly_issued
        fault = Fault.CERTIFICATE_CHAIN_INCOMPLETE if public else Fault.CERTIFICATE_UNTRUSTED
        return StageFailedError(fault, said)
    if code == _EXPIRED and certificate is not None and certificate.not_after > now:
        return StageFailedError(Fault.CERTIFICATE_CHAIN_EXPIRED, said)
    return StageFailedError(_CERTIFICATE_FAULTS.get(code, Fault.CERTIFICATE_BROKEN), said)


def old_encryption(error: Exception, agreed: tuple[str, str] | None) -> Exception:
    """Return what a failed handshake means after a look with everything that is too old or too weak to be used.

    `agreed` is the version and cipher that the server took then, None when it took nothing either.
    """
    if agreed is None:
        return error
    version, cipher = agreed
    if version in ("TLSv1.2", "TLSv1.3"):
        return StageFailedError(Fault.TLS_TOO_WEAK, f"the server offers only what is too weak: {cipher}")
    return StageFailedError(
        Fault.TLS_TOO_OLD, f"the server speaks only {version.replace('v', ' ')}, too old to be safe"
    )


def after_encryption(failed: StageFailedError, evidence: Evidence) -> StageFailedError:
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


def _tls_failure(error: ssl.SSLError, stage: StageName, evidence: Evidence) -> StageFailedError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return certificate_failure(error, None)
    reason = error.reason or ""
    if reason in _PLAIN_ANSWERS and stage is StageName.ENCRYPTION:
        return StageFailedError(Fault.TLS_TO_PLAIN_PORT, "the server answered in clear text")
    known = _HANDSHAKE_FAULTS.get(re.sub(r"^(SSLV3|TLSV1|TLSV13|SSL/TLS|SSL)_", "", reason))
    if known is not None:
        return StageFailedError(*known)
    if isinstance(error, ssl.SSLEOFError):
        return _closed(stage, evidence, "the server closed the connection during the handshake")
    return StageFailedError(Fault.TLS_FAILED, clean(reason.replace("_", " ").lower() or "the handshake failed"))


_SILENCES = {
    Command.GREETING: Fault.NO_GREETING,
    Command.STARTTLS: Fault.TLS_TIMED_OUT,
    Command.EHLO: Fault.FELL_SILENT,
}
_HANG_UPS = {Command.GREETING: Fault.CLOSED_AT_ONCE, Command.STARTTLS: Fault.TLS_CLOSED, Command.EHLO: Fault.HUNG_UP}


def _by_progress(stage: StageName, evidence: Evidence, faults: Mapping[Command, Fault], otherwise: Fault) -> Fault:
    if stage in (StageName.RESOLVE, StageName.CONNECT):
        return otherwise
    if evidence.command is Command.GREETING and evidence.encrypted:
        # TLS from the first byte was set up, so these were not the server's first words.
        return faults[Command.EHLO]
    return faults.get(evidence.command, otherwise)


def _closed(stage: StageName, evidence: Evidence, detail: str = "the server closed the connection") -> StageFailedError:
    fault = _by_progress(stage, evidence, _HANG_UPS, Fault.CLOSED)
    if stage is StageName.ENCRYPTION:
        fault = Fault.TLS_CLOSED
    elif fault is Fault.HUNG_UP and evidence.encrypted:
        fault = Fault.HUNG_UP_IN_TLS
    return StageFailedError(fault, detail)


def _other_failure(  # noqa: PLR0911 - a table in the shape of a match
    error: Exception, stage: StageName, redaction: Redaction, evidence: Evidence
) -> StageFailedError:
    match error:
        case SMTPResponseException() if 200 <= error.code <= 599:
            return refusal(redaction.reply(error.code, str(error.message)), evidence)
        case SMTPResponseException() if stage is StageName.GREETING:
            return _other_service(str(error.message))
        case SMTPResponseException() | GarbledReplyError():
            return StageFailedError(Fault.GARBLED, "the answer is not SMTP, or far too long")
        case ConnectionRefusedError():
            return StageFailedError(Fault.REFUSED, "nothing listens on this port")
        case SMTPTimeoutError() | TimeoutError():
            return no_answer(stage, evidence)
        case SMTPServerDisconnected() | ConnectionError():
            return _closed(stage, evidence)
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
