"""“Email this message”: the modal in which the email is written, and what has become of it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote_plus

from slack_sdk.models.blocks import InputBlock, PlainTextInputElement
from slack_sdk.models.views import View

from bot.profiles.sending.emailed_messages import SentEmail
from bot.profiles.sending.emails import MAX_SUBJECT_LENGTH, EmailField, EmailForm
from bot.profiles.sending.letters import Outcome
from bot.slack.ids import ActionId, ViewId
from bot.slack.views.inputs import ShownValues, block_id_of
from bot.slack.views.message import (
    Block,
    Message,
    actions,
    alert,
    button,
    code,
    context,
    escape,
    line_sections,
    section,
    truncate,
)
from bot.slack.views.private_metadata import PrivateMetadata, length

TITLE = "Email this message"
_MAX_INPUT_LENGTH = 3000
"""Characters of a text input (https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element)."""
_PART_LENGTH = 2800
"""Characters of one input's part of a longer text, so that something can be added to each."""
_MOST_PREFILLED_BYTES = 90_000
"""Of a message that an email begins with, as Slack sends it: twice with each press on Send, what the form began with
and what stands in it, in a request of 256 KiB at most. That is room for 10,000 letters of any script; people type
12,000 characters at most, apps 40,000."""
_MOST_PARTS = 30
"""More than what is typed into all parts of the longest text takes, however it is cut anew."""
_MAX_TO_LENGTH = 3000
_MAX_TO_SHOWN = 2000
_MAX_PREFILLED_SUBJECT = 78
_LEFT_OFF = "\n[The rest of the message is left off.]"


@dataclass(frozen=True, kw_only=True)
class EmailDraft:
    """What stands in the modal: what is typed, and what the modal remembers.

    `sender` is the address of the profile where it is known, else empty.
    """

    form: EmailForm
    metadata: PrivateMetadata
    sender: str = ""

    def redrawn(self) -> "EmailDraft":
        """Return it with new inputs, which begin at what is typed here."""
        return replace(self, metadata=replace(self.metadata, drawn=self.metadata.drawn + 1))


def subject_of(text: str) -> str:
    """Return the subject that an email begins with: the first line of a message."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return truncate(next((line for line in lines if line), ""), _MAX_PREFILLED_SUBJECT)


def text_of(message: str) -> str:
    """Return the text that an email begins with; the end of a very long message is left off, which it says."""
    kept = message
    while (size := len(quote_plus(json.dumps(kept)))) > _MOST_PREFILLED_BYTES:
        kept = kept[: len(kept) * _MOST_PREFILLED_BYTES // size - 1]
    return kept if kept == message else kept + _LEFT_OFF


def email_modal(draft: EmailDraft, *, notes: Sequence[Block] = (), submit: str = "Send") -> View:
    """Return the modal in which the email is written, below `notes`."""
    return View(
        type="modal",
        callback_id=ViewId.EMAIL_MESSAGE,
        title=TITLE,
        submit=submit,
        close="Cancel",
        private_metadata=draft.metadata.encode(),
        blocks=[*notes, *_inputs(draft), context(_below(draft.sender))],
    )


def _inputs(draft: EmailDraft) -> Iterator[Block]:
    drawn, form = draft.metadata.drawn, draft.form
    to = _text_element(form.to, most=_MAX_TO_LENGTH)
    to.focus_on_load = True
    hint = "One address, or several with commas between them"
    yield InputBlock(block_id=block_id_of(EmailField.TO, drawn), label="To", hint=hint, element=to)
    subject = _text_element(form.subject, most=MAX_SUBJECT_LENGTH)
    yield InputBlock(block_id=block_id_of(EmailField.SUBJECT, drawn), label="Subject", element=subject)
    parts = text_parts(form.text)
    for number, part in enumerate(parts):
        text = _text_element(part, most=_MAX_INPUT_LENGTH)
        text.multiline = True
        yield InputBlock(
            block_id=block_id_of(_name_of_part(number), drawn),
            label="Text" if len(parts) == 1 else f"Text, part {number + 1} of {len(parts)}",
            # Slack may send nothing of an input that was drawn anew, so it has to be filled then (`views/inputs.py`).
            optional=number > 0 and drawn == 0,
            element=text,
        )


def _text_element(value: str, *, most: int) -> PlainTextInputElement:
    return PlainTextInputElement(action_id=ActionId.VALUE, initial_value=truncate(value, most) or None, max_length=most)


def _below(sender: str) -> str:
    files = "Files stay in Slack: their links open for people of this workspace."
    return f"It is sent from {code(sender)}, with your email profile. {files}" if sender else files


def _name_of_part(number: int) -> str:
    return EmailField.TEXT if number == 0 else f"{EmailField.TEXT}{number + 1}"


def text_parts(text: str) -> list[str]:
    """Cut a text into parts that an input holds, at the ends of lines; only a line that no input holds is broken."""
    parts: list[str] = []
    while length(text) > _MAX_INPUT_LENGTH:
        part, text = _first_part(text)
        parts.append(part)
    return [*parts, text]


def _first_part(text: str) -> tuple[str, str]:
    """Return what fits of a text, and what is behind it, without the line break or blank between them."""
    # Slack counts in units of UTF-16, of which some characters take two.
    units = text[:_PART_LENGTH].encode("utf-16-le", "surrogatepass")[: 2 * _PART_LENGTH]
    most = len(units.decode("utf-16-le", "surrogatepass"))
    for separator in ("\n", " "):
        if (found := text.rfind(separator, most // 2, most)) > 0:
            return text[:found], text[found + 1 :]
    return text[:most], text[most:]


def _typed(view: Mapping[str, Any], *, redrawn: bool) -> EmailForm:
    values = ShownValues(view, redrawn=redrawn)
    parts = [values.text(_name_of_part(number)) for number in range(_MOST_PARTS)]
    return EmailForm(
        to=values.text(EmailField.TO),
        subject=values.text(EmailField.SUBJECT),
        text="\n".join(part for part in parts if part),
    )


def shown_draft(view: Mapping[str, Any]) -> EmailDraft:
    """Return what a modal that a request claims is open holds."""
    metadata = PrivateMetadata.decode(str(view["private_metadata"]))
    return EmailDraft(form=_typed(view, redrawn=metadata.drawn > 0), metadata=metadata)


def sending_modal(draft: EmailDraft) -> View:
    """Return the modal while the email is being sent: what was typed, which nobody can send once more meanwhile."""
    told = alert("Sending … You may close this; what your mail server answers is told in Slack then.", "info")
    return _closing_modal(draft, [*told, *_written(draft.form)])


def sent_modal(draft: EmailDraft, sent: SentEmail) -> View:
    """Return the modal once an email was sent, or written anew where it was not."""
    if sent.outcome is Outcome.TAKEN:
        return _closing_modal(draft, [*alert(_sentence(draft.form, sent), "success"), *_answers(sent), _later()])
    notes = [*alert(_sentence(draft.form, sent), _LEVELS[sent.outcome]), *_answers(sent)]
    if sent.outcome is Outcome.NOT_READY:
        set_up = button("Open my email profile", ActionId.EMAIL_SET_UP, style="primary")
        notes += [actions(set_up, block_id="set_up"), context(_SET_UP_LATER)]
    return email_modal(draft.redrawn(), notes=notes, submit="Send again")


def unknown_modal(draft: EmailDraft, why: str) -> View:
    """Return the modal when the bot itself failed while an email was being sent."""
    return email_modal(draft.redrawn(), notes=[*alert(why, "error"), *alert(_UNKNOWN, "warning")], submit="Send again")


def sent_message(draft: EmailDraft, sent: SentEmail) -> Message:
    """Return what became of an email whose modal was closed, with what was written where it was not sent."""
    sentence = _sentence(draft.form, sent)
    blocks = [section(escape(sentence)), *_answers(sent)]
    if sent.outcome is Outcome.TAKEN:
        return Message(text=sentence, blocks=[*blocks, _later()])
    return Message(text=sentence, blocks=[*blocks, *_written(draft.form)])


def unknown_message(draft: EmailDraft, why: str) -> Message:
    """Return that the bot itself failed while an email was being sent whose modal was closed."""
    sentence = f"{why} {_UNKNOWN}"
    return Message(text=sentence, blocks=[section(escape(sentence)), *_written(draft.form)])


def written_message(form: EmailForm) -> Message:
    """Return what was written, before the profile's form takes the place of the modal."""
    sentence = "Here is the email that you have written. Copy it once your email profile works."
    return Message(text=sentence, blocks=[section(escape(sentence)), *_written(form)])


def no_profile(sentence: str, *, owner: str) -> Message:
    """Return why no email can be written yet; `owner` is the user id of whoever asked."""
    told = f"{sentence} Once it works, choose “{TITLE}” again."
    edit = button("Open my email profile", ActionId.EDIT, value=owner, style="primary")
    return Message(text=told, blocks=[section(escape(told)), actions(edit)])


_LEVELS: Mapping[Outcome, str] = {
    Outcome.REFUSED: "error",
    Outcome.TRY_LATER: "warning",
    Outcome.UNKNOWN: "warning",
    Outcome.NOT_READY: "warning",
}
_UNKNOWN = (
    "It is not known whether the email was sent. Look into your folder of sent mail, or ask a recipient, before you "
    "send it again."
)
_ANSWERED = "*Your mail server answered*"
_SET_UP_LATER = "What you have written is then posted in Slack, for you alone, to copy it from."


def _sentence(form: EmailForm, sent: SentEmail) -> str:
    """Return in one sentence or two what became of an email."""
    match sent.outcome:
        case Outcome.TAKEN:
            return f"Your email “{truncate(form.subject.strip(), 60)}” was sent."
        case Outcome.UNKNOWN:
            return f"The connection broke behind the last line. {_UNKNOWN}"
        case Outcome.NOT_READY:
            return sent.sentence or "Nothing was sent: your email profile has to be set right first."
        case Outcome.TRY_LATER:
            return sent.sentence or "Nothing was sent: your mail server asks to try again later. Press Send again then."
        case Outcome.REFUSED if sent.refused:
            return "Nothing was sent: your mail server does not take it for every address."
        case _:
            return sent.sentence or "Nothing was sent: your mail server refused the email."


def _answers(sent: SentEmail) -> list[Block]:
    """Return what the server answered, in its own words."""
    if sent.refused:
        lines = [f"{code(address)} – {code(str(reply))}" for address, reply in sent.refused.items()]
        return line_sections([_ANSWERED, *lines])
    return [section(f"{_ANSWERED}\n{code(str(sent.reply))}")] if sent.reply else []


def _later() -> Block:
    return context("If it cannot be delivered after all, your mail provider tells you so by email.")


def _written(form: EmailForm) -> list[Block]:
    """Return what was written, as plain text."""
    head = f"To: {truncate(form.to, _MAX_TO_SHOWN)}\nSubject: {truncate(form.subject, MAX_SUBJECT_LENGTH)}"
    return [_plain(part) for part in (head, *text_parts(form.text)) if part.strip()]


def _plain(text: str) -> Block:
    return {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _closing_modal(draft: EmailDraft, blocks: Sequence[Block]) -> View:
    """Return a modal that can only be closed."""
    return View(type="modal", title=TITLE, close="Close", private_metadata=draft.metadata.encode(), blocks=list(blocks))
