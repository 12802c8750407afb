"""Tests in the history: who tested whose profile, or a form for it, on which server, with which login and outcome."""

from dataclasses import dataclass
from enum import StrEnum

from bot.profiles.account.changes import named_account
from bot.profiles.account.records import load
from bot.profiles.people.access import Person
from bot.profiles.people.notices import notify_of_message
from bot.smtp.account import Account
from bot.smtp.check.report import Report
from storage.database import Transaction
from storage.tables.audit import SENT_MESSAGE, TESTED, TESTED_FORM, TRIED_TO_SEND


class Tested(StrEnum):
    """What a test is made of."""

    PROFILE = "profile"
    FORM = "form"
    MESSAGE = "message"
    """The profile, with a message to be sent at the end."""


@dataclass(frozen=True, kw_only=True)
class AuditedTest:
    """A test as the history tells of it: whose, by whom, of what.

    `record_id` is the tested record's, empty without one; `recipient` is whom a message goes to.
    """

    caller: Person
    owner: Person
    what: Tested
    record_id: str
    recipient: str = ""


async def audit_test(
    tx: Transaction, test: AuditedTest, account: Account, report: Report | None, *, broken_off: bool
) -> None:
    """Add a test that has ended to the history, and tell the owner of a message that somebody else sent.

    Of one that broke off, `report` is how far it came. That of a stored profile leaves nothing, because it told nobody
    anything new; that of a form does, and so does a message that the server may have taken.
    """
    sent = test.what is Tested.MESSAGE and report is not None and report.may_have_sent
    if report is None or (broken_off and not sent and test.what is not Tested.FORM):
        return
    if sent:
        await notify_of_message(tx, test.caller, test.owner, recipient=test.recipient)
    # Of a profile that was deleted meanwhile only the outline is kept.
    is_there = (await load(tx, test.owner)).record_id == test.record_id
    await tx.audit.append(
        test.owner.workspace,
        actor=test.caller.user,
        subject=test.owner.user,
        action=_action(test, sent=sent),
        fields=(_outcome(report, broken_off=broken_off),) if is_there else (),
        details=named_account(account) if is_there else (),
    )


def _action(test: AuditedTest, *, sent: bool) -> str:
    if test.what is Tested.MESSAGE:
        return SENT_MESSAGE if sent else TRIED_TO_SEND
    return TESTED_FORM if test.what is Tested.FORM else TESTED


def _outcome(report: Report, *, broken_off: bool) -> str:
    if broken_off:
        return "stopped"
    return f"failed at {report.failed_stage.name}" if report.failed_stage else "passed"
