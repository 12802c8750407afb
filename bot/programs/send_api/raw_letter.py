"""Letters that programs write themselves, as message/rfc822: their line ends, and to whom they go."""

from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import getaddresses

from bot.profiles.sending.header import MAX_HEADER_BYTES
from bot.programs.send_api.letter_fields import MOST_RECIPIENTS, read_mailbox

MOST_ADDRESS_BYTES = 64_000
"""In To, Cc and Bcc together; a hundred addresses with names need a fifth."""


class RawLetterError(Exception):
    """A letter cannot be taken as it is; `str(error)` is a sentence that repeats nothing of it."""


def with_line_ends(letter: bytes) -> bytes:
    """Return a letter with lines that end in CRLF; where all end in LF, as in files, each LF becomes one.

    A letter that mixes them is returned as it is, for the rules of letters to refuse: servers differ in where they
    see its lines end.
    """
    return letter if b"\r" in letter else letter.replace(b"\n", b"\r\n")


def written_recipients(letter: bytes) -> tuple[str, ...]:
    """Return the addresses in To, Cc and Bcc, each once.

    Raises:
        RawLetterError: there are none or too many, or one of these headers cannot be read.
    """
    end = letter.find(b"\r\n\r\n", 0, MAX_HEADER_BYTES)
    if end < 0 and len(letter) > MAX_HEADER_BYTES:
        raise RawLetterError("The message's header is too long, or no empty line ends it.")
    # Without a copy of the rest, which may be large.
    head = letter if end < 0 else letter[:end]
    lines = _address_lines(BytesHeaderParser(policy=compat32).parsebytes(head))
    if sum(map(len, lines)) > MOST_ADDRESS_BYTES:
        raise RawLetterError(f"To, Cc and Bcc have at most {MOST_ADDRESS_BYTES:,} characters together.")
    try:
        found = [address for _, address in getaddresses(lines)]
    except RecursionError:
        raise RawLetterError("To, Cc or Bcc cannot be read: its comments are nested too deeply.") from None
    return _checked([address for address in found if address])


def envelope_recipients(written: str) -> tuple[str, ...]:
    """Return the addresses in a list with commas, each once.

    Raises:
        RawLetterError: there are none or too many, or one is no address.
    """
    return _checked([one.strip() for one in written.split(",") if one.strip()])


def _checked(addresses: list[str]) -> tuple[str, ...]:
    """Return addresses as they go into an envelope, each once.

    Raises:
        RawLetterError: there are none or too many, or one is no address.
    """
    if len(set(addresses)) > MOST_RECIPIENTS:
        raise RawLetterError(f"A message has at most {MOST_RECIPIENTS} recipients; send it several times.")
    try:
        recipients = tuple(dict.fromkeys(read_mailbox(address).addr_spec for address in addresses))
    except ValueError:
        raise RawLetterError(
            "A recipient is no address. Write them like ada@example.com, in To, Cc, Bcc or Envelope-To."
        ) from None
    if not recipients:
        raise RawLetterError("The message names no recipient: put them into To, Cc or Bcc, or into Envelope-To.")
    return recipients


def _address_lines(head: "Message[str, str]") -> list[str]:
    return [str(value) for name, value in head.items() if name.lower() in ("to", "cc", "bcc")]
