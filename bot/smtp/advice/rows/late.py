"""Advice on a dialogue that breaks over sender, recipient or message: by then port and encryption have proved right."""

from collections.abc import Mapping

from bot.smtp.advice.row import Row, When
from bot.smtp.check.report import Fault

LATE_ROWS: Mapping[When, Row] = {
    When(Fault.LATE_SILENCE): Row(
        what="the server said nothing more over sender or message",
        why="port and encryption are right. The server fell silent when it was told the sender, the recipient or the "
        "message; it may be slow over checking them, or slow down clients that it does not know.",
        do="test again in a quarter of an hour. If it stays, give the transcript to your mail provider or the server's "
        "admin.",
        source="RFC 5321, 4.5.3.2",
    ),
    When(Fault.LATE_CLOSE): Row(
        what="the server hung up over sender or message",
        why="port and encryption are right. The server hung up when it was told the sender, the recipient or the "
        "message, without saying why; some do that to clients that they block.",
        do="test once more. If it stays, give the transcript to your mail provider or the server's admin.",
        source="RFC 5321, 3.8",
    ),
    When(Fault.LATE_GARBLED): Row(
        what="the server's answer over sender or message is not SMTP",
        why="port and encryption are right, and the dialogue went well until then. What came next does not follow the "
        "protocol.",
        do="give the transcript to your mail provider or the server's admin.",
        source="RFC 5321, 4.2",
    ),
}
