"""Text in the header of a message, where encoded words (RFC 2047) are no text.

The standard library decodes what looks like one as a header is set, and writes the line breaks that come of it:
`=?utf-8?q?=0D=0ABcc:_…?=` would be a header of its own.
"""

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import compat32

_ENCODED_WORD = re.compile(r"=(\?[^?\s]*\?[bq]\?)", re.IGNORECASE)


class UnwritableMessageError(Exception):
    """The standard library wrote other headers than those that were set."""


def has_encoded_word(text: str) -> bool:
    """Whether a text holds what is decoded in a header."""
    return _ENCODED_WORD.search(text) is not None


def mailbox(address: str, name: str = "") -> Address:
    """Return an address with the name that is shown for it; what looks encoded in that is written as it is."""
    local, _, domain = address.rpartition("@")
    return Address(display_name=_ENCODED_WORD.sub(r"= \1", name), username=local, domain=domain)


def written(message: EmailMessage) -> bytes:
    """Return a message as its policy writes it.

    Raises:
        UnwritableMessageError: a value has become a header of its own.
    """
    content = message.as_bytes()
    if BytesHeaderParser(policy=compat32).parsebytes(content).keys() != message.keys():
        raise UnwritableMessageError
    return content
