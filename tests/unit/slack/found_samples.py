"""What is said of found settings, of every source with every caution, as long and as hostile as they come."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from slack_sdk.models.views import View

from bot.discovery.findings import Caution, Findings, Found, MailSettings, Source, SourceAnswer
from bot.profiles.account.profile import Field, any_server
from bot.profiles.account.settings_finder import FoundForPerson
from bot.providers.providers import Provider
from bot.slack.views import discovery
from bot.slack.views.form_state import Form
from bot.slack.views.found_form import NONE_FOUND, changed_form, found_form, looking_form, missing_form, told_form
from bot.slack.views.message import Message
from bot.smtp.account import Encryption
from tests.unit.slack.view_samples import EVIL, LONG_ADDRESS, LONG_HOST, SENTENCE

TODAY = date(2026, 11, 30)
ENTIRELY = tuple(Caution)


def all_findings() -> Iterator[Findings]:
    """What is found, and what is not."""
    nothing = Findings(address=LONG_ADDRESS, domain=LONG_HOST, shown_domain=f"{EVIL} ({LONG_HOST})")
    yield nothing
    yield replace(nothing, complete=False)
    yield Findings(address="nobody")
    for source in Source:
        yield _best(nothing, source, Provider.GMAIL)
    for provider in {provider.value.sign_in: provider for provider in Provider}.values():
        yield _best(nothing, Source.MX, provider)
    yield _best(nothing, Source.MX, Provider.MICROSOFT_365)
    without = Found(source=Source.TABLE, settings=None, provider=Provider.TUTA)
    yield replace(nothing, best=without, answers=(SourceAnswer(source=Source.TABLE, said=EVIL, found=without),))


def _best(nothing: Findings, source: Source, provider: Provider | None) -> Findings:
    ways = [
        Found(
            source=way,
            settings=MailSettings(
                host=host, port=65535, encryption=Encryption.SSL, login=f"{EVIL}{number}" if number else LONG_ADDRESS
            ),
            provider=provider if number == 0 else None,
            other_domain=EVIL,
            cautions=ENTIRELY,
        )
        for number, (way, host) in enumerate([(source, "smtp.example.com"), *((one, LONG_HOST) for one in Source)])
    ]
    answers = tuple(SourceAnswer(source=way.source, said=f"{EVIL} {LONG_HOST}", found=way) for way in ways)
    return replace(nothing, best=ways[0], answers=answers)


def answers() -> Iterator[Message]:
    """Answers to the command, for members and for admins."""
    for findings in all_findings():
        for tells_sources, judge in ((False, any_server), (True, lambda _host: SENTENCE)):
            found = FoundForPerson(findings=findings, tells_sources=tells_sources, judge_server=judge)
            yield discovery.answer(found, today=TODAY)


def found_forms(form: Form) -> Iterator[View]:
    """A form while settings are looked for, and with what was found."""
    for findings in all_findings():
        yield looking_form(form.searching(), findings)
        yield found_form(form, findings, ask="Look at what was found, then press Save again.")
        yield missing_form(form, findings, dict.fromkeys(Field, EVIL))
    yield told_form(form, SENTENCE, ended=NONE_FOUND)
    yield changed_form(form)
