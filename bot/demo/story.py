"""The story that the page tells a newcomer: a message to begin with, lines to type, and how far a person has come."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bot.demo.stand_in.people import CHANNEL
from bot.demo.stand_in.platform import Message, texts
from bot.demo.stand_in.requests import Holder
from bot.demo.stand_in.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Step:
    """A line to type, and what it will show.

    It is done when it was typed; with `opens`, when the modal of that title was submitted; with `until`, when
    something with these words was shown, which ends the whole story.
    """

    line: str
    shows: str
    opens: str = ""
    until: str = ""


MEMBER_STEPS = (
    Step(
        line="/email-profile edit",
        shows="opens the form, which finds its settings. Fill in the rest with one button, then save.",
        opens="Email profile",
    ),
    Step(line="/email-extra add TLS Y", shows="sets STARTTLS by command, the same as Encryption in the form."),
    Step(
        line="/email-test",
        shows="connects to the mail server and reports stage by stage; nothing is sent.",
        until="Connection test passed",
    ),
)
ADMIN_STEPS = (
    Step(line="/email-profile list", shows="shows everybody: who can send mail, who cannot, and where it fails."),
    Step(line="/email-profile defaults", shows="opens what new forms begin with, so that people type only a password."),
)


@dataclass
class Progress:
    """What one person has done of the steps."""

    steps: Sequence[Step]
    done: set[str] = field(default_factory=set)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to suggest."""
        return len(self.done) == len(self.steps)

    def typed(self, line: str) -> None:
        """Mark the step whose line was typed, if typing it is all."""
        words = line.casefold().split()
        for step in self.steps:
            if not (step.opens or step.until) and step.line.casefold().split() == words:
                self.done.add(step.line)

    def submitted(self, title: str) -> None:
        """Mark the step whose form was submitted without an error."""
        self.done |= {step.line for step in self.steps if step.opens and step.opens == title}

    def seen(self, holders: Iterable[Holder]) -> None:
        """End the story where one of the messages and modals says what it is told for."""
        wanted = {step.until for step in self.steps if step.until}
        if wanted and not self.is_over and any(not wanted.isdisjoint(texts(holder.blocks)) for holder in holders):
            self.done = {step.line for step in self.steps}


async def post_first_message(workspace: Workspace) -> None:
    """Let somebody write in the channel what is worth mailing, with a file."""
    text = "@ada the label for crate 7 is ready: https://labels.demo.example/7\nCan you mail it to the store, please?"
    link = "https://analytical-engines.slack.example/files/U0GRACE/F0LABEL/label-7.pdf"
    file = {
        "id": "F0LABEL",
        "name": "label-7.pdf",
        "title": "label-7",
        "mimetype": "application/pdf",
        "permalink": link,
    }
    written = workspace.as_slack_escapes(text)
    await workspace.post(Message(author="U0GRACE", channel=CHANNEL, text=written, files=[file]))


def begin(*, is_admin: bool) -> Progress:
    """Return the story of a member, or that of an admin, from its beginning."""
    return Progress(ADMIN_STEPS if is_admin else MEMBER_STEPS)
