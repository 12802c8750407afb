"""Tells whether and where programs are served, and examines the certificate that they are shown."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.doctor.finding import PROGRAMS, PROGRAMS_CERTIFICATE, Finding, bad, good
from bot.programs.submission.certificate import CertificateError, context_with
from bot.settings import EXAMPLES, ProgramsSetting, Settings
from bot.smtp.check.report import Certificate
from bot.smtp.network.certificate import MAX_NAMES, parse_certificate

RENEWAL_DAYS = 14
"""A certificate that ends so soon should have been renewed."""

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def program_findings(loaded: Settings) -> list[Finding]:
    """Say where programs are served, and what is wrong with the certificate, if there is one."""
    if loaded.programs is ProgramsSetting.OFF:
        return [good(PROGRAMS, "they are switched off, so none sends with anybody's profile (PROGRAMS=off).")]
    if not loaded.submission_runs:
        why = "no submission server runs, since neither SUBMISSION_PORT nor SUBMISSION_TLS_PORT is set"
        return [good(PROGRAMS, f"{why}; they can use the send API.")]
    is_encrypted = loaded.submission_cert_file is not None
    ports = [(loaded.submission_tls_port, "TLS"), (loaded.submission_port, "STARTTLS" if is_encrypted else "no TLS")]
    named = " and ".join(f"port {port} ({encryption})" for port, encryption in ports if port is not None)
    name = loaded.submission_name or loaded.submission_host
    found = [good(PROGRAMS, f"the submission server is {name}, {named}, at {loaded.submission_host}.")]
    if loaded.submission_cert_file is not None and loaded.submission_key_file is not None:
        found.append(_certificate_finding(loaded.submission_cert_file, loaded.submission_key_file, name))
    return found


def _certificate_finding(file: Path, key: Path, name: str) -> Finding:
    try:
        context_with(file, key)
        certificate = _first_of(file)
    except (CertificateError, ValueError, OSError) as error:
        why = f"SUBMISSION_CERT_FILE: certificate and key (SUBMISSION_KEY_FILE) cannot be used: {error}."
        return bad(PROGRAMS_CERTIFICATE, f"{why} Example: SUBMISSION_CERT_FILE={EXAMPLES['SUBMISSION_CERT_FILE']}")
    now = datetime.now(UTC)
    if not certificate.not_before <= now <= certificate.not_after:
        valid = f"it is valid from {_day(certificate.not_before)} to {_day(certificate.not_after)}"
        return bad(PROGRAMS_CERTIFICATE, f"{valid}, so programs refuse it. Renew it, or set this machine's clock.")
    if not _names(certificate, name):
        named = ", ".join(certificate.names) or "nothing"
        why = f"it is for {named}, and programs connect to {name}, so they refuse it"
        return bad(PROGRAMS_CERTIFICATE, f"{why}. Correct SUBMISSION_NAME, or have a certificate issued for it.")
    if certificate.not_after < now + timedelta(days=RENEWAL_DAYS):
        why = f"it ends on {_day(certificate.not_after)}. Renew it: see why that does not happen by itself"
        return bad(PROGRAMS_CERTIFICATE, f"{why}. The bot reads a new one without a restart.")
    return good(PROGRAMS_CERTIFICATE, f"it is for {name}, and good until {_day(certificate.not_after)}.")


def _first_of(file: Path) -> Certificate:
    """Read the first certificate of a file, which is the server's own. Raises ValueError."""
    text = file.read_text("ascii", "replace")
    begin = text.index(_BEGIN)
    end = text.index(_END, begin) + len(_END)
    return parse_certificate(ssl.PEM_cert_to_DER_cert(text[begin:end]))


def _names(certificate: Certificate, name: str) -> bool:
    """Return whether a certificate is for a name; of one with many names not all are known, so it may be."""
    wanted = {name.lower(), f"*.{name.lower().partition('.')[2]}"}
    return len(certificate.names) >= MAX_NAMES or any(one.lower() in wanted for one in certificate.names)


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %Y}"
