"""Tests of forms that passed: kept until exactly the tested values are saved, by whoever tested them.

What is compared is a keyed hash of all values, in a sealed record. A password that was typed and the one that is stored
never count as the same, and nobody but the tester profits, so that no save tells whether a guess of a password is
right.
"""

import hmac
import json

from bot.profiles.account.drafts import Draft
from bot.profiles.account.records import REPORTS, Loaded, parsed_report
from bot.profiles.people.access import Person
from bot.smtp.check.report import Report
from storage.database import Transaction

KEPT_SECONDS = 3600


def tested_values(draft: Draft, loaded: Loaded) -> str:
    """Return all that a test of a form depends on, as one text, which may hold the typed password.

    `loaded` is what the form was made over.
    """
    profile = draft.profile
    password: list[str] = []
    if profile.password is not None and draft.has_typed_password:
        password = ["typed", profile.password.get_secret_value()]
    elif profile.password is not None:
        password = ["stored", loaded.record_id, str(loaded.revision), *draft.password_fixes]
    return json.dumps(
        [
            profile.address,
            profile.login,
            profile.host,
            profile.port,
            profile.authenticate,
            sorted(profile.extras.items()),
            password,
        ]
    )


async def keep_form_test(tx: Transaction, caller: Person, owner: Person, values: str, report: Report) -> None:
    """Keep the report of a passed test, for when `caller` saves exactly these values; a failed one ends that."""
    if not report.passed:
        if await passed_form_test(tx, caller, owner, values) is not None:
            await tx.form_tests.forget(owner.workspace, owner.user, tester=caller.user)
        return
    kept = {"values": tx.keyring.keyed_hash(values), "report": REPORTS.dump_json(report).decode()}
    await tx.form_tests.purge()
    await tx.form_tests.keep(
        owner.workspace, owner.user, tester=caller.user, document=json.dumps(kept).encode(), seconds=KEPT_SECONDS
    )


async def passed_form_test(tx: Transaction, caller: Person, owner: Person, values: str) -> Report | None:
    """Return the report of the test in which `caller` found exactly these values to work, if there is one."""
    document = await tx.form_tests.find(owner.workspace, owner.user, tester=caller.user, seconds=KEPT_SECONDS)
    if document is None:
        return None
    kept = json.loads(document)
    if not any(hmac.compare_digest(kept["values"], name) for name in tx.keyring.keyed_hashes(values)):
        return None
    return parsed_report(kept["report"])
