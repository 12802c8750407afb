"""Which stage of a test is under way, and how those before it ended."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bot.smtp.account import Account, Encryption, Outgoing
from bot.smtp.check.report import Fault, Outcome, Reply, Stage, StageName

UNTIMED = (Fault.NAME_NOT_FOUND,)
"""How long such a stage took could tell which of its causes it was."""


@dataclass
class Finding:
    """What a stage found; with a warning, its fault and the server's reply.

    With `said` the detail is that reply, in words or in part, of a stage that passed.
    """

    detail: str = ""
    outcome: Outcome = Outcome.PASSED
    fault: Fault | None = None
    reply: Reply | None = None
    facts: tuple[str, ...] = ()
    said: Reply | None = None


class StageRecord:
    """The stages of one test, in the order in which they happen.

    `current` is the stage that began last; `fault` and `reply` are the last ones that a stage ended with. Once
    `auth_began`, what the server says is held apart: `words` are those of its reply, `details` those of stages.
    """

    def __init__(self, account: Account, outgoing: Outgoing | None, on_begin: Callable[[], None]) -> None:
        """`on_begin` is called whenever a stage has begun."""
        self._account = account
        self._outgoing = outgoing
        self._on_begin = on_begin
        self._clock = asyncio.get_running_loop().time
        self._stage_began = self._clock()
        self._stages = {name: Stage(name=name, outcome=Outcome.WAITING) for name in _order(account, outgoing)}
        self._greeted: Stage | None = None
        self.current = StageName.RESOLVE
        self.fault: Fault | None = None
        self.reply: Reply | None = None
        self.auth_began = False
        self.words = ""
        self.details: dict[StageName, str] = {}

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All stages as they are now."""
        return tuple(self._stages.values())

    @property
    def is_running(self) -> bool:
        """Whether the current stage has not ended yet."""
        return self._stages[self.current].outcome is Outcome.RUNNING

    @property
    def is_stopped(self) -> bool:
        """Whether the test was stopped while a stage was running."""
        return self._stages[self.current].outcome is Outcome.STOPPED

    def passed(self, name: StageName) -> bool:
        """Whether a stage has passed, without a warning."""
        return self._stages[name].outcome is Outcome.PASSED

    @contextmanager
    def stage(self, name: StageName) -> Iterator[Finding]:
        """Begin a stage; it ends with what the block found, or stays open when the block raises."""
        self._begin(name)
        finding = Finding()
        yield finding
        self.end(finding)

    def end(self, finding: Finding) -> None:
        """End the current stage."""
        said = finding.reply or finding.said
        if self.auth_began and said is not None:
            self.details[self.current] = finding.detail
            finding = replace(finding, detail=said.codes)
            if finding.reply is not None:
                self.words = finding.reply.text
                finding.reply = replace(finding.reply, text="")
        self._stages[self.current] = Stage(
            name=self.current,
            outcome=finding.outcome,
            seconds=None if finding.fault in UNTIMED else self._clock() - self._stage_began,
            detail=finding.detail,
            facts=finding.facts,
        )
        self.fault, self.reply = finding.fault or self.fault, finding.reply or self.reply

    def skip(self, name: StageName, why: str) -> None:
        """Leave a stage out."""
        self._stages[name] = Stage(name=name, outcome=Outcome.SKIPPED, detail=why)

    def stop(self) -> None:
        """End the stage that is running, and the test with it, because somebody wants no more of it."""
        if self.is_running:
            self.end(Finding(outcome=Outcome.STOPPED))
        self.close()

    def close(self) -> None:
        """End the test: what has waited until now is left out."""
        for name, stage in self._stages.items():
            if stage.outcome is Outcome.WAITING:
                self._stages[name] = replace(stage, outcome=Outcome.SKIPPED)

    @contextmanager
    def greeting_again(self) -> Iterator[Finding]:
        """Reopen the greeting, behind the encryption, for the second EHLO.

        When the block ends, everything is as before it, and Encryption has the facts that were found; when it raises,
        the greeting stays open.
        """
        before, self._greeted = self._stages, self._stages[StageName.GREETING]
        order = [StageName.RESOLVE, StageName.CONNECT, StageName.ENCRYPTION, StageName.GREETING]
        self._stages = {name: before[name] for name in dict.fromkeys([*order, *before])}
        self._begin(StageName.GREETING)
        finding = Finding()
        yield finding
        encrypted = before[StageName.ENCRYPTION]
        self._stages = before | {StageName.ENCRYPTION: replace(encrypted, facts=encrypted.facts + finding.facts)}

    def reopen_encryption(self) -> None:
        """Go back from the greeting to the encryption, which turned out to have failed."""
        self._stages[StageName.GREETING] = self._greeted or Stage(name=StageName.GREETING, outcome=Outcome.WAITING)
        self.current = StageName.ENCRYPTION
        self._stages[StageName.ENCRYPTION] = Stage(name=StageName.ENCRYPTION, outcome=Outcome.RUNNING)
        self._stages = {name: self._stages[name] for name in _order(self._account, self._outgoing)}

    def _begin(self, name: StageName) -> None:
        self.current, self._stage_began = name, self._clock()
        self._stages[name] = Stage(name=name, outcome=Outcome.RUNNING)
        self._on_begin()


def _order(account: Account, outgoing: Outgoing | None) -> list[StageName]:
    names = [name for name in StageName if outgoing or name is not StageName.MESSAGE]
    if account.encryption is Encryption.SSL:
        names[2:4] = StageName.ENCRYPTION, StageName.GREETING
    return names
