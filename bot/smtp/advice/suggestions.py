"""What names tell beside a report: which provider is meant, which server it has, and what a server is for."""

import difflib
import re
from collections.abc import Iterator

from bot.providers.providers import Provider, Server, SignIn
from bot.providers.recognition import (
    has_mailboxes,
    is_for_organisations,
    labelled,
    provider_above,
    provider_behind,
    provider_by_name,
    provider_in_use,
    provider_of,
    provider_of_mailbox,
    sends_through,
    server_for,
    takes_mail_in,
)
from bot.smtp.account import Account
from bot.smtp.check.report import Fault, Report, StageName
from bot.smtp.network.guard import is_own_name, literal, without_mapping

_ABOUT_THE_SERVER = frozenset(
    {
        Fault.NAME_NOT_FOUND,
        Fault.NAME_WITHOUT_ADDRESS,
        Fault.ZONE_FAILS,
        Fault.LOOPBACK_NOT_ALLOWED,
        Fault.PRIVATE_NOT_ALLOWED,
        Fault.ADDRESS_NEVER_ALLOWED,
        Fault.REFUSED,
        Fault.UNREACHABLE,
        Fault.TIMED_OUT,
        Fault.CLOSED,
        Fault.NOT_SMTP,
        Fault.GARBLED,
        Fault.NOTHING_ON_LOOPBACK,
        Fault.SIGN_IN_NOT_OFFERED,
    }
)
"""Faults that another server may not have."""

_INBOUND_FAULTS = frozenset(
    {
        Fault.REFUSED,
        Fault.TIMED_OUT,
        Fault.CLOSED,
        Fault.STARTTLS_NOT_OFFERED,
        Fault.SIGN_IN_NOT_OFFERED,
        Fault.SIGN_IN_NEEDED,
    }
)
"""Faults that come of a server that takes mail in from other servers only."""

_OF_A_WRONG_SERVER = frozenset(
    {
        Fault.REFUSED,
        Fault.UNREACHABLE,
        Fault.TIMED_OUT,
        Fault.NO_GREETING,
        Fault.CLOSED,
        Fault.CLOSED_AT_ONCE,
        Fault.NOT_SMTP,
        Fault.GARBLED,
        Fault.STARTTLS_NOT_OFFERED,
        Fault.SIGN_IN_NOT_OFFERED,
        Fault.CERTIFICATE_WRONG_NAME,
    }
)
"""Faults that come of a server that is for something else than sending."""

_NOTHING_LISTENS = frozenset({Fault.REFUSED, Fault.UNREACHABLE})

_LATE_STAGES = frozenset({StageName.SIGN_IN, StageName.SENDER, StageName.MESSAGE})
"""Where silence or a hang-up says nothing against the server's name."""

_UNNAMED = frozenset({Fault.NAME_NOT_FOUND, Fault.NAME_WITHOUT_ADDRESS})

_PURPOSES = (
    (r"imaps?\d*", "for incoming mail (IMAP)"),
    (r"pops?\d*s?", "for incoming mail (POP3)"),
    (r"mx\d*|inbound|incoming|smtp-in", "for mail that comes in from other servers (MX)"),
    (r"autodiscover|autoconfig", "where programs look for settings, not one that sends"),
    (r"webmail|owa|www|roundcube|cpanel", "for a browser"),
    (r"ftp|ns\d*|ldap|caldav|carddav", "for something else than mail"),
)
_OF_CONTAINERS = re.compile(r".+\.(docker|containers)\.internal")
"""https://docs.docker.com/desktop/features/networking/"""


def fault_of(report: Report, address: str) -> Fault | None:
    """Return a report's fault or, where the server's name tells that it is the wrong server, that."""
    if report.fault in _INBOUND_FAULTS and takes_mail_in(report.host) and not _is_late_silence(report):
        return Fault.SERVER_TAKES_MAIL_IN
    if report.failed_stage is not None and report.reply is not None and is_for_organisations(report.host, address):
        return Fault.SERVER_FOR_ORGANISATIONS
    if report.fault in _OF_A_WRONG_SERVER and not _is_late_silence(report) and _has_another(report, address):
        return Fault.SERVER_DOES_NOT_SEND
    if report.fault in _NOTHING_LISTENS and _is_this_machine(report.host):
        return Fault.NOTHING_ON_LOOPBACK
    return report.fault


def _has_another(report: Report, address: str) -> bool:
    """Whether a server is named after a provider's mail and does not send for it, and the one that does is known."""
    return provider_by_name(report.host) is not None and server_meant(report, address) is not None


def _is_this_machine(host: str) -> bool:
    address = literal(host)
    return is_own_name(host) if address is None else without_mapping(address).is_loopback


def _is_late_silence(report: Report) -> bool:
    late = report.failed_stage is not None and report.failed_stage.name in _LATE_STAGES
    return late and report.fault in (Fault.TIMED_OUT, Fault.CLOSED, Fault.GARBLED)


def provider_for(report: Report, address: str) -> Provider | None:
    """Return the provider whose answers a report shows; None for an unknown one."""
    return provider_in_use(report.host, address, labelled(report.provider))


def provider_meant(report: Report, address: str) -> Provider | None:
    """Return the provider that the mailbox seems to be with, whatever server was tried; None for an unknown one."""
    behind = provider_behind(report.mail_servers) or labelled(report.provider)
    return (
        takes_mail_in(report.host)
        or provider_of_mailbox(address)
        or (behind if behind is not None and has_mailboxes(behind) else None)
        or _provider_named(report.host)
    )


def _provider_named(host: str) -> Provider | None:
    """Return the provider after whose mailboxes or servers a server is named, as in smtp.icloud.com."""
    return provider_above(host) or provider_by_name(host)


def server_meant(report: Report, address: str) -> Server | None:
    """Return the server that the provider of the mailbox has for people; None when unknown, or the one that was tried.

    One that takes the encryption of the profile is preferred.
    """
    provider = provider_meant(report, address)
    if provider is None or provider.value.sign_in in (SignIn.OAUTH, SignIn.NONE):
        return None
    best = server_for(provider, address, near=next(iter(report.mail_servers), report.host))
    if best is None or sends_through(report.host, provider, address) or _is_late_silence(report):
        return None
    same_host = (one for one in provider.value.all_servers if one.host == best.host)
    return next((one for one in same_host if one.encryption == report.encryption.value), best)


def described(server: Server | None) -> str:
    """Return a server in words: "smtp.example.com, port 587 with TLS"."""
    if server is None:
        return "your mail provider's server for outgoing mail"
    return f"{server.host}, port {server.port} with {server.encryption}"


def suggestions(report: Report, account: Account) -> Iterator[str]:
    """Yield sentences that names add to what a row of advice says to do."""
    fault = fault_of(report, account.address)
    if fault in (Fault.SERVER_TAKES_MAIL_IN, Fault.SERVER_FOR_ORGANISATIONS):
        return
    if fault is Fault.SERVER_DOES_NOT_SEND:
        yield from (f"By its name, {report.host} is a server {purpose}." for purpose in _purposes(report.host))
        return
    if fault in _UNNAMED and "." not in report.host:
        yield "A name of one word is known only inside its own network; the bot needs the full name, with its dots."
    if fault in _UNNAMED and _OF_CONTAINERS.fullmatch(report.host):
        yield f"{report.host} is known only inside containers, where it is the machine that they run on."
    if fault in _ABOUT_THE_SERVER and not _is_late_silence(report):
        told = (Fault.LOOPBACK_NOT_ALLOWED, Fault.NOTHING_ON_LOOPBACK)
        if fault not in told and _is_this_machine(report.host):
            yield f"{report.host} is the machine that the bot runs on, not your computer."
        yield from _purpose(report.host)
        about_provider = [*_provider_sentences(report, account)]
        yield from about_provider or (_near(report.host) if fault is Fault.NAME_NOT_FOUND else ())
    provider = provider_for(report, account.address)
    if fault is Fault.SIGN_IN_REFUSED and _is_elsewhere(report, account, provider):
        yield from _provider_sentences(report, account)
    if fault is Fault.MECHANISM_NOT_OFFERED and provider is not None and provider.value.sign_in is SignIn.OAUTH:
        yield how_to_sign_in(provider)


def _is_elsewhere(report: Report, account: Account, provider: Provider | None) -> bool:
    """Whether the mailbox may well be with another provider than the one whose server was tried."""
    if provider is None:
        return True
    mailboxes = {provider_of_mailbox(account.address), provider_of_mailbox(account.login)}
    if account.login.casefold() == account.address.casefold():
        mailboxes.add(labelled(report.provider))
    return bool(mailboxes - {None}) and provider not in mailboxes


def _purpose(host: str) -> Iterator[str]:
    rest = host.partition(".")[2]
    provider = provider_by_name(host) or provider_of(host)
    server = server_for(provider, f"@{rest}", near=host) if provider else None
    other = server.host if server else f"often smtp.{rest}"
    # A provider that is known and has no server has none under that name either.
    sending = f"; the one for outgoing mail is {other}" if server or provider is None else ""
    for purpose in _purposes(host):
        yield f"By its name, {host} is a server {purpose}{sending}."


def _purposes(host: str) -> Iterator[str]:
    """Yield what a server is for by the first part of its name, where that tells something."""
    first, _, rest = host.partition(".")
    provider = provider_of(host)
    if "." in rest and not (provider is not None and host in provider.value.hosts):
        yield from (purpose for pattern, purpose in _PURPOSES if re.fullmatch(pattern, first))


def _near(host: str) -> Iterator[str]:
    """Yield the known server whose name is nearly this one."""
    known = [server.host for provider in Provider for server in provider.value.all_servers]
    for name in difflib.get_close_matches(host, known, n=1, cutoff=0.85):
        yield f"Did you mean {name}?"


def _provider_sentences(report: Report, account: Account) -> Iterator[str]:
    provider, tried = provider_meant(report, account.address), provider_of(report.host)
    if provider is None or sends_through(report.host, provider, account.address):
        return
    if tried is not None and tried.value.sign_in is SignIn.API_KEY:
        # Programs send through such a service for mailboxes that are elsewhere.
        return
    domain = account.address.rpartition("@")[2]
    if provider_of_mailbox(account.address) is provider:
        where = f"Mailboxes of {domain} are with {provider.label}"
    elif provider is _provider_named(report.host):
        where = f"By its name, {report.host} would be {provider.label}'s"
    else:
        where = f"Mail for {report.host if report.mail_servers else domain} comes in at {provider.label}"
    server = server_meant(report, account.address)
    yield f"{where}; people there send through {described(server)}." if server else f"{where}."
    if server is None and provider.value.first:
        yield f"{provider.value.first}."


def about_passwords(provider: Provider, address: str, *, has_row: bool) -> Iterator[str]:
    """Yield what a provider's passwords depend on, for a password that it refused; `has_row` where a row says how."""
    if not has_row:
        yield how_to_sign_in(provider)
    if provider is Provider.GMAIL and provider_of_mailbox(address) is None:
        yield "If no app password can be made there, your Google Workspace admin has switched them off."


def how_to_sign_in(provider: Provider) -> str:
    """Return in one or two sentences how one signs in with a provider today."""
    facts = provider.value
    match facts.sign_in:
        case SignIn.PASSWORD:
            sentence = f"{facts.label} wants {facts.login_words} as User/Login, with the password of the mailbox."
        case SignIn.OAUTH | SignIn.NONE:
            return f"{facts.first}."
        case kind:
            sentence = (
                f"{facts.label} wants {facts.login_words} as User/Login, with {kind.value}, made at {facts.page}."
            )
    return f"{sentence} Note: {facts.first}." if facts.first else sentence
