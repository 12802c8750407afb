"""What a sign-in of a stored profile found is kept as its last test, whoever tried it: a person, or a program."""

from dataclasses import replace

from bot.profiles.account.accepted_passwords import with_accepted_password
from bot.profiles.account.records import REPORTS, Loaded, load
from bot.profiles.connection_tests.told_refusals import forget_telling
from bot.profiles.people.members import update_person
from bot.smtp.check.report import Outcome, Report, StageName
from storage.database import Transaction


async def keep_report(tx: Transaction, loaded: Loaded, report: Report) -> Report | None:
    """Store a report as the last test of the profile that was loaded for it, and update its line in the list.

    Returns the report as it is stored; None where the profile was deleted, or made anew, since it was loaded.
    """
    owner = loaded.owner
    now = await load(tx, owner)
    if now.record_id != loaded.record_id:
        return None
    last = now.last_report
    of_this_revision = now.last_test is not None and now.last_test.revision == loaded.revision
    held_before = of_this_revision and last is not None and last.sign_in_held
    held = report.sign_in_refused_for_good or (held_before and not report.signed_in)
    report = replace(report, trusted_before=trusted_before(last, report), sign_in_held=held)
    report = with_accepted_password(tx, report, loaded.profile, last)
    await tx.tests.record(
        owner.workspace,
        owner.user,
        record_id=loaded.record_id,
        revision=loaded.revision,
        document=REPORTS.dump_json(report),
        tested_at=report.tested_at,
    )
    if report.signed_in:
        await forget_telling(tx, loaded)
    await update_person(tx, owner, at=report.tested_at)
    return report


def trusted_before(last: Report | None, report: Report) -> bool:
    """Whether this server's certificate was found good by the usual authorities, now or in an earlier test."""
    good = any(
        stage.name is StageName.ENCRYPTION and stage.outcome in (Outcome.PASSED, Outcome.WARNED)
        for stage in report.stages
    )
    return good or (last is not None and last.host == report.host and last.trusted_before)
