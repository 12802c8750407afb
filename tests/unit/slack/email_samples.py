"""What “Email this message” shows, in every state of an email."""

from collections.abc import Iterator

from slack_sdk.models.views import View

from bot.profiles.account.profile import EmailProfile
from bot.profiles.sending.emailed_messages import SentEmail
from bot.profiles.sending.emails import EmailForm
from bot.profiles.sending.letters import Outcome
from bot.slack.views import emailed_message as views
from bot.slack.views.message import Message
from bot.slack.views.private_metadata import PrivateMetadata
from bot.smtp.check.report import Reply
from tests.unit.slack.view_samples import ADA, EVIL, LONG_HOST, REPLY, SENTENCE

_REPLY = Reply(code=554, enhanced="5.7.1", text=f"{LONG_HOST}: {EVIL}"[:200])
_FORMS = (
    EmailForm(to="grace@demo.example", subject="Label for crate 7", text="It is ready."),
    EmailForm(to=f"{EVIL}@{LONG_HOST}," * 10, subject=EVIL * 4, text=f"{EVIL}\n\n" * 80),
    EmailForm(to=EVIL * 9, subject=EVIL, text=f"{EVIL}\n\n" * 500),
    EmailForm(to="", subject="", text=views.text_of("🚀" * 40_000)),
)


def _outcomes() -> Iterator[SentEmail]:
    for outcome in Outcome:
        yield SentEmail(outcome=outcome, reply=_REPLY)
        yield SentEmail(outcome=outcome, sentence=SENTENCE)
    refused = {f"{number}{EVIL}@{LONG_HOST}": _REPLY for number in range(3)}
    yield SentEmail(outcome=Outcome.REFUSED, refused=refused)
    yield SentEmail.not_begun(SENTENCE * 5)


def _draft(form: EmailForm, *, sender: str = "") -> views.EmailDraft:
    return views.EmailDraft(form=form, metadata=PrivateMetadata(owner=ADA, revision=0, reply=REPLY), sender=sender)


def modals(profile: EmailProfile) -> Iterator[View]:
    """Every modal."""
    for form in _FORMS:
        yield views.email_modal(_draft(form, sender=profile.address))
        yield views.sending_modal(_draft(form))
        yield views.unknown_modal(_draft(form), SENTENCE)
    for sent in _outcomes():
        yield views.sent_modal(_draft(_FORMS[1]), sent)


def messages() -> Iterator[Message]:
    """Every message; those with longer emails are posted as files."""
    yield views.no_profile(SENTENCE, owner=ADA)
    for form in _FORMS[:2]:
        yield views.written_message(form)
        yield views.unknown_message(_draft(form), SENTENCE)
    for sent in _outcomes():
        yield views.sent_message(_draft(_FORMS[1]), sent)
