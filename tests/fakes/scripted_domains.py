"""Domains that a search for settings meets: good, broken and hostile ones, and what is found for each."""

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.discovery.findings import Caution, OwnRow, Source
from bot.providers.providers import Provider
from bot.smtp.account import Encryption
from tests.fakes.config_documents import document, server, vouching
from tests.fakes.config_server import Answer, Certificate, leads_to, page
from tests.fakes.dns_server import Broken, Records
from tests.fakes.internet import CLOSED, MAIL, PLAIN, RELAY, SILENT, STARTTLS_ONLY, UNTRUSTED, WEB
from tests.fakes.smtp_server import HangUp, Trickle

SSL, TLS = Encryption.SSL, Encryption.TLS
GOOGLE: Records = {"MX": ["1 aspmx.l.google.com.", "5 alt1.aspmx.l.google.com."]}
MICROSOFT: Records = {"MX": ["0 somebody-example.mail.protection.outlook.com."]}
ELSEWHERE: Records = {"MX": ["10 mx.hosting.example."]}
HOSTING: Mapping[str, Records] = {"mx.hosting.example": {"A": [CLOSED]}}
"""The names of the hosting company where mail for some of the domains comes in."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a search has to find: from which source, which server, whose, and what has to be told."""

    source: Source
    host: str = ""
    port: int = 0
    encryption: Encryption | None = None
    login: str = "{address}"
    provider: Provider | None = None
    other_domain: str = ""
    cautions: Sequence[Caution] = ()


@dataclass(frozen=True, kw_only=True)
class ScriptedDomain:
    """One domain, what there is of it, and what is found; None for nothing.

    `names` are relative to the domain: "" is the domain itself, "smtp" what is below it. So are the hosts of `pages`
    ("autoconfig/mail/config-v1.1.xml") and `certificates`. A `timed` one takes as long as a search may.
    """

    story: str
    domain: str
    names: Mapping[str, Records | Broken] = field(default_factory=dict)
    pages: Mapping[str, Answer] = field(default_factory=dict)
    certificates: Mapping[str, Certificate] = field(default_factory=dict)
    own: Sequence[OwnRow] = ()
    found: Expected | None = None
    complete: bool = True
    timed: bool = False

    def zone(self) -> dict[str, Records | Broken]:
        """Return the records by full name."""
        return {self._full(name): records for name, records in self.names.items()}

    def published(self) -> dict[str, Answer]:
        """Return the pages by host and path."""
        pages = {}
        for place, answer in self.pages.items():
            host, _, path = place.partition("/")
            pages[f"{self._full(host)}/{path}"] = answer
        return pages

    def shown(self) -> dict[str, Certificate]:
        """Return the certificates by host."""
        return {self._full(host): certificate for host, certificate in self.certificates.items()}

    def _full(self, name: str) -> str:
        return f"{name}.{self.domain}" if name else self.domain


def at(*addresses: str, **more: Sequence[str]) -> Records:
    """Return the records of a host with addresses, beside others."""
    kinds = {"A": [one for one in addresses if ":" not in one], "AAAA": [one for one in addresses if ":" in one]}
    return {**{kind: listed for kind, listed in kinds.items() if listed}, **more}


def srv(*targets: str) -> Records:
    """Return SRV records: priority, weight, port and target."""
    return {"SRV": list(targets)}


AT_HOST = "autoconfig/mail/config-v1.1.xml"
WELL_KNOWN = "/.well-known/autoconfig/mail/config-v1.1.xml"
PACC = "ua-auto-config/.well-known/user-agent-configuration.json"
PACC_DOCUMENT = json.dumps({"protocols": {"smtp": {"host": "smtp.vouched.example"}}})
BOMB = '<!DOCTYPE b [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
DNS_ONLY = (Caution.DNS_ONLY,)


def published(
    source: Source, host: str, *, login: str = "{address}", provider: Provider | None = None, other_domain: str = ""
) -> Expected:
    """Return what is found in a document that names port 465."""
    return Expected(
        source=source,
        host=host,
        port=465,
        encryption=SSL,
        login=login,
        provider=provider,
        other_domain=other_domain,
        cautions=(Caution.OTHER_DOMAIN,) if other_domain else (),
    )


def hosted(provider: Provider, host: str, port: int, encryption: Encryption, *cautions: Caution) -> Expected:
    """Return what is found for a domain whose mail a provider has."""
    return Expected(
        source=Source.MX,
        host=host,
        port=port,
        encryption=encryption,
        provider=provider,
        cautions=(*DNS_ONLY, *cautions),
    )


def gmail(*cautions: Caution) -> Expected:
    """Return what is found for a domain whose mail Google has."""
    return hosted(Provider.GMAIL, "smtp.gmail.com", 587, TLS, *cautions)


def microsoft(*cautions: Caution) -> Expected:
    """Return what is found for a domain whose mail Microsoft has."""
    return hosted(Provider.MICROSOFT_365, "smtp.office365.com", 587, TLS, *cautions)


def zoho(*cautions: Caution) -> Expected:
    """Return what is found for a domain whose mail Zoho has in the European Union."""
    return hosted(Provider.ZOHO, "smtppro.zoho.eu", 465, SSL, *cautions)


def named(host: str, port: int = 465, encryption: Encryption = SSL, *, other_domain: str = "") -> Expected:
    """Return what is found in SRV records."""
    cautions = (*DNS_ONLY, Caution.OTHER_DOMAIN) if other_domain else DNS_ONLY
    return Expected(
        source=Source.SRV, host=host, port=port, encryption=encryption, other_domain=other_domain, cautions=cautions
    )


def knocked(host: str, port: int = 465, encryption: Encryption = SSL) -> Expected:
    """Return what is found by knocking."""
    return Expected(source=Source.KNOCK, host=host, port=port, encryption=encryption, cautions=(Caution.GUESSED,))


GOOD = (
    ScriptedDomain(
        story="publishes at its autoconfig host",
        domain="published.example",
        names={"": ELSEWHERE, "autoconfig": at(WEB)},
        pages={AT_HOST: page(document(server("smtp.published.example")))},
        found=published(Source.AUTOCONFIG, "smtp.published.example"),
    ),
    ScriptedDomain(
        story="publishes below .well-known, with the part before the @ as login",
        domain="well-known.example",
        names={"": at(WEB)},
        pages={WELL_KNOWN: page(document(server("smtp.well-known.example", login="%EMAILLOCALPART%")))},
        found=published(Source.WELL_KNOWN, "smtp.well-known.example", login="{local}"),
    ),
    ScriptedDomain(
        story="publishes at both places: the autoconfig host counts",
        domain="twice.example",
        names={"": at(WEB), "autoconfig": at(WEB)},
        pages={
            AT_HOST: page(document(server("one.twice.example"))),
            WELL_KNOWN: page(document(server("two.twice.example"))),
        },
        found=published(Source.AUTOCONFIG, "one.twice.example"),
    ),
    ScriptedDomain(
        story="vouches for a document in DNS",
        domain="vouched.example",
        names={"ua-auto-config": at(WEB), "_ua-auto-config": {"TXT": [vouching(PACC_DOCUMENT)]}},
        pages={PACC: page(PACC_DOCUMENT)},
        found=published(Source.PACC, "smtp.vouched.example"),
    ),
    ScriptedDomain(
        story="publishes a server of its hosting company",
        domain="hosted.example",
        names={"": ELSEWHERE, "autoconfig": at(WEB)},
        pages={AT_HOST: page(document(server("smtp.hosting.example")))},
        found=published(Source.AUTOCONFIG, "smtp.hosting.example", other_domain="hosting.example"),
    ),
    ScriptedDomain(
        story="publishes what its MX records say, too",
        domain="agreeing.example",
        names={"": {"MX": ["10 in1-smtp.messagingengine.com."]}, "autoconfig": at(WEB)},
        pages={AT_HOST: page(document(server("smtp.fastmail.com")))},
        found=published(
            Source.AUTOCONFIG, "smtp.fastmail.com", provider=Provider.FASTMAIL, other_domain="fastmail.com"
        ),
    ),
    ScriptedDomain(story="is hosted by Google", domain="at-google.example", names={"": GOOGLE}, found=gmail()),
    ScriptedDomain(
        story="is hosted by Microsoft", domain="at-microsoft.example", names={"": MICROSOFT}, found=microsoft()
    ),
    ScriptedDomain(
        story="is hosted by Zoho in the European Union, and its MX records are in capitals",
        domain="at-zoho.example",
        names={"": {"MX": ["10 MX.Zoho.EU.", "20 mx2.zoho.eu."]}},
        found=zoho(),
    ),
    ScriptedDomain(
        story="is hosted by Tuta, which has no server",
        domain="at-tuta.example",
        names={"": {"MX": ["0 mail.tutanota.de."]}},
        found=Expected(source=Source.MX, provider=Provider.TUTA, login="", cautions=DNS_ONLY),
    ),
    ScriptedDomain(
        story="names a server with TLS from the first byte",
        domain="submissions.example",
        names={
            "_submissions._tcp": srv("0 1 465 smtp.submissions.example."),
            "_submission._tcp": srv("0 1 587 smtp.submissions.example."),
            "smtp": at(MAIL),
        },
        found=named("smtp.submissions.example"),
    ),
    ScriptedDomain(
        story="names a server with STARTTLS",
        domain="submission.example",
        names={"_submission._tcp": srv("0 1 587 smtp.submission.example."), "smtp": at(MAIL)},
        found=named("smtp.submission.example", 587, TLS),
    ),
    ScriptedDomain(
        story="names port 465 for STARTTLS, and means TLS from the first byte",
        domain="common-error.example",
        names={"_submission._tcp": srv("0 1 465 smtp.common-error.example."), "smtp": at(MAIL)},
        found=named("smtp.common-error.example"),
    ),
    ScriptedDomain(
        story="names several servers: the lowest priority, of these the heaviest",
        domain="several.example",
        names={
            "_submissions._tcp": srv(
                "20 9 465 c.several.example.", "10 1 465 a.several.example.", "10 7 465 b.several.example."
            ),
            **dict.fromkeys(("a", "b", "c"), at(MAIL)),
        },
        found=named("b.several.example"),
    ),
    ScriptedDomain(
        story="publishes nothing, and has a server at smtp.",
        domain="quiet.example",
        names={"": ELSEWHERE, "smtp": at(MAIL), "mail": at(MAIL)},
        found=knocked("smtp.quiet.example"),
    ),
    ScriptedDomain(
        story="publishes nothing, and has a server at mail. with STARTTLS",
        domain="old-style.example",
        names={"": at(CLOSED), "mail": at(STARTTLS_ONLY)},
        found=knocked("mail.old-style.example", 587, TLS),
    ),
    ScriptedDomain(
        story="publishes nothing, and has a server under its own name, with IPv6 beside",
        domain="bare.example",
        names={"": at(MAIL, "2600:1::25")},
        found=knocked("bare.example"),
    ),
    ScriptedDomain(
        story="is behind a gateway, and its autodiscover leads to Microsoft",
        domain="behind-proofpoint.example",
        names={"": {"MX": ["10 mx0a-001.pphosted.com."]}, "autodiscover": {"CNAME": ["autodiscover.outlook.com."]}},
        found=microsoft(Caution.GATEWAY),
    ),
    ScriptedDomain(
        story="is behind a gateway, and its SPF record includes Google",
        domain="behind-mimecast.example",
        names={
            "": {
                "MX": ["10 eu-smtp-inbound-1.mimecast.com."],
                "TXT": ['"v=spf1 include:_spf.google.com include:eu._netblocks.mimecast.com ~all"'],
            }
        },
        found=gmail(Caution.GATEWAY, Caution.HINT),
    ),
    ScriptedDomain(
        story="is behind a gateway, and its autodiscover leads to Microsoft's servers for governments",
        domain="behind-gateway-us.example",
        names={"": {"MX": ["10 mx0a-001.pphosted.com."]}, "autodiscover": {"CNAME": ["autodiscover.office365.us."]}},
        found=replace(microsoft(Caution.GATEWAY), host="smtp.office365.us"),
    ),
    ScriptedDomain(
        story="is behind a gateway, and its SPF record includes Zoho in the European Union",
        domain="behind-gateway-eu.example",
        names={"": {"MX": ["10 mx0a-001.pphosted.com."], "TXT": ['"v=spf1 include:zoho.eu ~all"']}},
        found=zoho(Caution.GATEWAY, Caution.HINT),
    ),
    ScriptedDomain(
        story="has its mail read by a program, and names a server for people",
        domain="read-by-program.example",
        names={
            "": {"MX": ["10 mx.sendgrid.net."]},
            "_submissions._tcp": srv("0 1 465 smtp.read-by-program.example."),
            "smtp": at(MAIL),
        },
        found=named("smtp.read-by-program.example"),
    ),
    ScriptedDomain(
        story="has a row of the admins",
        domain="own-row.example",
        names={"": GOOGLE},
        own=(OwnRow(domain="own-row.example", host="relay.corp.example", port=587, encryption=TLS),),
        found=Expected(source=Source.OWN, host="relay.corp.example", port=587, encryption=TLS),
    ),
    ScriptedDomain(
        story="comes in at a host for which the admins have a row",
        domain="own-pattern.example",
        names={"": {"MX": ["10 eu1.gateway.corp.example."]}, "autoconfig": at(WEB)},
        pages={AT_HOST: page(document(server("smtp.own-pattern.example")))},
        own=(
            OwnRow(
                mx="*.gateway.corp.example",
                host="relay.corp.example",
                port=465,
                encryption=SSL,
                login_pattern="{local}",
            ),
        ),
        found=Expected(source=Source.OWN, host="relay.corp.example", port=465, encryption=SSL, login="{local}"),
    ),
    ScriptedDomain(
        story="gives out mailboxes, so nothing has to be asked",
        domain="gmail.com",
        found=Expected(source=Source.TABLE, host="smtp.gmail.com", port=587, encryption=TLS, provider=Provider.GMAIL),
    ),
    ScriptedDomain(
        story="has letters beyond ASCII",
        domain="xn--bcher-kva.example",
        names={"smtp": at(MAIL)},
        found=knocked("smtp.xn--bcher-kva.example"),
    ),
)

BROKEN = (
    ScriptedDomain(story="does not exist", domain="nowhere.example"),
    ScriptedDomain(story="takes no mail", domain="no-mail.example", names={"": {"MX": ["0 ."]}}),
    ScriptedDomain(
        story="decidedly offers no submission",
        domain="not-offered.example",
        names={"_submissions._tcp": srv("0 0 0 ."), "_submission._tcp": srv("0 0 0 .")},
    ),
    ScriptedDomain(
        story="has a zone that fails, and a server that answers",
        domain="zone-fails.example",
        names={"": Broken.SERVFAIL, "smtp": at(MAIL)},
        found=knocked("smtp.zone-fails.example"),
        complete=False,
    ),
    ScriptedDomain(
        story="has name servers that say nothing of its mail",
        domain="silent-dns.example",
        names={"": Broken.SILENT, "smtp": at(MAIL)},
        found=knocked("smtp.silent-dns.example"),
        complete=False,
        timed=True,
    ),
    ScriptedDomain(
        story="has name servers that fail over its autoconfig host",
        domain="autoconfig-fails.example",
        names={"": GOOGLE, "autoconfig": Broken.SERVFAIL},
        found=gmail(),
        complete=False,
    ),
    ScriptedDomain(
        story="has name servers that fail over the better of its services",
        domain="service-fails.example",
        names={
            "_submissions._tcp": Broken.SERVFAIL,
            "_submission._tcp": srv("0 1 587 smtp.service-fails.example."),
            "smtp": at(MAIL),
        },
        found=named("smtp.service-fails.example", 587, TLS),
        complete=False,
    ),
    ScriptedDomain(
        story="names a server over which its name servers fail, and one that exists",
        domain="target-fails.example",
        names={
            "_submissions._tcp": srv("0 1 465 a.target-fails.example.", "1 1 465 b.target-fails.example."),
            "a": Broken.SERVFAIL,
            "b": at(MAIL),
        },
        found=named("b.target-fails.example"),
        complete=False,
    ),
    ScriptedDomain(
        story="has name servers that fail over what may be vouched for",
        domain="vouching-fails.example",
        names={"_ua-auto-config": Broken.SERVFAIL, "smtp": at(MAIL)},
        found=knocked("smtp.vouching-fails.example"),
        complete=False,
    ),
    ScriptedDomain(
        story="is behind a gateway, and its name servers fail over autodiscover",
        domain="autodiscover-fails.example",
        names={"": {"MX": ["10 mx0a-001.pphosted.com."]}, "autodiscover": Broken.SERVFAIL, "smtp": at(MAIL)},
        found=knocked("smtp.autodiscover-fails.example"),
        complete=False,
    ),
    ScriptedDomain(
        story="has name servers that fail over the likeliest name",
        domain="name-fails.example",
        names={"smtp": Broken.SERVFAIL, "mail": at(MAIL)},
        found=knocked("mail.name-fails.example"),
        complete=False,
    ),
    ScriptedDomain(
        story="has a likeliest name that is an alias, and the name servers of where it leads fail",
        domain="alias-fails.example",
        names={"smtp": {"CNAME": ["mx.alias-fails.example."]}, "mx": Broken.REFUSED, "mail": at(MAIL)},
        found=knocked("mail.alias-fails.example"),
        complete=False,
    ),
    ScriptedDomain(
        story="has name servers that fail over what does not matter any more",
        domain="fails-beside.example",
        names={"": GOOGLE, "smtp": Broken.SERVFAIL, "_submissions._tcp": Broken.SERVFAIL},
        found=gmail(),
    ),
    ScriptedDomain(
        story="has so many records that they come over TCP alone",
        domain="large.example",
        names={"": {"MX": ["1 aspmx.l.google.com.", *(f"9 host-{number}.at.large.example." for number in range(90))]}},
        found=gmail(),
    ),
    ScriptedDomain(
        story="has aliases that lead in a circle",
        domain="circle.example",
        names={"autoconfig": {"CNAME": ["autoconfig.circle.example."]}, "smtp": {"CNAME": ["smtp.circle.example."]}},
        complete=False,
    ),
    ScriptedDomain(
        story="publishes what is no XML, and names a server in DNS",
        domain="no-xml.example",
        names={"autoconfig": at(WEB), "_submissions._tcp": srv("0 1 465 smtp.no-xml.example."), "smtp": at(MAIL)},
        pages={AT_HOST: page("It works!")},
        found=named("smtp.no-xml.example"),
    ),
    ScriptedDomain(
        story="has a web server that hangs up",
        domain="hangs-up.example",
        names={"": {**GOOGLE, **at(WEB)}, "autoconfig": at(WEB)},
        pages={AT_HOST: HangUp(), WELL_KNOWN: HangUp()},
        found=gmail(),
    ),
    ScriptedDomain(
        story="has a web server that never comes to an end",
        domain="dripping.example",
        names={"": GOOGLE, "autoconfig": at(WEB)},
        pages={AT_HOST: Trickle(page(document(server("smtp.dripping.example"))), pause=0.2)},
        found=gmail(),
        complete=False,
        timed=True,
    ),
    ScriptedDomain(
        story="has likelier names at which nobody answers, and one that does",
        domain="firewalled.example",
        names={"smtp": at(SILENT), "mail": at(MAIL)},
        found=knocked("mail.firewalled.example"),
        complete=False,
        timed=True,
    ),
    ScriptedDomain(
        story="has one name at which nobody answers, and no other",
        domain="all-firewalled.example",
        names={"smtp": at(SILENT)},
        complete=False,
        timed=True,
    ),
    ScriptedDomain(
        story="has the likeliest server, and nobody answers at what is less likely",
        domain="firewalled-beside.example",
        names={"smtp": at(MAIL), "mail": at(SILENT)},
        found=knocked("smtp.firewalled-beside.example"),
        timed=True,
    ),
    ScriptedDomain(
        story="has its own mail server, and Google only for when that is down",
        domain="backup.example",
        names={"": {"MX": ["5 mx.backup.example.", "10 aspmx.l.google.com."]}},
    ),
    ScriptedDomain(
        story="is behind a gateway, and nothing tells of whom",
        domain="behind-barracuda.example",
        names={"": {"MX": ["10 d1.ess.barracudanetworks.com."], "TXT": ['"v=spf1 mx -all"']}},
    ),
    ScriptedDomain(
        story="is behind a gateway, and its SPF record includes two providers",
        domain="behind-messagelabs.example",
        names={
            "": {
                "MX": ["10 cluster1.eu.messagelabs.com."],
                "TXT": ['"v=spf1 include:_spf.google.com include:spf.protection.outlook.com -all"'],
            }
        },
    ),
)

HOSTILE = (
    ScriptedDomain(
        story="publishes at http alone",
        domain="to-http.example",
        names={"autoconfig": at(WEB)},
        pages={AT_HOST: leads_to("http://autoconfig.to-http.example/mail/config-v1.1.xml")},
    ),
    ScriptedDomain(
        story="leads on to a stranger",
        domain="to-stranger.example",
        names={"autoconfig": at(WEB)},
        pages={AT_HOST: leads_to("https://autoconfig.published.example/mail/config-v1.1.xml")},
    ),
    ScriptedDomain(
        story="leads on in a circle",
        domain="redirects.example",
        names={"autoconfig": at(WEB)},
        pages={AT_HOST: leads_to("https://autoconfig.redirects.example/mail/config-v1.1.xml")},
    ),
    ScriptedDomain(
        story="has an autoconfig host of somebody else",
        domain="taken-over.example",
        names={"": MICROSOFT, "autoconfig": at(WEB)},
        pages={AT_HOST: page(document(server("smtp.thief.example")))},
        certificates={"autoconfig": Certificate.OTHER_NAME},
        found=microsoft(),
    ),
    ScriptedDomain(
        story="has an expired certificate",
        domain="expired.example",
        names={"": GOOGLE, "autoconfig": at(WEB)},
        pages={AT_HOST: page(document(server("smtp.thief.example")))},
        certificates={"autoconfig": Certificate.EXPIRED},
        found=gmail(),
    ),
    ScriptedDomain(
        story="publishes at this machine, at the cloud's metadata and in private networks",
        domain="inside.example",
        names={
            "": at("127.0.0.1"),
            "autoconfig": at("169.254.169.254"),
            "ua-auto-config": at("::ffff:10.0.0.1"),
            "_ua-auto-config": {"TXT": [vouching(PACC_DOCUMENT)]},
            "smtp": at("10.1.2.3"),
            "mail": at("64:ff9b::7f00:1"),
            "_submissions._tcp": srv("0 1 465 smtp.inside.example."),
        },
        pages={AT_HOST: page(document(server("smtp.inside.example")))},
    ),
    ScriptedDomain(
        story="takes its mail in at a private address",
        domain="mail-inside.example",
        names={"": {"MX": ["10 mx.mail-inside.example."]}, "mx": at("10.0.0.9")},
    ),
    ScriptedDomain(
        story="mixes a private address among its public ones",
        domain="mixed-addresses.example",
        names={"": at(WEB, "192.168.0.1"), "smtp": at(MAIL, "fd00::1"), "autoconfig": at("127.0.0.1", WEB)},
        pages={AT_HOST: page(document(server("smtp.mixed-addresses.example")))},
    ),
    ScriptedDomain(
        story="names this machine and its metadata in SRV records",
        domain="srv-inside.example",
        names={
            "_submissions._tcp": srv(
                "0 1 465 localhost.", "1 1 465 169.254.169.254.", "2 1 465 in.srv-inside.example."
            ),
            "in": at("172.16.0.1"),
        },
    ),
    ScriptedDomain(
        story="names a port of another service",
        domain="srv-port.example",
        names={"_submission._tcp": srv("0 1 6379 smtp.srv-port.example."), "smtp": at(CLOSED)},
    ),
    ScriptedDomain(
        story="names a server of a stranger, which the person has to confirm",
        domain="srv-stranger.example",
        names={"_submissions._tcp": srv("0 1 465 smtp.submissions.example.")},
        found=named("smtp.submissions.example", other_domain="submissions.example"),
    ),
    ScriptedDomain(
        story="publishes the server of one provider while its mail comes in at another",
        domain="moved.example",
        names={"": GOOGLE, "autoconfig": at(WEB)},
        pages={AT_HOST: page(document(server("mail.old-host.example")))},
        found=replace(
            published(Source.AUTOCONFIG, "mail.old-host.example", other_domain="old-host.example"),
            cautions=(Caution.OTHER_DOMAIN, Caution.DISAGREEMENT),
        ),
    ),
    ScriptedDomain(
        story="publishes clear text",
        domain="clear-text.example",
        names={"autoconfig": at(WEB)},
        pages={AT_HOST: page(document(server("smtp.clear-text.example", port=587, socket_type="plain")))},
    ),
    ScriptedDomain(
        story="publishes a document that unfolds into millions of letters",
        domain="bomb.example",
        names={"": at(WEB), "autoconfig": at(WEB)},
        pages={
            AT_HOST: page(document(server("smtp.bomb.example"), before=BOMB)),
            WELL_KNOWN: page(gzip.compress(b"<a>" + b" " * 1_000_000), Content_Encoding="gzip"),
        },
    ),
    ScriptedDomain(
        story="vouches for another document than the one it serves",
        domain="wrong-digest.example",
        names={"ua-auto-config": at(WEB), "_ua-auto-config": {"TXT": [vouching("another")]}},
        pages={PACC: page(PACC_DOCUMENT)},
    ),
    ScriptedDomain(
        story="has servers that an unknown authority vouches for",
        domain="untrusted.example",
        names={"smtp": at(UNTRUSTED), "mail": at(UNTRUSTED)},
    ),
    ScriptedDomain(story="has a server without encryption", domain="plain.example", names={"smtp": at(PLAIN)}),
    ScriptedDomain(
        story="has a server where nobody signs in", domain="relay.example", names={"smtp": at(RELAY), "mail": at(RELAY)}
    ),
    ScriptedDomain(
        story="mixes alphabets in its name",
        domain="xn--pple-43d.example",
        names={"_submissions._tcp": srv("0 1 465 smtp.xn--pple-43d.example."), "smtp": at(MAIL)},
        found=replace(named("smtp.xn--pple-43d.example"), cautions=(*DNS_ONLY, Caution.MIXED_SCRIPTS)),
    ),
    ScriptedDomain(
        story="is a public suffix, below which anybody may have autoconfig and mail servers",
        domain="co.uk",
        names={
            "": {"MX": ["10 mx0a-001.pphosted.com."]},
            **dict.fromkeys(("autoconfig", "ua-auto-config"), at(WEB)),
            **dict.fromkeys(("smtp", "mail"), at(MAIL)),
            "autodiscover": {"CNAME": ["autodiscover.outlook.com."]},
        },
        pages={AT_HOST: page(document(server("smtp.thief.example")))},
    ),
)

DOMAINS = (*GOOD, *BROKEN, *HOSTILE)
"""All of them, for one internet; each has names of its own."""


def zone_of(domains: Sequence[ScriptedDomain]) -> dict[str, Records | Broken]:
    """Return the records of domains, and of what they need elsewhere."""
    return {**HOSTING, **{name: records for domain in domains for name, records in domain.zone().items()}}


def pages_of(domains: Sequence[ScriptedDomain]) -> dict[str, Answer]:
    """Return what domains publish."""
    return {place: answer for domain in domains for place, answer in domain.published().items()}


def certificates_of(domains: Sequence[ScriptedDomain]) -> dict[str, Certificate]:
    """Return the certificates of the hosts of domains that are not as they should be."""
    return {host: certificate for domain in domains for host, certificate in domain.shown().items()}
