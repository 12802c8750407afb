"""An email that a person writes in Slack: what may stand in it, and the message that is made of it."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from enum import StrEnum
from html import escape

from bot.profiles.account.header_text import has_encoded_word, mailbox, written
from bot.profiles.account.profile import EmailProfile, check_address
from bot.profiles.errors import InvalidFormError
from bot.smtp.network.guard import normal_host

MOST_RECIPIENTS = 20
MAX_SUBJECT_LENGTH = 250
"""Characters; a header line may take 998 bytes (RFC 5322, 2.1.1), and encoded letters take up to four times as many."""

_BETWEEN_ADDRESSES = re.compile(r"[,;\n]+")
_NAMED_ADDRESS = re.compile(r"[^<>]*<([^<>]+)>")
_MAILTO = re.compile(r"\Amailto:\s*", re.IGNORECASE)
_LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_SIGNS_BEHIND = ".,;:!?)]}'"


class EmailField(StrEnum):
    """The fields of an email."""

    TO = "to"
    SUBJECT = "subject"
    TEXT = "text"


@dataclass(frozen=True, kw_only=True)
class EmailForm:
    """An email as it was typed."""

    to: str
    subject: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Email:
    """An email that can be sent: its recipients are addresses, each once, and its subject is one line."""

    recipients: tuple[str, ...]
    subject: str
    text: str


def check_email(form: EmailForm) -> Email:
    """Return the email that was typed.

    Raises:
        InvalidFormError: fields break rules; its errors are by EmailField.
    """
    errors: dict[str, str] = {}
    try:
        recipients = _recipients(form.to)
    except ValueError as error:
        errors[EmailField.TO] = str(error)
    try:
        subject = _subject(form.subject)
    except ValueError as error:
        errors[EmailField.SUBJECT] = str(error)
    text = plain_lines(form.text).strip("\n")
    if not text.strip():
        errors[EmailField.TEXT] = "The text is missing. Write what the email is to say."
    if errors:
        raise InvalidFormError(errors)
    return Email(recipients=recipients, subject=subject, text=text)


def _recipients(typed: str) -> tuple[str, ...]:
    """Return the addresses that were typed, with or without names before them."""
    parts = (part.strip() for part in _BETWEEN_ADDRESSES.split(typed))
    addresses = tuple(dict.fromkeys(check_address(_alone(part)) for part in parts if part))
    if not addresses:
        raise ValueError("The address is missing. Write it like ada@example.com, several with commas between them.")
    if len(addresses) > MOST_RECIPIENTS:
        raise ValueError(f"These are {len(addresses)} addresses. An email from here goes to {MOST_RECIPIENTS} at most.")
    return addresses


def _alone(part: str) -> str:
    named = _NAMED_ADDRESS.fullmatch(part)
    return _MAILTO.sub("", named[1].strip()) if named else part


def _subject(typed: str) -> str:
    subject = typed.strip()
    if not subject:
        raise ValueError("The subject is missing, for example Label for crate 7.")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in subject):
        raise ValueError("A subject is one line without control characters, for example Label for crate 7.")
    if has_encoded_word(subject):
        raise ValueError("A subject is written as it is read, without “=?…?=” in it, for example Label for crate 7.")
    if len(subject) > MAX_SUBJECT_LENGTH:
        raise ValueError(f"A subject has at most {MAX_SUBJECT_LENGTH} characters, for example Label for crate 7.")
    return subject


def plain_lines(text: str) -> str:
    """Return a text with lines that end alike, and without control characters and halves of characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(one for one in lines if one in "\n\t" or unicodedata.category(one) not in ("Cc", "Cs"))


def needs_utf8(profile: EmailProfile, email: Email) -> bool:
    """Whether an address has letters beyond ASCII, which only a server with SMTPUTF8 takes (RFC 6531)."""
    return not "".join((profile.address, *email.recipients)).isascii()


def email_message(profile: EmailProfile, email: Email, *, now: datetime) -> bytes:
    """Return the message, as text and as HTML, from the profile's address and with its name and address for replies.

    Its lines end in CRLF.
    """
    message = EmailMessage(policy=SMTP.clone(utf8=needs_utf8(profile, email)))
    message["From"] = mailbox(profile.address, profile.extras.get("FROM_NAME", ""))
    message["To"] = tuple(mailbox(address) for address in email.recipients)
    if "REPLY_TO" in profile.extras:
        message["Reply-To"] = mailbox(profile.extras["REPLY_TO"])
    message["Subject"] = email.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=normal_host(profile.address.rpartition("@")[2]))
    message.set_content(f"{email.text}\n")
    message.add_alternative(_html(email.text), subtype="html")
    return written(message)


def _html(text: str) -> str:
    """Return a text as HTML in which nothing of it is markup; addresses of the web are links."""
    lines = ("".join(_linked(line)) for line in text.split("\n"))
    return '<div dir="auto">' + "<br>\n".join(lines) + "</div>\n"


def _linked(line: str) -> Iterator[str]:
    end = 0
    for match in _LINK.finditer(line):
        address = escape(match[0].rstrip(_SIGNS_BEHIND))
        yield _with_blanks(line[end : match.start()])
        yield f'<a href="{address}">{address}</a>'
        end = match.start() + len(match[0].rstrip(_SIGNS_BEHIND))
    yield _with_blanks(line[end:])


def _with_blanks(text: str) -> str:
    """Escape a text, and keep its blanks apart: in HTML several are one."""
    return escape(text).replace("  ", " \N{NO-BREAK SPACE}")
