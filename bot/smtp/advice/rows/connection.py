"""Advice on connecting and greetings.

Other ports are never named here: the report offers those that were found to answer.
"""

from collections.abc import Mapping

from bot.smtp.advice.row import Fix, Row, When
from bot.smtp.check.report import Fault

CONNECTION_ROWS: Mapping[When, Row] = {
    When(Fault.REFUSED): Row(
        what="nothing listens on {host}:{port}",
        why="the machine answered, but no mail server listens on port {port}.{elsewhere}",
        do="compare SMTP Server Address and Port with what your mail provider names. If both are right, the server is "
        "down, or a firewall before it turns the bot away: ask whoever runs it.",
        field="port",
        fixes=(Fix.USE_PROVIDER_SERVER,),
        source="RFC 6409, 3.1",
    ),
    When(Fault.UNREACHABLE): Row(
        what="{host} cannot be reached",
        why="there is no way from the bot to that address.",
        do="check SMTP Server Address. If it is right, tell whoever runs the bot that its network has no route there.",
        field="host",
        fixes=(Fix.USE_PROVIDER_SERVER,),
    ),
    When(Fault.TIMED_OUT): Row(
        what="{host}:{port} did not answer in time",
        why="nothing came back, not even a refusal: a firewall drops the connection, or no such machine is up."
        "{elsewhere}",
        do="check SMTP Server Address and Port. If they are right, ask whoever runs the bot whether its network lets "
        "it out to port {port}; many block mail ports.",
        field="port",
        fixes=(Fix.USE_PROVIDER_SERVER,),
        source="RFC 5321, 4.5.3.2",
    ),
    When(Fault.NO_GREETING): Row(
        what="{host}:{port} took the connection, but did not answer in time",
        why="the connection stands, but the server said nothing. A filter on the way may hold it, the port may be for "
        "something else, or the server is slow.{elsewhere}",
        do="check Port with your mail provider. If it is right, ask whoever runs the bot: its network may hold back "
        "port {port}; for a server that is only slow, a longer SMTP_TIMEOUT helps.",
        field="port",
        source="RFC 5321, 4.5.3.2",
    ),
    When(Fault.FELL_SILENT): Row(
        what="the server fell silent after its greeting",
        why="it was reached and answered at first, so address and port are right; then no reply came in time.",
        do="test again in a few minutes. If it stays, ask your mail provider; for a server that is only slow, whoever "
        "runs the bot can make SMTP_TIMEOUT longer.",
        source="RFC 5321, 4.5.3.2",
    ),
    When(Fault.CLOSED): Row(
        what="{host}:{port} closed the connection",
        why="the server hung up without saying why.",
        do="test again in a few minutes. If it stays, ask your mail provider.",
    ),
    When(Fault.CLOSED_AT_ONCE): Row(
        what="{host}:{port} closed the connection before its first words",
        why="the server hung up at once. It may turn the bot's address away, be overloaded, or not be meant for mail "
        "programs.{elsewhere}",
        do="check Port with your mail provider. If it is right, ask whether the server turns away the bot's address.",
        field="port",
    ),
    When(Fault.HUNG_UP): Row(
        what="the server hung up after its greeting",
        why="it was reached and answered at first, so address and port are right; then it closed the connection "
        "without saying why.",
        do="test again in a few minutes. If it stays, ask your mail provider whether the server turns the bot away.",
    ),
    When(Fault.HUNG_UP_IN_TLS): Row(
        what="the server hung up inside the encrypted connection",
        why="the encryption works, and address and port are right; then it closed the connection without saying why. "
        "It may not like the bot's name or address, be overloaded, or want a client certificate.",
        do="test again in a few minutes. If it stays, ask whoever runs the mail server what its log says; the name the "
        "bot announces can be set with the extra configuration HELO.",
        dated="2026-11-30",
    ),
    When(Fault.PROXY_ANSWERED): Row(
        what="something on the way answered in the server's place",
        why="a virus scanner or proxy between the bot and {host} took the connection, and could not reach the server "
        "itself on port {port}.",
        do="tell whoever runs the bot: its machine or network has to let mail connections to port {port} through.",
        source="https://github.com/nodemailer/nodemailer/issues/855",
        dated="2026-11-30",
    ),
    When(Fault.GREETING_REFUSED): Row(
        what="the server does not want to talk to the bot",
        why="it refused the bot's greeting, before anything of your account was asked for. Often that is because of "
        "where the connection comes from.",
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
        why="another kind of service answers on this port.{elsewhere}",
        do="use the server and port for outgoing mail (SMTP); your mail provider names them.",
        field="port",
        fixes=(Fix.USE_PROVIDER_SERVER,),
        source="RFC 5321, 4.2",
    ),
    When(Fault.GARBLED): Row(
        what="the server's answer is not SMTP",
        why="what the server sent does not follow the protocol.",
        do="check SMTP Server Address and Port. If they are right, ask your mail provider.",
        field="host",
    ),
}
