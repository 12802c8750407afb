"""Advice on DATA and the message."""

from collections.abc import Mapping

from bot.smtp.advice.row import Row, When
from bot.smtp.check.report import Fault

MESSAGE_ROWS: Mapping[When, Row] = {
    When(Fault.DATA_REFUSED): Row(
        what="the server takes no message",
        why="it refused before the message began; its answer above is all that it says about the reason.",
        do="ask your mail provider, and pass on that answer.",
        source="RFC 5321, 4.1.1.4",
        dated="2026-11-30",
    ),
    When(Fault.MESSAGE_REFUSED): Row(
        what="the server did not take the message",
        why="it refused at the end of the message, where many servers judge sender, recipient and content; its answer "
        "above is all that it says about the reason.",
        do="ask your mail provider, and pass on that answer.",
        source="RFC 5321, 4.2.1",
    ),
    When(Fault.MESSAGE_TOO_LARGE): Row(
        what="the message is too large for the server",
        why="the server takes only smaller messages.",
        do="ask your mail provider for a higher limit.",
        source="RFC 1870, 6",
    ),
    When(Fault.SPAM_SUSPECTED): Row(
        what="a spam filter of the server refuses this",
        why="the filter judges what a message says and where it comes from.",
        do="ask your mail provider to let this sender through, and pass on the server's answer above.",
        source="RFC 3463, 3.8",
        dated="2026-11-30",
    ),
    When(Fault.POLICY_REFUSED): Row(
        what="a rule of the server refuses this",
        why="the server says that it may not take this; its answer above is all that it says about the rule.",
        do="ask the server's admin or your mail provider which rule it is, and pass on that answer.",
        source="RFC 3463, 3.8",
        dated="2026-11-30",
    ),
    When(Fault.SPF_FAILED): Row(
        what="the SPF record of {domain} does not allow this",
        why="{domain} says in DNS (SPF) which servers may send for it, and the bot's address is not among them.",
        do="send through the mail server of {domain} itself, or ask whoever looks after {domain} in DNS to add the "
        "bot's public address to its SPF record.",
        field="host",
        source="RFC 7208",
        dated="2026-11-30",
    ),
    When(Fault.DMARC_FAILED): Row(
        what="the server does not believe that this comes from {domain}",
        why="it wants mail of {domain} to be proved by SPF or DKIM (DMARC), and this way of sending does not prove it.",
        do="send through the mail server of {domain} itself, or ask whoever looks after {domain} in DNS to set up SPF "
        "and DKIM for this way.",
        field="host",
        source="RFC 7489, 6.6",
        dated="2026-11-30",
    ),
}
