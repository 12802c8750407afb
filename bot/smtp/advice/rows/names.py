"""Advice on names, addresses and ports."""

from collections.abc import Mapping

from bot.smtp.advice.row import Fix, Row, When
from bot.smtp.check.report import Fault

NAMES_ROWS: Mapping[When, Row] = {
    When(Fault.NAME_NOT_FOUND): Row(
        what="there is no server named {host}",
        why="the name {host} does not exist.",
        do="check SMTP Server Address for a typing error, or ask your mail provider for the name.",
        field="host",
    ),
    When(Fault.RESOLVER_UNAVAILABLE): Row(
        what="the name service does not answer",
        why="the bot could not look up {host}; this is no fault of your settings.",
        do="try again in a few minutes. If it stays, tell whoever runs the bot.",
    ),
    When(Fault.ADDRESS_NOT_ALLOWED): Row(
        what="the bot may not reach {host}",
        why="{host} leads to an address inside a private network, or to one that is never reached.",
        do="check SMTP Server Address. If your mail server is inside the company, ask whoever runs the bot to list "
        "its network in SMTP_ALLOWED_NETWORKS.",
        field="host",
    ),
    When(Fault.PORT_NOT_ALLOWED): Row(
        what="port {port} may not be tested",
        why="the bot only tests the ports that its operator allows.",
        do="use 587 with TLS or 465 with SSL, or ask whoever runs the bot to list {port} in SMTP_ALLOWED_PORTS.",
        field="port",
        fixes=(Fix.TLS_ON_587, Fix.SSL_ON_465),
    ),
}
