"""Whether the stored password was accepted by its server the last time that somebody signed in with it.

What is kept of it stands in the report of the last test, which is sealed, and holds across changes of everything else.
"""

import hmac
import json
from dataclasses import replace

from bot.profiles.account.profile import EmailProfile
from bot.profiles.account.records import Loaded
from bot.smtp.check.report import AcceptedPassword, Report
from storage.database import Transaction


def with_accepted_password(tx: Transaction, report: Report, profile: EmailProfile, before: Report | None) -> Report:
    """Return the report of a stored profile's test with which password was accepted last; `before` is the last one."""
    if report.signed_in:
        pin = report.certificate.pin if report.certificate else ""
        accepted = AcceptedPassword(digest=tx.keyring.keyed_hash(_values(profile)), pin=pin)
        return replace(report, accepted=accepted)
    if report.sign_in_refused or before is None:
        return report
    return replace(report, accepted=before.accepted)


def accepted_at(tx: Transaction, loaded: Loaded) -> str:
    """Return the pin of the server that accepted the stored password last; empty where none did."""
    last = loaded.last_report
    if last is None or not loaded.profile.has_password:
        return ""
    if last.accepted is None:
        # The version before noted nothing; a test of the profile as it is says the same.
        current = loaded.view.last_test
        return current.certificate.pin if current and current.signed_in and current.certificate else ""
    digests = tx.keyring.keyed_hashes(_values(loaded.profile))
    return last.accepted.pin if any(hmac.compare_digest(last.accepted.digest, one) for one in digests) else ""


def _values(profile: EmailProfile) -> str:
    password = profile.password.get_secret_value() if profile.password else ""
    values = ["accepted password", profile.host, profile.login, password]
    if profile.password_set_by and profile.password_set_at:
        # What somebody else types is a guess, even if it is the one that was accepted before.
        values += [profile.password_set_by, profile.password_set_at.isoformat()]
    return json.dumps(values)
