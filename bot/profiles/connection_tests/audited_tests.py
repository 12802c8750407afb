"""Tests in the history: who tested whose profile, or a form for it, on which server, with which login and outcome."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from bot.profiles.account.changes import named_account
from bot.profiles.connection_tests.running_tests import StoppedTestError
from bot.profiles.connection_tests.sign_ins import SignInLimitedError
from bot.profiles.people.access import Person
from bot.profiles.people.notices import notify_of_message
from bot.smtp.account import Account
from bot.smtp.check.report import Report
from storage.database import Database, Transaction
from storage.tables.audit import MAILED_CODE, SENT_MESSAGE, TESTED, TESTED_FORM, TRIED_TO_MAIL_CODE, TRIED_TO_SEND


class Tested(StrEnum):
    """What was tested."""

    PROFILE = "profile"
    FORM = "form"
    MESSAGE = "message"
    """The profile, with a message to be sent at the end."""
    CODE = "code"
    """The same, with a code for the owner."""


_SENT = {Tested.MESSAGE: (SENT_MESSAGE, TRIED_TO_SEND), Tested.CODE: (MAILED_CODE, TRIED_TO_MAIL_CODE)}
"""What a test that sends is called: when the server may have taken the message, and when not."""


@dataclass(frozen=True, kw_only=True)
class AuditedTest:
    """A test as the history tells of it: whose, by whom, of what; `recipient` is whom a message goes to."""

    caller: Person
    owner: Person
    what: Tested
    account: Account
    recipient: str = ""


async def audit_test(
    tx: Transaction, test: AuditedTest, report: Report | None, *, outcome: str = "", outline: bool = False
) -> None:
    """Add a test that has ended to the history, and tell the owner of a message that somebody else sent.

    `outcome` is empty where the report says it; of a profile that was deleted meanwhile only the outline is kept.
    """
    sent = report is not None and test.what in _SENT and report.may_have_sent
    if sent and test.what is Tested.MESSAGE:
        await notify_of_message(tx, test.caller, test.owner, recipient=test.recipient)
    failed = report.failed_stage if report else None
    outcome = outcome or (f"failed at {failed.name}" if failed else "passed")
    await tx.audit.append(
        test.owner.workspace,
        actor=test.caller.user,
        subject=test.owner.user,
        action=_action(test, sent=sent),
        fields=() if outline else (outcome,),
        details=() if outline else (*((f"to {test.recipient}",) if sent else ()), *named_account(test.account)),
    )


@asynccontextmanager
async def audited_when_stopped(database: Database, test: AuditedTest) -> AsyncIterator[None]:
    """Add a test to the history when it ends before its time in the block, and may have told or sent something new.

    That of a stored profile tells nobody anything that its owner did not type.
    """
    try:
        yield
    except StoppedTestError as stopped:
        report = stopped.test.report
        if test.what is Tested.FORM or report.may_have_sent:
            async with database.writing() as tx:
                await audit_test(tx, test, report, outcome="stopped")
        raise
    except SignInLimitedError:
        if test.what is Tested.FORM:
            async with database.writing() as tx:
                await audit_test(tx, test, None, outcome="broken off at a limit")
        raise


def _action(test: AuditedTest, *, sent: bool) -> str:
    if test.what in _SENT:
        return _SENT[test.what][0 if sent else 1]
    return TESTED_FORM if test.what is Tested.FORM else TESTED
