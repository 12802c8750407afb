"""Advice on names, addresses and ports."""

from collections.abc import Mapping

from bot.smtp.advice.row import Fix, Row, When
from bot.smtp.check.report import Fault

NAMES_ROWS: Mapping[When, Row] = {
    When(Fault.NAME_NOT_FOUND): Row(
        what="{host} does not exist, or leads where this bot may not look",
        why="either the name {host} does not exist, or its address is one that this bot may not reach. Which of the "
        "two it is, the bot shows only to whoever runs it.",
        do="check SMTP Server Address for a typing error, or ask your mail provider for the name. If the server is "
        "inside your own network, or on the machine that the bot runs on, ask whoever runs the bot: they can see which "
        "it is, and allow it.",
        field="host",
        fixes=(Fix.USE_PROVIDER_SERVER,),
        source="RFC 1035, 4.1.1",
        dated="2026-11-30",
    ),
    When(Fault.NAME_WITHOUT_ADDRESS): Row(
        what="{host} has no address",
        why="the name is known to DNS, but it leads to no machine{mx}.",
        do="type the name of the server for outgoing mail as SMTP Server Address, often smtp.{host} or mail.{host}. "
        "Your mail provider knows it.",
        field="host",
        fixes=(Fix.USE_PROVIDER_SERVER,),
        source="RFC 2308, 2.2",
        dated="2026-11-30",
    ),
    When(Fault.ZONE_FAILS): Row(
        what="DNS fails over the name {host}",
        why="the bot's name service answers, but could not find out about {host} (SERVFAIL). Mostly the name servers "
        "of that domain are down, or their signatures (DNSSEC) do not fit.",
        do="try again in an hour. If it stays, tell whoever runs the domain of {host}; if other servers cannot be "
        "looked up either, tell whoever runs the bot.",
        source="RFC 1035, 4.1.1",
        dated="2026-11-30",
    ),
    When(Fault.RESOLVER_UNAVAILABLE): Row(
        what="the bot's name service does not answer",
        why="the bot asked for the address of {host} and got no answer, so nothing is known about the name yet.",
        do="try again in a few minutes. If it stays, tell whoever runs the bot.",
        source="https://man7.org/linux/man-pages/man3/getaddrinfo.3.html",
        dated="2026-11-30",
    ),
    When(Fault.ADDRESS_NOT_ALLOWED): Row(
        what="the bot may not reach {host}",
        why="{host} leads to an address inside a private network, or to one that is never reached.",
        do="check SMTP Server Address, and test again to see which it is.",
        field="host",
    ),
    When(Fault.LOOPBACK_NOT_ALLOWED): Row(
        what="{host} is the bot's own machine, not yours",
        why="localhost and addresses such as 127.0.0.1 lead every program to the machine that it runs on itself, and "
        "the bot does not run on your computer. A mail bridge there cannot be reached by the bot.",
        do="use a mail server that other machines reach, too; no other port helps here. Only if the mail server runs "
        "beside the bot: whoever runs the bot may allow it in SMTP_ALLOWED_NETWORKS.",
        field="host",
        source="RFC 1122, 3.2.1.3; RFC 6761, 6.3",
        dated="2026-11-30",
    ),
    When(Fault.PRIVATE_NOT_ALLOWED): Row(
        what="{host} is inside a private network",
        why="{host} leads to an address that exists only inside a company's or a home's own network, and the bot may "
        "not go there.",
        do="if this is your company's mail server, ask whoever runs the bot to list its network in "
        "SMTP_ALLOWED_NETWORKS. Otherwise use the server's public name.",
        field="host",
        source="RFC 1918, 3; RFC 4193; RFC 6598",
        dated="2026-11-30",
    ),
    When(Fault.ADDRESS_NEVER_ALLOWED): Row(
        what="{host} leads to an address that is never reached",
        why="addresses of this kind (link-local, reserved, or of a cloud's own services) belong to no mail server.",
        do="check SMTP Server Address for a typing error, or ask your mail provider for the name.",
        field="host",
        source="https://www.iana.org/assignments/iana-ipv4-special-registry",
        dated="2026-11-30",
    ),
    When(Fault.PORT_NOT_ALLOWED): Row(
        what="port {port} may not be tested",
        why="the bot only tests the ports that its operator allows.",
        do="use 587 with TLS or 465 with SSL, or ask whoever runs the bot to list {port} in SMTP_ALLOWED_PORTS.",
        field="port",
        fixes=(Fix.TLS_ON_587, Fix.SSL_ON_465),
    ),
    When(Fault.NOTHING_ON_LOOPBACK): Row(
        what="no mail server is on the bot's own machine",
        why="{host} is the machine, or the container, that the bot runs on, not your computer, and nothing answers "
        "there on port {port}.",
        do="type the name of a mail server that other machines reach, too. If one should run beside the bot, tell "
        "whoever runs the bot.",
        field="host",
        source="RFC 1122, 3.2.1.3",
        dated="2026-11-30",
    ),
    When(Fault.SERVER_FOR_ORGANISATIONS): Row(
        what="{host} does not send for personal accounts",
        why="{provider} lets organisations send there, from networks and domains that they registered. {address} is a "
        "personal address.",
        do="use {server}, and type login and password for it.",
        field="host",
        fixes=(Fix.USE_PROVIDER_SERVER,),
        source="https://support.google.com/a/answer/176600",
        dated="2026-11-30",
    ),
    When(Fault.SERVER_DOES_NOT_SEND): Row(
        what="{host} is not the server to send through",
        why="{provider} has another one for outgoing mail, and {host} did not work as one.",
        do="use {server}, and type login and password for it.",
        field="host",
        fixes=(Fix.USE_PROVIDER_SERVER,),
        source="docs/providers.md, with the source of each provider",
        dated="2026-11-30",
    ),
    When(Fault.SERVER_TAKES_MAIL_IN): Row(
        what="{host} is a server for incoming mail",
        why="there {provider} takes mail in from other servers; nobody signs in there to send.",
        do="use {server}, and type login and password for it.",
        field="host",
        fixes=(Fix.USE_PROVIDER_SERVER,),
        source="https://learn.microsoft.com/exchange/mail-flow-best-practices/"
        "how-to-set-up-a-multifunction-device-or-application-to-send-email-using-microsoft-365-or-office-365",
        dated="2026-11-30",
    ),
}
