"""Advice on where the bot comes from, how it announces itself, and the server's own trouble."""

from collections.abc import Mapping

from bot.smtp.advice.row import Fix, Row, When
from bot.smtp.check.report import Fault

CLIENT_ROWS: Mapping[When, Row] = {
    When(Fault.ANNOUNCED_NAME_REFUSED): Row(
        what="the server refuses HELO {announced}",
        why="your extra configuration HELO announces the bot under the name {announced}, which the server does not "
        "take. Servers want a full host name that exists in DNS.",
        do="remove HELO, or set it to a full name of your own domain, such as {domain}.",
        fixes=(Fix.REMOVE_HELO, Fix.HELO_FROM_ADDRESS),
        source="RFC 5321, 4.1.1.1",
        dated="2026-11-30",
    ),
    When(Fault.DEFAULT_NAME_REFUSED): Row(
        what="the server refuses the name that the bot announces",
        why="your profile has no HELO, so the bot announces itself as {announced}; this server wants a host name. "
        "That does not change by itself.",
        do="set the extra configuration HELO to a name of your own domain, such as {domain}.",
        fixes=(Fix.HELO_FROM_ADDRESS,),
        source="https://support.google.com/a/answer/2956491",
        dated="2026-11-30",
    ),
    When(Fault.REVERSE_NAME_MISSING): Row(
        what="the bot's address has no reverse name",
        why="the server takes mail only from addresses that have a proper name in reverse DNS (a PTR record), and the "
        "bot's has none. This stays until it is mended.",
        do="tell whoever runs the bot that its public address needs a reverse name, and pass on the server's answer "
        "above.",
        source="RFC 7372, 3.3",
        dated="2026-11-30",
    ),
    When(Fault.NETWORK_BLOCKED): Row(
        what="the server blocks the address that the bot comes from",
        why="the bot's address stands on a block list, or has a bad reputation with this server.",
        do="tell whoever runs the bot, and pass on the server's answer above. There is nothing to change in your "
        "profile.",
        source="RFC 5321, 7.9",
    ),
    When(Fault.CLIENT_NOT_ALLOWED): Row(
        what="the server takes no mail from the bot's address",
        why="it lets in only the addresses that its admin has listed, and the bot's is not one of them.",
        do="ask the server's admin to allow the bot's public address, which whoever runs the bot knows, or use your "
        "mail provider's server for sending with a login.",
        source="https://www.postfix.org/postconf.5.html#smtpd_client_restrictions",
        dated="2026-11-30",
    ),
    When(Fault.CLIENT_NOT_ALLOWED, enhanced=("5.7.64", "4.7.64")): Row(
        what="no connector at Microsoft 365 names the bot's address",
        why="this host of Microsoft 365 passes on mail only from addresses that a connector of your organisation "
        "names.",
        do="ask your Microsoft 365 admin to add the bot's public address to a connector, or send through "
        "smtp.office365.com, port 587 with TLS, with your login.",
        field="host",
        source="https://learn.microsoft.com/exchange/mail-flow-best-practices/how-to-set-up-a-multifunction-device-or"
        "-application-to-send-email-using-microsoft-365-or-office-365",
        dated="2026-11-30",
    ),
    When(Fault.SERVER_MISCONFIGURED): Row(
        what="the mail server itself is set up wrongly",
        why="the server stumbles over its own configuration. No setting of yours changes that.",
        do="tell the mail server's admin or your mail provider, and pass on the server's answer above.",
        source="RFC 3463, 3.4",
        dated="2026-11-30",
    ),
    When(Fault.SERVER_FULL): Row(
        what="the mail server has no room left",
        why="the server's own disk or memory is full, so it takes no mail. No setting of yours changes that.",
        do="tell the mail server's admin or your mail provider, and pass on the server's answer above.",
        source="RFC 3463, 3.4",
        dated="2026-11-30",
    ),
}
