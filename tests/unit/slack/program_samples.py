"""Every view about programs, with names and hosts as plain, as long and as hostile as they come."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from slack_sdk.models.views import View

from bot.profiles.account.profile import EmailProfile
from bot.profiles.people.access import Person
from bot.profiles.people.notices import Content, ProgramInNetworkNotice, ProgramRemovedNotice
from bot.profiles.tokens.program import MaySendTo, Program
from bot.profiles.tokens.program_form import ProgramForm
from bot.profiles.tokens.secret_token import SecretToken
from bot.programs.program_settings import Endpoints, ServerSettings
from bot.programs.snippets import snippets
from bot.slack.views import programs
from bot.slack.views.message import Message
from bot.slack.views.private_metadata import PrivateMetadata
from bot.smtp.account import Encryption
from tests.unit.slack.view_samples import ADA, EVIL, GRACE, LONG_HOST, NOW

TODAY = date(2026, 11, 24)
NAME = EVIL[:60]
PRINTER = Program(
    id="aB345678", name="Label printer", may_send_to=MaySendTo.ANYONE, messages_a_day=500, ends_on=None, created_at=NOW
)
PROGRAMS = (
    PRINTER,
    *(
        replace(
            PRINTER,
            id=f"aB34567{number}",
            name=NAME,
            may_send_to=MaySendTo.OWN_DOMAIN,
            ends_on=TODAY + timedelta(days=number - 5),
            last_used_at=NOW,
            last_address="2001:db8:9999:9999:9999:9999:9999:9999",
            sent_today=number,
        )
        for number in range(9)
    ),
)
"""As many as a person can have."""
PLACES = tuple(
    Endpoints(server=server, api_url=f"https://{LONG_HOST}")
    for server in (None, *(ServerSettings(host=LONG_HOST, port=65535, encryption=one) for one in Encryption))
)


def messages(profile: EmailProfile) -> Iterator[Message]:
    owner = Person(workspace="T1", user=ADA)
    for endpoints in PLACES:
        known = snippets(endpoints.settings_for(profile.address))
        for reader, shown in itertools.product((ADA, GRACE), ((), PROGRAMS[:1], PROGRAMS)):
            own = known if reader == ADA else ()
            page = programs.ProgramsPage(owner=owner, reader=reader, programs=shown, snippets=own, today=TODAY)
            yield programs.programs_message(page)
            yield programs.programs_message(page, done=f"The program {NAME} is removed.")
        for snippet in known:
            yield programs.snippet_message(snippet)


def notices_to_people() -> Iterator[Content]:
    yield ProgramRemovedNotice(by=GRACE, name=NAME)
    yield ProgramInNetworkNotice(program_id="aB345678", name=NAME, network="2001:db8:9999:9999::/64")


def modals(profile: EmailProfile, metadata: PrivateMetadata) -> Iterator[View]:
    for form in (ProgramForm(), ProgramForm(name=EVIL, may_send_to=MaySendTo.OWN_DOMAIN, ends_on="2027-06-30")):
        yield programs.add_modal(form, metadata=metadata)
    for endpoints, program in itertools.product(PLACES, PROGRAMS[:2]):
        settings = endpoints.settings_for(profile.address)
        yield programs.added_modal(program, SecretToken.generate(), settings, snippets(settings))
    yield programs.private_modal(NAME, f"https://{LONG_HOST}/password/{ADA}/{'x' * 22}")
