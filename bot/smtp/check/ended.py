"""How a test ends, or a connection for letters that could not be opened: what its failure means, and its report."""

import ssl
from datetime import UTC, datetime

from bot.smtp.account import Account, Encryption
from bot.smtp.check.capabilities import echoes_mask
from bot.smtp.check.faults import StageFailedError, after_encryption, failure, no_answer
from bot.smtp.check.opening import Opening, described
from bot.smtp.check.probe import OtherPorts
from bot.smtp.check.report import Fault, Outcome, Report, ServersWords, StageName
from bot.smtp.check.stage_record import Finding, StageRecord


def record_failure(
    account: Account, record: StageRecord, opening: Opening, error: Exception, *, timed_out: bool
) -> None:
    """End the stage that is running with what `error` means; with `timed_out` the deadline raised it."""
    if not record.is_running:
        # Every stage had ended; only the goodbye went wrong, which changes nothing.
        return
    if (late := _tls_error(record, opening)) is not None:
        error = late
        record.reopen_encryption()
    if timed_out:
        failed = _timeout_failure(record, opening)
    else:
        failed = failure(error, record.current, opening.redaction, opening.evidence())
    failed = after_encryption(failed, opening.evidence())
    if failed.fault is Fault.TLS_TO_PLAIN_PORT and account.encryption is Encryption.TLS:
        # The server had agreed to switch, so the port is right and the server is broken.
        failed = StageFailedError(Fault.TLS_FAILED, failed.detail)
    if failed.fault is Fault.STARTTLS_REFUSED and failed.reply is not None and echoes_mask(failed.reply.text):
        failed = StageFailedError(Fault.STARTTLS_MASKED, failed.detail, reply=failed.reply)
    told = failed.reply.codes if record.auth_began and failed.reply else failed.detail
    opening.transcript.note(f"{record.current} failed: {told}")
    facts: tuple[str, ...] = ()
    if record.current is StageName.ENCRYPTION and opening.certificate is not None:
        facts = (f"{described(opening.certificate)}; {opening.certificate.period()}",)
    record.end(Finding(failed.detail, Outcome.FAILED, failed.fault, failed.reply, facts))


def report_of(
    account: Account,
    record: StageRecord,
    opening: Opening,
    *,
    seconds: float,
    other_ports: OtherPorts | None = None,
    provider: str = "",
) -> Report:
    """Return the report as the stages are now; arguments are parts of it, `other_ports` None where nobody looked."""
    other_ports = other_ports or OtherPorts()
    wrong_name = record.fault is Fault.CERTIFICATE_WRONG_NAME and opening.certificate
    return Report(
        host=account.host,
        port=account.port,
        encryption=account.encryption,
        stages=record.stages,
        seconds=seconds,
        tested_at=datetime.now(UTC),
        fault=record.fault,
        reply=record.reply,
        certificate_names=opening.certificate.names if opening.certificate and wrong_name else (),
        certificate=opening.certificate,
        open_ports=other_ports.open,
        closed_ports=other_ports.closed,
        transcript=opening.transcript.for_others,
        evidence=opening.evidence() if record.fault or record.is_stopped else None,
        mail_servers=opening.mail_servers,
        provider=provider,
        words=ServersWords(
            reply=record.words,
            details=dict(record.details),
            transcript=opening.transcript.lines if record.auth_began else (),
        ),
    )


def _tls_error(record: StageRecord, opening: Opening) -> ssl.SSLError | None:
    """Return why the server refused TLS after the bot had ended the handshake, as version 1.3 allows."""
    if record.current is not StageName.GREETING or opening.dialogue is None:
        return None
    return opening.dialogue.tls_error


def _timeout_failure(record: StageRecord, opening: Opening) -> StageFailedError:
    if record.current is StageName.RESOLVE:
        return StageFailedError(Fault.RESOLVER_UNAVAILABLE, "the name service does not answer")
    return no_answer(record.current, opening.evidence())
