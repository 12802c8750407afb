"""Advice on connecting and greetings."""

from collections.abc import Mapping

from bot.smtp.advice.row import Row, When
from bot.smtp.check.report import Fault

CONNECTION_ROWS: Mapping[When, Row] = {
    When(Fault.REFUSED): Row(
        what="nothing listens on {host}:{port}",
        why="the machine answered, but no mail server listens on port {port}.",
        do="check Port: 587 goes with TLS, 465 with SSL. If both are right, the server may be down.",
        field="port",
        source="RFC 6409, 3.1",
    ),
    When(Fault.UNREACHABLE): Row(
        what="{host} cannot be reached",
        why="there is no way from the bot to that address.",
        do="check SMTP Server Address. If it is right, tell whoever runs the bot that its network has no route.",
        field="host",
    ),
    When(Fault.TIMED_OUT): Row(
        what="{host}:{port} did not answer in time",
        why="the server stayed silent. Often a firewall drops the connection, or the port is not a mail port.",
        do="check SMTP Server Address and Port. Many networks block port 25: try 587 with TLS or 465 with SSL.",
        field="port",
        source="RFC 5321, 4.5.3.2",
    ),
    When(Fault.CLOSED): Row(
        what="{host}:{port} closed the connection",
        why="the server hung up. It may refuse the bot's address, or expect another kind of encryption.",
        do="check that Port and encryption fit: 587 with TLS, 465 with SSL. Otherwise ask your mail provider.",
        field="port",
    ),
    When(Fault.GREETING_REFUSED): Row(
        what="the server does not want to talk to the bot",
        why="it refused the connection before anything was asked of it, often because of where it comes from.",
        do="ask your mail provider, and pass on the server's answer above.",
        source="RFC 5321, 3.1",
    ),
    When(Fault.BUSY): Row(
        what="the server is busy",
        why="it asked to come back later; your settings may well be right.",
        do="try again in a few minutes.",
        source="RFC 5321, 4.2.1",
    ),
    When(Fault.NOT_SMTP): Row(
        what="no mail submission server answers on {host}:{port}",
        why="another kind of service answers on this port.",
        do="use the server for outgoing mail (SMTP), with port 587 and TLS or 465 and SSL.",
        field="port",
        source="RFC 5321, 4.2",
    ),
    When(Fault.GARBLED): Row(
        what="the server's answer is not SMTP",
        why="what the server sent does not follow the protocol.",
        do="check SMTP Server Address and Port. If they are right, ask your mail provider.",
        field="host",
    ),
}
