"""Advice on sender, recipient and message."""

from collections.abc import Mapping

from bot.smtp.advice.row import Fix, Row, When
from bot.smtp.check.report import Fault

SENDER_ROWS: Mapping[When, Row] = {
    When(Fault.MESSAGE_REFUSED): Row(
        what="the server did not take the message",
        why="you can sign in and the addresses are right, but the message itself was refused.",
        do="ask your mail provider, and pass on the server's answer above.",
    ),
    When(Fault.SENDER_REFUSED): Row(
        what="the server refuses {address} as sender",
        why="login and password may be right, but this login may not send as {address}.",
        do="make Email Address the address of the login, or ask your mail provider to allow it.",
        field="address",
        fixes=(Fix.LOGIN_AS_ADDRESS,),
        source="RFC 6409, 6.1",
    ),
    When(Fault.RECIPIENT_REFUSED): Row(
        what="the server does not know {address} as recipient",
        why="you can send, but mail to your own address would not arrive.",
        do="check Email Address for a typing error.",
        field="address",
        source="RFC 3463, 3.2",
    ),
    When(Fault.TEMPORARY_REFUSAL): Row(
        what="the server asked to come back later",
        why="it postponed the answer, which many servers do with senders they see for the first time.",
        do="nothing now; test again in ten minutes to be sure.",
        source="RFC 5321, 4.2.1",
    ),
    When(
        Fault.SENDER_REFUSED,
        says=("not owned", "sendasdenied", "send as", "not allowed to send", "not match", "sender address rejected"),
    ): Row(
        what="this login may not send as {address}",
        why="login and password are right, but {address} does not belong to the login {login}.",
        do="make Email Address the address of the login, or have your mail provider allow this address as an alias.",
        field="address",
        fixes=(Fix.LOGIN_AS_ADDRESS,),
        source="https://www.postfix.org/SASL_README.html",
    ),
    When(Fault.SENDER_REFUSED, enhanced=("5.4.5",)): Row(
        what="the daily sending limit is reached",
        why="the server takes no more mail from this account today; your settings are right.",
        do="wait a day, or ask your mail provider for a higher limit.",
        source="RFC 3463, 3.5",
    ),
    When(Fault.SENDER_REFUSED, says=("blocked using", "blocklist", "blacklist", "spamhaus", "poor reputation")): Row(
        what="the server blocks where this connection comes from",
        why="the bot's address stands on a list of senders that the server does not take mail from.",
        do="tell whoever runs the bot, and pass on the server's answer above.",
        source="RFC 5321, 7.9",
    ),
    When(Fault.SENDER_REFUSED, says=("relay", "relaying")): Row(
        what="the server does not pass on mail for {address}",
        why="for this server {address} is neither a sender nor a recipient of its own.",
        do="check that Email Address belongs to this mail server, and that User/Login is the account for it.",
        field="address",
        fixes=(Fix.LOGIN_AS_ADDRESS,),
        source="RFC 5321, 3.6.2",
    ),
    When(Fault.MESSAGE_REFUSED, codes=(552,)): Row(
        what="the message is too large for the server",
        why="the server takes only smaller messages.",
        do="ask your mail provider for a higher limit.",
        source="RFC 1870, 6",
    ),
}
