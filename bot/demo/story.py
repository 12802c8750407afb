"""The story that the page tells a newcomer: lines to type, what each will show, and how far a person has come."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bot.demo.platform import texts
from bot.demo.requests import Holder

PASSED = "Connection test passed"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A line to type, and what it will show; `opens` is the title of the modal that has to be submitted."""

    line: str
    shows: str
    opens: str = ""


MEMBER_STEPS = (
    Step(
        line="/email-profile edit",
        shows="opens the form. Fill in the account with one button, then save.",
        opens="Email profile",
    ),
    Step(line="/email-extra add TLS Y", shows="sets an extra configuration: STARTTLS, as port 587 wants it."),
    Step(line="/email-test", shows="connects to the mail server and reports stage by stage; nothing is sent."),
)
ADMIN_STEPS = (
    Step(line="/email-profile list", shows="shows everybody: who can send mail, who cannot, and where it fails."),
    Step(line="/email-profile defaults", shows="opens what new forms begin with, so that people type only a password."),
)


@dataclass
class Progress:
    """What one person has done of the steps; `is_over` is true once nothing is left to suggest."""

    steps: Sequence[Step]
    ends_with: str = ""
    done: set[str] = field(default_factory=set)

    @property
    def is_over(self) -> bool:
        """Whether every step is done, or what the story ends with was seen."""
        return len(self.done) == len(self.steps)

    def typed(self, line: str) -> None:
        """Mark the step whose line was typed, unless it opens a form."""
        words = line.casefold().split()
        self.done |= {step.line for step in self.steps if not step.opens and step.line.casefold().split() == words}

    def submitted(self, title: str) -> None:
        """Mark the step whose form was submitted without an error."""
        self.done |= {step.line for step in self.steps if step.opens == title}

    def seen(self, holders: Iterable[Holder]) -> None:
        """End the story where one of the messages and modals says what it ends with."""
        if self.ends_with and not self.is_over and any(self.ends_with in texts(holder.blocks) for holder in holders):
            self.done = {step.line for step in self.steps}


def begin(*, is_admin: bool) -> Progress:
    """Return the story of a member, or that of an admin, from its beginning."""
    return Progress(ADMIN_STEPS) if is_admin else Progress(MEMBER_STEPS, ends_with=PASSED)
