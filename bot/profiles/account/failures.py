"""Why the last test of a profile failed, in words that are the same for all that fail alike."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.smtp.account import Account
from bot.smtp.advice.advice import Advice, advise
from bot.smtp.check.report import Report, StageName

_ID_CHARACTERS = 16

_OF_THEM: Mapping[str, str] = {"your": "their", "yours": "theirs", "wants you": "wants them", "you": "they"}
"""Words of an advice for one person, and what they are in a cause for whoever works with many."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A failed test: the stage, and the cause, "at Sign-in on smtp.example.com: the server refused …"."""

    stage: StageName
    cause: str

    @property
    def labels(self) -> tuple[str, str]:
        """What a person with this failure is found by in the list."""
        return stage_label(self.stage), cause_label(cause_id(self.cause))


def failure_of(report: Report, account: Account) -> Failure | None:
    """Return why a test of an account failed; None when it passed."""
    return interpreted_failure(report, advise(report, account), account)


def interpreted_failure(report: Report, advice: Advice | None, account: Account) -> Failure | None:
    """Return the same where the advice is known already."""
    failed = report.failed_stage
    if failed is None:
        return None
    what = advice.what if advice else str(report.fault or "it failed")
    return Failure(stage=failed.name, cause=f"at {failed.name} on {report.host}: {_of_anybody(what, account)}")


def cause_id(cause: str) -> str:
    """Return a short name of a cause, the same wherever and whenever it is asked for."""
    return hashlib.sha256(cause.encode()).hexdigest()[:_ID_CHARACTERS]


def stage_label(stage: StageName) -> str:
    """Return the label of all who fail at a stage."""
    return f"stage {stage}"


def cause_label(cause: str) -> str:
    """Return the label of all who fail by a cause, by its short name."""
    return f"cause {cause}"


def of_many(cause: str) -> str:
    """Say of many what is said to one: "their profile" for "your"; a cause that does so already stays as it is."""
    for word, theirs in _OF_THEM.items():
        # Names of servers and addresses may hold the same words.
        cause = re.sub(rf"(?<![\w.@-]){word}(?![\w@-]|\.\w)", theirs, cause)
    return cause


def _of_anybody(what: str, account: Account) -> str:
    """Say of many what is said to one, with "their address" in place of somebody's own."""
    for own, theirs in ((account.address, "their address"), (account.login, "their login")):
        if "@" in own:
            what = what.replace(own, theirs)
    return of_many(what)
