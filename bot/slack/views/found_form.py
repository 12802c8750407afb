"""The form while settings are looked for, and with what was found in it or why nothing was."""

from collections.abc import Mapping
from datetime import UTC, datetime

from slack_sdk.models.views import View

from bot.discovery.findings import Findings, Source
from bot.profiles.account.profile import Field
from bot.slack.views.discovery import Proposal, fill_form, looking, nothing_found, nothing_sentence, proposed
from bot.slack.views.form import errors_notes, profile_form
from bot.slack.views.form_state import Form
from bot.slack.views.message import alert, context

FOUND = "Settings were found; see the top of the form."
NONE_FOUND = "None were found; see the top of the form."
"""What stands below the buttons where one of them was pressed: the top is far up on a phone."""


def ask_again(button: str) -> str:
    """Return the sentence that asks to press a button again, which was pressed before anything was found."""
    return f"Look at what was found, then press {button} again."


def known_form(form: Form, known: Findings) -> View:
    """Return a new form with what is known of its address at once, and a line that tells it."""
    proposal = _proposal_for_new(form, known)
    if proposal is None:
        return profile_form(form)
    form = fill_form(form, proposal)
    return profile_form(form, notes=proposed(form, proposal, today=datetime.now(UTC).date()))


def known_filled(form: Form, known: Findings) -> Form:
    """Return a new form with what is known of its address at once, while more is looked for."""
    proposal = _proposal_for_new(form, known)
    return form if proposal is None else fill_form(form, proposal)


def _proposal_for_new(form: Form, known: Findings) -> Proposal | None:
    """Return what is known; None where the workspace's one server stays, which gives way to a row by domain alone."""
    proposal = Proposal.of(known)
    stays = bool(form.content.host) and proposal is not None and proposal.found.source is not Source.OWN
    return None if stays else proposal


def looking_form(form: Form, known: Findings) -> View:
    """Return a form that says that settings are looked for."""
    return profile_form(form, notes=looking(known.shown_domain))


def found_form(form: Form, findings: Findings, *, ask: str = "") -> View:
    """Return a form with what was found in it, and a line that tells it.

    What was found before for an address of another domain is gone, also where nothing takes its place by itself.
    """
    form, proposal = form.without_filled_for_another(), Proposal.of(findings)
    if proposal is None:
        return profile_form(form.redrawn(), notes=nothing_found(findings), ended=NONE_FOUND if ask else "")
    return proposed_form(fill_form(form, proposal), proposal, ask=ask)


def proposed_form(form: Form, proposal: Proposal, *, ask: str = "") -> View:
    """Return a form that tells what was found, which stands in it as far as it may."""
    form, ended = form.redrawn(), FOUND if proposal.found.settings else NONE_FOUND
    notes = proposed(form, proposal, today=datetime.now(UTC).date(), ask=ask)
    return profile_form(form, notes=notes, ended=ended if ask else "")


def missing_form(form: Form, findings: Findings, errors: Mapping[str, str]) -> View:
    """Return a form that lists what has to be mended in it, by field, and that no settings were found either."""
    form = form.without_filled_for_another().redrawn()
    missing = {**errors, Field.HOST: nothing_sentence(findings)}
    return profile_form(form, notes=errors_notes(missing), ended=NONE_FOUND)


def told_form(form: Form, sentence: str, *, ended: str = "") -> View:
    """Return a form that says why nothing was found; what was found for another domain is gone."""
    form = form.without_filled_for_another().redrawn()
    return profile_form(form, notes=alert(sentence, "warning"), ended=ended)


def changed_form(form: Form) -> View:
    """Return a form whose address was changed while settings were looked for; what was found for another is gone."""
    form = form.without_filled_for_another().redrawn()
    return profile_form(form, notes=[context("The address was changed. Press Find settings.")])
