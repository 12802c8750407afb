"""What is known of mail providers: one table, data alone, with the source of each row.

It is Python because advice names its rows, and a type checker reads each: there is nothing to load or to validate.
Most servers, ports and domains are also in https://github.com/thunderbird/autoconfig/tree/master/ispdb.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Literal

_ISPDB = "https://github.com/thunderbird/autoconfig/blob/master/ispdb/"
_PROVIDER_DB = "https://github.com/chatmail/provider-db/blob/master/_providers/"


class SignIn(Enum):
    """How people sign in with a provider's mail server today."""

    PASSWORD = "the password of the mailbox"  # noqa: S105 - a kind of password
    APP_PASSWORD = "an app password"  # noqa: S105 - a kind of password
    MAIL_PASSWORD = "a separate password for mail programs"  # noqa: S105 - a kind of password
    API_KEY = "credentials made for SMTP"
    OAUTH = "OAuth"
    """The server takes no passwords; the row's `first` says why."""
    NONE = "nothing"
    """There is no server for mail programs; the row's `first` says what there is instead."""


@dataclass(frozen=True)
class Server:
    """A server for outgoing mail; `domains` are those of its provider's that it is for, where others have another."""

    host: str
    port: int
    encryption: Literal["TLS", "SSL"]
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ending:
    """The day after which people can no longer sign in as they do today, and what they are told of it.

    `coming` is told up to that day, and `past` from then on; each is whole sentences. `source` is where the day is
    written.
    """

    on: date
    coming: str
    past: str
    source: str

    def notice(self, today: date) -> str:
        """Return what is told of it today."""
        return self.coming if today <= self.on else self.past


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of one provider.

    `label` is its name as people call it. `hosts` are servers that people send through, `mx` those that take mail in,
    where nobody signs in: each a host name, a domain of which every host is one, or a pattern with "*" for one
    label. `domains` are those of mailboxes that it gives out, which no organisation owns: each by itself, or a pattern
    such as "*.example.com"; `organisation_hosts` are the hosts that do not send for these. `servers` are the ones to
    use, the best first, and `own_domain_servers` those for a domain of one's own, where they are others, or where
    there are none for the provider's own domains.

    `sign_in` is how one signs in today. `login_pattern` is the login, with {address} for the whole address and {local}
    for what stands before its @; without either it is the login of all customers, and "" where the address does not
    tell it: then `login` says in words what it is. `page` is where an app password, a separate password or
    credentials are made: an address without its https://, or words. `first` is a sentence about what has to be
    switched on before, or why signing in is not possible, and `first_link` where that is done or explained. `ending`
    is when signing in like that ends.

    With `judges_sender_only_with_message` the sender is accepted at MAIL and RCPT, and judged after the message. `spf`
    are the domains that an SPF record includes which covers these servers; none where that is not known, and for
    services that send with a return path of their own. `autodiscover` are the hosts to which autodiscover.DOMAIN
    leads (CNAME) for domains that have their mailboxes here, whatever takes their mail in.

    `source` is where the provider, or a public collection of settings, writes of its servers, and `checked` the day on
    which the row was last looked over. A test warns once that is 400 days ago.
    """

    label: str
    hosts: tuple[str, ...]
    mx: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    organisation_hosts: tuple[str, ...] = ()
    servers: tuple[Server, ...]
    own_domain_servers: tuple[Server, ...] = ()
    sign_in: SignIn = SignIn.PASSWORD
    login_pattern: str = "{address}"
    login: str = ""
    page: str = ""
    first: str = ""
    first_link: str = ""
    ending: Ending | None = None
    judges_sender_only_with_message: bool = False
    spf: tuple[str, ...] = ()
    autodiscover: tuple[str, ...] = ()
    source: str
    checked: date

    @property
    def all_servers(self) -> tuple[Server, ...]:
        """All its servers that people send through."""
        return self.servers + self.own_domain_servers

    @property
    def login_words(self) -> str:
        """What one types as login, in words."""
        if self.shared_login:
            return f"the word {self.shared_login}"
        return {"{address}": "the full address", "{local}": "the part of the address before the @"}.get(
            self.login_pattern, self.login
        )

    @property
    def shared_login(self) -> str:
        """The login of all customers; "" where each has one of their own."""
        return "" if "{" in self.login_pattern else self.login_pattern

    @property
    def page_link(self) -> str:
        """The page where a password for programs or credentials are made, as a link; "" where none leads there."""
        return "" if " " in self.page or not self.page else f"https://{self.page}"


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """A service that filters or forwards mail for mailboxes elsewhere: `mx` are its hosts, as in a provider's row.

    Whose mailboxes stand behind it, its name does not tell.
    """

    label: str
    kind: Literal["security gateway", "forwarding service"] = "security gateway"
    mx: tuple[str, ...]
    source: str
    checked: date


_SWITCH_ON = "access by mail programs has to be switched on in the settings of the mailbox"
_PAID_ONLY = "mail programs are let in with a paid plan only"
_TWO_FACTORS = "with two-factor sign-in an app password is needed"


def _both(host: str, *domains: str) -> tuple[Server, ...]:
    return Server(host, 465, "SSL", domains), Server(host, 587, "TLS", domains)


def _ssl(host: str) -> tuple[Server, ...]:
    return (Server(host, 465, "SSL"),)


def _tls(host: str, *domains: str) -> tuple[Server, ...]:
    return (Server(host, 587, "TLS", domains),)


_GMX_ABROAD = (*("gmx.us", "gmx.co.uk", "gmx.es", "gmx.fr", "gmx.ca", "gmx.it", "gmx.li", "gmx.pt", "gmx.se"),)
_ZOHO_MX = (
    *("zoho.com", "zoho.eu", "zoho.in", "zoho.com.au", "zoho.jp", "zohocloud.ca"),
    *("zohomail.com", "zohomail.eu", "zohomail.in"),
)
_ZOHO_REGIONS = ("zoho.com", "zoho.eu", "zoho.in", "zoho.com.au", "zoho.jp", "zohocloud.ca")


class Provider(Enum):
    """The providers, the most specific first where a domain or server could be of two."""

    # Consumers and organisations worldwide
    GMAIL = Facts(
        label="Gmail",
        hosts=("smtp.gmail.com", "smtp.googlemail.com", "smtp-relay.gmail.com"),
        mx=(
            *("aspmx.l.google.com", "alt1.aspmx.l.google.com", "alt2.aspmx.l.google.com", "alt3.aspmx.l.google.com"),
            *("alt4.aspmx.l.google.com", "aspmx2.googlemail.com", "aspmx3.googlemail.com", "aspmx4.googlemail.com"),
            *("aspmx5.googlemail.com", "smtp.google.com"),
            *("gmail-smtp-in.l.google.com", "*.gmail-smtp-in.l.google.com", "googlemail-smtp-in.l.google.com"),
        ),
        domains=("gmail.com", "googlemail.com"),
        organisation_hosts=("smtp-relay.gmail.com",),
        servers=(Server("smtp.gmail.com", 587, "TLS"), Server("smtp.gmail.com", 465, "SSL")),
        sign_in=SignIn.APP_PASSWORD,
        page="myaccount.google.com/apppasswords",
        first="2-Step Verification must be on",
        first_link="https://myaccount.google.com/signinoptions/two-step-verification",
        spf=("_spf.google.com", "spf.google.com"),
        source="https://support.google.com/mail/answer/185833",
        checked=date(2026, 11, 29),
    )
    OUTLOOK_COM = Facts(
        label="Outlook.com",
        hosts=("smtp-mail.outlook.com", "smtp.live.com", "smtp.hotmail.com"),
        mx=("olc.protection.outlook.com",),
        domains=(
            *("outlook.com", "hotmail.com", "live.com", "msn.com", "windowslive.com", "passport.com"),
            *("outlook.at", "outlook.be", "outlook.cl", "outlook.co.id", "outlook.co.il", "outlook.co.th"),
            *("outlook.com.ar", "outlook.com.au", "outlook.com.br", "outlook.com.gr", "outlook.com.tr"),
            *("outlook.com.vn", "outlook.cz", "outlook.de", "outlook.dk", "outlook.es", "outlook.fr", "outlook.hu"),
            *("outlook.ie", "outlook.in", "outlook.it", "outlook.jp", "outlook.kr", "outlook.lv", "outlook.my"),
            *("outlook.ph", "outlook.pt", "outlook.sa", "outlook.sg", "outlook.sk"),
            *("hotmail.be", "hotmail.ca", "hotmail.cl", "hotmail.co.il", "hotmail.co.jp", "hotmail.co.nz"),
            *("hotmail.co.th", "hotmail.co.uk", "hotmail.co.za", "hotmail.com.ar", "hotmail.com.au"),
            *("hotmail.com.br", "hotmail.com.tr", "hotmail.cz", "hotmail.de", "hotmail.dk", "hotmail.es"),
            *("hotmail.fi", "hotmail.fr", "hotmail.gr", "hotmail.hu", "hotmail.it", "hotmail.nl", "hotmail.no"),
            *("hotmail.se", "hotmail.sg"),
            *("live.at", "live.be", "live.ca", "live.cl", "live.cn", "live.co.kr", "live.co.uk", "live.co.za"),
            *("live.com.ar", "live.com.au", "live.com.mx", "live.com.pt", "live.de", "live.dk", "live.fi", "live.fr"),
            *("live.ie", "live.in", "live.it", "live.jp", "live.nl", "live.no", "live.ru", "live.se"),
        ),
        servers=_tls("smtp-mail.outlook.com"),
        sign_in=SignIn.OAUTH,
        first="Outlook.com has taken no passwords from mail programs since September 2024, app passwords neither",
        first_link=(
            "https://support.microsoft.com/office/"
            "modern-authentication-methods-now-needed-to-continue-syncing-outlook-email"
        ),
        ending=Ending(
            on=date(2024, 9, 16),
            coming="Outlook.com takes no passwords from mail programs from 16 September 2024 on.",
            past=(
                "Since 16 September 2024 Outlook.com takes no passwords from mail programs, app passwords neither. "
                "Use another mail account for programs."
            ),
            source=(
                "https://support.microsoft.com/office/"
                "modern-authentication-methods-now-needed-to-continue-syncing-outlook-email"
            ),
        ),
        judges_sender_only_with_message=True,
        source=(
            "https://support.microsoft.com/office/"
            "modern-authentication-methods-now-needed-to-continue-syncing-outlook-email"
        ),
        checked=date(2026, 11, 29),
    )
    MICROSOFT_365 = Facts(
        label="Microsoft 365",
        hosts=(
            *("smtp.office365.com", "outlook.office365.com", "office365.com", "smtp.outlook.com", "prod.outlook.com"),
            *("smtp.office365.us", "outlook.office365.us", "smtp.partner.outlook.cn", "partner.outlook.cn"),
        ),
        mx=(
            *("mail.protection.outlook.com", "mx.microsoft", "mail.eo.outlook.com", "mail.protection.office365.us"),
            *("mail.protection.partner.outlook.cn",),
        ),
        domains=("*.onmicrosoft.com",),
        servers=_tls("smtp.office365.com") + _tls("smtp.office365.us") + _tls("smtp.partner.outlook.cn"),
        first="an admin must allow Authenticated SMTP for the mailbox",
        first_link=(
            "https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/"
            "authenticated-client-smtp-submission"
        ),
        ending=Ending(
            on=date(2026, 12, 31),
            coming=(
                "From the end of December 2026 Microsoft 365 switches off signing in with a password by default. "
                "Ask your Microsoft 365 admin what will take its place."
            ),
            past=(
                "Since the end of December 2026 Microsoft 365 has signing in with a password switched off by default. "
                "An admin may switch it on again for now."
            ),
            source=(
                "https://techcommunity.microsoft.com/blog/exchange/"
                "updated-exchange-online-smtp-auth-basic-authentication-deprecation-timeline/4489835"
            ),
        ),
        judges_sender_only_with_message=True,
        spf=("spf.protection.outlook.com", "spf.protection.office365.us", "spf.protection.partner.outlook.cn"),
        autodiscover=("autodiscover.outlook.com", "autodiscover.office365.us", "autodiscover.partner.outlook.cn"),
        source=(
            "https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/"
            "authenticated-client-smtp-submission"
        ),
        checked=date(2026, 11, 29),
    )
    YAHOO = Facts(
        label="Yahoo",
        hosts=("mail.yahoo.com", "bizmail.yahoo.com", "smtp.mail.yahoo.co.uk", "smtp.att.yahoo.com", "smtp.rogers.com"),
        mx=("yahoodns.net",),
        domains=(
            *("yahoo.com", "ymail.com", "rocketmail.com", "myyahoo.com", "yahoo.ca", "yahoo.co.id", "yahoo.co.in"),
            *("yahoo.co.nz", "yahoo.co.uk", "yahoo.com.ar", "yahoo.com.au", "yahoo.com.br", "yahoo.com.hk"),
            *("yahoo.com.mx", "yahoo.com.ph", "yahoo.com.sg", "yahoo.com.tr", "yahoo.com.tw", "yahoo.com.vn"),
            *("yahoo.de", "yahoo.dk", "yahoo.es", "yahoo.fr", "yahoo.gr", "yahoo.ie", "yahoo.in", "yahoo.it"),
            *("yahoo.no", "yahoo.pl", "yahoo.ro", "yahoo.se", "cox.net"),
        ),
        servers=_both("smtp.mail.yahoo.com"),
        sign_in=SignIn.APP_PASSWORD,
        page="login.yahoo.com/account/security",
        source="https://help.yahoo.com/kb/SLN15241.html",
        checked=date(2026, 11, 29),
    )
    AOL = Facts(
        label="AOL",
        hosts=("smtp.aol.com", "smtp.de.aol.com", "smtp.verizon.net"),
        mx=("gm0.yahoodns.net",),
        domains=(
            *("aol.com", "aim.com", "netscape.net", "netscape.com", "compuserve.com", "cs.com", "verizon.net"),
            *("aol.de", "aol.fr", "aol.it", "aol.es", "aol.co.uk", "aol.com.au", "aol.com.br"),
        ),
        servers=_both("smtp.aol.com"),
        sign_in=SignIn.APP_PASSWORD,
        page="login.aol.com/account/security",
        source="https://help.aol.com/articles/Create-and-manage-app-password",
        checked=date(2026, 11, 29),
    )
    ICLOUD = Facts(
        label="iCloud",
        hosts=("mail.me.com", "mail.icloud.com", "smtp.mac.com"),
        mx=("mx01.mail.icloud.com", "mx02.mail.icloud.com"),
        domains=("icloud.com", "me.com", "mac.com"),
        servers=_tls("smtp.mail.me.com"),
        sign_in=SignIn.APP_PASSWORD,
        page="account.apple.com",
        first="two-factor authentication must be on",
        judges_sender_only_with_message=True,
        spf=("icloud.com",),
        source="https://support.apple.com/102525",
        checked=date(2026, 11, 29),
    )
    ZOHO = Facts(
        label="Zoho",
        hosts=(*_ZOHO_REGIONS, "zoho.com.cn", "zoho.sa"),
        mx=(
            *(f"{name}.{domain}" for domain in _ZOHO_MX for name in ("mx", "mx2", "mx3")),
            *("smtpin.zoho.com", "smtpin2.zoho.com"),
        ),
        domains=(
            *("zoho.com", "zohomail.com", "zoho.eu", "zohomail.eu", "zoho.in", "zohomail.in", "zoho.com.au"),
            *("zohomail.com.au", "zoho.jp", "zohomail.jp", "zohomailcloud.ca"),
        ),
        servers=tuple(
            one for region in _ZOHO_REGIONS for one in _both(f"smtp.{region}", region.replace("zoho", "zohomail"))
        ),
        own_domain_servers=tuple(one for region in _ZOHO_REGIONS for one in _both(f"smtppro.{region}")),
        sign_in=SignIn.APP_PASSWORD,
        page="accounts.zoho.com",
        first=(
            "smtp.zoho is for personal accounts and smtppro.zoho for a domain of one's own, each with the ending of "
            "the account's region (.com, .eu, .in, .com.au, .jp)"
        ),
        judges_sender_only_with_message=True,
        spf=("zoho.com", "zohomail.com", "zoho.eu", "zohomail.eu", "zoho.in"),
        source="https://www.zoho.com/mail/help/zoho-smtp.html",
        checked=date(2026, 11, 29),
    )
    FASTMAIL = Facts(
        label="Fastmail",
        hosts=("smtp.fastmail.com", "smtps-proxy.fastmail.com", "mail.messagingengine.com", "smtp.messagingengine.com"),
        mx=("in1-smtp.messagingengine.com", "in2-smtp.messagingengine.com"),
        domains=("fastmail.com", "fastmail.fm", "fastmail.net", "fastmail.org", "sent.com", "messagingengine.com"),
        servers=_both("smtp.fastmail.com"),
        sign_in=SignIn.APP_PASSWORD,
        page="Fastmail's Settings, Privacy & Security",
        spf=("spf.messagingengine.com",),
        source="https://www.fastmail.help/hc/en-us/articles/360058752854",
        checked=date(2026, 11, 29),
    )
    PROTON = Facts(
        label="Proton",
        hosts=("smtp.protonmail.ch", "smtp.proton.me"),
        mx=("mail.protonmail.ch", "mailsec.protonmail.ch"),
        domains=("proton.me", "protonmail.com", "pm.me", "protonmail.ch"),
        servers=(),
        own_domain_servers=_tls("smtp.protonmail.ch"),
        sign_in=SignIn.API_KEY,
        page="Proton's settings, IMAP/SMTP, SMTP tokens",
        first=(
            "SMTP tokens are for addresses of a domain of one's own with a paid plan; Proton Mail Bridge works only on "
            "the computer that it runs on"
        ),
        first_link="https://proton.me/support/smtp-submission",
        spf=("_spf.protonmail.ch",),
        source="https://proton.me/support/smtp-submission",
        checked=date(2026, 11, 29),
    )
    TUTA = Facts(
        label="Tuta",
        hosts=("smtp.tutanota.com", "smtp.tuta.com"),
        mx=("mail.tutanota.de",),
        domains=("tuta.com", "tutanota.com", "tutanota.de", "tutamail.com", "tuta.io", "keemail.me"),
        servers=(),
        sign_in=SignIn.NONE,
        first="Tuta has no server for mail programs, as it encrypts in its own apps; use another mail account here",
        source=f"{_PROVIDER_DB}tutanota.md",
        checked=date(2026, 11, 29),
    )
    MAIL_COM = Facts(
        label="mail.com",
        hosts=("smtp.mail.com",),
        mx=("mx00.mail.com", "mx01.mail.com"),
        domains=(
            *("mail.com", "email.com", "post.com", "usa.com", "dr.com", "consultant.com", "engineer.com"),
            *("accountant.com", "europe.com", "london.com", "myself.com", "iname.com", "writeme.com", "techie.com"),
            *("linuxmail.org", "cheerful.com", "*.usa.com"),
        ),
        servers=_both("smtp.mail.com"),
        first="mail programs are let in with mail.com Premium only, once POP3/IMAP access is switched on",
        first_link="https://support.mail.com/pop-imap/toggle.html",
        source=f"{_ISPDB}mail.com.xml",
        checked=date(2026, 11, 30),
    )
    HEY = Facts(
        label="HEY",
        hosts=(),
        mx=("home-mx.app.hey.com", "work-mx.app.hey.com"),
        domains=("hey.com",),
        servers=(),
        sign_in=SignIn.NONE,
        first="HEY has no server for mail programs; use another mail account here",
        source=f"{_PROVIDER_DB}hey.com.md",
        checked=date(2026, 11, 30),
    )
    HUSHMAIL = Facts(
        label="Hushmail",
        hosts=("smtp.hushmail.com",),
        domains=("hushmail.com", "hush.com", "hush.ai", "hushmail.me"),
        servers=_both("smtp.hushmail.com"),
        source="https://help.hushmail.com/",
        checked=date(2026, 11, 30),
    )
    MAILFENCE = Facts(
        label="Mailfence",
        hosts=("smtp.mailfence.com",),
        domains=("mailfence.com",),
        servers=_ssl("smtp.mailfence.com"),
        first=_PAID_ONLY,
        source="https://kb.mailfence.com/",
        checked=date(2026, 11, 30),
    )
    RUNBOX = Facts(
        label="Runbox",
        hosts=("mail.runbox.com", "smtp.runbox.com"),
        mx=("mx.runbox.com",),
        domains=("runbox.com", "runbox.no", "rbox.co"),
        servers=_both("mail.runbox.com"),
        first=_TWO_FACTORS,
        source="https://help.runbox.com/",
        checked=date(2026, 11, 30),
    )
    STARTMAIL = Facts(
        label="StartMail",
        hosts=("smtp.startmail.com",),
        domains=("startmail.com",),
        servers=_both("smtp.startmail.com"),
        sign_in=SignIn.APP_PASSWORD,
        page="StartMail's Settings, IMAP",
        first="IMAP has to be switched on there",
        source="https://support.startmail.com/",
        checked=date(2026, 11, 30),
    )
    DISROOT = Facts(
        label="Disroot",
        hosts=("disroot.org",),
        domains=("disroot.org",),
        servers=_both("disroot.org"),
        login_pattern="{local}",
        source=f"{_PROVIDER_DB}disroot.md",
        checked=date(2026, 11, 30),
    )
    RISEUP = Facts(
        label="Riseup",
        hosts=("mail.riseup.net",),
        domains=("riseup.net",),
        servers=_ssl("mail.riseup.net"),
        source=f"{_PROVIDER_DB}riseup.net.md",
        checked=date(2026, 11, 30),
    )
    VIVALDI = Facts(
        label="Vivaldi",
        hosts=("smtp.vivaldi.net",),
        domains=("vivaldi.net",),
        servers=_tls("smtp.vivaldi.net"),
        source=f"{_PROVIDER_DB}vivaldi.md",
        checked=date(2026, 11, 30),
    )
    KOLAB_NOW = Facts(
        label="Kolab Now",
        hosts=("smtp.kolabnow.com",),
        domains=("kolabnow.com", "mykolab.com"),
        servers=_both("smtp.kolabnow.com"),
        source="https://kolabnow.com/",
        checked=date(2026, 11, 30),
    )

    # Germany
    GMX = Facts(
        label="GMX",
        hosts=("gmx.net", "gmx.com", "gmx.de", "gmx.at", "gmx.ch"),
        mx=("mx00.gmx.net", "mx01.gmx.net", "mx00.emig.gmx.net", "mx01.emig.gmx.net", "mx00.gmx.com", "mx01.gmx.com"),
        domains=(
            *("gmx.net", "gmx.de", "gmx.at", "gmx.ch", "gmx.eu", "gmx.com", "gmx.org", "gmx.biz", "gmx.info"),
            *_GMX_ABROAD,
        ),
        servers=_both("mail.gmx.net") + _both("mail.gmx.com", *_GMX_ABROAD),
        first="sending by other programs (POP3/IMAP access) has to be switched on in the settings",
        first_link="https://support.gmx.com/pop-imap/toggle.html",
        source="https://support.gmx.com/pop-imap/toggle.html",
        checked=date(2026, 11, 29),
    )
    WEB_DE = Facts(
        label="WEB.DE",
        hosts=("smtp.web.de", "web.de"),
        mx=("mx-ha02.web.de", "mx-ha03.web.de"),
        domains=("web.de", "email.de"),
        servers=_both("smtp.web.de"),
        first="sending by other programs (POP3/IMAP access) has to be switched on in the settings",
        first_link="https://hilfe.web.de/pop-imap/einschalten.html",
        source="https://hilfe.web.de/pop-imap/einschalten.html",
        checked=date(2026, 11, 29),
    )
    IONOS = Facts(
        label="IONOS",
        hosts=(
            *("smtp.ionos.de", "smtp.ionos.com", "smtp.ionos.co.uk", "smtp.ionos.fr", "smtp.ionos.es"),
            *("smtp.ionos.it",),
            *(
                "smtp.1und1.de",
                "smtp.1and1.com",
                "smtp.1and1.co.uk",
                "smtp.1and1.fr",
                "smtp.1and1.es",
                "smtp.1und1.com",
            ),
        ),
        mx=(
            *("mx00.ionos.de", "mx01.ionos.de", "mx00.ionos.com", "mx01.ionos.com", "mx00.ionos.co.uk"),
            *("mx01.ionos.co.uk", "mx00.ionos.fr", "mx01.ionos.fr", "mx00.ionos.es", "mx01.ionos.es"),
            *("mx00.ionos.it", "mx01.ionos.it", "mx00.kundenserver.de", "mx01.kundenserver.de", "mx00.1and1.com"),
            *("mx01.1and1.com", "mx00.1and1.co.uk", "mx01.1and1.co.uk", "mx00.1and1.fr", "mx01.1and1.fr"),
            *("mx00.1and1.es", "mx01.1and1.es", "mx00.perfora.net", "mx01.perfora.net"),
        ),
        domains=("online.de", "onlinehome.de", "kundenserver.de", "schlund.de"),
        servers=(
            *_both("smtp.ionos.com"),
            *_both("smtp.ionos.de", "online.de", "onlinehome.de", "kundenserver.de", "schlund.de"),
            *(one for land in ("co.uk", "fr", "es", "it") for one in _both(f"smtp.ionos.{land}")),
        ),
        first="outside Germany the server ends in the country's own domain, such as smtp.ionos.com",
        spf=("_spf-eu.ionos.com", "_spf-us.ionos.com", "_spf.perfora.net"),
        source="https://www.ionos.com/help/email/general-topics/settings-for-your-email-programs-imap-pop3/",
        checked=date(2026, 11, 29),
    )
    T_ONLINE = Facts(
        label="T-Online",
        hosts=("securesmtp.t-online.de", "smtpmail.t-online.de", "t-online.de"),
        mx=("mx00.t-online.de", "mx01.t-online.de", "mx02.t-online.de", "mx03.t-online.de"),
        domains=("t-online.de", "magenta.de"),
        servers=_both("securesmtp.t-online.de"),
        sign_in=SignIn.MAIL_PASSWORD,
        page="the Telekom customer centre",
        source="https://www.telekom.de/hilfe/e-mail-programme",
        checked=date(2026, 11, 29),
    )
    STRATO = Facts(
        label="STRATO",
        hosts=("smtp.strato.de", "smtp.strato.com"),
        mx=("smtpin.rzone.de",),
        domains=("strato.de", "rzone.de"),
        servers=_both("smtp.strato.de"),
        spf=("smtp.rzone.de",),
        source=f"{_ISPDB}strato.de.xml",
        checked=date(2026, 11, 29),
    )
    FREENET = Facts(
        label="freenet",
        hosts=("mx.freenet.de", "smtp.freenet.de"),
        mx=("emig.freenet.de",),
        domains=("freenet.de",),
        servers=_both("mx.freenet.de"),
        first="POP3, IMAP and SMTP have to be switched on in the settings of the mailbox",
        source=f"{_PROVIDER_DB}freenet.de.md",
        checked=date(2026, 11, 29),
    )
    MAILBOX_ORG = Facts(
        label="mailbox.org",
        hosts=("smtp.mailbox.org",),
        mx=("mxext1.mailbox.org", "mxext2.mailbox.org", "mxext3.mailbox.org"),
        domains=("mailbox.org",),
        servers=_both("smtp.mailbox.org"),
        first=_TWO_FACTORS,
        spf=("mailbox.org",),
        source="https://kb.mailbox.org/en/private/e-mail/setup-e-mail-program/",
        checked=date(2026, 11, 29),
    )
    POSTEO = Facts(
        label="Posteo",
        hosts=("posteo.de", "smtp.posteo.de"),
        mx=("mx01.posteo.de", "mx02.posteo.de", "mx03.posteo.de", "mx04.posteo.de"),
        domains=("posteo.de", "posteo.net", "posteo.org", "posteo.eu", "posteo.at", "posteo.ch", "posteo.com"),
        servers=_both("posteo.de"),
        source="https://posteo.de/en/help/how-do-i-set-up-posteo-in-an-email-client-pop3-imap-and-smtp",
        checked=date(2026, 11, 29),
    )
    MAIL_DE = Facts(
        label="mail.de",
        hosts=("smtp.mail.de",),
        domains=("mail.de",),
        servers=_ssl("smtp.mail.de"),
        source=f"{_PROVIDER_DB}mail.de.md",
        checked=date(2026, 11, 30),
    )
    VODAFONE_DE = Facts(
        label="Vodafone E-Mail",
        hosts=("smtp.vodafonemail.de",),
        domains=("vodafonemail.de", "vodafone.de", "arcor.de", "kabelmail.de"),
        servers=_both("smtp.vodafonemail.de"),
        source=f"{_ISPDB}vodafonemail.de.xml",
        checked=date(2026, 11, 30),
    )
    A1 = Facts(
        label="A1",
        hosts=("securemail.a1.net",),
        domains=("a1.net", "aon.at"),
        servers=_tls("securemail.a1.net"),
        source=f"{_ISPDB}a1.net.xml",
        checked=date(2026, 11, 30),
    )
    MAGENTA_AT = Facts(
        label="Magenta",
        hosts=("mail.mymagenta.at",),
        domains=("chello.at",),
        servers=_ssl("mail.mymagenta.at"),
        source=f"{_PROVIDER_DB}chello.at.md",
        checked=date(2026, 11, 30),
    )
    BLUEWIN = Facts(
        label="Swisscom bluewin",
        hosts=("smtpauths.bluewin.ch",),
        domains=("bluewin.ch", "bluemail.ch"),
        servers=_ssl("smtpauths.bluewin.ch"),
        source=f"{_ISPDB}bluewin.ch.xml",
        checked=date(2026, 11, 30),
    )

    # Britain
    BT = Facts(
        label="BT",
        hosts=("mail.btinternet.com",),
        domains=("btinternet.com", "btopenworld.com", "talk21.com"),
        servers=_ssl("mail.btinternet.com"),
        source=f"{_ISPDB}btinternet.com.xml",
        checked=date(2026, 11, 30),
    )
    SKY = Facts(
        label="Sky",
        hosts=("smtp.tools.sky.com",),
        domains=("sky.com",),
        servers=_ssl("smtp.tools.sky.com"),
        source=f"{_ISPDB}sky.com.xml",
        checked=date(2026, 11, 30),
    )
    VIRGIN_MEDIA = Facts(
        label="Virgin Media",
        hosts=("smtp.virginmedia.com", "smtp.blueyonder.co.uk", "smtp.ntlworld.com"),
        domains=("virginmedia.com", "blueyonder.co.uk", "ntlworld.com"),
        servers=tuple(
            one for domain in ("virginmedia.com", "blueyonder.co.uk", "ntlworld.com") for one in _ssl(f"smtp.{domain}")
        ),
        source=f"{_ISPDB}virginmedia.com.xml",
        checked=date(2026, 11, 30),
    )
    TALKTALK = Facts(
        label="TalkTalk",
        hosts=("smtp.talktalk.net",),
        domains=("talktalk.net",),
        servers=_tls("smtp.talktalk.net"),
        source="https://community.talktalk.co.uk/",
        checked=date(2026, 11, 30),
    )

    # Netherlands, Belgium
    KPN = Facts(
        label="KPN",
        hosts=("smtp.kpnmail.nl",),
        domains=("kpnmail.nl", "kpnplanet.nl", "planet.nl", "hetnet.nl", "telfort.nl", "xs4all.nl"),
        servers=_both("smtp.kpnmail.nl"),
        source=f"{_ISPDB}kpnmail.nl.xml",
        checked=date(2026, 11, 30),
    )
    ZIGGO = Facts(
        label="Ziggo",
        hosts=("smtp.ziggo.nl",),
        domains=("ziggo.nl", "home.nl", "casema.nl", "upcmail.nl", "chello.nl", "quicknet.nl"),
        servers=_tls("smtp.ziggo.nl"),
        source=f"{_ISPDB}ziggo.nl.xml",
        checked=date(2026, 11, 30),
    )
    PROXIMUS = Facts(
        label="Proximus",
        hosts=("relay.proximus.be",),
        domains=("proximus.be", "skynet.be", "belgacom.net"),
        servers=_tls("relay.proximus.be"),
        source=f"{_ISPDB}skynet.be.xml",
        checked=date(2026, 11, 30),
    )
    TELENET = Facts(
        label="Telenet",
        hosts=("smtp.telenet.be",),
        domains=("telenet.be",),
        servers=_tls("smtp.telenet.be"),
        source="https://www2.telenet.be/residential/nl/klantenservice/",
        checked=date(2026, 11, 30),
    )

    # France, Italy, Portugal
    OVH = Facts(
        label="OVHcloud",
        hosts=(
            *("ssl0.ovh.net", "smtp.mail.ovh.net", "smtp.mail.ovh.ca", "pro1.mail.ovh.net", "pro2.mail.ovh.net"),
            *("pro3.mail.ovh.net", "ex.mail.ovh.net", "ex2.mail.ovh.net", "ex3.mail.ovh.net", "ex4.mail.ovh.net"),
            *("ex5.mail.ovh.net", "ns0.ovh.net"),
        ),
        # Not all of ovh.net: its customers' own machines are named in it, too.
        mx=(
            *("mx0.mail.ovh.net", "mx1.mail.ovh.net", "mx2.mail.ovh.net", "mx3.mail.ovh.net", "mx4.mail.ovh.net"),
            *("mx1.mail.ovh.ca", "mx2.mail.ovh.ca", "mx3.mail.ovh.ca", "mxb.mail.ovh.ca", "mxb.mail.ovh.net"),
            *("mx1.ovh.net", "mx2.ovh.net", "mx3.ovh.net", "mx4.ovh.net", "mxb.ovh.net", "redirect.ovh.net"),
        ),
        domains=("ovh.net",),
        servers=_ssl("ssl0.ovh.net") + _ssl("smtp.mail.ovh.net") + _ssl("smtp.mail.ovh.ca"),
        first="an Exchange mailbox there sends through ex….mail.ovh.net on port 587 with TLS instead",
        spf=("mx.ovh.com", "mx.ovh.ca"),
        source=f"{_ISPDB}ovh.net.xml",
        checked=date(2026, 11, 29),
    )
    ORANGE = Facts(
        label="Orange",
        hosts=("smtp.orange.fr", "smtp-msa.orange.fr", "smtp.wanadoo.fr"),
        mx=("smtp-in.orange.fr",),
        domains=("orange.fr", "wanadoo.fr"),
        servers=_ssl("smtp.orange.fr"),
        source=f"{_ISPDB}orange.fr.xml",
        checked=date(2026, 11, 29),
    )
    FREE_FR = Facts(
        label="Free",
        hosts=("smtp.free.fr",),
        mx=("mx1.free.fr", "mx2.free.fr"),
        domains=("free.fr", "aliceadsl.fr", "libertysurf.fr"),
        servers=_ssl("smtp.free.fr"),
        login_pattern="{local}",
        source=f"{_ISPDB}free.fr.xml",
        checked=date(2026, 11, 29),
    )
    LIBERO = Facts(
        label="Libero",
        hosts=("smtp.libero.it", "smtp.iol.it"),
        mx=("smtp-in.libero.it",),
        domains=("libero.it", "iol.it", "blu.it", "inwind.it", "giallo.it"),
        servers=_ssl("smtp.libero.it"),
        source=f"{_ISPDB}libero.it.xml",
        checked=date(2026, 11, 29),
    )
    ARUBA = Facts(
        label="Aruba",
        hosts=("smtps.aruba.it", "smtp.aruba.it", "smtps.pec.aruba.it"),
        mx=("mx.aruba.it", "mx.technorail.com"),
        domains=("aruba.it", "technet.it"),
        servers=_ssl("smtps.aruba.it"),
        spf=("_spf.aruba.it",),
        source="https://github.com/nodemailer/nodemailer/blob/master/lib/well-known/services.json",
        checked=date(2026, 11, 29),
    )
    LA_POSTE = Facts(
        label="La Poste",
        hosts=("smtp.laposte.net",),
        domains=("laposte.net",),
        servers=_ssl("smtp.laposte.net"),
        login_pattern="{local}",
        source=f"{_ISPDB}laposte.net.xml",
        checked=date(2026, 11, 30),
    )
    SFR = Facts(
        label="SFR",
        hosts=("smtp.sfr.fr",),
        domains=("sfr.fr", "neuf.fr", "club-internet.fr"),
        servers=_ssl("smtp.sfr.fr"),
        source=f"{_ISPDB}sfr.fr.xml",
        checked=date(2026, 11, 30),
    )
    MAILO = Facts(
        label="Mailo",
        hosts=("smtp.mailo.com",),
        domains=("mailo.com",),
        servers=_ssl("smtp.mailo.com"),
        source=f"{_PROVIDER_DB}mailo.com.md",
        checked=date(2026, 11, 30),
    )
    GANDI = Facts(
        label="Gandi",
        hosts=("mail.gandi.net", "smtp.gandi.net"),
        mx=("spool.mail.gandi.net", "fb.mail.gandi.net"),
        servers=_both("mail.gandi.net"),
        spf=("_mailcust.gandi.net",),
        source=f"{_ISPDB}gandi.net.xml",
        checked=date(2026, 11, 30),
    )
    TIM = Facts(
        label="TIM",
        hosts=("smtp.tim.it", "out.alice.it"),
        domains=("tim.it", "alice.it"),
        servers=_tls("smtp.tim.it") + _tls("out.alice.it"),
        source=f"{_ISPDB}tim.it.xml",
        checked=date(2026, 11, 30),
    )
    FASTWEB = Facts(
        label="Fastweb",
        hosts=("smtp.fastwebnet.it",),
        domains=("fastwebnet.it",),
        servers=_tls("smtp.fastwebnet.it"),
        source=f"{_ISPDB}fastwebnet.it.xml",
        checked=date(2026, 11, 30),
    )
    VIRGILIO = Facts(
        label="Virgilio",
        hosts=("out.virgilio.it",),
        domains=("virgilio.it",),
        servers=_ssl("out.virgilio.it"),
        source=f"{_ISPDB}virgilio.it.xml",
        checked=date(2026, 11, 30),
    )
    TISCALI_IT = Facts(
        label="Tiscali",
        hosts=("smtp.tiscali.it",),
        domains=("tiscali.it",),
        servers=_ssl("smtp.tiscali.it"),
        source=f"{_ISPDB}tiscali.it.xml",
        checked=date(2026, 11, 30),
    )
    SAPO = Facts(
        label="SAPO",
        hosts=("smtp.sapo.pt",),
        domains=("sapo.pt", "sapo.cv", "sapo.ao", "sapo.mz", "meo.pt"),
        servers=_ssl("smtp.sapo.pt"),
        source=f"{_ISPDB}sapo.pt.xml",
        checked=date(2026, 11, 30),
    )

    # Eastern Europe
    SEZNAM = Facts(
        label="Seznam",
        hosts=("smtp.seznam.cz", "smtp.profi.seznam.cz"),
        mx=("mx1.seznam.cz", "mx2.seznam.cz"),
        domains=("seznam.cz", "email.cz", "post.cz", "spoluzaci.cz"),
        servers=_ssl("smtp.seznam.cz"),
        source=f"{_ISPDB}seznam.cz.xml",
        checked=date(2026, 11, 29),
    )
    WP = Facts(
        label="WP Poczta",
        hosts=("smtp.wp.pl",),
        mx=("mx.wp.pl",),
        domains=("wp.pl",),
        servers=_ssl("smtp.wp.pl"),
        login_pattern="{local}",
        source=f"{_ISPDB}wp.pl.xml",
        checked=date(2026, 11, 29),
    )
    ONET = Facts(
        label="Onet Poczta",
        hosts=("smtp.poczta.onet.pl",),
        mx=("mx.poczta.onet.pl",),
        domains=("onet.pl", "onet.eu", "poczta.onet.pl", "op.pl", "vp.pl", "onet.com.pl", "autograf.pl"),
        servers=_both("smtp.poczta.onet.pl"),
        source=f"{_ISPDB}onet.pl.xml",
        checked=date(2026, 11, 29),
    )
    INTERIA = Facts(
        label="Interia",
        hosts=("poczta.interia.pl", "smtp.poczta.interia.pl"),
        mx=("mx.poczta.interia.pl",),
        domains=("interia.pl", "interia.eu", "interia.com", "poczta.fm", "intmail.pl"),
        servers=_both("poczta.interia.pl"),
        source="https://pomoc.poczta.interia.pl/",
        checked=date(2026, 11, 29),
    )
    O2_PL = Facts(
        label="o2 Poczta",
        hosts=("poczta.o2.pl",),
        domains=("o2.pl", "tlen.pl", "go2.pl", "prokonto.pl"),
        servers=_both("poczta.o2.pl"),
        login_pattern="{local}",
        first=_SWITCH_ON,
        first_link="https://pomoc.o2.pl/aktywacja-dostepu-dla-programow-pocztowych",
        source=f"{_ISPDB}o2.pl.xml",
        checked=date(2026, 11, 30),
    )
    CENTRUM_CZ = Facts(
        label="Centrum.cz",
        hosts=("smtp.centrum.cz",),
        domains=("centrum.cz",),
        servers=_ssl("smtp.centrum.cz"),
        source="https://napoveda.centrum.cz/",
        checked=date(2026, 11, 30),
    )
    ABV = Facts(
        label="ABV",
        hosts=("smtp.abv.bg",),
        domains=("abv.bg",),
        servers=_ssl("smtp.abv.bg"),
        first=_SWITCH_ON,
        source="https://help.abv.bg/",
        checked=date(2026, 11, 30),
    )
    INBOX_LV = Facts(
        label="Inbox",
        hosts=("mail.inbox.lv", "mail.inbox.lt", "mail.inbox.eu", "mail.inbox.la"),
        domains=("inbox.lv", "inbox.lt", "inbox.eu", "inbox.la"),
        servers=tuple(
            one for domain in ("inbox.lv", "inbox.lt", "inbox.eu", "inbox.la") for one in _ssl(f"mail.{domain}")
        ),
        sign_in=SignIn.MAIL_PASSWORD,
        page="help.inbox.lv/?keyword=email_clients_access",
        first=_SWITCH_ON,
        first_link="https://help.inbox.lv/?keyword=email_clients_access",
        source=f"{_ISPDB}inbox.lv.xml",
        checked=date(2026, 11, 30),
    )
    MAIL_EE = Facts(
        label="Mail.ee",
        hosts=("mail.ee",),
        domains=("mail.ee",),
        servers=_ssl("mail.ee"),
        sign_in=SignIn.MAIL_PASSWORD,
        page="help.mail.ee/?keyword=email_clients_access",
        first=_SWITCH_ON,
        first_link="https://help.mail.ee/?keyword=email_clients_access",
        source=f"{_ISPDB}mail.ee.xml",
        checked=date(2026, 11, 30),
    )
    UKR_NET = Facts(
        label="UKR.NET",
        hosts=("smtp.ukr.net",),
        domains=("ukr.net",),
        servers=_ssl("smtp.ukr.net"),
        sign_in=SignIn.MAIL_PASSWORD,
        page="the settings of the mailbox, IMAP access",
        first="IMAP access has to be switched on there",
        first_link="https://wiki.ukr.net/ManageIMAPAccess",
        source=f"{_PROVIDER_DB}ukr.net.md",
        checked=date(2026, 11, 30),
    )

    # Russia, Asia, Australia
    YANDEX = Facts(
        label="Yandex",
        hosts=("smtp.yandex.com", "smtp.yandex.ru", "smtp.yandex.net", "smtp.yandex.com.tr", "smtp.ya.ru"),
        mx=("mx.yandex.ru", "mx.yandex.net"),
        domains=(
            *("yandex.ru", "yandex.com", "ya.ru", "yandex.by", "yandex.kz", "yandex.ua", "yandex.com.tr", "narod.ru"),
        ),
        servers=(Server("smtp.yandex.com", 465, "SSL"),),
        sign_in=SignIn.APP_PASSWORD,
        page="id.yandex.com/security/app-passwords",
        first="access by mail programs has to be switched on in the settings of Yandex Mail",
        first_link="https://yandex.com/support/mail/mail-clients/others.html",
        spf=("_spf.yandex.net", "_spf.yandex.ru"),
        source="https://yandex.com/support/mail/mail-clients/others.html",
        checked=date(2026, 11, 29),
    )
    MAIL_RU = Facts(
        label="Mail.ru",
        hosts=("smtp.mail.ru", "smtp.bk.ru", "smtp.list.ru", "smtp.inbox.ru"),
        mx=("mxs.mail.ru", "emx.mail.ru"),
        domains=("mail.ru", "inbox.ru", "list.ru", "bk.ru", "internet.ru", "xmail.ru", "mail.ua"),
        servers=(Server("smtp.mail.ru", 465, "SSL"), Server("smtp.mail.ru", 587, "TLS")),
        sign_in=SignIn.APP_PASSWORD,
        page="account.mail.ru/user/2-step-auth/passwords",
        spf=("_spf.mail.ru",),
        source="https://help.mail.ru/mail/security/protection/external",
        checked=date(2026, 11, 29),
    )
    NETEASE = Facts(
        label="163",
        hosts=(
            *("smtp.163.com", "smtp.126.com", "smtp.yeah.net", "smtp.vip.163.com", "smtp.vip.126.com"),
            *("smtp.188.com", "smtp.qiye.163.com"),
        ),
        mx=("mxmail.netease.com",),
        domains=("163.com", "126.com", "yeah.net", "vip.163.com", "vip.126.com", "188.com"),
        servers=(
            *(*_ssl("smtp.163.com"), *_ssl("smtp.126.com"), *_ssl("smtp.yeah.net")),
            *(*_ssl("smtp.vip.163.com"), *_ssl("smtp.vip.126.com"), *_ssl("smtp.188.com")),
        ),
        own_domain_servers=_ssl("smtp.qiye.163.com"),
        sign_in=SignIn.MAIL_PASSWORD,
        page="the settings of the mailbox, POP3/SMTP/IMAP (there it is called an authorisation code)",
        first="SMTP has to be switched on there",
        source="https://help.mail.163.com/",
        checked=date(2026, 11, 29),
    )
    QQ = Facts(
        label="QQ",
        hosts=("smtp.qq.com", "smtp.exmail.qq.com", "hwsmtp.exmail.qq.com"),
        mx=("mx1.qq.com", "mx2.qq.com", "mx3.qq.com", "mxbiz1.qq.com", "mxbiz2.qq.com"),
        domains=("qq.com", "foxmail.com", "vip.qq.com"),
        servers=_both("smtp.qq.com"),
        own_domain_servers=_both("smtp.exmail.qq.com"),
        sign_in=SignIn.MAIL_PASSWORD,
        page="the settings of the mailbox, POP3/IMAP/SMTP (there it is called an authorisation code)",
        first="SMTP has to be switched on there; a company's mailbox sends through smtp.exmail.qq.com",
        spf=("spf.mail.qq.com",),
        source="https://service.mail.qq.com/",
        checked=date(2026, 11, 29),
    )

    NAVER = Facts(
        label="Naver",
        hosts=("smtp.naver.com",),
        mx=("mx1.naver.com", "mx2.naver.com", "mx3.naver.com"),
        domains=("naver.com",),
        servers=_both("smtp.naver.com"),
        first="IMAP/SMTP has to be switched on in the settings of the mailbox",
        source=f"{_PROVIDER_DB}naver.md",
        checked=date(2026, 11, 29),
    )
    RAMBLER = Facts(
        label="Rambler",
        hosts=("smtp.rambler.ru",),
        domains=("rambler.ru", "autorambler.ru", "myrambler.ru", "lenta.ru", "ro.ru", "rambler.ua"),
        servers=_ssl("smtp.rambler.ru"),
        first=_SWITCH_ON,
        first_link="https://help.rambler.ru/mail/mail-nastrojki-pochtovogo-yashika/2129/",
        source=f"{_ISPDB}rambler.ru.xml",
        checked=date(2026, 11, 30),
    )
    ALIYUN = Facts(
        label="Alibaba Mail",
        hosts=("smtp.aliyun.com", "smtp.qiye.aliyun.com", "smtp.mxhichina.com"),
        mx=(
            *("mxn.mxhichina.com", "mxw.mxhichina.com", "mx1.qiye.aliyun.com"),
            *("mx2.qiye.aliyun.com", "mx3.qiye.aliyun.com"),
        ),
        domains=("aliyun.com",),
        servers=_ssl("smtp.aliyun.com"),
        own_domain_servers=_ssl("smtp.qiye.aliyun.com"),
        spf=("spf.mxhichina.com", "spf.qiye.aliyun.com"),
        source=f"{_PROVIDER_DB}aliyun.md",
        checked=date(2026, 11, 30),
    )
    SINA = Facts(
        label="Sina",
        hosts=("smtp.sina.com", "smtp.sina.cn", "smtp.sina.com.cn"),
        domains=("sina.com", "sina.cn"),
        servers=_ssl("smtp.sina.com") + _ssl("smtp.sina.cn"),
        sign_in=SignIn.MAIL_PASSWORD,
        page="the settings of the mailbox, POP/IMAP/SMTP (there it is called an authorisation code)",
        first="SMTP has to be switched on there",
        source="https://help.sina.com.cn/",
        checked=date(2026, 11, 30),
    )
    DAUM = Facts(
        label="Daum",
        hosts=("smtp.daum.net",),
        domains=("daum.net", "hanmail.net"),
        servers=_ssl("smtp.daum.net"),
        first="IMAP/SMTP has to be switched on in the settings; with two-step verification an app password is needed",
        source=f"{_ISPDB}daum.net.xml",
        checked=date(2026, 11, 30),
    )
    YAHOO_JAPAN = Facts(
        label="Yahoo! JAPAN",
        hosts=("smtp.mail.yahoo.co.jp",),
        domains=("yahoo.co.jp",),
        servers=_ssl("smtp.mail.yahoo.co.jp"),
        login_pattern="{local}",
        first="access by mail programs (IMAP/POP/SMTP) has to be switched on in the settings of the mailbox",
        source=f"{_ISPDB}yahoo.co.jp.xml",
        checked=date(2026, 11, 30),
    )
    OCN = Facts(
        label="OCN",
        hosts=("smtp.ocn.ne.jp",),
        domains=("ocn.ne.jp", "*.ocn.ne.jp"),
        servers=_ssl("smtp.ocn.ne.jp"),
        source=f"{_ISPDB}ocn.ne.jp.xml",
        checked=date(2026, 11, 30),
    )
    BIGLOBE = Facts(
        label="BIGLOBE",
        hosts=("mail.biglobe.ne.jp",),
        domains=("biglobe.ne.jp", "*.biglobe.ne.jp"),
        servers=_ssl("mail.biglobe.ne.jp"),
        source=f"{_ISPDB}biglobe.ne.jp.xml",
        checked=date(2026, 11, 30),
    )
    REDIFF = Facts(
        label="Rediffmail",
        hosts=("smtp.rediffmail.com",),
        domains=("rediffmail.com",),
        servers=_ssl("smtp.rediffmail.com"),
        first=_PAID_ONLY,
        source=f"{_ISPDB}rediffmail.com.xml",
        checked=date(2026, 11, 30),
    )
    TELSTRA = Facts(
        label="Telstra",
        hosts=("smtp.telstra.com",),
        domains=("bigpond.com", "bigpond.net.au", "telstra.com"),
        servers=_ssl("smtp.telstra.com"),
        source=f"{_ISPDB}bigpond.com.xml",
        checked=date(2026, 11, 30),
    )
    SPARK = Facts(
        label="Spark",
        hosts=("send.xtra.co.nz",),
        domains=("xtra.co.nz",),
        servers=_ssl("send.xtra.co.nz"),
        source=f"{_ISPDB}xtra.co.nz.xml",
        checked=date(2026, 11, 30),
    )

    # America
    AT_T = Facts(
        label="AT&T",
        hosts=("smtp.mail.att.net", "outbound.att.net"),
        domains=(
            *("att.net", "sbcglobal.net", "bellsouth.net", "ameritech.net", "pacbell.net", "swbell.net"),
            *("prodigy.net", "snet.net", "flash.net", "nvbell.net", "currently.com", "wans.net"),
        ),
        servers=_ssl("smtp.mail.att.net") + _ssl("outbound.att.net"),
        sign_in=SignIn.MAIL_PASSWORD,
        page="AT&T's account overview, Sign-in info (there it is called a secure mail key)",
        source=f"{_ISPDB}att.net.xml",
        checked=date(2026, 11, 30),
    )
    EARTHLINK = Facts(
        label="EarthLink",
        hosts=("smtpauth.earthlink.net",),
        domains=("earthlink.net", "mindspring.com", "ix.netcom.com"),
        servers=_tls("smtpauth.earthlink.net"),
        source=f"{_ISPDB}earthlink.net.xml",
        checked=date(2026, 11, 30),
    )
    SPECTRUM = Facts(
        label="Spectrum",
        hosts=("mobile.charter.net", "mail.twc.com"),
        domains=("charter.net", "spectrum.net", "bresnan.net", "rr.com", "*.rr.com"),
        servers=_tls("mobile.charter.net") + _tls("mail.twc.com", "rr.com", "*.rr.com"),
        source=f"{_ISPDB}charter.net.xml",
        checked=date(2026, 11, 30),
    )
    CENTURYLINK = Facts(
        label="CenturyLink",
        hosts=("smtp.centurylink.net", "smtp.q.com"),
        domains=("centurylink.net", "embarqmail.com", "q.com"),
        servers=_tls("smtp.centurylink.net") + _tls("smtp.q.com"),
        source=f"{_ISPDB}centurylink.net.xml",
        checked=date(2026, 11, 30),
    )
    BELL = Facts(
        label="Bell",
        hosts=("smtphm.sympatico.ca",),
        domains=("bell.net", "sympatico.ca"),
        servers=_tls("smtphm.sympatico.ca"),
        source=f"{_ISPDB}bell.net.xml",
        checked=date(2026, 11, 30),
    )
    SHAW = Facts(
        label="Shaw",
        hosts=("mail.shaw.ca",),
        domains=("shaw.ca",),
        servers=_tls("mail.shaw.ca"),
        source="https://www.rogers.com/support/internet",
        checked=date(2026, 11, 30),
    )
    UOL = Facts(
        label="UOL",
        hosts=("smtps.uol.com.br",),
        domains=("uol.com.br",),
        servers=_tls("smtps.uol.com.br"),
        login_pattern="{local}",
        source=f"{_ISPDB}uol.com.br.xml",
        checked=date(2026, 11, 30),
    )
    BOL = Facts(
        label="BOL",
        hosts=("smtps.bol.com.br",),
        domains=("bol.com.br",),
        servers=_both("smtps.bol.com.br"),
        login_pattern="{local}",
        source=f"{_ISPDB}bol.com.br.xml",
        checked=date(2026, 11, 30),
    )
    TERRA = Facts(
        label="Terra",
        hosts=("smtp.terra.com.br",),
        domains=("terra.com.br",),
        servers=_tls("smtp.terra.com.br"),
        source="https://mail.terra.com.br/",
        checked=date(2026, 11, 30),
    )
    COMCAST = Facts(
        label="Comcast",
        hosts=("smtp.comcast.net",),
        mx=("mx1h1.comcast.net", "mx2h1.comcast.net"),
        domains=("comcast.net",),
        servers=_both("smtp.comcast.net"),
        first="access by other programs has to be allowed in the settings of the mailbox",
        source=f"{_ISPDB}comcast.net.xml",
        checked=date(2026, 11, 29),
    )

    # Hosters of others' domains
    INFOMANIAK = Facts(
        label="Infomaniak",
        hosts=("mail.infomaniak.com", "mail.infomaniak.ch"),
        mx=("mta-gw.infomaniak.ch",),
        domains=("ik.me", "ikmail.com", "etik.com"),
        servers=_both("mail.infomaniak.com"),
        spf=("spf.infomaniak.ch",),
        source=f"{_PROVIDER_DB}infomaniak.com.md",
        checked=date(2026, 11, 29),
    )
    RACKSPACE = Facts(
        label="Rackspace",
        hosts=("secure.emailsrvr.com", "smtp.emailsrvr.com", "secure2.emailsrvr.com"),
        mx=("mx1.emailsrvr.com", "mx2.emailsrvr.com"),
        servers=_both("secure.emailsrvr.com"),
        spf=("emailsrvr.com",),
        source=f"{_ISPDB}emailsrvr.com.xml",
        checked=date(2026, 11, 29),
    )
    GODADDY = Facts(
        label="GoDaddy",
        hosts=("smtpout.secureserver.net", "smtpout.asia.secureserver.net", "smtpout.europe.secureserver.net"),
        # Not all of secureserver.net: its customers' own machines are named in it, too.
        mx=(
            *("smtp.secureserver.net", "mailstore1.secureserver.net"),
            *("smtp.*.secureserver.net", "mailstore1.*.secureserver.net"),
        ),
        servers=_both("smtpout.secureserver.net"),
        first="a Microsoft 365 mailbox that was bought there sends through smtp.office365.com instead",
        spf=("secureserver.net",),
        source="https://github.com/nodemailer/nodemailer/blob/master/lib/well-known/services.json",
        checked=date(2026, 11, 29),
    )
    PRIVATE_EMAIL = Facts(
        label="Namecheap Private Email",
        hosts=("mail.privateemail.com", "smtp.privateemail.com"),
        mx=("mx1.privateemail.com", "mx2.privateemail.com"),
        servers=_both("mail.privateemail.com"),
        spf=("spf.privateemail.com",),
        source="https://www.namecheap.com/support/knowledgebase/article.aspx/1179/2175/",
        checked=date(2026, 11, 29),
    )
    HOSTINGER = Facts(
        label="Hostinger",
        hosts=("smtp.hostinger.com",),
        mx=("mx1.hostinger.com", "mx2.hostinger.com"),
        servers=_both("smtp.hostinger.com"),
        spf=("_spf.mail.hostinger.com",),
        source="https://support.hostinger.com/en/articles/1583673-what-is-hostinger-spf-record",
        checked=date(2026, 11, 29),
    )
    TITAN = Facts(
        label="Titan",
        hosts=("smtp.titan.email", "smtp0101.titan.email"),
        mx=("mx1.titan.email", "mx2.titan.email"),
        servers=_both("smtp.titan.email"),
        first="access by other apps has to be switched on in Titan's settings",
        spf=("spf.titan.email",),
        source="https://support.titan.email/",
        checked=date(2026, 11, 29),
    )
    WORKMAIL = Facts(
        label="Amazon WorkMail",
        hosts=("smtp.mail.*.awsapps.com",),
        mx=("inbound-smtp.*.amazonaws.com",),
        servers=tuple(
            one for region in ("us-east-1", "us-west-2", "eu-west-1") for one in _ssl(f"smtp.mail.{region}.awsapps.com")
        ),
        ending=Ending(
            on=date(2027, 3, 31),
            coming=(
                "Amazon WorkMail ends on 31 March 2027: after that day nobody signs in there. "
                "Ask your mail admin where your mailbox moves to."
            ),
            past="Amazon WorkMail ended on 31 March 2027. Ask your mail admin where your mailbox has moved to.",
            source="https://docs.aws.amazon.com/workmail/latest/adminguide/workmail-end-of-support.html",
        ),
        source="https://docs.aws.amazon.com/general/latest/gr/workmail.html",
        checked=date(2026, 11, 30),
    )
    MIGADU = Facts(
        label="Migadu",
        hosts=("smtp.migadu.com",),
        mx=("aspmx1.migadu.com", "aspmx2.migadu.com"),
        servers=_both("smtp.migadu.com"),
        spf=("spf.migadu.com",),
        source=f"{_PROVIDER_DB}migadu.md",
        checked=date(2026, 11, 30),
    )
    PURELYMAIL = Facts(
        label="Purelymail",
        hosts=("smtp.purelymail.com",),
        mx=("mailserver.purelymail.com",),
        domains=("purelymail.com",),
        servers=_both("smtp.purelymail.com"),
        first=_TWO_FACTORS,
        spf=("_spf.purelymail.com",),
        source=f"{_PROVIDER_DB}purelymail.com.md",
        checked=date(2026, 11, 30),
    )
    ONE_COM = Facts(
        label="one.com",
        hosts=("send.one.com",),
        mx=("mx1.pub.*.one.com", "mx2.pub.*.one.com", "mx3.pub.*.one.com"),
        servers=_ssl("send.one.com"),
        source=f"{_ISPDB}one.com.xml",
        checked=date(2026, 11, 30),
    )

    # Services for programs
    AMAZON_SES = Facts(
        label="Amazon SES",
        hosts=("email-smtp.*.amazonaws.com", "email-smtp-fips.*.amazonaws.com"),
        servers=_both("email-smtp.eu-west-1.amazonaws.com"),
        sign_in=SignIn.API_KEY,
        login_pattern="",
        login="the SMTP user name of the region",
        page="the SES console, SMTP settings",
        judges_sender_only_with_message=True,
        source="https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html",
        checked=date(2026, 11, 29),
    )
    SENDGRID = Facts(
        label="SendGrid",
        hosts=("smtp.sendgrid.net", "smtp.eu.sendgrid.net"),
        mx=("mx.sendgrid.net",),
        servers=(Server("smtp.sendgrid.net", 587, "TLS"), Server("smtp.sendgrid.net", 465, "SSL")),
        sign_in=SignIn.API_KEY,
        login_pattern="apikey",
        page="SendGrid's settings, API Keys",
        judges_sender_only_with_message=True,
        source=("https://www.twilio.com/docs/sendgrid/for-developers/sending-email/integrating-with-the-smtp-api"),
        checked=date(2026, 11, 29),
    )
    MAILGUN = Facts(
        label="Mailgun",
        hosts=("smtp.mailgun.org", "smtp.eu.mailgun.org"),
        mx=("mxa.mailgun.org", "mxb.mailgun.org", "mxa.eu.mailgun.org", "mxb.eu.mailgun.org"),
        servers=(Server("smtp.mailgun.org", 587, "TLS"), Server("smtp.mailgun.org", 465, "SSL")),
        sign_in=SignIn.API_KEY,
        login_pattern="",
        login="the SMTP user of the sending domain",
        page="the domain's SMTP credentials at Mailgun",
        judges_sender_only_with_message=True,
        source="https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/send-smtp",
        checked=date(2026, 11, 29),
    )
    POSTMARK = Facts(
        label="Postmark",
        hosts=("smtp.postmarkapp.com", "smtp-broadcasts.postmarkapp.com"),
        mx=("inbound.postmarkapp.com",),
        servers=_tls("smtp.postmarkapp.com"),
        sign_in=SignIn.API_KEY,
        login_pattern="",
        login="the Server API token",
        page="the server's API Tokens at Postmark",
        judges_sender_only_with_message=True,
        source="https://postmarkapp.com/developer/user-guide/send-email-with-smtp",
        checked=date(2026, 11, 29),
    )
    BREVO = Facts(
        label="Brevo",
        hosts=("smtp-relay.brevo.com", "smtp-relay.sendinblue.com"),
        servers=(Server("smtp-relay.brevo.com", 587, "TLS"), Server("smtp-relay.brevo.com", 465, "SSL")),
        sign_in=SignIn.API_KEY,
        login_pattern="",
        login="the SMTP login of the account",
        page="Brevo's settings, SMTP & API (an SMTP key, no API key)",
        judges_sender_only_with_message=True,
        source="https://developers.brevo.com/docs/smtp-integration",
        checked=date(2026, 11, 29),
    )
    MAILJET = Facts(
        label="Mailjet",
        hosts=("in-v3.mailjet.com", "in.mailjet.com"),
        servers=(Server("in-v3.mailjet.com", 587, "TLS"), Server("in-v3.mailjet.com", 465, "SSL")),
        sign_in=SignIn.API_KEY,
        login_pattern="",
        login="the API key",
        page="Mailjet's account, API Key Management",
        judges_sender_only_with_message=True,
        source="https://dev.mailjet.com/smtp-relay/overview/",
        checked=date(2026, 11, 29),
    )
    SPARKPOST = Facts(
        label="SparkPost",
        hosts=("smtp.sparkpostmail.com", "smtp.eu.sparkpostmail.com"),
        servers=_tls("smtp.sparkpostmail.com"),
        sign_in=SignIn.API_KEY,
        login_pattern="SMTP_Injection",
        page="SparkPost's API Keys",
        source="https://github.com/nodemailer/nodemailer/blob/master/lib/well-known/services.json",
        checked=date(2026, 11, 29),
    )

    @property
    def label(self) -> str:
        """Its name as people call it."""
        return self.value.label


GATEWAYS: Sequence[Gateway] = (
    Gateway(
        label="Proofpoint",
        mx=("pphosted.com", "ppe-hosted.com"),
        source="https://help.proofpoint.com/",
        checked=date(2026, 11, 30),
    ),
    Gateway(
        label="Mimecast",
        mx=("mimecast.com", "mimecast.co.za", "mimecast-offshore.com"),
        source="https://community.mimecast.com/",
        checked=date(2026, 11, 30),
    ),
    Gateway(
        label="Barracuda",
        mx=("barracudanetworks.com",),
        source="https://campus.barracuda.com/product/emailgatewaydefense/",
        checked=date(2026, 11, 30),
    ),
    Gateway(
        label="Symantec Email Security.cloud",
        mx=("messagelabs.com",),
        source="https://techdocs.broadcom.com/",
        checked=date(2026, 11, 30),
    ),
    Gateway(
        label="Cisco Secure Email", mx=("iphmx.com",), source="https://docs.ces.cisco.com/", checked=date(2026, 11, 30)
    ),
    Gateway(
        label="Trend Micro",
        mx=("hes.trendmicro.com", "hes.trendmicro.eu", "tmes.trendmicro.com", "tmes.trendmicro.eu"),
        source="https://docs.trendmicro.com/",
        checked=date(2026, 11, 30),
    ),
    Gateway(
        label="Sophos Email", mx=("hydra.sophos.com",), source="https://docs.sophos.com/", checked=date(2026, 11, 30)
    ),
    Gateway(
        label="Hornetsecurity",
        mx=("hornetsecurity.com", "antispameurope.com"),
        source="https://www.hornetsecurity.com/",
        checked=date(2026, 11, 30),
    ),
    Gateway(
        label="N-able Mail Assure",
        mx=("antispamcloud.com", "spamexperts.com"),
        source="https://documentation.n-able.com/",
        checked=date(2026, 11, 30),
    ),
    Gateway(
        label="Trellix Email Security",
        mx=("fireeyecloud.com", "fireeyegov.com"),
        source="https://docs.trellix.com/",
        checked=date(2026, 11, 30),
    ),
    Gateway(
        label="Forcepoint", mx=("mailcontrol.com",), source="https://help.forcepoint.com/", checked=date(2026, 11, 30)
    ),
    Gateway(
        label="Cloudflare Email Security",
        mx=("mxrecord.io", "mxrecord.mx"),
        source="https://developers.cloudflare.com/cloudflare-one/email-security/",
        checked=date(2026, 11, 30),
    ),
    Gateway(
        label="Cloudflare Email Routing",
        kind="forwarding service",
        mx=("mx.cloudflare.net",),
        source="https://developers.cloudflare.com/email-routing/",
        checked=date(2026, 11, 30),
    ),
    Gateway(
        label="ImprovMX",
        kind="forwarding service",
        mx=("improvmx.com",),
        source="https://improvmx.com/guides/",
        checked=date(2026, 11, 30),
    ),
    Gateway(
        label="Forward Email",
        kind="forwarding service",
        mx=("mx1.forwardemail.net", "mx2.forwardemail.net"),
        source="https://forwardemail.net/faq",
        checked=date(2026, 11, 30),
    ),
)
