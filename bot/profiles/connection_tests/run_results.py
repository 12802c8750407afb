"""What a test of many profiles found, by cause, and what was changed after it: enough to act on after a restart."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pydantic import TypeAdapter, ValidationError

from bot.profiles.account.fixes import ProposedFix
from bot.profiles.errors import UserError
from bot.profiles.people.access import Person
from storage.database import Transaction

GONE = "This summary is kept for a week, and is gone. Open /email-profile list and test again."


@dataclass(frozen=True, kw_only=True)
class FailureGroup:
    """Those who fail by one cause; `fix` is a change that helps those whom it `fits`, None when there is none.

    `port` is the one on which the first of those was tested.
    """

    stage: str
    cause: str
    port: int
    users: tuple[str, ...]
    fix: ProposedFix | None = None
    fits: tuple[str, ...] = ()

    def without(self, user: str) -> "FailureGroup":
        """Return the group without a person."""
        return replace(self, users=_but(self.users, user), fits=_but(self.fits, user))


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """A run's result: the largest group first; `skipped` counts the reasons why somebody was not tested.

    A run that began with a fix has in `changed` who was changed, each with the revision that this made, and in
    `descriptions` the change in words; `left_alone` counts why others were not. Once it is put back,
    `changed` has who is left to put back, and `put_back` counts the others, also those who were left alone then.
    """

    total: int
    passed: int = 0
    groups: tuple[FailureGroup, ...] = ()
    skipped: dict[str, int] = field(default_factory=dict)
    cancelled: bool = False
    fix: ProposedFix | None = None
    changed: tuple[tuple[str, int], ...] = ()
    descriptions: tuple[str, ...] = ()
    left_alone: dict[str, int] = field(default_factory=dict)
    undone: bool = False
    put_back: int = 0

    @property
    def failed(self) -> int:
        """How many failed."""
        return sum(len(group.users) for group in self.groups)

    @property
    def done(self) -> int:
        """How many were tested, or skipped."""
        return self.passed + self.failed + sum(self.skipped.values())

    @property
    def changed_in_all(self) -> int:
        """How many were changed, whether that was put back or not."""
        return len(self.changed) + self.put_back

    @property
    def users(self) -> set[str]:
        """Everybody whom the result names."""
        return {user for group in self.groups for user in group.users} | {user for user, _ in self.changed}

    def without(self, user: str) -> "RunResult":
        """Return the result without a person."""
        groups = tuple(group.without(user) for group in self.groups)
        return replace(self, groups=groups, changed=tuple(one for one in self.changed if one[0] != user))

    def group(self, number: int) -> FailureGroup:
        """Return a group by its number.

        Raises:
            UserError: there is no such group (any more).
        """
        if not 0 <= number < len(self.groups):
            raise UserError(GONE)
        return self.groups[number]

    def to_document(self) -> bytes:
        """Return the result as JSON for sealing."""
        return _RESULTS.dump_json(self)


_RESULTS = TypeAdapter(RunResult)


async def load_result(tx: Transaction, workspace: str, run_id: str) -> RunResult:
    """Read what a run of a workspace found.

    Raises:
        UserError: nothing is stored of it (any more).
    """
    document = await tx.runs.result(workspace, run_id)
    result = _read(document) if document is not None else None
    if result is None:
        raise UserError(GONE)
    return result


async def save_result(tx: Transaction, workspace: str, run_id: str, result: RunResult) -> None:
    """Store what a run found so far; whoever deleted their profile meanwhile stays out of it."""
    users = result.users
    for gone in users - await tx.profiles.users_among(workspace, users):
        result = result.without(gone)
    await tx.runs.save_result(workspace, run_id, result.to_document())


async def forget_in_results(tx: Transaction, owner: Person) -> None:
    """Take a person out of what the runs of their workspace found."""
    for run_id, document in (await tx.runs.results(owner.workspace)).items():
        result = _read(document)
        if result is not None and owner.user in result.users:
            await save_result(tx, owner.workspace, run_id, result.without(owner.user))


def _read(document: bytes) -> RunResult | None:
    try:
        return _RESULTS.validate_json(document)
    except ValidationError:
        # Another version of the program wrote it.
        return None


def _but(users: Iterable[str], gone: str) -> tuple[str, ...]:
    return tuple(user for user in users if user != gone)
