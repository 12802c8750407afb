"""What is said of settings that were found: from where, how one signs in there, what to be careful about."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bot.discovery.findings import Caution, Findings, Found, MailSettings, Source, SourceAnswer
from bot.profiles.account.profile import ENCRYPTION_CHOICES, LABELS, Field
from bot.profiles.account.settings_finder import FoundForPerson
from bot.providers.providers import Provider, SignIn
from bot.providers.recognition import labelled
from bot.slack.ids import ActionId
from bot.slack.views.form_state import Form
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
)
from bot.slack.views.private_metadata import OutdatedFormError, length
from bot.smtp.account import Encryption

MAX_VALUE_LENGTH = 2000
"""Characters of a button's value (https://docs.slack.dev/reference/block-kit/block-elements/button-element)."""

_FROM: Mapping[Source, str] = {
    Source.OWN: "From your workspace's defaults",
    Source.TABLE: "From the bot's list of mail providers",
    Source.AUTOCONFIG: "From the settings that {domain} publishes",
    Source.WELL_KNOWN: "From the settings that {domain} publishes",
    Source.PACC: "From the settings that {domain} publishes",
    Source.MX: "From the DNS of {domain}",
    Source.SRV: "From the DNS of {domain}",
    Source.KNOCK: "By trying likely names, without a password",
}
_CAUTIONS: Mapping[Caution, str] = {
    Caution.OTHER_DOMAIN: "This comes from {other}, not from {shown}. Use it only if {other} is your mail provider.",
    Caution.DNS_ONLY: "DNS alone says so, and it can be forged: check that you know this provider.",
    Caution.DISAGREEMENT: (
        "{shown} publishes one provider's settings, and its mail comes in at another's. After a move, the old one's "
        "may still be there: ask your mail admin which is right."
    ),
    Caution.GATEWAY: "A filter takes the mail of {shown} in, so the provider behind it follows from hints alone.",
    Caution.HINT: (
        "The DNS of {shown} names this provider only among those that may send mail for it. Use it only if your "
        "mailbox is there."
    ),
    Caution.GUESSED: "{shown} names no server; this one answered. Check that it is the one you use.",
    Caution.MIXED_SCRIPTS: (
        "Letters of {shown} look like others. In DNS it is {domain}: check letter by letter that this is the domain "
        "you mean."
    ),
}
NEEDS_CHOICE = frozenset({Caution.OTHER_DOMAIN, Caution.DISAGREEMENT, Caution.HINT, Caution.MIXED_SCRIPTS})
"""With these nothing is put into the form before somebody chooses it."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What one source found for an address (`domain` in A-labels, `shown` as people read it), and what others did."""

    address: str
    domain: str
    shown: str
    found: Found
    others: tuple[Found, ...] = ()

    @classmethod
    def of(cls, findings: Findings) -> "Proposal | None":
        """Return the best of what was found; None where nothing was."""
        if findings.best is None:
            return None
        return cls(
            address=findings.address,
            domain=findings.domain,
            shown=findings.shown_domain,
            found=findings.best,
            others=findings.others,
        )

    def next(self) -> "Proposal":
        """Return the other way: what the next source found, and this behind all others."""
        found, *others = [*self.others, self.found]
        return replace(self, found=found, others=tuple(others))

    def to_value(self) -> str:
        """Return it as a button remembers it, with as many of the others as there is room for."""
        ways = [_remembered(found) for found in (self.found, *self.others)]
        while length(text := _json([self.address, self.domain, self.shown, ways])) > MAX_VALUE_LENGTH and len(ways) > 1:
            ways.pop()
        return text

    @classmethod
    def from_value(cls, value: str) -> "Proposal":
        """Read what `to_value` wrote.

        Raises:
            OutdatedFormError: it is anything else.
        """
        try:
            address, domain, shown, ways = _VALUE.validate_json(value)
            found, *others = map(_found, ways)
        except (ValidationError, KeyError, ValueError):
            raise OutdatedFormError from None
        return cls(address=address, domain=domain, shown=shown, found=found, others=tuple(others))


_VALUE = TypeAdapter(tuple[str, str, str, list[dict[str, Any]]])
_SETTINGS = TypeAdapter(MailSettings | None)


def _json(values: list[Any]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def _remembered(found: Found) -> dict[str, Any]:
    settings = found.settings
    return {
        "source": found.source.name,
        "settings": settings and vars(settings),
        "provider": found.provider and found.provider.label,
        "other": found.other_domain,
        "cautions": [caution.name for caution in found.cautions],
    }


def _found(way: Mapping[str, Any]) -> Found:
    return Found(
        source=Source[way["source"]],
        settings=_SETTINGS.validate_python(way["settings"]),
        provider=labelled(str(way["provider"])),
        other_domain=str(way["other"]),
        cautions=tuple(Caution[name] for name in way["cautions"]),
    )


def looking(domain: str) -> list[Block]:
    """Return that settings are being looked for."""
    return [section(f":hourglass_flowing_sand: Looking for the mail settings of {code(domain)} … up to 3 seconds.")]


def fill_form(form: Form, proposal: Proposal) -> Form:
    """Return a form with what was found in the inputs that nobody filled, unless somebody has to choose it."""
    settings = proposal.found.settings
    if settings is None or NEEDS_CHOICE & set(proposal.found.cautions) or _refusal(form, settings):
        return form
    return form.with_found(settings)


def with_chosen(form: Form, proposal: Proposal) -> Form:
    """Return a form with what was found in place of what stood there, unless the workspace allows it not."""
    settings = proposal.found.settings
    return form if settings is None or _refusal(form, settings) else form.with_chosen(settings)


def proposed(form: Form, proposal: Proposal, *, today: date, ask: str = "") -> list[Block]:
    """Return what is told at the top of a form of what was found, which stands in it already or may be put there.

    `ask` is a sentence about what to press next.
    """
    found, settings = proposal.found, proposal.found.settings
    refused = _refusal(form, settings) if settings else ""
    blocks = [section(f":information_source: {_told(proposal, today)}"), *_cautions(proposal)]
    stands = settings is not None and form.holds(settings)
    if settings is not None and not stands:
        blocks.append(section(_described(settings)))
    if refused:
        blocks.append(context(f":warning: {escape(refused)}"))
    row = []
    if not (stands or settings is None or refused):
        row.append(button("Use these", ActionId.FORM_USE_FOUND, value=proposal.to_value()))
    if proposal.others:
        row.append(button("Other way", ActionId.FORM_OTHER_FOUND, value=proposal.to_value()))
    asked = [context(ask)] if ask and stands else []
    if NEEDS_CHOICE & set(found.cautions) and not (stands or refused):
        asked = [context("Nothing of this is filled in before you press Use these.")]
    return [*blocks, *([actions(*row, block_id=f"found_{form.metadata.drawn}")] if row else []), *asked]


def nothing_found(findings: Findings) -> list[Block]:
    """Return, for the top of a form, that no settings were found, and what to do."""
    return alert(nothing_sentence(findings), "info")


def nothing_sentence(findings: Findings) -> str:
    """Return for a form that no settings were found, and what to do."""
    if not findings.domain:
        return _no_domain(findings, f"Type the {LABELS[Field.HOST]}.")
    if not findings.complete:
        return nothing_yet(findings)
    return (
        f"No settings were found for {findings.shown_domain}. Check the address, or type the {LABELS[Field.HOST]}; "
        "your mail provider's help tells it, under SMTP or outgoing mail."
    )


def nothing_yet(findings: Findings) -> str:
    """Return for a form that a search took too long or could not begin, and what to do."""
    return (
        f"Nothing was found for {findings.shown_domain} yet. Press Find settings to try again, or type the "
        f"{LABELS[Field.HOST]}."
    )


def or_type_server(sentence: str) -> str:
    """Return why there was no search, and that a form needs none."""
    return f"{sentence} Or type the {LABELS[Field.HOST]}."


def _nothing_answer(findings: Findings) -> str:
    """Return for the command that no settings were found, and what to do."""
    if not findings.domain:
        return _no_domain(findings, "Whoever runs its mail can tell you server, port and encryption.")
    if not findings.complete:
        return f"Nothing was found for {findings.shown_domain} yet. Ask again in a minute."
    return (
        f"No settings were found for {findings.shown_domain}. Check the address; its mail provider's help tells them, "
        "under SMTP or outgoing mail."
    )


def _no_domain(findings: Findings, instead: str) -> str:
    """Return that an address has no domain in which settings could be found, and what to do `instead`."""
    behind = findings.address.rpartition("@")[2]
    if not behind:
        return f"This is not an email address. Type the {LABELS[Field.ADDRESS]}, for example ada@example.com."
    return f"“{behind}” is no domain of the Internet, so nothing is found for it. {instead}"


def _refusal(form: Form, settings: MailSettings) -> str:
    return form.basis.defaults.judge_server(settings.host)


def _told(proposal: Proposal, today: date) -> str:
    """Return in mrkdwn from where settings come, and how one signs in there."""
    found = proposal.found
    origin = _FROM[found.source].format(domain=escape(proposal.shown))
    ending = found.provider.value.ending if found.provider else None
    has_ended = ending is not None and today > ending.on
    sentences = [f"{origin}: {_what(proposal)}.", *([] if has_ended else _sign_in(found, proposal.domain))]
    if ending is not None:
        sentences.append(f"{escape(ending.notice(today))} ({_linked('source', ending.source)})")
    return " ".join(sentences)


def _what(proposal: Proposal) -> str:
    found, provider = proposal.found, proposal.found.provider
    host = code(found.settings.host) if found.settings else ""
    if found.source is Source.KNOCK:
        return f"{host} answers, with a valid certificate"
    if found.source is Source.TABLE and provider is not None:
        return f"{escape(proposal.shown)} is a domain of {escape(provider.label)}"
    name = escape(_name(provider, proposal.domain)) if provider is not None else ""
    if found.source is Source.MX and name:
        return f"mail is hosted by {name}"
    return f"mail goes out through {host}{f' ({name})' if name else ''}"


def _name(provider: Provider, domain: str) -> str:
    """Return what a provider is called for a domain: Gmail is what Google calls its own people's mailboxes."""
    return "Google" if provider is Provider.GMAIL and domain not in provider.value.domains else provider.label


def _sign_in(found: Found, domain: str) -> list[str]:
    """Return in mrkdwn how one signs in with the provider, with a link to where that is set up."""
    if found.provider is None:
        return []
    facts, name = found.provider.value, escape(_name(found.provider, domain))
    first = f"{_linked(escape(facts.first), facts.first_link)}." if facts.first else ""
    if found.settings is None or facts.sign_in in (SignIn.OAUTH, SignIn.NONE):
        return [first] if first else []
    sentences = []
    if facts.sign_in is not SignIn.PASSWORD:
        made = _linked("make one", facts.page_link) if facts.page_link else f"made at {escape(facts.page)}"
        sentences.append(f"{name} wants {facts.sign_in.value}: {made}.")
    if facts.login and not found.settings.login:
        sentences.append(f"The login is {escape(facts.login)}.")
    return [*sentences, *([f"Note: {first}"] if first else [])]


def _linked(text: str, page: str) -> str:
    """Return mrkdwn that leads to a page, an address without its https://; the bare text without one."""
    if not page:
        return text
    address = page if page.startswith("https://") else f"https://{page}"
    return f"<{escape(address)}|{text}>"


def _cautions(proposal: Proposal) -> list[Block]:
    words = {
        "domain": escape(proposal.domain),
        "shown": escape(proposal.shown),
        "other": escape(proposal.found.other_domain),
    }
    return [context(f":warning: {_CAUTIONS[caution].format(**words)}") for caution in proposal.found.cautions]


def _described(settings: MailSettings) -> str:
    encryption = ENCRYPTION_CHOICES[Encryption(settings.encryption)]
    login = f", {LABELS[Field.LOGIN]} {code(settings.login)}" if settings.login else ""
    return f"{code(settings.host)}, port {settings.port}, {escape(encryption)}{login}"


def answer(found: FoundForPerson, *, today: date) -> Message:
    """Return the answer to `/email-profile find`."""
    findings = found.findings
    said = _said(findings.answers) if found.tells_sources and findings.answers else []
    proposal = Proposal.of(findings)
    if proposal is None:
        sentence = _nothing_answer(findings)
        return Message(text=sentence, blocks=[section(escape(sentence)), *said])
    settings = proposal.found.settings
    refused = found.judge_server(settings.host) if settings else ""
    others = [one for one in proposal.others if one.settings is None or not found.judge_server(one.settings.host)]
    title = section(f"*Mail settings for {code(findings.address)}*\n{_told(proposal, today)}")
    return Message(
        text=_summary(findings.address, proposal),
        blocks=[
            title,
            *(line_sections(_values(settings)) if settings else []),
            *([context(f":warning: {escape(refused)}")] if refused else []),
            *_cautions(proposal),
            *(context(f"Other way: {_other(other)}") for other in others),
            *said,
            context("Nothing was saved. `/email-profile edit` opens the form."),
        ],
    )


def _summary(address: str, proposal: Proposal) -> str:
    settings = proposal.found.settings
    if settings is None:
        provider = proposal.found.provider
        return f"{provider.label if provider else proposal.shown} has no server for mail programs."
    encryption = ENCRYPTION_CHOICES[settings.encryption]
    return f"Mail settings for {address}: {settings.host}, port {settings.port}, {encryption}."


def _values(settings: MailSettings) -> list[str]:
    values = (
        (Field.LOGIN, settings.login),
        (Field.HOST, settings.host),
        (Field.PORT, str(settings.port)),
        (Field.ENCRYPTION, ENCRYPTION_CHOICES[settings.encryption]),
    )
    return [f"*{LABELS[name]}*  {code(value)}" for name, value in values if value]


def _other(found: Found) -> str:
    return f"{_described(found.settings) if found.settings else 'no server'} ({escape(found.source.value)})"


def _said(answers: Sequence[SourceAnswer]) -> list[Block]:
    """Return what each source said."""
    lines = [f"• *{escape(one.source.value)}*: {escape(one.said)}" for one in answers]
    return [section("*What each source said*"), *line_sections(lines)]
