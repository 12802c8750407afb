"""Makes a letter of fields, by the standard library: no field can write a header, a part, or a second letter."""

import binascii
import re
import secrets
from collections.abc import Iterable, Iterator
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.parser import BytesHeaderParser
from email.policy import SMTP, EmailPolicy, compat32
from typing import Any

from bot.profiles.account.header_text import mailbox
from bot.programs.send_api.letter_fields import Attachment, LetterFields, decoded, read_mailbox


class LetterPolicy(EmailPolicy):
    """The policy of SMTP, but for further headers in ASCII, which stay on the one line that they were given on.

    Folding would write what has no blank for 77 characters, such as the address in a List-Unsubscribe, as encoded
    words, which no program reads there.
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Return a header as it is sent."""
        text = str(value)
        if not _FOLDED.fullmatch(name) and text.isascii() and text.isprintable():
            return f"{name}: {text}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


_FOLDED = re.compile(r"from|to|cc|reply-to|subject|mime-version|content-.*", re.IGNORECASE)


_MARK_BYTES = 16
_LINE = 76
_BLOCK_BYTES = 57 * 1_000
"""Each 57 bytes are one line."""


class UnwritableLetterError(Exception):
    """The standard library cannot write these fields as a letter, or wrote another one."""


def write_letter(fields: LetterFields, *, address: str, name: str) -> bytes:
    """Return a letter from the profile's `address`, with lines that end in CRLF, without Bcc, Date and Message-ID.

    `name` is what is shown with the address where the fields say nothing else.

    Raises:
        UnwritableLetterError: it cannot be made of these fields.
    """
    contents: dict[bytes, str] = {}
    try:
        message = _message(fields, contents, address=address, name=name)
        letter = message.as_bytes()
    except (ValueError, LookupError, RecursionError, MessageError) as error:
        raise UnwritableLetterError from error
    # What was written is read once more: should the library ever let a field write a header, nothing leaves.
    if BytesHeaderParser(policy=compat32).parsebytes(letter).keys() != message.keys():
        raise UnwritableLetterError
    return _with_contents(letter, contents)


def _message(fields: LetterFields, contents: dict[bytes, str], *, address: str, name: str) -> EmailMessage:
    mailboxes = [read_mailbox(one) for one in (*fields.to, *fields.cc, *fields.reply_to, address)]
    message = EmailMessage(policy=_policy(mailboxes))
    message["From"] = sender_of(fields, address=address, name=name)
    for header, written in (("To", fields.to), ("Cc", fields.cc), ("Reply-To", fields.reply_to)):
        if written:
            message[header] = [read_mailbox(one) for one in written]
    message["Subject"] = fields.subject
    for header, value in fields.headers.items():
        message[header] = value
    _set_body(message, fields, contents)
    for attachment in fields.attachments:
        if not (attachment.cid and fields.html is not None):
            _attach(message, attachment, contents)
    return message


def sender_of(fields: LetterFields, *, address: str, name: str) -> Address:
    """Return who the letter says it is from; of `from` without an address, the profile's with that name."""
    own = read_mailbox(address)
    if fields.sender is None:
        return mailbox(own.addr_spec, name)
    if "@" in fields.sender or "<" in fields.sender:
        return read_mailbox(fields.sender)
    return Address(display_name=fields.sender.strip(), addr_spec=own.addr_spec)


def _policy(mailboxes: Iterable[Address]) -> LetterPolicy:
    # Only what every server takes: 7 bits, unless an address itself goes beyond ASCII (RFC 6531).
    return LetterPolicy(
        linesep=SMTP.linesep, cte_type="7bit", utf8=not all(one.addr_spec.isascii() for one in mailboxes)
    )


def _set_body(message: EmailMessage, fields: LetterFields, contents: dict[bytes, str]) -> None:
    if fields.html is None:
        message.set_content(_lines(fields.text or ""))
        return
    if fields.text is None:
        message.set_content(_lines(fields.html), subtype="html")
    else:
        message.set_content(_lines(fields.text))
        message.add_alternative(_lines(fields.html), subtype="html")
    page = message.get_body(("html",))
    for attachment in fields.attachments:
        if attachment.cid and page is not None:
            _attach(page, attachment, contents, related=True)


def _attach(message: MIMEPart, attachment: Attachment, contents: dict[bytes, str], *, related: bool = False) -> None:
    """Add a part whose content is a mark that nobody can know; `contents` holds what takes its place.

    The library would hold a file of 7 MB in fourteen times its size, and take seconds over it.
    """
    kind, *parameters = attachment.content_type.replace(" ", "").split(";")
    maintype, _, subtype = kind.partition("/")
    add = message.add_related if related else message.add_attachment
    add(
        b"",
        maintype=maintype.lower(),
        subtype=subtype,
        filename=attachment.filename,
        disposition="inline" if related else "attachment",
        cid=f"<{attachment.cid}>" if attachment.cid else None,
        params=dict(one.split("=", 1) for one in parameters),
    )
    mark = secrets.token_hex(_MARK_BYTES)
    *_, part = message.iter_parts()
    part.set_payload(mark)
    contents[mark.encode("ascii")] = attachment.content


def _with_contents(letter: bytes, contents: dict[bytes, str]) -> bytes:
    """Put what the marks stand for in their places; they stand in the letter in the same order."""
    pieces = []
    for mark, content in contents.items():
        before, found, letter = letter.partition(mark)
        if not found:
            raise UnwritableLetterError
        pieces += [before, *_base64_lines(decoded(content))]
    return b"".join([*pieces, letter])


def _base64_lines(content: bytes) -> Iterator[bytes]:
    """Yield base64 in lines as RFC 2045, 6.8 has them, many at once; the last has no end."""
    for start in range(0, len(content), _BLOCK_BYTES):
        encoded = binascii.b2a_base64(content[start : start + _BLOCK_BYTES], newline=False)
        lines = [encoded[at : at + _LINE] for at in range(0, len(encoded), _LINE)]
        yield (b"\r\n" if start else b"") + b"\r\n".join(lines)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
